"""Our own lock protocol, version 1: fragments, messages, sessions."""
