"""What is right, by code of its own: oracles that suites hold the product against."""
