from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.flash.errors import (
    FlashMisused,
    NvsDataDamaged,
    NvsEraseFailed,
    NvsFull,
    NvsItemTooLong,
    NvsUnmountable,
)
from firmware_sim.flash.nor import FlashGeometry, FlashLimits, NorFlash
from firmware_sim.flash.nvs import Nvs, WritePosition
from firmware_sim.flash.nvs_entry import decode_entry, encode_entry, stored_id
from firmware_sim.flash.nvs_promise import NvsWrite, record_nvs
from firmware_sim.flash.nvs_settings import Generation, NvsSettings, Recovery
from firmware_sim.flash.power_cut import Cut, Violation, ViolationKind
from firmware_sim.flash.torn import UNTOUCHED
from protocols.wire.layout import codec

GEOMETRY = FlashGeometry(sector_size=1024, sector_count=3)
PLAIN = NvsSettings(data_crc=False)


def test_entry_has_generated_code_and_its_own_checksum() -> None:
    raw = encode_entry(0x1234, 0x20, 13)
    assert raw[:7].hex() == "341220000d00ff"
    entry = decode_entry(raw)
    assert entry is not None
    assert codec(type(entry)).source
    assert (entry.item_id, entry.offset, entry.length, entry.part) == (0x1234, 0x20, 13, 0xFF)
    assert stored_id(raw) == 0x1234
    assert decode_entry(raw[:6] + b"\xfe" + raw[7:]) is None
    assert decode_entry(b"\xff" * 8) is None


def test_items_are_read_back_replaced_and_deleted() -> None:
    nvs = Nvs(NorFlash(GEOMETRY))
    assert nvs.read(1) is None
    assert nvs.write(1, b"first") == 5
    assert nvs.write(1, b"first") == 0
    assert nvs.write(1, b"other") == 5
    assert nvs.write(2, b"two") == 3
    nvs.delete(1)
    nvs.delete(1)
    nvs.delete(3)
    assert nvs.read(1) is None
    assert nvs.contents() == {2: b"two"}
    assert nvs.settings == NvsSettings()


def test_special_id_is_an_item_like_any_other() -> None:
    flash = NorFlash(GEOMETRY)
    nvs = Nvs(flash, PLAIN)
    nvs.write(0xFFFF, b"abc")
    assert nvs.read(0xFFFF) == b"abc"
    assert Nvs(flash, PLAIN).read(0xFFFF) == b"abc"


@pytest.mark.parametrize("generation", Generation)
@pytest.mark.parametrize("data_crc", [True, False])
def test_longest_item_fits_and_one_byte_more_does_not(
    *, generation: Generation, data_crc: bool
) -> None:
    nvs = Nvs(NorFlash(GEOMETRY), NvsSettings(generation=generation, data_crc=data_crc))
    assert nvs.length_max == 1024 - 32 - 4 * data_crc
    with pytest.raises(NvsItemTooLong):
        nvs.write(1, bytes(nvs.length_max + 1))
    for step in range(5):
        data = bytes([step]) * nvs.length_max
        nvs.write(1, data)
        assert nvs.read(1) == data


def test_full_area_says_so_and_keeps_what_it_holds() -> None:
    flash = NorFlash(GEOMETRY)
    nvs = Nvs(flash)
    for item_id in range(1, 31):
        nvs.write(item_id, bytes([item_id]) * 48)
    held = nvs.contents()
    assert len(held) == 30
    with pytest.raises(NvsFull) as full:
        nvs.write(31, bytes(200))
    assert full.value.code == -28
    assert nvs.contents() == held
    assert Nvs(flash).contents() == held


def test_area_may_be_a_part_of_the_flash() -> None:
    flash = NorFlash(FlashGeometry(sector_size=1024, sector_count=6))
    flash.program(0, b"boot")
    nvs = Nvs(flash, first_sector=1, sector_count=3)
    for step in range(200):
        nvs.write(step % 5, bytes([step]) * 40)
    assert flash.read(0, 1024) == b"boot" + b"\xff" * 1020
    assert flash.read(4096, 2048) == b"\xff" * 2048
    assert flash.erase_counts[0] == 0
    assert all(flash.erase_counts[1:4])
    assert Nvs(flash, first_sector=1, sector_count=3).contents() == nvs.contents()


@pytest.mark.parametrize(
    ("size", "count", "block", "area"),
    [(1024, 3, 4, 1), (1024, 3, 4, 4), (1 << 17, 2, 4, 2), (1024, 2, 64, 2)],
)
def test_area_that_zephyr_would_not_take_is_refused(
    size: int, count: int, block: int, area: int
) -> None:
    geometry = FlashGeometry(sector_size=size, sector_count=count, write_block=block)
    with pytest.raises(FlashMisused):
        Nvs(NorFlash(geometry), sector_count=area)


