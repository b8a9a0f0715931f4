"""Hypothesis strategies derived from the wire declarations."""
