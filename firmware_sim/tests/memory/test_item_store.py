"""The NVS of a lock comes up again, however full it is."""

from __future__ import annotations

import contextlib
import itertools

import pytest

from firmware_sim.flash.errors import NvsFull
from firmware_sim.flash.nor import NorFlash
from firmware_sim.flash.nvs import Nvs
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS
from firmware_sim.memory.flash_map import FlashMap
from firmware_sim.memory.item_store import ItemStore


@pytest.mark.parametrize("write_block", [4, 32])
def test_area_without_room_for_what_settles_it_comes_up(write_block: int) -> None:
    flash_map = FlashMap(
        nvs_bytes=3_072,
        audit_bytes=2_048,
        meta_bytes=1_024,
        sector_bytes=1_024,
        write_block=write_block,
    )
    flash = NorFlash(flash_map.geometry)
    nvs = Nvs(flash, sector_count=3)
    with contextlib.suppress(NvsFull):
        for item_id in itertools.count(0x0100):
            nvs.write(item_id, item_id.to_bytes(2, "little"))
    held = nvs.contents()
    for _ in range(3):
        store = ItemStore(flash, flash_map, LOCK_SETTINGS, after_cut=True)
        assert store.contents() == held
