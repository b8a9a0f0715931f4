"""The Seam-compatible HTTP API."""
