"""Reads one sector of an NVS area: its entries, whether it is closed, where writing goes on.

A reading belongs to a content, not to a flash: `SectorReader` can keep readings, so that a sweep
over thousands of images parses every sector content once.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Final

from firmware_sim.flash.nor import SectorContent, Snapshot, sector_bytes
from firmware_sim.flash.nvs_entry import (
    BLANK_ENTRY,
    ENTRY_BYTES,
    SPECIAL_ID,
    Entry,
    decode_entry,
)
from firmware_sim.flash.nvs_settings import NvsSettings, Recovery
from protocols.wire.checksum import crc32_ieee

# Bytes of the CRC-32 behind an item's data, little-endian.
DATA_CRC_BYTES: Final = 4

# An address, as Zephyr writes it: the sector's number above, the offset in it below.
SECTOR_SHIFT: Final = 16
OFFSET_MASK: Final = (1 << SECTOR_SHIFT) - 1

# Readings that a reader keeps before it starts anew: variants of one image differ in one sector,
# and what is older does not come back. A reading is about five times its sector.
_READINGS_MAX: Final = 128
# The same for what closed sectors say together; as large as all that the area holds.
_MERGED_MAX: Final = 16
# Items whose CRC-32 is known: a few areas' worth, since variants of an image share nearly all.
_CHECKED_MAX: Final = 1 << 12


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SectorShape:
    """What the layout of a sector depends on.

    Attributes:
        size: Bytes of a sector.
        block: Bytes of a write block.
        slot: Bytes of an entry's slot: an entry, filled up to whole blocks.
    """

    size: int
    block: int
    slot: int

    @classmethod
    def of(cls, size: int, block: int) -> SectorShape:
        """The shape of sectors of that size, written in those blocks."""
        return cls(size=size, block=block, slot=aligned(ENTRY_BYTES, block))

    @property
    def close_at(self) -> int:
        """Offset of the slot of the close entry: the last one."""
        return self.size - self.slot

    @property
    def first_at(self) -> int:
        """Offset of the slot of the sector's first entry."""
        return self.size - 2 * self.slot


@dataclasses.dataclass(frozen=True, slots=True)
class WritePoint:
    """Where writing goes on in an open sector.

    Attributes:
        entry_at: Offset of the slot of the next entry.
        data_at: Offset of the next data.
        overlaps: Whether the newest entry with data leaves no slot: the sector is broken.
    """

    entry_at: int
    data_at: int
    overlaps: bool


@dataclasses.dataclass(frozen=True, slots=True)
class _Recovered:
    """What the slots of a sector say, whatever its close entry says.

    Attributes:
        newest_at: Offset of the newest valid entry.
        entries: All valid entries from there on with their offsets, newest first.
        data_end: Where the data of the newest one end.
    """

    newest_at: int
    entries: tuple[tuple[int, Entry], ...]
    data_end: int


