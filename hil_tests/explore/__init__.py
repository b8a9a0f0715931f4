"""Runs from seeds: random workloads under random faults, judged, told, repeated."""
