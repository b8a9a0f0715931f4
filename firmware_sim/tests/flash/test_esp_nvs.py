"""ESP-IDF's NVS: images of Espressif's generator load, and ours are the same, byte for byte."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware_sim.flash.errors import ImageUnreadable, ImageUnwritable
from firmware_sim.flash.esp_layout import (
    ENTRIES_AT,
    ENTRY_BYTES,
    PAGE_BYTES,
    EspType,
    PageState,
    PageVersion,
    entry_crc,
    page_header_crc,
)
from firmware_sim.flash.esp_nvs import EspItem, read_esp_nvs
from firmware_sim.flash.esp_writer import write_esp_nvs
from firmware_sim.tests.flash.esp_generator import NUMBER_KINDS, V1, TooMuch, generated

SIZE = 8 * PAGE_BYTES
TEXT = st.characters(codec="ascii", exclude_characters="\x00", categories=("L", "N", "P"))
NAMES = st.text(TEXT, min_size=1, max_size=15)


def number(kind: EspType) -> st.SearchStrategy[tuple[EspType, int]]:
    bits = 8 * kind.width
    low = -(1 << bits - 1) if kind.is_signed else 0
    high = (1 << bits - 1) - 1 if kind.is_signed else (1 << bits) - 1
    return st.tuples(st.just(kind), st.integers(low, high))


LONG = st.integers(0, 5000).map(lambda length: bytes(index * 7 % 251 for index in range(length)))
VALUES = st.one_of(
    *(number(kind) for kind in NUMBER_KINDS),
    st.tuples(
        st.just(EspType.STRING), st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
    ),
    st.tuples(st.just(EspType.STRING), st.integers(0, 3967).map(lambda length: "x" * length)),
    st.tuples(st.just(EspType.BLOB), st.binary(max_size=100) | LONG),
)


@st.composite
def item_lists(draw: st.DrawFn) -> list[EspItem]:
    """Items of a few namespaces, each key once."""
    # The generator adds entries of its own to these keys.
    names = NAMES.filter(lambda name: not name.startswith(("sta.", "ap.")))
    keys = draw(st.lists(names, unique=True, max_size=30))
    spaces = draw(st.lists(NAMES, unique=True, min_size=1, max_size=3))
    items = [EspItem("", key, *draw(VALUES)) for key in keys]
    cuts = sorted(draw(st.lists(st.integers(0, len(keys)), min_size=3, max_size=3)))
    return [
        EspItem(spaces[sum(index >= cut for cut in cuts[: len(spaces) - 1])], *_rest(item))
        for index, item in enumerate(items)
    ]


def _rest(item: EspItem) -> tuple[str, EspType, int | str | bytes]:
    return item.key, item.kind, item.value


@settings(max_examples=150, deadline=None)
@given(item_lists())
def test_images_are_those_of_the_generator_and_load_back(items: list[EspItem]) -> None:
    try:
        theirs = generated(items, SIZE)
    except TooMuch:
        with pytest.raises(ImageUnwritable):
            write_esp_nvs(items, SIZE)
        return
    assert write_esp_nvs(items, SIZE) == theirs
    read = read_esp_nvs(theirs)
    assert read.items == tuple(items)
    assert not read.problems


@pytest.mark.parametrize("taken", [122, 123, 124, 125])
@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 64, 4000, 4001])
def test_a_blob_at_the_end_of_a_page_is_cut_as_the_generator_cuts_it(
    taken: int, length: int
) -> None:
    filling = [EspItem("n", f"k{index}", EspType.U8, index) for index in range(taken - 1)]
    items = [*filling, EspItem("n", "blob", EspType.BLOB, b"\xa5" * length)]
    image = write_esp_nvs(items, SIZE)
    assert image == generated(items, SIZE)
    assert read_esp_nvs(image).items == tuple(items)


@pytest.mark.parametrize("taken", [0, 123, 124, 125])
@pytest.mark.parametrize("length", [0, 31, 32])
def test_a_string_at_the_end_of_a_page_lies_where_the_generator_puts_it(
    taken: int, length: int
) -> None:
    filling = [EspItem("n", f"k{index}", EspType.U8, index) for index in range(taken)]
    items = [*filling, EspItem("n", "text", EspType.STRING, "x" * length)]
    image = write_esp_nvs(items, SIZE)
    assert image == generated(items, SIZE)
    assert read_esp_nvs(image).items == tuple(items)


def test_blobs_of_the_first_version_load() -> None:
    items = [
        EspItem("lock", "pin", EspType.BLOB, bytes(range(100))),
        EspItem("lock", "name", EspType.STRING, "Tür"),
        EspItem("lock", "none", EspType.BLOB, b""),
    ]
    read = read_esp_nvs(generated(items, SIZE, V1))
    assert read.items == tuple(items)
    assert read.pages[0].version is PageVersion.V1


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_small_images_keep_a_page_erased_from_three_on(pages: int) -> None:
    items = [EspItem("n", "k", EspType.U16, 7)]
    image = write_esp_nvs(items, pages * PAGE_BYTES)
    assert image == generated(items, pages * PAGE_BYTES)
    full = [EspItem("n", f"k{index}", EspType.U8, 1) for index in range(126 * pages - 1)]
    if pages < 3:
        assert read_esp_nvs(write_esp_nvs(full, pages * PAGE_BYTES)).items == tuple(full)
    else:
        with pytest.raises(ImageUnwritable, match="no room"):
            write_esp_nvs(full, pages * PAGE_BYTES)


def test_the_longest_string_fills_a_page_where_the_generator_gives_up() -> None:
    longest = [EspItem("n", "text", EspType.STRING, "x" * 3999)]
    with pytest.raises(TooMuch):
        generated(longest, SIZE)
    assert read_esp_nvs(write_esp_nvs(longest, SIZE)).items == tuple(longest)


def test_a_namespace_that_is_gone_back_to_keeps_its_items() -> None:
    items = [
        EspItem("one", "a", EspType.U8, 1),
        EspItem("two", "a", EspType.U8, 2),
        EspItem("one", "b", EspType.U8, 3),
    ]
    assert read_esp_nvs(write_esp_nvs(items, SIZE)).items == tuple(items)


# --- what a device does to an image ----------------------------------------------------------


def erase_entry(image: bytes, page: int, slot: int) -> bytes:
    """Mark an entry as erased, as a device does."""
    raw = bytearray(image)
    raw[page * PAGE_BYTES + 32 + slot // 4] &= ~(0b11 << 2 * (slot % 4)) & 0xFF
    return bytes(raw)


def with_page_header(image: bytes, page: int, **fields: int) -> bytes:
    """Change state or sequence of a page, and its checksum with it."""
    raw = bytearray(image)
    at = page * PAGE_BYTES
    for offset, name in ((0, "state"), (4, "sequence")):
        if name in fields:
            raw[at + offset : at + offset + 4] = fields[name].to_bytes(4, "little")
    raw[at + 28 : at + 32] = page_header_crc(bytes(raw[at : at + 32])).to_bytes(4, "little")
    return bytes(raw)


THREE = [EspItem("n", key, EspType.U8, value) for key, value in (("a", 1), ("b", 2), ("c", 3))]


def test_erased_entries_do_not_count() -> None:
    image = erase_entry(write_esp_nvs(THREE, SIZE), 0, 2)
    read = read_esp_nvs(image)
    assert [item.key for item in read.items] == ["a", "c"]
    assert (read.pages[0].written, read.pages[0].erased) == (3, 1)
    assert not read.problems


def test_the_newer_of_two_values_counts_by_the_sequence_of_the_pages() -> None:
    old, new = (EspItem("n", "pin", EspType.STRING, text) for text in ("old", "new"))
    pages = [write_esp_nvs([each], PAGE_BYTES) for each in (new, old)]
    pages[0] = with_page_header(pages[0], 0, sequence=9)
    assert read_esp_nvs(b"".join(pages)).items == (new,)
    assert read_esp_nvs(b"".join(reversed(pages))).items == (new,)


def test_a_page_that_is_being_freed_still_counts() -> None:
    image = with_page_header(write_esp_nvs(THREE, SIZE), 0, state=PageState.FREEING)
    assert read_esp_nvs(image).items == tuple(THREE)


def test_a_value_that_was_not_written_to_its_end_is_told_and_left_out() -> None:
    items = [*THREE, EspItem("n", "text", EspType.STRING, "y" * 40)]
    image = erase_entry(write_esp_nvs(items, SIZE), 0, 6)
    read = read_esp_nvs(image)
    assert read.items == tuple(THREE)
    assert read.problems == ("page 0 entry 4 was not written to its end",)


@pytest.mark.parametrize(
    ("offset", "value", "problem"),
    [
        (1, 0x33, "is of type 0x33, which is unknown"),
        (2, 2, "spans others, which its type can't"),
        (2, 0, "reaches beyond its page"),
        (2, 126, "reaches beyond its page"),
        (0, 9, "is of namespace 9, which has no name"),
    ],
)
def test_an_entry_that_no_device_would_take_is_told(offset: int, value: int, problem: str) -> None:
    raw = bytearray(write_esp_nvs(THREE, SIZE))
    at = ENTRIES_AT + 2 * ENTRY_BYTES
    raw[at + offset] = value
    raw[at + 4 : at + 8] = entry_crc(bytes(raw[at : at + ENTRY_BYTES])).to_bytes(4, "little")
    read = read_esp_nvs(bytes(raw))
    assert read.problems == (f"page 0 entry 2 {problem}",)
    assert "b" not in {item.key for item in read.items}


def test_other_damage_is_told() -> None:
    blob = [*THREE, EspItem("n", "blob", EspType.BLOB, b"\x01" * 40)]
    image = write_esp_nvs(blob, SIZE)
    data_at = ENTRIES_AT + 5 * ENTRY_BYTES
    torn = image[:data_at] + b"\x00" + image[data_at + 1 :]
    assert read_esp_nvs(torn).problems == (
        "page 0 entry 4 has data that do not fit their checksum",
        "page 0 entry 7 is the index of a blob whose chunks are not all there",
    )
    key_at = ENTRIES_AT + 2 * ENTRY_BYTES + 8
    raw = bytearray(image)
    raw[key_at : key_at + 16] = b"k" * 16
    entry = bytes(raw[key_at - 8 : key_at + 24])
    raw[key_at - 4 : key_at] = entry_crc(entry).to_bytes(4, "little")
    assert read_esp_nvs(bytes(raw)).problems == ("page 0 entry 2 has a key without an end",)
    two = bytearray(image)
    two[PAGE_BYTES : PAGE_BYTES + 4] = b"\xfe\xff\xff\xff"
    assert read_esp_nvs(bytes(two)).problems == (
        "page 1 has a header that does not fit its checksum",
    )
    marked = with_page_header(image + image, SIZE // PAGE_BYTES, state=PageState.CORRUPT)
    assert read_esp_nvs(marked).problems == (f"page {SIZE // PAGE_BYTES} is marked as corrupt",)
    unknown = bytearray(image)
    unknown[8] = 0x12
    newer = with_page_header(bytes(unknown) + image, 0)
    assert read_esp_nvs(newer).problems == ("page 0 is of version 0x12, which is unknown",)


# --- bytes that are no image -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (b"", "0 bytes are not whole pages"),
        (b"\xff" * 100, "100 bytes are not whole pages"),
        (bytes(PAGE_BYTES), "no page has a header that checks out"),
        (b"\xff" * 40 + bytes(PAGE_BYTES - 40), "no page has a header that checks out"),
    ],
)
def test_bytes_that_are_no_image_are_refused(image: bytes, reason: str) -> None:
    with pytest.raises(ImageUnreadable, match=reason):
        read_esp_nvs(image)


def test_an_encrypted_image_is_refused_with_the_reason() -> None:
    raw = bytearray(write_esp_nvs(THREE, SIZE))
    for index in range(ENTRIES_AT, ENTRIES_AT + 4 * ENTRY_BYTES):
        raw[index] ^= 0x5A
    with pytest.raises(ImageUnreadable, match="encrypted"):
        read_esp_nvs(bytes(raw))


def test_an_erased_image_holds_nothing() -> None:
    read = read_esp_nvs(b"\xff" * SIZE)
    assert not read.items
    assert not read.problems


IMAGE = write_esp_nvs(
    [
        *THREE,
        EspItem("n", "t", EspType.STRING, "text"),
        EspItem("n", "b", EspType.BLOB, b"1" * 80),
    ],
    PAGE_BYTES,
)


@settings(max_examples=300, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, ENTRIES_AT + 12 * ENTRY_BYTES), st.integers(0, 255)), max_size=12
    ),
    seals=st.booleans(),
)
@example(changes=[(8, 1)], seals=True)
def test_no_bytes_raise_anything_but_the_error_tree(
    *, changes: list[tuple[int, int]], seals: bool
) -> None:
    raw = bytearray(IMAGE)
    for offset, value in changes:
        raw[offset] = value
    if seals:  # With checksums that fit, what is behind them is looked at.
        raw[28:32] = page_header_crc(bytes(raw[:32])).to_bytes(4, "little")
        for at in itertools.islice(range(ENTRIES_AT, PAGE_BYTES, ENTRY_BYTES), 12):
            entry = bytes(raw[at : at + ENTRY_BYTES])
            raw[at + 4 : at + 8] = entry_crc(entry).to_bytes(4, "little")
    try:
        read = read_esp_nvs(bytes(raw))
    except ImageUnreadable:
        return
    assert all("value" not in repr(item) for item in read.items)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (EspItem("n" * 16, "k", EspType.U8, 1), "namespace 'n+' is longer than 15 bytes"),
        (EspItem("n", "k" * 16, EspType.U8, 1), "key 'k+' is longer than 15 bytes"),
        (EspItem("n", "k\x00", EspType.U8, 1), "holds a zero byte"),
        (EspItem("n", "k", EspType.STRING, "a\x00"), "holds a zero byte"),
        (EspItem("n", "k", EspType.STRING, "\ud800"), "is no text"),
        (EspItem("n", "k", EspType.STRING, "x" * 4000), "longer than 3999 bytes"),
        (EspItem("n", "k", EspType.U8, 256), "too large for U8"),
        (EspItem("n", "k", EspType.I8, -129), "too large for I8"),
        (EspItem("n", "k", EspType.U8, "1"), "a value that is no U8"),
        (EspItem("n", "k", EspType.U8, True), "a value that is no U8"),
        (EspItem("n", "k", EspType.BLOB_DATA, b"1"), "a value that is no BLOB_DATA"),
        (EspItem("n", "k", EspType.BLOB, b"1" * 600_000), "has too many chunks"),
    ],
)
def test_an_item_that_the_format_does_not_hold_is_refused(item: EspItem, reason: str) -> None:
    with pytest.raises(ImageUnwritable, match=reason):
        write_esp_nvs([item], 200 * PAGE_BYTES)


def test_an_image_of_no_whole_pages_or_with_too_many_namespaces_is_refused() -> None:
    with pytest.raises(ImageUnwritable, match="whole pages"):
        write_esp_nvs([], 100)
    items = [EspItem(f"n{index}", "k", EspType.U8, 1) for index in range(255)]
    with pytest.raises(ImageUnwritable, match="more than 254 namespaces"):
        write_esp_nvs(items, SIZE)


def test_a_text_that_is_no_utf8_survives() -> None:
    item = EspItem("n", "k", EspType.STRING, b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert read_esp_nvs(write_esp_nvs([item], SIZE)).items == (item,)
