"""Flash memory of a device: the NOR part, Zephyr's NVS on it, and power cuts in the middle."""
