"""The API's routes, one file a noun: declarations with their handlers."""
