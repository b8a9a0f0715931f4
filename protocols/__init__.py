"""Bytes to meaning and back: sans-IO protocols, the lock vocabulary and the brand profiles."""
