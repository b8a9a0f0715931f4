"""Brand facts as data: one TOML a profile and the pure parser to a frozen Profile."""
