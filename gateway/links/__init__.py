"""Bytes to a device: one `open_link(moniker)`."""
