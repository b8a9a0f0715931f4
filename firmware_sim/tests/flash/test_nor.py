from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.flash.errors import FlashMisused
from firmware_sim.flash.nor import (
    Erase,
    FlashGeometry,
    FlashLimits,
    NorFlash,
    Program,
    pages_of,
    sector_bytes,
)

GEOMETRY = FlashGeometry(sector_size=1024, sector_count=4)


def flash(limits: FlashLimits | None = None) -> NorFlash:
    return NorFlash(GEOMETRY, limits=limits, stream=random.Random(1))


def test_flash_when_new_is_erased() -> None:
    part = flash()
    assert part.image() == b"\xff" * 4096
    assert part.erase_counts == (0, 0, 0, 0)
    assert part.sector(0) is None


def test_program_clears_bits_and_nothing_else() -> None:
    part = flash(FlashLimits(refuses_setting_bits=False))
    part.program(252, bytes.fromhex("f0f0f0f00f0f0f0f"))
    part.program(252, bytes.fromhex("cccccccc"))
    part.program(252, b"\xff" * 4)
    assert part.read(248, 16).hex() == "ffffffffc0c0c0c00f0f0f0fffffffff"
    assert part.image().count(0xFF) == 4096 - 8


def test_program_of_a_one_over_a_zero_is_refused() -> None:
    part = flash()
    part.program(0, bytes(4))
    with pytest.raises(FlashMisused, match="can't set bits"):
        part.program(0, b"\x00\x00\x01\x00")
    part.program(0, bytes(4))


@pytest.mark.parametrize(("offset", "length"), [(2, 4), (0, 3), (-4, 4), (4096, 4), (4092, 8)])
def test_program_outside_of_blocks_or_flash_is_refused(offset: int, length: int) -> None:
    part = flash()
    with pytest.raises(FlashMisused):
        part.program(offset, bytes(length))
    assert part.sector(3) is None


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (4095, 2), (0, -1)])
def test_read_outside_is_refused(offset: int, length: int) -> None:
    with pytest.raises(FlashMisused):
        flash().read(offset, length)


@pytest.mark.parametrize("sector", [-1, 4])
def test_erase_outside_is_refused(sector: int) -> None:
    with pytest.raises(FlashMisused):
        flash().erase(sector)


def test_program_and_read_go_over_pages_and_sectors() -> None:
    part = flash()
    part.log = []
    data = bytes(range(200)) * 3
    part.program(900, data)
    assert part.read(900, 600) == data
    assert part.read(898, 604) == b"\xff\xff" + data + b"\xff\xff"
    assert part.log == [Program(900, data[:124]), Program(1024, data[124:])]
    assert part.read(0, 0) == b""
    assert part.read(4096, 0) == b""


def test_erase_clears_one_sector_and_counts() -> None:
    part = flash()
    part.log = []
    part.program(1000, bytes(48))
    part.erase(0)
    part.erase(0)
    assert part.erase_counts == (2, 0, 0, 0)
    assert part.sector(0) is None
    assert part.read(1024, 24) == bytes(24)
    assert part.log[-1] == Erase(0)


def test_sector_beyond_its_life_keeps_bits() -> None:
    part = flash(FlashLimits(erase_cycles=2))
    part.erase(1)
    part.erase(1)
    assert part.sector(1) is None
    part.erase(1)
    image = part.image()
    assert image.count(0xFF) == 4095
    assert sum(8 - byte.bit_count() for byte in image) == 1


def test_block_takes_so_many_programs_between_erases() -> None:
    part = flash(FlashLimits(programs_per_block=2))
    part.program(8, b"\xfe" * 4)
    part.program(4, b"\xfc" * 8)
    with pytest.raises(FlashMisused, match="2 programs"):
        part.program(8, b"\xfc" * 4)
    part.program(4, b"\xf8" * 4)
    part.erase(0)
    part.program(8, b"\xf0" * 4)
    assert part.read(8, 4) == b"\xf0" * 4


def test_rot_sets_programmed_bits_only_and_repeats_from_its_seed() -> None:
    def rotted(seed: int, probability: float) -> tuple[int, bytes]:
        part = NorFlash(GEOMETRY, stream=random.Random(seed))
        part.program(0, bytes(1024))
        return part.rot(probability), part.image()

    changed, image = rotted(7, 0.01)
    assert 40 < changed < 130  # 8,192 bits at one in a hundred.
    assert sum(byte.bit_count() for byte in image[:1024]) == changed
    assert image[1024:] == b"\xff" * 3072
    assert rotted(7, 0.01) == (changed, image)
    assert rotted(8, 0.01) != (changed, image)
    assert rotted(7, 0) == (0, bytes(1024) + b"\xff" * 3072)
    assert rotted(7, 1) == (8192, b"\xff" * 4096)


