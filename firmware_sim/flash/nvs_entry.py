"""The entries of Zephyr's NVS: eight bytes that say where an item's data lie, and their checksum.

Source: Zephyr's `nvs_priv.h` (`struct nvs_ate`, packed, little-endian).
"""

from __future__ import annotations

import functools
from typing import Final

from protocols.wire.checksum import crc8_ccitt
from protocols.wire.layout import U8, U16, codec, message

ENTRY_BYTES: Final = 8
BLANK_ENTRY: Final = b"\xff" * ENTRY_BYTES

# The id of entries that close a sector or end a collection. Zephyr's write does not refuse it.
SPECIAL_ID: Final = 0xFFFF

# Parts of an item are not in use: the byte stays erased, and a copy keeps what it finds.
NO_PART: Final = 0xFF

# Entries that a run decodes again and again; bounded, so that a long one does not grow.
_DECODED_MAX: Final = 1 << 14


@message
class Entry:
    """An allocation table entry ("ATE").

    Attributes:
        item_id: Which item; 0xFFFF on a close or GC-done entry.
        offset: Where its data begin in the sector. On a close entry: the sector's newest entry.
        length: Bytes of data, the CRC-32 included; 0 on a delete, a close and a GC-done entry.
        part: Unused, 0xFF.
        crc8: Checksum over the seven bytes before it.
    """

    item_id: U16
    offset: U16
    length: U16
    part: U8
    crc8: U8


_CODEC: Final = codec(Entry)


@functools.lru_cache(_DECODED_MAX)
def decode_entry(raw: bytes) -> Entry | None:
    """The entry with these eight bytes, or None when its checksum does not fit."""
    if crc8_ccitt(raw[:-1]) != raw[-1]:
        return None
    return _CODEC.decode(raw)


def encode_entry(item_id: int, offset: int, length: int, part: int = NO_PART) -> bytes:
    """The eight bytes of an entry, checksum included."""
    draft = Entry(item_id=item_id, offset=offset, length=length, part=part, crc8=0)
    body = _CODEC.encode(draft)[:-1]
    return body + bytes([crc8_ccitt(body)])


def stored_id(raw: bytes) -> int:
    """The id in an entry's bytes, whether its checksum fits or not."""
    return int.from_bytes(raw[:2], "little")
