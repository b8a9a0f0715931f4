"""What is counted of the flash is what the flash gives."""

from __future__ import annotations

import pytest

from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.nvs import Nvs
from firmware_sim.memory.record_index import stored_bytes


@pytest.mark.parametrize("block", [1, 2, 4, 8, 16, 32])
@pytest.mark.parametrize("length", [1, 12, 16, 20, 33, 48])
def test_item_takes_as_many_bytes_as_are_counted(block: int, length: int) -> None:
    nvs = Nvs(NorFlash(FlashGeometry(sector_size=1024, sector_count=3, write_block=block)))
    data_at, entry_at = nvs.data_position.offset, nvs.entry_position.offset
    nvs.write(1, bytes(length))
    taken = nvs.data_position.offset - data_at + entry_at - nvs.entry_position.offset
    assert taken == stored_bytes(length, block)