class SectorReading:
    """What the bytes of one sector say.

    Args:
        raw: All its bytes.
        index: Its number in the area; part of the addresses.
        shape: What the layout depends on.
        settings: How the area is kept.
    """

    def __init__(self, raw: bytes, index: int, shape: SectorShape, settings: NvsSettings) -> None:
        self.raw = raw
        self.index = index
        self._shape = shape
        self._settings = settings

    @functools.cached_property
    def is_blank(self) -> bool:
        """Whether every byte is erased."""
        return self.raw.count(b"\xff") == len(self.raw)

    @functools.cached_property
    def is_closed(self) -> bool:
        """Whether anything is in the slot of the close entry."""
        return self._slot(self._shape.close_at) != BLANK_ENTRY

    @functools.cached_property
    def has_entries(self) -> bool:
        """Whether anything is in the slot of the first entry."""
        return self._slot(self._shape.first_at) != BLANK_ENTRY

    @functools.cached_property
    def newest_at(self) -> int:
        """Offset of the newest entry: as the close entry says, else as it can be recovered."""
        entry = self.entry(self._shape.close_at)
        if (
            entry is not None
            and entry.length == 0
            and entry.item_id == SPECIAL_ID
            and (self._shape.size - entry.offset) % self._shape.slot == 0
        ):
            return entry.offset
        return self._recovered.newest_at

    @functools.cached_property
    def write_point(self) -> WritePoint:
        """Where writing goes on, were this the open sector."""
        shape = self._shape
        entry_at, data_at = self._recovered.newest_at, 0
        while entry_at >= data_at:
            if self._slot(entry_at) == BLANK_ENTRY:
                break
            entry = self.entry(entry_at)
            if entry is not None and (entry.offset >= data_at or not self._is_settled):
                data_at = aligned(entry.offset + entry.length, shape.block)
                if entry_at == data_at and entry.length:
                    return WritePoint(entry_at, data_at, overlaps=True)
            entry_at -= shape.slot
        return WritePoint(entry_at, data_at, overlaps=False)

    def data_end(self, start: int, end: int) -> int:
        """Where the last byte in a range that is not erased ends; `start` when all are."""
        return start + len(self.raw[start:end].rstrip(b"\xff"))

    def entry(self, offset: int) -> Entry | None:
        """The entry in a slot, if its checksum fits and its data lie below it."""
        entry = decode_entry(self._slot(offset))
        if entry is None or entry.offset + entry.length > offset:
            return None
        return entry

    def entries(self, start: int) -> tuple[tuple[int, Entry], ...]:
        """The valid entries from a slot on with their offsets, newest first."""
        known = self._recovered
        newer = self._newer(max(start, 0))
        if start > known.newest_at:
            return tuple(found for found in known.entries if found[0] >= start)
        return newer + known.entries

    def _newer(self, start: int) -> tuple[tuple[int, Entry], ...]:
        """The valid entries below the newest one that was recovered, from a slot on."""
        known = self._recovered
        slots = range(start, known.newest_at, self._shape.slot)
        found = [(offset, self.entry(offset)) for offset in slots]
        data_end = known.data_end if self._is_settled else 0
        return tuple(
            (offset, entry)
            for offset, entry in found
            if entry is not None and entry.offset >= data_end
        )

    def stored_ids(self, start: int) -> list[tuple[int, bytes]]:
        """Every slot from one on, with its bytes, newest first."""
        slots = range(max(start, 0), self._shape.close_at, self._shape.slot)
        return [(offset, self._slot(offset)) for offset in slots]

    @functools.cached_property
    def all_entries(self) -> tuple[tuple[int, Entry], ...]:
        """The valid entries that a search passes, newest first."""
        start = self.newest_at
        if not self.is_closed:
            start = self.write_point.entry_at + self._shape.slot
        return self.entries(start)

    @functools.cached_property
    def all_addresses(self) -> dict[int, int]:
        """Address of the newest entry of each id that a search passes."""
        return self._addresses(self.all_entries)

    def addresses(self, start: int) -> dict[int, int]:
        """Address of the newest entry of each id, from a slot on."""
        return self._addresses(self.entries(start))

    def _addresses(self, entries: tuple[tuple[int, Entry], ...]) -> dict[int, int]:
        above = self.index << SECTOR_SHIFT
        return {entry.item_id: above | at for at, entry in reversed(entries)}

    @functools.cached_property
    def data_at(self) -> dict[int, bytes | None]:
        """The data of each entry that has some, by the entry's address.

        None where they do not fit their CRC-32.
        """
        settings, raw = self._settings, self.raw
        above = self.index << SECTOR_SHIFT
        return {
            above | at: unsealed(raw[entry.offset : entry.offset + entry.length], settings)
            for at, entry in self.all_entries
            if has_value(entry.length, settings)
        }

    @functools.cached_property
    def _recovered(self) -> _Recovered:
        """The newest valid entry, by looking at every slot down to the data's end.

        Zephyr looks on below erased slots, where data may lie whose entry was never written, and
        takes eight of their bytes that look like an entry for one. A settled search ends at the
        first erased slot: entries lie without a gap, and between them and the data is one.
        """
        slot, raw = self._shape.slot, self.raw
        newest_at = at = self._shape.first_at
        data_end = 0
        found: list[tuple[int, Entry]] = []
        looks_at_the_end = self._settings.recovery is not Recovery.STRICT
        is_settled = self._is_settled
        while at > data_end or (looks_at_the_end and at == data_end):
            if at <= 0:
                break
            # As `self.entry`, in the one loop that takes the time of a sweep.
            stored = raw[at : at + ENTRY_BYTES]
            entry = decode_entry(stored)
            if (
                entry is not None
                and entry.offset + entry.length <= at
                and (entry.offset >= data_end or not is_settled)
            ):
                data_end = entry.offset + entry.length
                newest_at = at
                found.append((at, entry))
            elif stored == BLANK_ENTRY:
                if is_settled:
                    break
                # Erased slots hold nothing: go on at the next one that is not.
                used = self.data_end(0, at)
                at -= (at - used) // slot * slot
            at -= slot
        return _Recovered(newest_at, tuple(reversed(found)), data_end)

    @property
    def _is_settled(self) -> bool:
        """Whether the search takes for an entry only what a write can have left."""
        return self._settings.recovery is Recovery.SETTLED

    def _slot(self, offset: int) -> bytes:
        return self.raw[offset : offset + ENTRY_BYTES]