def closed_everywhere() -> NorFlash:
    flash = NorFlash(GEOMETRY)
    for sector in range(3):
        flash.program(sector * 1024 + 1016, encode_entry(0xFFFF, 1008, 0))
    return flash


def test_area_without_an_open_sector_is_refused_or_wiped() -> None:
    with pytest.raises(NvsUnmountable, match="every sector is closed") as refused:
        Nvs(closed_everywhere())
    assert refused.value.code == -45
    flash = closed_everywhere()
    nvs = Nvs(flash, NvsSettings(erases_bad_area=True))
    assert flash.erase_counts == (1, 1, 1)
    nvs.write(1, b"x")
    assert nvs.read(1) == b"x"


def test_entry_that_overlaps_its_own_data_is_refused() -> None:
    flash = NorFlash(GEOMETRY)
    flash.program(1008, encode_entry(1, 0, 1008))
    with pytest.raises(NvsUnmountable, match="no room") as refused:
        Nvs(flash, PLAIN)
    assert refused.value.code == -29


def test_rotten_data_are_refused_where_there_is_a_crc() -> None:
    flash = NorFlash(GEOMETRY)
    Nvs(flash).write(7, b"\x00secret")
    flash.rewrite(0, b"\x01" + flash.read(1, 1023))
    nvs = Nvs(flash)
    with pytest.raises(NvsDataDamaged) as refused:
        nvs.read(7)
    assert refused.value.item_id == 7
    assert "secret" not in str(refused.value)
    assert nvs.contents() == {7: None}
    nvs.write(7, b"\x00secret")
    assert nvs.read(7) == b"\x00secret"


def test_entry_that_rots_under_a_mounted_area_leaves_the_one_before() -> None:
    flash = NorFlash(GEOMETRY)
    nvs = Nvs(flash, PLAIN)
    nvs.write(7, b"old!")
    nvs.write(7, b"new!")
    at = nvs.entry_position.offset + 8
    raw = flash.read(0, 1024)
    flash.rewrite(0, raw[:at] + b"\x08" + raw[at + 1 :])
    assert nvs.read(7) == b"old!"
    assert Nvs(flash, PLAIN).read(7) == b"old!"


def test_item_shorter_than_its_crc_reads_as_none() -> None:
    flash = NorFlash(GEOMETRY)
    Nvs(flash, PLAIN).write(7, b"abc")
    nvs = Nvs(flash)
    assert nvs.read(7) is None
    assert nvs.contents() == {}


def test_worn_out_sector_ends_the_write() -> None:
    limits = FlashLimits(erase_cycles=2)
    nvs = Nvs(NorFlash(GEOMETRY, limits=limits, stream=random.Random(1)))

    def wear() -> None:
        for step in range(10_000):
            nvs.write(1, step.to_bytes(4, "big") * 10)

    with pytest.raises(NvsEraseFailed) as failed:
        wear()
    assert nvs.flash.erase_counts[failed.value.sector] == 3


def test_no_block_is_programmed_twice_between_erases() -> None:
    limits = FlashLimits(programs_per_block=1)
    for generation in Generation:
        nvs = Nvs(NorFlash(GEOMETRY, limits=limits), NvsSettings(generation=generation))
        for step in range(400):
            nvs.write(step % 9, bytes([step % 251]) * (step % 60))
        assert max(nvs.flash.erase_counts) > 2


def test_deletes_never_cross_the_start_of_a_sector() -> None:
    flash = NorFlash(FlashGeometry(sector_size=128, sector_count=2))
    nvs = Nvs(flash)
    for step in range(60):
        nvs.write(1, bytes([step]))
        nvs.delete(1)
    assert Nvs(flash).contents() == {}


def test_sector_that_is_full_of_entries_is_closed_next() -> None:
    """Trees before 2026 used the slot at offset 0; such an image mounts."""
    flash = NorFlash(FlashGeometry(sector_size=128, sector_count=2))
    for at in range(112, -1, -8):
        flash.program(at, encode_entry(1, 0, 0))
    nvs = Nvs(flash)
    assert nvs.entry_position == WritePosition(0, -8)
    nvs.write(2, b"two")
    assert Nvs(flash).contents() == {2: b"two"}


def test_data_without_an_entry_are_erased_or_stepped_over() -> None:
    flash = NorFlash(GEOMETRY)
    flash.program(0, b"torn")
    nvs = Nvs(flash)
    assert flash.erase_counts == (1, 0, 0)
    assert flash.read(0, 4) == b"\xff" * 4
    nvs.write(1, b"kept")
    flash.program(nvs.data_position.offset, b"torn")
    again = Nvs(flash)
    assert again.data_position == WritePosition(0, nvs.data_position.offset + 4)
    assert again.contents() == {1: b"kept"}