def test_unstable_bits_read_anew_after_each_power_up() -> None:
    part = flash()
    part.program(1024, bytes(8))
    part.unsettle(1, 0xFFFF << 8)
    seen = set()
    for _ in range(20):
        part.power_cycle()
        assert part.read(1024, 8)[:1] + part.read(1024, 8)[3:] == bytes(6)
        seen.add(part.read(1025, 2))
    assert len(seen) > 10


def test_unstable_bits_end_with_a_program_or_an_erase() -> None:
    part = flash(FlashLimits(refuses_setting_bits=False))
    part.program(1024, bytes(8))
    part.unsettle(1, 0xFFFF)
    part.program(1024, b"\x00\xff\xff\xff")
    for _ in range(10):
        part.power_cycle()
        assert part.read(1024, 1) == b"\x00"
    part.erase(1)
    part.power_cycle()
    assert part.sector(1) is None


def test_worn_part_without_a_stream_says_what_is_missing() -> None:
    part = NorFlash(GEOMETRY, limits=FlashLimits(erase_cycles=0))
    with pytest.raises(FlashMisused, match="random stream"):
        part.erase(0)


def test_image_loads_back_and_shows_what_is_erased() -> None:
    part = flash()
    part.program(2048, b"abcd")
    image = part.image()
    other = flash()
    other.load(image)
    assert other.snapshot() == part.snapshot()
    assert other.sector(0) is None
    assert other.image() == image
    with pytest.raises(FlashMisused, match="does not fit"):
        other.load(image + b"x")
    with pytest.raises(FlashMisused, match="does not fit"):
        other.restore(other.snapshot()[1:])


def test_clone_shares_contents_and_no_state() -> None:
    part = flash(FlashLimits(programs_per_block=1, refuses_setting_bits=False))
    part.program(0, b"abcd")
    part.unsettle(1, 1)
    twin = part.clone(random.Random(2))
    assert twin.sector(0) is part.sector(0)
    assert twin.log is None
    with pytest.raises(FlashMisused):
        twin.program(0, b"abcd")
    twin.erase(0)
    assert part.read(0, 4) == b"abcd"
    assert part.erase_counts == (0, 0, 0, 0)
    assert part.clone().read(0, 4) == b"abcd"


@pytest.mark.parametrize(
    ("size", "count", "block"), [(1024, 1, 3), (1024, 1, 0), (1022, 2, 4), (2, 2, 4), (1024, 0, 4)]
)
def test_geometry_that_no_part_has_is_refused(size: int, count: int, block: int) -> None:
    with pytest.raises(FlashMisused):
        FlashGeometry(sector_size=size, sector_count=count, write_block=block)


def test_erased_sectors_cost_no_memory() -> None:
    geometry = FlashGeometry(sector_size=4096, sector_count=16)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        parts = [NorFlash(geometry) for _ in range(100)]
        empty = (tracemalloc.get_traced_memory()[0] - before) / 100
        for part in parts:
            part.program(0, bytes(64))
            part.program(4088, bytes(8))
        used = (tracemalloc.get_traced_memory()[0] - before) / 100
    finally:
        tracemalloc.stop()
    assert empty < 1024
    assert used < 3072


@given(
    st.lists(
        st.tuples(st.integers(0, 63), st.binary(min_size=4, max_size=120), st.booleans()),
        max_size=30,
    )
)
def test_flash_agrees_with_a_plain_array(operations: list[tuple[int, bytes, bool]]) -> None:
    part = NorFlash(
        FlashGeometry(sector_size=300, sector_count=3),
        limits=FlashLimits(refuses_setting_bits=False),
    )
    plain = bytearray(b"\xff" * 900)
    for block, data, erases in operations:
        if erases:
            part.erase(block % 3)
            plain[block % 3 * 300 : block % 3 * 300 + 300] = b"\xff" * 300
            continue
        whole = data[: len(data) // 4 * 4]
        part.program(block * 4, whole)
        for place, byte in enumerate(whole, block * 4):
            plain[place] &= byte
    assert part.image() == plain
    assert all(sector_bytes(part.sector(n), 300) == plain[n * 300 :][:300] for n in range(3))


def test_pages_hold_the_bytes_of_a_sector() -> None:
    raw = bytes(range(256)) * 4
    assert sector_bytes(pages_of(raw), 1024) == raw
    assert pages_of(b"\xff" * 1024) is None
    assert sector_bytes(None, 16) == b"\xff" * 16
