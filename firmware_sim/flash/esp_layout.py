"""The layouts of ESP-IDF's NVS: pages of 4 KiB that hold 126 entries of 32 bytes.

    page     header 32 bytes | state of each entry, 2 bits, 32 bytes | 126 entries
    header   state u32 | sequence u32 | version u8 | 19 unused | CRC-32 of bytes 4 to 27, u32
    entry    namespace u8 | type u8 | span u8 | chunk u8 | CRC-32 of all else, u32 | key 16 bytes
             | data 8 bytes: a number, or size and CRC-32 of the entries that follow

A number lies in the entry itself. A string, and a blob of the first version of the format, has
its bytes in the entries behind it, all in one page. A blob of the second version is cut into
chunks, one a page, and an index entry that counts them.

Source: ESP-IDF's `nvs_flash`, chapter "Internals" of its documentation.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Annotated, Final

from protocols.wire.checksum import crc32_esp
from protocols.wire.layout import ENUM8, U8, U16, U32, Bytes8, Bytes16, Bytes19, codec, message
from protocols.wire.open_enum import OpenIntEnum

PAGE_BYTES: Final = 4096
ENTRY_BYTES: Final = 32
ENTRY_COUNT: Final = 126
# Offsets in a page.
STATES_AT: Final = 32
ENTRIES_AT: Final = 64

# A key is shorter than its field by the zero byte that ends it.
KEY_BYTES_MAX: Final = 15
KEY_FIELD_BYTES: Final = 16
# On whatever is no chunk of a blob.
NO_CHUNK: Final = 0xFF
# Index of the namespace of the namespaces' names, and the highest one that a name can have.
NAMES_NAMESPACE: Final = 0
NAMESPACE_MAX: Final = 254
# The longest data behind one entry: a page without its first entry.
DATA_BYTES_MAX: Final = (ENTRY_COUNT - 1) * ENTRY_BYTES

# Bytes of an entry's header that its CRC-32 covers lie before and behind it.
_CRC_AT: Final = 4
_CRC_END: Final = 8


class PageState(OpenIntEnum):
    """What a page is used for; every step clears bits only."""

    UNUSED = 0xFFFFFFFF
    ACTIVE = 0xFFFFFFFE  # Being written.
    FULL = 0xFFFFFFFC
    FREEING = 0xFFFFFFF8  # Being copied to another page, to be erased then.
    CORRUPT = 0xFFFFFFF0


class EntryState(enum.IntEnum):
    """Two bits of a page's table."""

    ERASED = 0b00
    ILLEGAL = 0b01
    WRITTEN = 0b10
    EMPTY = 0b11


class PageVersion(OpenIntEnum):
    """Versions count down, since a byte of flash can only lose bits."""

    V1 = 0xFF  # A blob lies in one page.
    V2 = 0xFE  # A blob is chunks and an index.


class EspType(OpenIntEnum):
    """What an entry holds. Of a number the low half is its width in bytes."""

    U8 = 0x01
    U16 = 0x02
    U32 = 0x04
    U64 = 0x08
    I8 = 0x11
    I16 = 0x12
    I32 = 0x14
    I64 = 0x18
    STRING = 0x21
    BLOB = 0x41  # Outside of an image: any blob. In one: a blob of version 1.
    BLOB_DATA = 0x42
    BLOB_INDEX = 0x48

    @property
    def is_number(self) -> bool:
        """Whether the value lies in the entry itself."""
        return self in NUMBERS

    @property
    def width(self) -> int:
        """Bytes of a number."""
        return self & 0x0F

    @property
    def is_signed(self) -> bool:
        """Whether a number may be negative."""
        return bool(self & 0x10)


NUMBERS: Final = frozenset(
    {
        EspType.U8,
        EspType.U16,
        EspType.U32,
        EspType.U64,
        EspType.I8,
        EspType.I16,
        EspType.I32,
        EspType.I64,
    }
)
# What has its bytes in the entries behind it.
WITH_DATA: Final = frozenset({EspType.STRING, EspType.BLOB, EspType.BLOB_DATA})


@message
class PageHeader:
    """The first 32 bytes of a page."""

    state: U32
    sequence: U32
    version: Annotated[PageVersion, ENUM8]
    unused: Bytes19
    crc: U32


@message
class EntryHeader:
    """An entry.

    Attributes:
        namespace: Index of its namespace; 0 for a namespace's name.
        kind: What it holds.
        span: Entries that it takes, itself included.
        chunk: Number of a blob's chunk, else 0xFF.
        crc: CRC-32 of all other fields.
        key: Its key, filled up with zero bytes.
        data: A number, or a `DataField`, or an `IndexField`.
    """

    namespace: U8
    kind: Annotated[EspType, ENUM8]
    span: U8
    chunk: U8
    crc: U32
    key: Bytes16
    data: Bytes8 = dataclasses.field(repr=False)


@message
class DataField:
    """The data of an entry whose bytes follow it."""

    size: U16
    reserved: U16
    crc: U32


@message
class IndexField:
    """The data of a blob's index entry.

    Attributes:
        size: Bytes of the whole blob.
        chunk_count: Chunks that it is made of.
        chunk_start: Number of its first chunk: 0, or 128 for every second version of its value.
    """

    size: U32
    chunk_count: U8
    chunk_start: U8
    reserved: U16


PAGE_HEADER: Final = codec(PageHeader)
ENTRY_HEADER: Final = codec(EntryHeader)
DATA_FIELD: Final = codec(DataField)
INDEX_FIELD: Final = codec(IndexField)


def page_header_crc(raw: bytes) -> int:
    """The CRC-32 that a page's header must have, from its bytes."""
    return crc32_esp(raw[_CRC_AT : STATES_AT - _CRC_AT])


def entry_crc(raw: bytes) -> int:
    """The CRC-32 that an entry must have, from its bytes."""
    return crc32_esp(raw[:_CRC_AT] + raw[_CRC_END:])


def spanned(size: int) -> int:
    """Entries that an entry takes with data of that size behind it."""
    return 1 + -(-size // ENTRY_BYTES)
