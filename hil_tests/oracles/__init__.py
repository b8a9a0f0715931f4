"""Judges of a bench that share no code with what they judge."""