def test_torn_data_that_look_like_an_entry_are_no_entry_to_the_settled_recovery() -> None:
    flash = NorFlash(GEOMETRY)
    nvs = Nvs(flash)
    nvs.write(1, b"kept")
    # It says: item 7 was deleted when the data ended at 0. They end at 8 already.
    flash.program(nvs.data_position.offset, encode_entry(7, 0, 0))
    held = flash.snapshot()
    again = Nvs(flash)
    assert again.entry_position == nvs.entry_position
    assert again.data_position == WritePosition(0, nvs.data_position.offset + 8)
    again.settle_newest()
    again.write(2, b"more")
    assert Nvs(flash).contents() == {1: b"kept", 2: b"more"}
    # Zephyr takes it for the newest: the sector is full then, down to what is kept at its start.
    flash.restore(held)
    taken_in = Nvs(flash, NvsSettings(recovery=Recovery.FIXED))
    assert taken_in.entry_position == WritePosition(0, -8)


def test_settled_recovery_programs_a_torn_close_entry_once_more() -> None:
    def torn() -> NorFlash:
        flash = NorFlash(GEOMETRY)
        nvs = Nvs(flash, PLAIN)
        nvs.write(1, b"data")
        close = encode_entry(0xFFFF, nvs.entry_position.offset + 8, 0)
        flash.program(1016, close[:4] + b"\xff" * 4)
        return flash

    fixed, settled = torn(), torn()
    Nvs(fixed, NvsSettings(recovery=Recovery.FIXED, data_crc=False))
    assert fixed.read(1020, 4) == b"\xff" * 4
    nvs = Nvs(settled, PLAIN)
    assert settled.read(1020, 4) != b"\xff" * 4
    assert nvs.contents() == {1: b"data"}


def test_close_entry_that_points_nowhere_is_not_trusted() -> None:
    flash = NorFlash(GEOMETRY)
    Nvs(flash, PLAIN).write(1, b"data")
    flash.program(1016, encode_entry(0xFFFF, 1001, 0))
    assert Nvs(flash, PLAIN).contents() == {1: b"data"}


def test_promise_names_what_is_broken() -> None:
    flash = NorFlash(GEOMETRY)
    writes = [NvsWrite(1, b"one"), NvsWrite(2, b"two"), NvsWrite(2), NvsWrite(1, b"new")]
    _, promise = record_nvs(flash, writes)
    nvs = Nvs(flash)
    assert list(promise.check(nvs, Cut(0, UNTOUCHED, 4))) == []
    assert list(promise.check_and_write_on(nvs, Cut(0, UNTOUCHED, 3))) == []
    nvs.write(1, b"old")
    nvs.write(2, b"two")
    found = list(promise.check(nvs, Cut(0, UNTOUCHED, 4)))
    assert found == [
        Violation(ViolationKind.CHANGED, "item 0x0001"),
        Violation(ViolationKind.RETURNED, "item 0x0002"),
    ]
    nvs.delete(1)
    nvs.delete(2)
    assert list(promise.check_and_write_on(nvs, Cut(0, UNTOUCHED, 4))) == [
        Violation(ViolationKind.LOST, "item 0x0001")
    ]


def test_promise_of_a_full_area_stays_as_it_was() -> None:
    flash = NorFlash(FlashGeometry(sector_size=128, sector_count=2))
    writes = [NvsWrite(item_id, b"sixteen bytes...") for item_id in range(1, 12)]
    _, promise = record_nvs(flash, writes)
    assert promise.states[-1] == promise.states[-2] == Nvs(flash).contents()


@given(st.binary(min_size=1024 * 3, max_size=1024 * 3))
def test_mounting_any_bytes_ends_and_raises_only_the_tree(image: bytes) -> None:
    flash = NorFlash(GEOMETRY, limits=FlashLimits(refuses_setting_bits=False))
    flash.load(image)
    try:
        Nvs(flash).contents()
    except NvsUnmountable:
        return


def test_damaged_images_mount_or_are_refused() -> None:
    flash = NorFlash(GEOMETRY)
    nvs = Nvs(flash)
    for step in range(150):
        nvs.write(step % 7, bytes([step]) * (step % 30))
    image = flash.image()
    stream = random.Random(5)
    for _ in range(300):
        damaged = bytearray(image)
        for _ in range(stream.randrange(1, 30)):
            damaged[stream.randrange(len(image))] = stream.choice((0, 0xFF, stream.randrange(256)))
        part = NorFlash(GEOMETRY, limits=FlashLimits(refuses_setting_bits=False))
        part.load(bytes(damaged))
        try:
            found = Nvs(part)
        except NvsUnmountable:
            continue
        assert found.free_space() <= 2 * (1024 - 16)
        assert found.contents() == Nvs(part).contents()
