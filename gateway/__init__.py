"""The asyncio service that programs locks and offers a Seam-compatible HTTP API."""
