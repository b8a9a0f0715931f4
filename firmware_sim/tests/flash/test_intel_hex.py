from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.flash.errors import ImageUnreadable, ImageUnwritable
from firmware_sim.flash.intel_hex import SPAN_BYTES_MAX, read_intel_hex, write_intel_hex


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=1, max_size=600), st.integers(0, 2**32 - 600))
def test_images_come_back_with_their_base(image: bytes, base: int) -> None:
    read = read_intel_hex(write_intel_hex(image, base=base))
    assert (read.base, read.data) == (base, image)


def test_a_known_file_reads_as_the_standard_says() -> None:
    # The example of Intel's specification: 16 bytes at 0x0100, then the end.
    text = ":10010000214601360121470136007EFE09D2190140\n:00000001FF\n"
    read = read_intel_hex(text)
    assert read.base == 0x100
    assert read.data == bytes.fromhex("214601360121470136007EFE09D21901")
    assert write_intel_hex(read.data, base=0x100) == text


def test_what_a_file_leaves_out_is_erased() -> None:
    text = ":0100000000FF\n:0100040000FB\n:00000001FF\n"
    assert read_intel_hex(text).data == b"\x00\xff\xff\xff\x00"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no data"),
        (":00000001FF\n", "holds no data"),
        (":0100000000FF\n", "is cut short"),
        ("hello", "invalid record at line 1"),
        (":0100000000FF\n:0100000000FE\n", "line 2 has invalid checksum"),
        (":0100000000FF\n:0100000001FE\n", "data overlap at address 0x0 on line 2"),
        (":0100000000FF\n:02000004FFFFFC\n:01FFFF000001\n:00000001FF\n", "spans more than"),
        (":é", "at line 1|holds no data"),
    ],
)
def test_text_that_is_no_file_is_refused_without_quoting_it(text: str, reason: str) -> None:
    with pytest.raises(ImageUnreadable, match=reason) as caught:
        read_intel_hex(text)
    for line in text.split():
        assert line not in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.text(":0123456789ABCDEF\n", max_size=60))
def test_no_text_raises_anything_but_the_error_tree(text: str) -> None:
    with contextlib.suppress(ImageUnreadable):
        read_intel_hex(text)


def test_an_image_beyond_32_bits_is_refused() -> None:
    for base in (-1, 2**32 - 1):
        with pytest.raises(ImageUnwritable, match="pass 32 bits"):
            write_intel_hex(b"12", base=base)
    assert SPAN_BYTES_MAX < 2**32
