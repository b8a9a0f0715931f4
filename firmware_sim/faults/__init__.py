"""What is made to go wrong with a device, from a seed."""
