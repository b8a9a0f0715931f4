"""A virtual Bluetooth radio on bumble, and the bleak backend onto it."""
