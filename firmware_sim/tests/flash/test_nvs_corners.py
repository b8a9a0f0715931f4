"""Corners of Zephyr's NVS that its C code decides and no golden vector reaches."""

from __future__ import annotations

import pytest

from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.nvs import Nvs, WritePosition
from firmware_sim.flash.nvs_entry import decode_entry, encode_entry
from firmware_sim.flash.nvs_settings import Generation, NvsSettings, Recovery

GEOMETRY = FlashGeometry(sector_size=1024, sector_count=3)
PLAIN = NvsSettings(data_crc=False)
# Where the close entry and the first entry of a sector lie.
CLOSE_AT, FIRST_AT = 1016, 1008


def plain(recovery: Recovery) -> NvsSettings:
    return NvsSettings(recovery=recovery, data_crc=False)


def filled_to_the_reserved_slot(data: bytes) -> Nvs:
    """An area whose open sector has room for nothing but a delete; the data end with these."""
    nvs = Nvs(NorFlash(GEOMETRY), PLAIN)
    nvs.write(1, b"one")
    room = nvs.entry_position.offset - nvs.data_position.offset - 8
    nvs.write(2, data.rjust(room, b"\0"))
    assert nvs.entry_position.offset == nvs.data_position.offset
    return nvs


@pytest.mark.parametrize("recovery", Recovery)
def test_free_space_is_counted_from_the_bytes_in_the_next_slot(recovery: Recovery) -> None:
    # Behind a delete in the reserved slot the next one holds the end of somebody's data, and
    # `nvs_calc_free_space` takes its first two bytes for the id of a newer entry.
    free = {}
    for hidden in (1, 7):
        nvs = filled_to_the_reserved_slot(hidden.to_bytes(2, "little") + bytes(6))
        nvs.delete(3)
        nvs.write(2, b"")
        assert nvs.entry_position.offset < nvs.data_position.offset
        again = Nvs(nvs.flash, plain(recovery))
        assert again.contents() == {1: b"one"}
        free[hidden] = nvs.free_space()
        assert again.free_space() == free[hidden]
    # Two sectors of 1,008 bytes less the mark of the first mount, and less item 1 if it counts.
    assert free == {1: 2_008, 7: 2_008 - 12}


def test_free_space_counts_the_special_id_as_any_other_behind_a_full_sector() -> None:
    nvs = filled_to_the_reserved_slot(bytes(8))
    nvs.delete(2)
    # The slot behind is no longer erased, so it does not hide the mark of the first mount.
    assert nvs.free_space() == 2_008 - 12


@pytest.mark.parametrize("recovery", Recovery)
@pytest.mark.parametrize("sector", [0, 1])
def test_data_without_an_entry_are_erased_in_the_first_sector_only(
    sector: int, recovery: Recovery
) -> None:
    # `nvs_startup` compares a whole address with an offset in a sector.
    flash = NorFlash(GEOMETRY)
    if sector:
        flash.program(CLOSE_AT, encode_entry(0xFFFF, FIRST_AT, 0))
        flash.program(FIRST_AT, encode_entry(0xFFFF, 0, 0))
    flash.program(sector * 1024, b"torn")
    nvs = Nvs(flash, plain(recovery))
    assert nvs.entry_position == WritePosition(sector, FIRST_AT - 8)
    if sector:
        assert flash.erase_counts == (0, 0, 0)
        assert nvs.data_position == WritePosition(1, 4)
        assert flash.read(1024 + FIRST_AT, 8) == encode_entry(0xFFFF, 4, 0)
    else:
        assert flash.erase_counts == (1, 0, 0)
        assert nvs.data_position == WritePosition(0, 0)


def test_wiped_area_is_as_a_blank_one_whatever_was_in_it() -> None:
    flash = NorFlash(GEOMETRY)
    for start in range(0, 3 * 1024, 1024):
        flash.program(start, b"some")
        flash.program(start + FIRST_AT, encode_entry(1, 0, 4))
        flash.program(start + CLOSE_AT, encode_entry(0xFFFF, FIRST_AT, 0))
    nvs = Nvs(flash, NvsSettings(data_crc=False, erases_bad_area=True))
    blank = Nvs(NorFlash(GEOMETRY), PLAIN)
    assert flash.erase_counts == (1, 1, 1)
    assert flash.image() == blank.flash.image()
    assert nvs.contents() == {}
    assert (nvs.entry_position, nvs.data_position) == (blank.entry_position, blank.data_position)


@pytest.mark.parametrize("generation", Generation)
def test_copy_of_an_entry_keeps_its_unused_byte(generation: Generation) -> None:
    nvs = Nvs(NorFlash(GEOMETRY), NvsSettings(generation=generation, data_crc=False))
    nvs.write(1, b"one!")
    at = nvs.data_position.offset
    nvs.flash.program(at, b"two!")
    odd = encode_entry(2, at, 4, part=0x7F)
    nvs.flash.program(nvs.entry_position.offset, odd)
    nvs = Nvs(nvs.flash, nvs.settings)
    for turn in range(300):
        nvs.write(3, turn.to_bytes(8, "little"))
    assert nvs.read(2) == b"two!"
    assert sum(nvs.flash.erase_counts) > 3
    entries = [nvs.flash.image()[at : at + 8] for at in range(0, 3 * 1024, 8)]
    assert {entry[6] for entry in entries if entry[:2] == odd[:2] and decode_entry(entry)} == {
        0x7F
    }


# --- data that look like an entry -------------------------------------------------------------


def with_torn_data(lookalike: bytes) -> NorFlash:
    """An area in which the power went between an item's data and its entry."""
    nvs = Nvs(NorFlash(GEOMETRY), PLAIN)
    nvs.write(1, b"one!")
    nvs.write(2, b"two!")
    assert nvs.data_position.offset % 8 == 0
    nvs.flash.program(nvs.data_position.offset, bytes(8) + lookalike)
    return nvs.flash


@pytest.mark.parametrize(
    ("lookalike", "found"),
    [
        (encode_entry(1, 0, 0), {2: b"two!"}),
        (encode_entry(1, 4, 4), {1: b"two!", 2: b"two!"}),
        (encode_entry(1, 8, 0), {2: b"two!"}),
    ],
)
def test_settled_recovery_takes_no_data_for_an_entry(
    lookalike: bytes, found: dict[int, bytes]
) -> None:
    """The fifth finding, in every released Zephyr: data without an entry delete another item."""
    for recovery in (Recovery.STRICT, Recovery.FIXED):
        assert Nvs(with_torn_data(lookalike), plain(recovery)).contents() == found
    flash = with_torn_data(lookalike)
    nvs = Nvs(flash, PLAIN)
    assert nvs.contents() == {1: b"one!", 2: b"two!"}
    # What is torn is stepped over, and stays behind what is written next.
    assert nvs.data_position == WritePosition(0, 24)
    nvs.write(3, b"three")
    assert Nvs(flash, PLAIN).contents() == {1: b"one!", 2: b"two!", 3: b"three"}


def test_settled_recovery_of_a_closed_sector_takes_no_data_for_an_entry() -> None:
    flash = with_torn_data(encode_entry(1, 0, 0))
    # A close entry that was torn: the newest entry of its sector is searched for.
    flash.program(CLOSE_AT, b"\xff\xff\x00\x00" + b"\xff" * 4)
    assert Nvs(flash.clone(), plain(Recovery.FIXED)).contents() == {2: b"two!"}
    assert Nvs(flash, PLAIN).contents() == {1: b"one!", 2: b"two!"}