@dataclasses.dataclass(frozen=True, slots=True)
class ClosedSectors:
    """What the closed sectors that a search passes say together.

    Attributes:
        readings: Newest first; kept, so that no other one can take the identity of one of them.
        addresses: Address of the newest entry of each id.
        contents: Data of each id whose newest entry has some; None where their CRC-32 is wrong.
    """

    readings: tuple[SectorReading, ...]
    addresses: dict[int, int]
    contents: dict[int, bytes | None]

    @classmethod
    def of(cls, readings: tuple[SectorReading, ...]) -> ClosedSectors:
        """Merge readings, newest first."""
        addresses: dict[int, int] = {}
        data: dict[int, bytes | None] = {}
        for reading in reversed(readings):
            addresses.update(reading.all_addresses)
            data.update(reading.data_at)
        contents = {
            item_id: data[address] for item_id, address in addresses.items() if address in data
        }
        return cls(readings, addresses, contents)


class SectorReader:
    """Makes readings of sectors, and keeps them if asked to.

    Args:
        shape: What the layout of a sector depends on.
        settings: How the area is kept.
        keeps: Whether to keep readings by content; for many images of the same area.
    """

    def __init__(self, shape: SectorShape, settings: NvsSettings, *, keeps: bool = False) -> None:
        self.shape = shape
        self.settings = settings
        self._keeps = keeps
        self._readings: dict[tuple[int, SectorContent], SectorReading] = {}
        # The last one of each sector: between two images most sectors are the same object.
        self._last: dict[int, tuple[SectorContent, SectorReading]] = {}
        self._merged: dict[tuple[int, ...], ClosedSectors] = {}

    def merge(self, readings: tuple[SectorReading, ...]) -> ClosedSectors:
        """What these closed sectors, newest first, say together."""
        if not self._keeps:
            return ClosedSectors.of(readings)
        key = tuple(map(id, readings))
        merged = self._merged.get(key)
        if merged is None:
            if len(self._merged) >= _MERGED_MAX:
                self._merged.clear()
            merged = self._merged[key] = ClosedSectors.of(readings)
        return merged

    def read_all(self, contents: Snapshot) -> list[SectorReading]:
        """What all sectors of an area say, in their order."""
        last = self._last
        if len(last) < len(contents):
            return [self.read(index, content) for index, content in enumerate(contents)]
        return [
            last[index][1] if last[index][0] is content else self.read(index, content)
            for index, content in enumerate(contents)
        ]

    def read(self, index: int, content: SectorContent) -> SectorReading:
        """What this content says as the sector of that number."""
        if not self._keeps:
            return self._make(index, content)
        last = self._last.get(index)
        if last is not None and last[0] is content:
            return last[1]
        key = (index, content)
        reading = self._readings.get(key)
        if reading is None:
            if len(self._readings) >= _READINGS_MAX:
                self._readings.clear()
            reading = self._readings[key] = self._make(index, content)
        self._last[index] = content, reading
        return reading

    def _make(self, index: int, content: SectorContent) -> SectorReading:
        return SectorReading(
            sector_bytes(content, self.shape.size), index, self.shape, self.settings
        )


def aligned(length: int, block: int) -> int:
    """A length rounded up to whole write blocks."""
    return (length + block - 1) & -block


def sealed(data: bytes, settings: NvsSettings) -> bytes:
    """Data as they are stored: with their CRC-32 behind them if there are any and it is on."""
    if not data or not settings.data_crc:
        return data
    return data + crc32_ieee(data).to_bytes(DATA_CRC_BYTES, "little")


def has_value(length: int, settings: NvsSettings) -> bool:
    """Whether an entry of that length stands for data: less than a CRC-32 counts as none."""
    return length >= (DATA_CRC_BYTES if settings.data_crc else 1)


def unsealed(stored: bytes, settings: NvsSettings) -> bytes | None:
    """Data without their CRC-32, or None when it does not fit."""
    return _without_crc(stored) if settings.data_crc else stored


@functools.lru_cache(_CHECKED_MAX)
def _without_crc(stored: bytes) -> bytes | None:
    data, crc = stored[:-DATA_CRC_BYTES], stored[-DATA_CRC_BYTES:]
    return data if crc32_ieee(data).to_bytes(DATA_CRC_BYTES, "little") == crc else None
