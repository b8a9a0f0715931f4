"""What a state file keeps of a lock on flash: its programs and erases, and its hardware.

One frame holds what one change did, as entries:

    kind u8 | place u32 | length u16 | data

`PROGRAM` at an offset, `ERASE` of a sector (no data), `WEAR` of a sector (data: its erases, u32),
`HARDWARE` (place 0; data as in `hardware_state`). Replaying the frames in order gives the flash.
"""

from __future__ import annotations

import dataclasses
import enum
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from firmware_sim.flash.nor import ERASED, NorFlash, Operation, Program
from protocols.errors import MalformedFrame

_ENTRY: Final = struct.Struct("<BIH")
_WEAR: Final = struct.Struct("<I")


class EntryKind(enum.IntEnum):
    """What an entry of a frame is."""

    PROGRAM = 1
    ERASE = 2
    WEAR = 3
    HARDWARE = 4


@dataclasses.dataclass(frozen=True, slots=True)
class JournalEntry:
    """One entry of a frame."""

    kind: EntryKind
    place: int
    data: bytes = dataclasses.field(default=b"", repr=False)


def encode_frame(operations: Iterable[Operation], hardware: bytes | None) -> bytes:
    """A frame of what one change did; without hardware when it stayed as it was."""
    entries = [
        JournalEntry(EntryKind.PROGRAM, operation.offset, operation.data)
        if isinstance(operation, Program)
        else JournalEntry(EntryKind.ERASE, operation.sector)
        for operation in operations
    ]
    if hardware is not None:
        entries.append(JournalEntry(EntryKind.HARDWARE, 0, hardware))
    return _encode(entries)


def encode_snapshot(flash: NorFlash, hardware: bytes) -> Iterator[bytes]:
    """Frames that give a whole flash and the hardware, for a new state file."""
    wear = [
        JournalEntry(EntryKind.WEAR, sector, _WEAR.pack(count))
        for sector, count in enumerate(flash.erase_counts)
        if count
    ]
    yield _encode([JournalEntry(EntryKind.HARDWARE, 0, hardware), *wear])
    size = flash.geometry.sector_size
    for sector in range(flash.geometry.sector_count):
        offset, entries = sector * size, []
        for page in flash.sector(sector) or ():
            if page.count(ERASED) != len(page):
                entries.append(JournalEntry(EntryKind.PROGRAM, offset, page))
            offset += len(page)
        if entries:
            yield _encode(entries)


def replay_frame(flash: NorFlash, frame: bytes) -> bytes | None:
    """Do to a flash what a frame says; gives the hardware bytes, if it has some.

    Raises:
        MalformedFrame: When these bytes are no frame.
        FlashMisused: When it does what this flash does not allow: it is of another one.
    """
    hardware = None
    for entry in _decode(frame):
        match entry.kind:
            case EntryKind.PROGRAM:
                flash.program(entry.place, entry.data)
            case EntryKind.ERASE:
                flash.erase(entry.place)
            case EntryKind.WEAR:
                flash.restore_wear(entry.place, _WEAR.unpack(entry.data)[0])
            case EntryKind.HARDWARE:
                hardware = entry.data
    return hardware


def _encode(entries: Iterable[JournalEntry]) -> bytes:
    return b"".join(
        _ENTRY.pack(entry.kind, entry.place, len(entry.data)) + entry.data for entry in entries
    )


def _decode(frame: bytes) -> Iterator[JournalEntry]:
    at = 0
    while at < len(frame):
        try:
            kind, place, length = _ENTRY.unpack_from(frame, at)
            entry = JournalEntry(EntryKind(kind), place, frame[at + _ENTRY.size :][:length])
        except (struct.error, ValueError):
            raise MalformedFrame("a frame of a state file is damaged") from None
        if len(entry.data) != length or (kind == EntryKind.WEAR and length != _WEAR.size):
            raise MalformedFrame("a frame of a state file is damaged")
        at += _ENTRY.size + length
        yield entry
