"""What a firmware's index in RAM says of the records in its flash, worked out at power-up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Final

from firmware_sim.flash.nvs_entry import ENTRY_BYTES
from firmware_sim.flash.nvs_sector import DATA_CRC_BYTES, aligned
from firmware_sim.memory.record_layout import decode_record
from firmware_sim.memory.records import Record
from firmware_sim.memory.table import RecordTable
from protocols.doorlock.digest import RecordKey
from protocols.errors import MalformedFrame

# Records get their ids in the order in which their keys are first written.
FIRST_RECORD_ID: Final = 0x0100


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordIndex:
    """The records among the items of an NVS area.

    Attributes:
        table: Records and tombstones by key; not to be changed.
        ids: Item ids by key; likewise.
        used_bytes: Bytes of flash that all items in the place of records take.
        next_id: The first id that no item has, above all that are there.
        damaged_count: Items that could not be read.
    """

    table: RecordTable
    ids: Mapping[RecordKey, int]
    used_bytes: int
    next_id: int
    damaged_count: int


def readable_record(data: bytes) -> Record | None:
    """A record from its bytes in flash; None when they are none that this version knows."""
    try:
        stored = decode_record(data)
        key = RecordKey(stored.kind, stored.index, stored.sub_index)
        return Record.stored(key, stored.revision, stored.form, stored.content)
    except (MalformedFrame, KeyError):
        return None


def stored_bytes(length: int, write_block: int) -> int:
    """Bytes of flash that an item of so many bytes takes."""
    return aligned(length + DATA_CRC_BYTES, write_block) + aligned(ENTRY_BYTES, write_block)


def read_index(
    contents: Mapping[int, bytes | None],
    write_block: int,
    read: Callable[[bytes], Record | None] = readable_record,
) -> RecordIndex:
    """The index of an area's items.

    Args:
        contents: Items by id; None where one is damaged.
        write_block: Bytes of the smallest program.
        read: Reads a record from its bytes.
    """
    ids: dict[RecordKey, int] = {}
    records = []
    next_id, used_bytes, damaged_count = FIRST_RECORD_ID, 0, 0
    for item_id in sorted(contents):
        data = contents[item_id]
        next_id = max(next_id, item_id + 1)
        if data is None:
            damaged_count += 1
            continue
        if item_id < FIRST_RECORD_ID:
            continue
        used_bytes += stored_bytes(len(data), write_block)
        record = read(data)
        if record is None:
            damaged_count += 1
            continue
        ids[record.key] = item_id
        records.append(record)
    table = RecordTable()
    table.replace(records)
    return RecordIndex(
        table=table,
        ids=ids,
        used_bytes=used_bytes,
        next_id=next_id,
        damaged_count=damaged_count,
    )
