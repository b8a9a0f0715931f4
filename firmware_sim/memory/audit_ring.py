r"""The audit ring: the access log in flash, in sectors that are filled and erased in turn.

Layout of a sector, little-endian:

    header   sequence u32 | index of the first record u32 | chain value before it (4 bytes)
             | CRC-32 of these 12 bytes, u32                              (filled to whole blocks)
    slot     a log record of 20 bytes (`protocols.strike.records`)        (filled to whole blocks)
    slot     ...

With write blocks of 4 bytes a sector of 4 KiB holds 204 records, and twelve hold 2,448, of which
the oldest 204 may be on their way out. Sectors carry rising sequence numbers; the sector of
number n is n modulo the number of sectors.

A record is valid where its index and its chain value continue the one before it. A slot that was
torn by a power cut is followed by another with the same index; at power-up its bits are all
cleared, so that it can't read as valid later. The newest record and the header of its sector are
then programmed once more, which settles cells that a cut left between 0 and 1, the slot behind is
given up, and the next sector is erased even if it reads as blank. What the ring
holds is the longest run of records without a gap that ends with the newest: a sector whose erase
was interrupted, and all before it, are gone.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence
from typing import Final

from firmware_sim.flash.nor import NorFlash, SectorContent, sector_bytes
from firmware_sim.memory.flash_map import FlashArea, FlashMap
from protocols.errors import MalformedFrame
from protocols.strike.records import LogRecord
from protocols.wire.layout import codec

LOG_RECORD_BYTES: Final = 20
CHAIN_BYTES: Final = 4
NO_CHAIN: Final = bytes(CHAIN_BYTES)
_HEADER: Final = struct.Struct(f"<II{CHAIN_BYTES}sI")
_HEADER_CHECKED: Final = struct.Struct(f"<II{CHAIN_BYTES}s")
_INDEX: Final = struct.Struct("<I")
_RECORD: Final = codec(LogRecord)
# No lock lives long enough to count so far; whoever says so leaves no room to count on.
_LAST: Final = 1 << 31
# Sectors that are kept: images of one ring differ in one, and what is older does not come back.
_SEEN_MAX: Final = 128


class RingSector:
    """What the bytes of one sector say.

    Attributes:
        sequence: Its sequence number; -1 when its header does not check out.
        first_index: Index of its first record.
        chain: Chain value of its newest record, or that before its first one.
        slots: Offsets in the sector of its valid records, oldest first.
        next_slot_at: Offset behind the last slot that is not blank.
    """

    __slots__ = ("chain", "first_index", "next_slot_at", "sequence", "slots")

    def __init__(self, raw: bytes, shape: RingShape) -> None:
        self.sequence = -1
        self.first_index = 0
        self.chain = NO_CHAIN
        self.slots: list[int] = []
        self.next_slot_at = shape.size
        sequence, first_index, chain, crc = _HEADER.unpack_from(raw)
        if zlib.crc32(raw[: _HEADER_CHECKED.size]) != crc or max(sequence, first_index) > _LAST:
            return
        self.sequence, self.first_index, self.chain = sequence, first_index, chain
        used = shape.slot_after(len(raw.rstrip(b"\xff")))
        self.next_slot_at = used
        for at in range(shape.first_at, used, shape.slot):
            data = raw[at : at + LOG_RECORD_BYTES]
            if _INDEX.unpack_from(data)[0] != self.next_index:
                continue
            found = chain_value(self.chain, data)
            if found == data[-CHAIN_BYTES:] and _is_record(data):
                self.chain = found
                self.slots.append(at)

    @property
    def next_index(self) -> int:
        """Index of the record that comes after its newest."""
        return self.first_index + len(self.slots)


class RingShape:
    """Where the slots of a sector lie.

    Attributes:
        size: Bytes of a sector.
        slot: Bytes of a slot.
        first_at: Offset of the first slot.
    """

    __slots__ = ("first_at", "size", "slot")

    def __init__(self, flash_map: FlashMap) -> None:
        block = flash_map.write_block
        self.size = flash_map.sector_bytes
        self.slot = -(-LOG_RECORD_BYTES // block) * block
        self.first_at = -(-_HEADER.size // block) * block

    def slot_after(self, used_bytes: int) -> int:
        """Offset of the first slot that lies wholly behind so many bytes."""
        taken = max(0, used_bytes - self.first_at)
        return self.first_at + -(-taken // self.slot) * self.slot

    def has_slot(self, at: int) -> bool:
        """True when a slot at that offset ends inside the sector."""
        return at + self.slot <= self.size


class AuditRing:
    """A mounted ring.

    Args:
        flash: The part it is on.
        flash_map: Where in it.
        capacity: The most records that it tells of.
        seen: Sectors that were read before, by content; None = keep none. For many images of one
            ring.
        after_cut: True when power may have gone in the middle of a write: what was read is made
            to stay so.

    Attributes:
        next_index: Index that the next record will get; the first ever is 0.
        chain: Chain value (4 bytes) of the newest record; all zero before the first.
    """

    __slots__ = (
        "_capacity",
        "_count",
        "_first_sector",
        "_flash",
        "_oldest_index",
        "_seen",
        "_sequence",
        "_shape",
        "_slot_at",
        "_trusts_blanks",
        "chain",
        "next_index",
    )

    def __init__(
        self,
        flash: NorFlash,
        flash_map: FlashMap,
        *,
        capacity: int,
        seen: dict[SectorContent, RingSector] | None = None,
        after_cut: bool = False,
    ) -> None:
        self._flash = flash
        self._seen = seen
        self._shape = RingShape(flash_map)
        self._first_sector = flash_map.first_sector(FlashArea.AUDIT)
        self._count = flash_map.sector_count(FlashArea.AUDIT)
        self._capacity = capacity
        self._sequence = -1
        self._slot_at = self._shape.size
        self._oldest_index = 0
        self.next_index = 0
        self.chain = NO_CHAIN
        # A sector that reads as blank may hold cells that a cut left between 0 and 1.
        self._trusts_blanks = not after_cut
        newest = self._mount()
        if after_cut and newest is not None:
            self._settle(newest)

    @property
    def oldest_index(self) -> int:
        """Index of the oldest record still held; equal to the next one when there is none."""
        return max(self._oldest_index, self.next_index - self._capacity)

    def records(self, from_index: int, limit: int) -> Sequence[LogRecord]:
        """At most `limit` records from an index on, oldest first."""
        first = max(from_index, self.oldest_index)
        end = min(first + limit, self.next_index)
        found: list[LogRecord] = []
        sequence = self._sequence
        pages: list[tuple[RingSector, bytes]] = []
        while first < end and sequence >= 0:
            page = self._sector(self._content(sequence % self._count))
            pages.append((page, self._raw(sequence)))
            if page.first_index <= first:
                break
            sequence -= 1
        for page, raw in reversed(pages):
            inside = slice(max(0, first - page.first_index), max(0, end - page.first_index))
            found += [_RECORD.decode(raw[at : at + LOG_RECORD_BYTES]) for at in page.slots[inside]]
        return found

    def append(self, record: LogRecord) -> None:
        """Write the next record; on return it is in flash.

        A slot in which an interrupted write left something is passed over.
        """
        if not self._shape.has_slot(self._slot_at):
            self._begin_sector()
        data = _RECORD.encode(record)
        self._program(self._sequence, self._slot_at, data)
        self._slot_at += self._shape.slot
        self.next_index = record.index + 1
        self.chain = record.chain

    def _mount(self) -> RingSector | None:
        """Find the newest record; gives the sector that it is in."""
        sectors: dict[int, RingSector] = {}
        for number in range(self._count):
            content = self._content(number)
            if content is None:
                continue
            sector = self._sector(content)
            if sector.sequence >= 0 and sector.sequence % self._count == number:
                sectors[sector.sequence] = sector
        if not sectors:
            return None
        self._sequence = max(sectors)
        newest = sectors[self._sequence]
        self.next_index, self.chain = newest.next_index, newest.chain
        self._slot_at = newest.next_slot_at
        oldest = newest
        while (before := sectors.get(oldest.sequence - 1)) is not None:
            if before.next_index != oldest.first_index:
                break
            oldest = before
        self._oldest_index = oldest.first_index
        return newest

    def _sector(self, content: SectorContent) -> RingSector:
        found = None if self._seen is None else self._seen.get(content)
        if found is None:
            found = RingSector(sector_bytes(content, self._shape.size), self._shape)
            if self._seen is not None:
                if len(self._seen) >= _SEEN_MAX:
                    self._seen.clear()
                self._seen[content] = found
        return found

    def _settle(self, newest: RingSector) -> None:
        """Make what was read of the newest writes stay as it was read.

        The slot behind them is given up: it may only seem to be blank.
        """
        shape, raw = self._shape, self._raw(newest.sequence)
        self._program(newest.sequence, 0, raw[: _HEADER.size])
        last_at = newest.slots[-1] if newest.slots else 0
        if last_at:
            self._program(newest.sequence, last_at, raw[last_at : last_at + LOG_RECORD_BYTES])
        for at in range(max(last_at + shape.slot, shape.first_at), self._slot_at, shape.slot):
            if shape.has_slot(at) and any(raw[at : at + shape.slot]):
                self._program(newest.sequence, at, bytes(shape.slot))
        if shape.has_slot(self._slot_at):
            self._program(newest.sequence, self._slot_at, bytes(shape.slot))
            self._slot_at += shape.slot

    def _begin_sector(self) -> None:
        self._sequence += 1
        number = self._sequence % self._count
        if self._content(number) is not None or not self._trusts_blanks:
            lost = RingSector(self._raw(self._sequence), self._shape)
            if lost.sequence >= 0:
                self._oldest_index = max(self._oldest_index, lost.next_index)
            self._flash.erase(self._first_sector + number)
            self._trusts_blanks = True
        head = _HEADER_CHECKED.pack(self._sequence, self.next_index, self.chain)
        self._program(self._sequence, 0, head + _INDEX.pack(zlib.crc32(head)))
        self._slot_at = self._shape.first_at

    def _program(self, sequence: int, at: int, data: bytes) -> None:
        block = self._flash.geometry.write_block
        length = -(-len(data) // block) * block
        sector = self._first_sector + sequence % self._count
        self._flash.program(sector * self._shape.size + at, data.ljust(length, b"\xff"))

    def _raw(self, sequence: int) -> bytes:
        return sector_bytes(self._content(sequence % self._count), self._shape.size)

    def _content(self, number: int) -> SectorContent:
        return self._flash.sector(self._first_sector + number)


def chain_value(previous: bytes, data: bytes) -> bytes:
    """The chain value (4 bytes) of a record, given that of the record before it.

    Args:
        previous: 4 bytes.
        data: The record's 20 bytes; the last 4, which are the value, do not count.
    """
    return hashlib.sha256(previous + data[:-CHAIN_BYTES]).digest()[:CHAIN_BYTES]


def _is_record(data: bytes) -> bool:
    try:
        _RECORD.decode(data)
    except MalformedFrame:
        return False
    return True
