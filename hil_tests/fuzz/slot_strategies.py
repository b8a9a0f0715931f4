"""Workloads of PIN slots on an NVS, drawn by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from firmware_sim.flash.nvs_promise import NvsWrite


def slot_writes(
    *, slots: int = 8, record_bytes_max: int = 24, steps_max: int = 40
) -> st.SearchStrategy[list[NvsWrite]]:
    """Slots that are set, replaced and revoked.

    Args:
        slots: How many slots there are.
        record_bytes_max: Bytes of the longest record; one of no bytes revokes its slot.
        steps_max: The most steps; there are at least half as many.
    """
    one = st.builds(NvsWrite, st.integers(1, slots), st.binary(max_size=record_bytes_max))
    return st.lists(one, min_size=steps_max // 2, max_size=steps_max)
