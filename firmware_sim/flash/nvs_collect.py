"""Garbage collection of NVS: copies what still counts out of the oldest sector, then erases it.

Called when the next sector has just been begun; the one after it is the oldest. Hence one sector
is always empty.
"""

from __future__ import annotations

import dataclasses

from firmware_sim.flash.nvs_area import NvsArea
from firmware_sim.flash.nvs_entry import Entry
from firmware_sim.flash.nvs_sector import SECTOR_SHIFT, SectorReading, aligned
from firmware_sim.flash.nvs_settings import Generation


@dataclasses.dataclass(frozen=True, slots=True)
class PendingWrite:
    """The write, or the delete, that caused a collection.

    Attributes:
        item_id: Which item.
        stored: Its data as stored, CRC-32 included; empty for a delete.
    """

    item_id: int
    stored: bytes = dataclasses.field(repr=False)


def collect(area: NvsArea, pending: PendingWrite | None) -> bool:
    """Collect the oldest sector into the one that was just begun.

    Args:
        area: The area.
        pending: The write that caused it, which the packed generation does on the way; None when
            a mount finishes an interrupted collection.

    Returns:
        Whether the pending write has been done.
    """
    oldest = area.after(area.sector)
    reading = area.reading(oldest)
    written = False
    if reading.is_closed:
        living = _living(area, reading)
        if area.settings.generation is Generation.ALIGNED:
            _copy_aligned(area, reading, living)
        else:
            written = _copy_packed(area, reading, living, pending)
    area.write_done()
    area.erase(oldest)
    return written


def _living(area: NvsArea, reading: SectorReading) -> list[Entry]:
    """The entries with data that are the newest of their id, newest first."""
    above = reading.index << SECTOR_SHIFT
    return [
        entry
        for at, entry in reading.all_entries
        if entry.length and area.addresses.get(entry.item_id) == above | at
    ]


def _copy_aligned(area: NvsArea, reading: SectorReading, living: list[Entry]) -> None:
    for entry in living:
        offset = area.data_at
        area.write_data(_data(reading, entry))
        area.write_entry(entry.item_id, offset, entry.length, entry.part)


def _copy_packed(
    area: NvsArea, reading: SectorReading, living: list[Entry], pending: PendingWrite | None
) -> bool:
    """Copy data back to back; what is less than a block waits for the data that follow."""
    block = area.shape.block
    rest = b""
    for entry in living:
        if (
            pending is not None
            and pending.item_id == entry.item_id
            and len(pending.stored) <= entry.length
        ):
            continue  # It is about to be replaced, in no more room.
        offset = area.data_at + len(rest)
        waiting = rest + _data(reading, entry)
        whole = len(waiting) // block * block
        area.write_data(waiting[:whole])
        rest = waiting[whole:]
        area.write_entry(entry.item_id, offset, entry.length, entry.part)
    if pending is None or not _fits(area, rest, pending):
        area.write_data(rest)
        return False
    offset = area.data_at + len(rest)
    area.write_data(rest + pending.stored)
    area.write_entry(pending.item_id, offset, len(pending.stored))
    return True


def _fits(area: NvsArea, rest: bytes, pending: PendingWrite) -> bool:
    """Whether the pending write fits, be it in the room of the GC-done entry."""
    shape = area.shape
    length = aligned(len(rest) + len(pending.stored), shape.block)
    return area.entry_at >= area.data_at + shape.slot + length


def _data(reading: SectorReading, entry: Entry) -> bytes:
    return reading.raw[entry.offset : entry.offset + entry.length]
