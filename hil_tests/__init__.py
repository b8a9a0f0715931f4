"""Benches, fixtures, suites and fuzzing: the place where both sides of the wire meet."""
