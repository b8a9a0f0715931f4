"""The `light` fidelity: the attribute table delivered directly, without HCI, for fleets."""
