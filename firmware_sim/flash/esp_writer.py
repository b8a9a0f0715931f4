"""Writes images of ESP-IDF's NVS, byte for byte as Espressif's generator makes them.

Items lie in their order, page after page; a page that has no room for the next one is full. The
last page of an image stays erased, since the device needs one to move to. Blobs are written in
the second version of the format.

Source: what `esp-idf-nvs-partition-gen` makes; where it gives up (strings of 3,969 to 4,000
bytes, a namespace that is gone back to), the format's own rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from firmware_sim.flash.errors import ImageUnwritable
from firmware_sim.flash.esp_layout import (
    DATA_BYTES_MAX,
    DATA_FIELD,
    ENTRIES_AT,
    ENTRY_BYTES,
    ENTRY_COUNT,
    ENTRY_HEADER,
    INDEX_FIELD,
    KEY_BYTES_MAX,
    KEY_FIELD_BYTES,
    NAMES_NAMESPACE,
    NAMESPACE_MAX,
    NO_CHUNK,
    NUMBERS,
    PAGE_BYTES,
    PAGE_HEADER,
    STATES_AT,
    DataField,
    EntryHeader,
    EspType,
    IndexField,
    PageHeader,
    PageState,
    PageVersion,
    entry_crc,
    page_header_crc,
    spanned,
)
from firmware_sim.flash.esp_nvs import FORMAT, EspItem
from protocols.wire.checksum import crc32_esp

# With fewer pages the device only reads the partition, so that none is kept erased.
_PAGES_TO_WRITE_MIN: Final = 3
# Chunk numbers of one version of a blob: 0 to 127.
_CHUNKS_MAX: Final = 128
_BLANK_DATA: Final = b"\xff" * 8
_BLANK_U16: Final = 0xFFFF


def write_esp_nvs(items: Iterable[EspItem], size: int) -> bytes:
    """An image of these values.

    Args:
        items: What it shall hold; the later one of two with the same key counts, as on a device.
        size: Bytes of the image, whole pages of 4096. From three on the last one stays erased.

    Raises:
        ImageUnwritable: When an item is none that the format holds, or there is no room.
    """
    if size < PAGE_BYTES or size % PAGE_BYTES:
        raise ImageUnwritable(FORMAT, f"{size} bytes are not whole pages of {PAGE_BYTES}")
    writer = _Writer(size // PAGE_BYTES)
    for item in items:
        writer.add(item)
    return writer.image()


class _Page:
    """A page that is being filled."""

    def __init__(self, sequence: int) -> None:
        self.taken = 0
        self._state = PageState.ACTIVE
        self._sequence = sequence
        self._states = (1 << 8 * (ENTRIES_AT - STATES_AT)) - 1
        self._entries = b""

    @property
    def room(self) -> int:
        """Entries that are not taken."""
        return ENTRY_COUNT - self.taken

    def add(self, raw: bytes) -> None:
        """Append whole entries, filled up with 0xFF."""
        count = -(-len(raw) // ENTRY_BYTES)
        self._entries += raw.ljust(count * ENTRY_BYTES, b"\xff")
        for slot in range(self.taken, self.taken + count):
            self._states &= ~(1 << 2 * slot)  # From 11, empty, to 10, written.
        self.taken += count

    def fill(self) -> None:
        """Nothing more is written to it."""
        self._state = PageState.FULL

    def raw(self) -> bytes:
        """Its 4096 bytes."""
        draft = PageHeader(
            state=self._state,
            sequence=self._sequence,
            version=PageVersion.V2,
            unused=b"\xff" * 19,
            crc=0,
        )
        header = PAGE_HEADER.encode(draft)
        header = header[:-4] + page_header_crc(header).to_bytes(4, "little")
        states = self._states.to_bytes(ENTRIES_AT - STATES_AT, "little")
        return (header + states + self._entries).ljust(PAGE_BYTES, b"\xff")


class _Writer:
    """One call of `write_esp_nvs`."""

    def __init__(self, page_count: int) -> None:
        self._page_count = page_count
        self._pages_max = page_count - 1 if page_count >= _PAGES_TO_WRITE_MIN else page_count
        self._pages = [_Page(0)]
        self._namespaces: dict[str, int] = {}

    def image(self) -> bytes:
        """All pages, those that were not needed erased."""
        raw = b"".join(page.raw() for page in self._pages)
        return raw.ljust(self._page_count * PAGE_BYTES, b"\xff")

    def add(self, item: EspItem) -> None:
        """Append an item, and its namespace when it is new."""
        namespace = self._namespace(item.namespace)
        key = _field(item.key, f"key {item.key!r}")
        match item.value:
            case int() if item.kind in NUMBERS and not isinstance(item.value, bool):
                self._add_number(namespace, key, item.kind, item.value)
            case str() if item.kind is EspType.STRING:
                self._add_string(namespace, key, item)
            case bytes() if item.kind is EspType.BLOB:
                self._add_blob(namespace, key, item)
            case _:
                raise ImageUnwritable(
                    FORMAT, f"key {item.key!r} has a value that is no {item.kind.name}"
                )

    def _namespace(self, name: str) -> int:
        index = self._namespaces.get(name)
        if index is None:
            index = len(self._namespaces) + 1
            if index > NAMESPACE_MAX:
                raise ImageUnwritable(FORMAT, f"there are more than {NAMESPACE_MAX} namespaces")
            field = _field(name, f"namespace {name!r}")
            self._add_number(NAMES_NAMESPACE, field, EspType.U8, index)
            self._namespaces[name] = index
        return index

    def _add_number(self, namespace: int, key: bytes, kind: EspType, value: int) -> None:
        try:
            raw = value.to_bytes(kind.width, "little", signed=kind.is_signed)
        except OverflowError:
            name = key.rstrip(b"\x00").decode("utf-8", "backslashreplace")
            raise ImageUnwritable(FORMAT, f"key {name!r} is too large for {kind.name}") from None
        self._page_for(1).add(_entry(namespace, key, kind, raw))

    def _add_string(self, namespace: int, key: bytes, item: EspItem) -> None:
        text = _encoded(str(item.value), f"the string of key {item.key!r}")
        data = text + b"\x00"
        if len(data) > DATA_BYTES_MAX:
            raise ImageUnwritable(
                FORMAT, f"the string of key {item.key!r} is longer than {DATA_BYTES_MAX - 1} bytes"
            )
        # The generator leaves the last entry of a page to numbers.
        page = self._page_for(spanned(len(data)) + 1)
        page.add(_entry(namespace, key, EspType.STRING, _data_field(data), span=len(data)) + data)

    def _add_blob(self, namespace: int, key: bytes, item: EspItem) -> None:
        blob = bytes(item.value) if isinstance(item.value, bytes) else b""
        page = self._page_for(1)
        count, rest = 0, blob
        while rest or not count:
            if count == _CHUNKS_MAX:
                raise ImageUnwritable(FORMAT, f"the blob of key {item.key!r} has too many chunks")
            room = (page.room - 1) * ENTRY_BYTES
            part, rest = rest[:room], rest[room:]
            raw = _entry(
                namespace, key, EspType.BLOB_DATA, _data_field(part), span=len(part), chunk=count
            )
            page.add(raw + part)
            count += 1
            if rest or not page.room:
                page = self._next_page()
        index = IndexField(size=len(blob), chunk_count=count, chunk_start=0, reserved=_BLANK_U16)
        page.add(_entry(namespace, key, EspType.BLOB_INDEX, INDEX_FIELD.encode(index)))

    def _page_for(self, entries: int) -> _Page:
        """The page that takes so many entries; an empty one takes as many as it has."""
        page = self._pages[-1]
        return page if page.room >= entries or not page.taken else self._next_page()

    def _next_page(self) -> _Page:
        if len(self._pages) == self._pages_max:
            raise ImageUnwritable(FORMAT, f"{self._page_count * PAGE_BYTES} bytes have no room")
        self._pages[-1].fill()
        self._pages.append(_Page(len(self._pages)))
        return self._pages[-1]


def _entry(
    namespace: int,
    key: bytes,
    kind: EspType,
    data: bytes,
    *,
    span: int = 0,
    chunk: int = NO_CHUNK,
) -> bytes:
    """The 32 bytes of an entry; `span` counts the bytes behind it."""
    draft = EntryHeader(
        namespace=namespace,
        kind=kind,
        span=spanned(span),
        chunk=chunk,
        crc=0,
        key=key,
        data=data.ljust(len(_BLANK_DATA), b"\xff"),
    )
    raw = ENTRY_HEADER.encode(draft)
    return raw[:4] + entry_crc(raw).to_bytes(4, "little") + raw[8:]


def _data_field(data: bytes) -> bytes:
    return DATA_FIELD.encode(DataField(size=len(data), reserved=_BLANK_U16, crc=crc32_esp(data)))


def _field(text: str, what: str) -> bytes:
    raw = _encoded(text, what)
    if len(raw) > KEY_BYTES_MAX:
        raise ImageUnwritable(FORMAT, f"{what} is longer than {KEY_BYTES_MAX} bytes")
    return raw.ljust(KEY_FIELD_BYTES, b"\x00")


def _encoded(text: str, what: str) -> bytes:
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ImageUnwritable(FORMAT, f"{what} is no text") from None
    if b"\x00" in raw:
        raise ImageUnwritable(FORMAT, f"{what} holds a zero byte, which would end it")
    return raw
