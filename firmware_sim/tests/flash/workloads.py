"""Workloads for the power-cut sweeps: drawn by hypothesis, or from a seed."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.nvs_promise import NvsWrite, record_nvs
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, NvsSettings
from firmware_sim.flash.power_cut import SweepReport, power_cut_sweep
from firmware_sim.flash.torn import ALL_MODELS, TornModel

# Small sectors are full after a few writes, so that every workload closes and collects some.
THREE_SMALL = FlashGeometry(sector_size=128, sector_count=3)
TWO_SMALL = FlashGeometry(sector_size=128, sector_count=2)


def writes(
    *, ids: int = 6, length_max: int = 16, size_max: int = 40
) -> st.SearchStrategy[list[NvsWrite]]:
    """Writes and deletes of a few items."""
    one = st.builds(NvsWrite, st.integers(1, ids), st.binary(max_size=length_max))
    return st.lists(one, min_size=size_max // 2, max_size=size_max)


def drawn_writes(seed: int, *, steps: int, ids: int, length_max: int) -> list[NvsWrite]:
    """The same from a seed; one in five is a delete."""
    stream = random.Random(seed)
    found = []
    for _ in range(steps):
        item_id = stream.randrange(1, ids + 1)
        length = 0 if stream.random() < 0.2 else stream.randrange(1, length_max)
        found.append(NvsWrite(item_id, stream.randbytes(length)))
    return found


def sweep(
    workload: list[NvsWrite],
    settings: NvsSettings = LOCK_SETTINGS,
    *,
    geometry: FlashGeometry = THREE_SMALL,
    models: tuple[TornModel, ...] = ALL_MODELS,
    depth: int = 1,
    drawings: int = 1,
    writes_on: bool = False,
) -> SweepReport:
    """Record a workload on a blank area and sweep it."""
    recording, promise = record_nvs(NorFlash(geometry), workload, settings)
    check = promise.check_and_write_on if writes_on else promise.check
    return power_cut_sweep(
        recording, promise.mount, check, models=models, depth=depth, drawings=drawings
    )
