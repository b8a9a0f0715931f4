"""Mounts an NVS area: finds the open sector, and finishes what a power cut has interrupted."""

from __future__ import annotations

from firmware_sim.flash.errors import NvsUnmountable
from firmware_sim.flash.nvs_area import NvsArea
from firmware_sim.flash.nvs_collect import collect
from firmware_sim.flash.nvs_entry import SPECIAL_ID
from firmware_sim.flash.nvs_sector import SectorReading, aligned
from firmware_sim.flash.nvs_settings import Recovery

# As Zephyr's minimal libc numbers them.
_EDEADLK = -45
_ESPIPE = -29


def mount(area: NvsArea) -> None:
    """Find the open sector and the newest entries, and put the area in order.

    Raises:
        NvsUnmountable: When no sector is open, or an entry's data reach into its own slot.
        NvsEraseFailed: When a sector can't be erased any more.
    """
    here = _open_sector(area)
    point = here.write_point
    if point.overlaps:
        raise NvsUnmountable(_ESPIPE)
    area.sector, area.entry_at, area.data_at = here.index, point.entry_at, point.data_at
    if area.settings.recovery is Recovery.SETTLED and here.is_blank:
        _settle_close(area, here)
    area.addresses = area.closed().addresses.copy()
    following = area.reading(area.after(here.index))
    if not following.is_blank:
        _finish_collection(area, here, following)
    else:
        area.addresses.update(here.all_addresses)
        _skip_torn_data(area, here)
    if area.entry_at == area.shape.first_at:
        # A mark in an empty sector keeps its room free for the collection to come.
        area.write_entry(SPECIAL_ID, area.data_at, 0)


def _open_sector(area: NvsArea) -> SectorReading:
    """The open sector that follows a closed one."""
    count = area.sector_count
    readings = area.readings()
    closed = [reading.is_closed for reading in readings]
    if all(closed):
        if not area.settings.erases_bad_area:
            raise NvsUnmountable(_EDEADLK)
        for sector in range(count):
            area.erase(sector)
        return area.reading(0)
    for sector in range(count):
        following = area.after(sector)
        if closed[sector] and not closed[following]:
            return readings[following]
    # None is closed. Of two sectors, the last one may be in use nevertheless.
    return readings[-1 if readings[-1].has_entries else 0]


def _settle_close(area: NvsArea, here: SectorReading) -> None:
    """Nothing was written since the sector before was closed: its close entry may be half done."""
    before = area.reading((here.index - 1) % area.sector_count)
    if before.is_closed:
        area.close_again(before)


def _finish_collection(area: NvsArea, here: SectorReading, following: SectorReading) -> None:
    """The sector after the open one is in use: a collection was cut."""
    copied = here.entries(area.entry_at + area.shape.slot)
    if any(entry.item_id == SPECIAL_ID and entry.length == 0 for _, entry in copied):
        area.addresses.update(here.all_addresses)
        area.erase(following.index)
        if area.settings.recovery is Recovery.SETTLED:
            # Zephyr looks for torn data only where it has nothing to finish.
            _skip_torn_data(area, here)
        return
    # The copy is not complete: away with it, and once more from the start.
    area.erase(here.index)
    area.begin(here.index)
    collect(area, None)


def _skip_torn_data(area: NvsArea, here: SectorReading) -> None:
    """Step over data whose entry was never written."""
    used = here.data_end(area.data_at, max(area.entry_at, area.data_at)) - area.data_at
    area.data_at += aligned(used, area.shape.block)
    if area.sector == 0 and area.entry_at == area.shape.first_at and area.data_at:
        # Data without a single entry: this avoids closing a sector that holds nothing. Zephyr
        # compares a whole address with an offset, so that only the first sector is ever erased.
        area.erase(here.index)
        area.data_at = 0
