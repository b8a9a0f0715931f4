"""Reads images of ESP-IDF's NVS: namespaces, keys and values, out of any number of pages.

Encrypted images can't be read: their entries fit no checksum without the key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Final

from firmware_sim.flash.errors import ImageUnreadable
from firmware_sim.flash.esp_layout import (
    INDEX_FIELD,
    NAMES_NAMESPACE,
    PAGE_BYTES,
    EspType,
    PageState,
)
from firmware_sim.flash.esp_page import EspEntry, EspPage, read_page

FORMAT: Final = "esp-nvs"


@dataclasses.dataclass(frozen=True, slots=True)
class EspItem:
    """A value under its key.

    Attributes:
        namespace: Name of its namespace.
        key: Its key, at most 15 bytes.
        kind: A number's type, STRING or BLOB.
        value: A whole number, a text, or bytes. Bytes of a text that are no UTF-8 are kept as
            surrogates (`surrogateescape`).
    """

    namespace: str
    key: str
    kind: EspType
    value: int | str | bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class EspNvs:
    """What an image holds.

    Attributes:
        items: Every value, in the order in which they were written.
        pages: Its pages, in their order in the image.
        problems: What does not check out, a sentence each.
    """

    items: tuple[EspItem, ...]
    pages: tuple[EspPage, ...]
    problems: tuple[str, ...]


def read_esp_nvs(image: bytes) -> EspNvs:
    """Read an image.

    Raises:
        ImageUnreadable: When it is not whole pages, or none of them is one of this format.
    """
    if not image or len(image) % PAGE_BYTES:
        raise ImageUnreadable(FORMAT, f"{len(image)} bytes are not whole pages of {PAGE_BYTES}")
    pages = tuple(
        read_page(image[start : start + PAGE_BYTES], start // PAGE_BYTES)
        for start in range(0, len(image), PAGE_BYTES)
    )
    in_use = sorted(
        (page for page in pages if page.state not in {PageState.UNUSED, PageState.CORRUPT}),
        key=lambda page: page.sequence,
    )
    if not in_use and any(page.state is PageState.CORRUPT for page in pages):
        raise ImageUnreadable(FORMAT, "no page has a header that checks out")
    entries = [entry for page in in_use for entry in page.entries]
    if not entries and any(page.problems for page in in_use):
        raise ImageUnreadable(FORMAT, "no entry fits its checksum: it is encrypted, or damaged")
    problems = [problem for page in pages for problem in page.problems]
    items = tuple(_items(entries, problems))
    return EspNvs(items, pages, tuple(problems))


def is_esp_nvs(image: bytes) -> bool:
    """Whether a page of an image has a header that checks out; its entries may be encrypted."""
    if len(image) % PAGE_BYTES:
        return False
    return any(
        read_page(image[start : start + PAGE_BYTES], 0).state
        not in {PageState.UNUSED, PageState.CORRUPT}
        for start in range(0, len(image), PAGE_BYTES)
    )


# What tells two values apart; the later one of two counts.
_Place = tuple[int, bytes, EspType]


def _items(entries: list[EspEntry], problems: list[str]) -> Iterator[EspItem]:
    names: dict[int, str] = {}
    newest: dict[_Place, EspEntry] = {}
    chunks: dict[tuple[int, bytes, int], bytes] = {}
    for entry in entries:
        header = entry.header
        if header.namespace == NAMES_NAMESPACE:
            if header.kind is EspType.U8:
                names[header.data[0]] = _text(_key(header.key))
        elif header.kind is EspType.BLOB_DATA:
            chunks[header.namespace, header.key, header.chunk] = entry.payload
        else:
            place = (header.namespace, header.key, header.kind)
            # At the end again, as the device has rewritten it.
            newest.pop(place, None)
            newest[place] = entry
    for entry in newest.values():
        header = entry.header
        where = f"page {entry.page} entry {entry.slot}"
        if header.namespace not in names:
            problems.append(f"{where} is of namespace {header.namespace}, which has no name")
            continue
        value = _value(entry, chunks)
        if value is None:
            problems.append(f"{where} is the index of a blob whose chunks are not all there")
            continue
        kind = EspType.BLOB if header.kind is EspType.BLOB_INDEX else header.kind
        yield EspItem(names[header.namespace], _text(_key(header.key)), kind, value)


def _value(
    entry: EspEntry, chunks: Mapping[tuple[int, bytes, int], bytes]
) -> int | str | bytes | None:
    header = entry.header
    match header.kind:
        case EspType.STRING:
            return _text(entry.payload.removesuffix(b"\x00"))
        case EspType.BLOB:
            return entry.payload
        case EspType.BLOB_INDEX:
            index = INDEX_FIELD.decode(header.data)
            numbers = range(index.chunk_start, index.chunk_start + index.chunk_count)
            parts = [chunks.get((header.namespace, header.key, number)) for number in numbers]
            blob = b"".join(part for part in parts if part is not None)
            return None if None in parts or len(blob) != index.size else blob
        case _:
            kind = header.kind
            return int.from_bytes(header.data[: kind.width], "little", signed=kind.is_signed)


def _key(field: bytes) -> bytes:
    return field.partition(b"\x00")[0]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
