"""The firmware of a lock, sans-IO and synchronous."""
