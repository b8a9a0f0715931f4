"""Reads one page of ESP-IDF's NVS: which of its entries count, and what does not check out.

The device erases at its next start what is broken here; a reader of images tells of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

from firmware_sim.flash.esp_layout import (
    DATA_FIELD,
    ENTRIES_AT,
    ENTRY_BYTES,
    ENTRY_COUNT,
    ENTRY_HEADER,
    NO_CHUNK,
    PAGE_BYTES,
    PAGE_HEADER,
    STATES_AT,
    WITH_DATA,
    EntryHeader,
    EntryState,
    EspType,
    PageState,
    PageVersion,
    entry_crc,
    page_header_crc,
    spanned,
)
from protocols.wire.checksum import crc32_esp

# Pages in these states hold entries.
_IN_USE: Final = frozenset({PageState.ACTIVE, PageState.FULL, PageState.FREEING})
_VERSIONS: Final = frozenset({PageVersion.V1, PageVersion.V2})


@dataclasses.dataclass(frozen=True, slots=True)
class EspEntry:
    """An entry that checks out.

    Attributes:
        page: Number of its page in the image.
        slot: Its place in the page.
        header: What its 32 bytes say.
        payload: The bytes behind it, as long as the header says; empty for a number or an index.
    """

    page: int
    slot: int
    header: EntryHeader
    payload: bytes = dataclasses.field(default=b"", repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EspPage:
    """What a page says.

    Attributes:
        number: Its place in the image.
        state: Its state; CORRUPT too when its header does not check out.
        sequence: Counts up with every page that is begun.
        version: Of the format.
        entries: Those that count, in their order.
        written: Entries in use, those behind a header included.
        erased: Entries that were erased.
        problems: What does not check out, a sentence each.
    """

    number: int
    state: PageState
    sequence: int = 0
    version: PageVersion = PageVersion.V2
    entries: tuple[EspEntry, ...] = ()
    written: int = 0
    erased: int = 0
    problems: tuple[str, ...] = ()


def read_page(raw: bytes, number: int) -> EspPage:
    """Read a page.

    Args:
        raw: Its 4096 bytes.
        number: Its place in the image.
    """
    header = PAGE_HEADER.decode(raw[:STATES_AT])
    state = PageState(header.state)
    if state is PageState.UNUSED:
        if raw.count(b"\xff") == PAGE_BYTES:
            return EspPage(number=number, state=state)
        return _corrupt(number, "is unused, yet not erased")
    if header.crc != page_header_crc(raw):
        return _corrupt(number, "has a header that does not fit its checksum")
    if header.version not in _VERSIONS:
        return _corrupt(number, f"is of version {header.version:#04x}, which is unknown")
    if state not in _IN_USE:
        return _corrupt(number, "is marked as corrupt")
    states = entry_states(raw)
    problems: list[str] = []
    return EspPage(
        number=number,
        state=state,
        sequence=header.sequence,
        version=header.version,
        entries=tuple(_entries(raw, number, states, problems)),
        written=states.count(EntryState.WRITTEN),
        erased=states.count(EntryState.ERASED),
        problems=tuple(problems),
    )


def _corrupt(number: int, reason: str) -> EspPage:
    return EspPage(number=number, state=PageState.CORRUPT, problems=(f"page {number} {reason}",))


def entry_states(raw: bytes) -> list[EntryState]:
    """The state of every entry, from a page's bytes."""
    table = int.from_bytes(raw[STATES_AT:ENTRIES_AT], "little")
    return [EntryState(table >> 2 * slot & 0b11) for slot in range(ENTRY_COUNT)]


def _entries(
    raw: bytes, number: int, states: list[EntryState], problems: list[str]
) -> Iterator[EspEntry]:
    slot = 0
    while slot < ENTRY_COUNT:
        if states[slot] is not EntryState.WRITTEN:
            slot += 1
            continue
        start = ENTRIES_AT + slot * ENTRY_BYTES
        entry = raw[start : start + ENTRY_BYTES]
        header = ENTRY_HEADER.decode(entry)
        wrong = _wrong_header(entry, header, slot)
        if wrong is not None:
            problems.append(f"page {number} entry {slot} {wrong}")
            slot += 1
            continue
        payload, wrong = _payload(raw, header, slot, states)
        if wrong is None:
            yield EspEntry(number, slot, header, payload)
        else:
            problems.append(f"page {number} entry {slot} {wrong}")
        slot += header.span


def _wrong_header(entry: bytes, header: EntryHeader, slot: int) -> str | None:
    if header.crc != entry_crc(entry):
        return "does not fit its checksum"
    if header.span < 1 or slot + header.span > ENTRY_COUNT:
        return "reaches beyond its page"
    if not header.kind.is_known:
        return f"is of type {int(header.kind):#04x}, which is unknown"
    if b"\x00" not in header.key:
        return "has a key without an end"
    if header.kind not in WITH_DATA and header.span != 1:
        return "spans others, which its type can't"
    if header.kind is EspType.BLOB_INDEX and header.chunk != NO_CHUNK:
        return "is an index and a chunk at once"
    return None


def _payload(
    raw: bytes, header: EntryHeader, slot: int, states: list[EntryState]
) -> tuple[bytes, str | None]:
    if header.kind not in WITH_DATA:
        return b"", None
    field = DATA_FIELD.decode(header.data)
    if spanned(field.size) != header.span:
        return b"", "has not as many bytes as it spans"
    if any(state is not EntryState.WRITTEN for state in states[slot : slot + header.span]):
        return b"", "was not written to its end"
    start = ENTRIES_AT + (slot + 1) * ENTRY_BYTES
    payload = raw[start : start + field.size]
    if crc32_esp(payload) != field.crc:
        return b"", "has data that do not fit their checksum"
    return payload, None
