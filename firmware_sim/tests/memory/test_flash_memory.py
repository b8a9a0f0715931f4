"""Memory on flash: what it holds, what comes back after power, and what it has no room for."""

from __future__ import annotations

import contextlib
import dataclasses
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.errors import BrownOut, MemoryFull, RecordTooLong
from firmware_sim.flash.errors import FlashMisused, NvsFull, NvsUnmountable
from firmware_sim.flash.nor import NorFlash, Operation
from firmware_sim.flash.nvs import Nvs
from firmware_sim.flash.nvs_settings import Generation, NvsSettings
from firmware_sim.memory.flash_file import new_memory
from firmware_sim.memory.flash_map import FlashArea, FlashMap
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.interface import Change, Interruption
from firmware_sim.memory.lock_image import open_lock_image
from firmware_sim.memory.records import Record
from firmware_sim.tests.memory.samples import (
    FRESH,
    FULL,
    SMALL,
    content_of,
    entries,
    factory,
    log,
    pin,
    user,
    write,
)
from protocols.doorlock.digest import TOMBSTONE_DIGEST, RecordKey, memory_digest
from protocols.doorlock.vocabulary import RecordKind


def make(log_capacity: int = 40) -> FlashMemory:
    return new_memory(factory(log_capacity=log_capacity), FRESH)


def again(memory: FlashMemory) -> FlashMemory:
    """Another lock with the same flash and hardware."""
    return FlashMemory(
        memory.flash.clone(), memory.flash_map, FRESH, log_capacity=memory.log_capacity
    )


def test_records_come_in_key_order_after_any_key() -> None:
    memory = make()
    write(memory, pin(2), user(3), user(1))
    write(memory, pin(1, b"7777"))
    keys = [record.key for record in memory.records()]
    assert keys == sorted(keys)
    assert len(keys) == 4
    for at, key in enumerate(keys):
        assert [record.key for record in memory.records(key)] == keys[at + 1 :]
    # A key need not be there.
    assert [r.key for r in memory.records(RecordKey(RecordKind.USER, 2, 9))] == keys[1:]


def test_live_leaves_out_tombstones_and_other_kinds() -> None:
    memory = make()
    write(memory, user(1), user(2), pin(1))
    write(memory, Record.tombstone(user(2).key, 5))
    assert [record.key.index for record in memory.live(RecordKind.USER)] == [1]
    cleared = memory.record(user(2).key)
    assert cleared is not None
    assert (cleared.digest, cleared.revision) == (TOMBSTONE_DIGEST, 5)
    assert memory.record(RecordKey(RecordKind.USER, 7, 0)) is None


def test_digest_follows_every_change_of_a_record() -> None:
    memory = make()
    seen = {memory.digest()}
    for record in (user(1), user(1, 2), user(1, 2, "June"), Record.tombstone(user(1).key, 3)):
        write(memory, record)
        seen.add(memory.digest())
        assert memory.digest() == memory_digest(
            (item.key, item.revision, item.digest) for item in memory.records()
        )
    assert len(seen) == 5


def test_log_ring_keeps_the_newest_when_it_turns() -> None:
    memory = make(log_capacity=40)
    assert memory.log_chain == bytes(4)
    for _ in range(200):
        log(memory)
    # 50 records a sector, two sectors: what is told of never lies in one that is being erased.
    assert (memory.log_oldest_index, memory.log_next_index) == (160, 200)
    assert [record.index for record in memory.log_records(0, 100)] == list(range(160, 200))
    assert [record.index for record in memory.log_records(175, 2)] == [175, 176]
    assert memory.log_records(200, 5) == []
    assert memory.log_records(999, 5) == []


@pytest.mark.parametrize(("write_block", "kept"), [(4, 2244), (8, 1870), (16, 1397)])
def test_ring_keeps_at_any_time_what_a_profile_may_promise(write_block: int, kept: int) -> None:
    # The figures that `protocols.profiles.agreement` holds `log.capacity` against.
    memory = new_memory(factory(FlashMap(write_block=write_block), log_capacity=9_999), FRESH)
    fewest = 9_999
    for _ in range(300):
        log(memory, 17)
        if memory.log_oldest_index:
            fewest = min(fewest, memory.log_next_index - memory.log_oldest_index)
    assert kept <= fewest <= kept + 17


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 99, 100, 101, 175])
def test_log_comes_back_after_power_at_every_fill(count: int) -> None:
    memory = make()
    for _ in range(count):
        log(memory)
    assert content_of(again(memory)) == content_of(memory)
    assert again(memory).log_chain == memory.log_chain


def test_state_comes_back_its_hardware_part_beside_the_flash() -> None:
    memory = make()
    memory.commit(Change(state=FULL))
    found = again(memory).state
    assert found == dataclasses.replace(FULL, clock=FRESH.clock, bolt=FRESH.bolt, is_powered=True)


def test_offset_from_utc_lies_in_flash() -> None:
    memory = make()
    clock = dataclasses.replace(FRESH.clock, utc_offset_min=60)
    memory.commit(Change(state=dataclasses.replace(FRESH, clock=clock)))
    assert again(memory).state.clock.utc_offset_min == 60


def test_state_that_did_not_change_is_not_written() -> None:
    memory = make()
    memory.commit(Change(state=FULL))
    before = memory.flash.snapshot()
    memory.commit(Change(state=dataclasses.replace(FULL, is_powered=True, news_index=7)))
    assert memory.flash.snapshot() == before


def test_news_are_worked_out_from_the_log() -> None:
    memory = make()
    log(memory, 3)
    assert again(memory).state.news_index == 3


changes = st.lists(
    st.one_of(
        st.builds(user, st.integers(1, 5), st.integers(1, 9), st.text(max_size=5)).map(
            lambda record: Change(records=(record,))
        ),
        st.builds(pin, st.integers(1, 5), st.just(b"4711"), st.integers(1, 9)).map(
            lambda record: Change(records=(record, Record.tombstone(user(6).key, 1)))
        ),
        st.integers(1, 60),
        st.just(Change(state=FULL)),
    ),
    max_size=25,
)


@given(changes)
def test_flash_alone_gives_the_same_memory_again(steps: list[Change | int]) -> None:
    memory = make()
    for step in steps:
        memory.commit(Change(log=entries(memory, step)) if isinstance(step, int) else step)
    found = again(memory)
    found.state = dataclasses.replace(
        found.state,
        bolt=memory.state.bolt,
        is_powered=memory.state.is_powered,
        news_index=memory.state.news_index,
    )
    assert content_of(found) == content_of(memory)
    assert found.damaged_count == 0
    assert (found._used_bytes, found._next_id) == (memory._used_bytes, memory._next_id)


def test_full_flash_refuses_another_record_and_still_takes_all_else() -> None:
    memory = make()
    taken = fill(memory)
    assert taken > 100
    before = content_of(memory)
    with pytest.raises(MemoryFull):
        write(memory, pin(taken + 1, b"999999"))
    assert content_of(memory) == before
    # Replacing, clearing, counting and logging need no more room than there is.
    for turn in range(1, 200):
        write(memory, pin(turn % taken + 1, b"%06d" % (turn % 10), revision=turn + 1))
        memory.commit(Change(log=entries(memory), state=FULL if turn % 2 else FRESH))
    write(memory, *(Record.tombstone(pin(slot).key, 1_000) for slot in range(1, 13)))
    assert content_of(again(memory))[0] == list(memory.records())
    # What was cleared makes room.
    write(memory, pin(taken + 1, b"999999"))


def fill(memory: FlashMemory) -> int:
    """Write PINs until there is no room; gives how many."""
    for slot in range(1, 1_000):
        try:
            write(memory, pin(slot, b"%06d" % slot))
        except MemoryFull:
            return slot - 1
    raise AssertionError("endless room")


def test_record_longer_than_its_layout_is_refused() -> None:
    memory = make()
    write(memory, pin(1, b"1" * 34))
    with pytest.raises(RecordTooLong, match="a record of 49 bytes is longer than 48"):
        write(memory, pin(1, b"1" * 35, revision=2))
    assert [record.revision for record in memory.records()] == [1]
    # The longest name that a profile may allow fits.
    write(memory, user(1, name="n" * 34))
    with pytest.raises(RecordTooLong):
        write(memory, user(1, 2, name="n" * 35))


def test_lock_of_five_hundred_slots_fits_the_usual_flash() -> None:
    memory = new_memory(factory(FlashMap(), log_capacity=2048), FRESH)
    for slot in range(1, 501):
        write(memory, user(slot, name="0123456789"), pin(slot, b"%07d" % slot))
    assert len(list(again(memory).live(RecordKind.CREDENTIAL))) == 500


def test_damaged_record_is_left_out_and_counted() -> None:
    memory = make()
    write(memory, pin(1, b"4711"))
    offset = memory.flash.image().index(b"4711")
    memory.flash.clear_bits(offset, b"\x30")
    found = again(memory)
    assert (list(found.records()), found.damaged_count) == ([], 1)
    # Its slot is written anew, not taken for another's.
    write(found, pin(1, b"4711", revision=2), pin(2, b"4712"))
    assert [record.key.index for record in again(found).records()] == [1, 2]


def test_image_of_another_moment_brings_that_moment_back() -> None:
    memory = make()
    write(memory, pin(1))
    image = memory.flash.image()
    write(memory, Record.tombstone(pin(1).key, 2))
    memory.load(0, image)
    assert [record.content is None for record in memory.records()] == [False]
    area = SMALL.size(FlashArea.NVS)
    memory.load(0, b"\xff" * area)
    assert list(memory.records()) == []


def test_image_that_no_lock_comes_up_from_is_refused_and_changes_nothing() -> None:
    memory = make()
    write(memory, pin(1))
    before = content_of(memory)
    with pytest.raises(NvsUnmountable):
        memory.load(0, bytes(SMALL.size(FlashArea.NVS)))
    with pytest.raises(FlashMisused):
        memory.load(0, bytes(1_000))
    with pytest.raises(FlashMisused):
        memory.load(SMALL.geometry.size, bytes(1_024))
    assert content_of(memory) == before
    write(memory, pin(2, b"8888"))


def test_power_that_goes_in_a_write_leaves_it_done_or_undone() -> None:
    for cut in range(12):
        memory = make()
        write(memory, user(1), pin(1))
        memory.interrupt = lambda operations, cut=cut: (
            Interruption(cut, leave_nothing) if cut < len(operations) else None
        )
        both = (user(1, 2, "June"), Record.tombstone(pin(1).key, 2))
        try:
            write(memory, *both)
        except BrownOut:
            memory.power_cycle()
        revisions = [record.revision for record in memory.records()]
        assert revisions in ([1, 1], [2, 2])
        assert content_of(again(memory))[0] == list(memory.records())


def test_record_that_reads_as_an_entry_takes_no_other_along_when_its_write_is_cut() -> None:
    # The first eight bytes of this user are a valid NVS entry: of item 0x0101, 768 bytes long.
    lookalike = user(27, 3, "")
    memory = new_memory(factory(FlashMap()), FRESH)
    write(memory, pin(1), pin(2, b"7777"), pin(3, b"98765432"))
    for turn in range(2, 59):
        write(memory, pin(4, b"%08d" % turn, revision=turn))
    memory.interrupt = lambda _operations: Interruption(1, leave_nothing)
    with pytest.raises(BrownOut):
        write(memory, lookalike)
    torn = memory.flash.image().index(bytes.fromhex("01011b0000030000"))
    assert torn > 27 + 768
    assert torn % 8 == 0
    memory.power_cycle()
    assert [record.key.index for record in memory.records()] == [1, 2, 3, 4]
    assert memory.damaged_count == 0


@pytest.mark.parametrize("batch", [b"\x01", b"\x00\x01\x05ab", b"\x00\x01\x01a\x01\x01"])
def test_batch_that_is_none_is_left_alone(batch: bytes) -> None:
    """Firmware of others keeps something else under the id of a lock's batch."""
    memory = make()
    write(memory, user(1))
    foreign = Nvs(memory.flash, sector_count=SMALL.sector_count(FlashArea.NVS))
    foreign.write(0x0001, batch)
    found = again(memory)
    assert list(found.records()) == [user(1)]
    assert found.damaged_count == 0
    write(found, user(2), pin(2))
    assert [record.key.index for record in again(found).records()] == [1, 2, 2]


def test_torn_data_behind_a_finished_collection_are_stepped_over() -> None:
    memory = make()
    write(memory, user(1))
    at, size = memory.flash.geometry.sector_size, memory.flash.geometry.sector_size
    image = bytearray(memory.flash.image()[: SMALL.size(FlashArea.NVS)])
    # Noise in the free room of the open sector, and a sector behind it that is still to be erased.
    image[size // 2 : size // 2 + 32] = bytes(32)
    image[at] = 0
    memory.load(0, bytes(image))
    for revision in range(2, 80):
        write(memory, user(1, revision))
        log(memory)
    assert [record.revision for record in again(memory).records()] == [79]


def test_change_that_is_longer_than_a_sector_is_refused_and_changes_nothing() -> None:
    small = FlashMap(nvs_bytes=2_560, audit_bytes=512, meta_bytes=256, sector_bytes=256)
    memory = new_memory(factory(small), FRESH)
    write(memory, user(1))
    before = content_of(memory)
    with pytest.raises(MemoryFull):
        write(memory, *(user(index, name="n" * 20) for index in range(2, 12)))
    assert content_of(memory) == before
    write(memory, user(2))


def filled_by_a_packing_collector(flash_map: FlashMap) -> bytes:
    """An image of a whole flash whose NVS takes no more."""
    count = flash_map.sector_count(FlashArea.NVS)
    nvs = Nvs(
        NorFlash(flash_map.geometry),
        NvsSettings(generation=Generation.PACKED),
        sector_count=count,
    )
    with contextlib.suppress(NvsFull):
        for item_id in range(0x200, 0xFFFF):
            nvs.write(item_id, b"x")
            nvs.write(0x1FF, item_id.to_bytes(5, "little"))
    return nvs.flash.image()


def test_image_that_another_collector_has_filled_is_full_and_stays_as_it_is() -> None:
    # Packed copies lie back to back; aligned ones of the same items need more than the sector.
    small = FlashMap(nvs_bytes=1_536, audit_bytes=1_024, meta_bytes=512, sector_bytes=512)
    memory = new_memory(factory(small), FRESH)
    memory.load(0, filled_by_a_packing_collector(small))
    refused = 0
    for turn in range(60):
        before = content_of(memory), memory.flash.image()
        try:
            memory.commit(Change(state=dataclasses.replace(memory.state, wrong_codes=turn)))
        except MemoryFull:
            refused += 1
            assert (content_of(memory), memory.flash.image()) == before
    assert refused


@pytest.mark.parametrize(("sequence", "index"), [(0xFFFF_FFFF, 0), (0, 0xFFFF_FFFF)])
def test_ring_that_has_no_number_left_is_none(sequence: int, index: int) -> None:
    memory = make()
    head = struct.pack("<II4s", sequence, index, bytes(4))
    ring = bytearray(b"\xff" * SMALL.size(FlashArea.AUDIT))
    at = sequence % SMALL.sector_count(FlashArea.AUDIT) * SMALL.sector_bytes
    ring[at : at + 16] = head + struct.pack("<I", zlib.crc32(head))
    memory.load(SMALL.offset(FlashArea.AUDIT), bytes(ring))
    for _ in range(120):
        log(memory)
    assert again(memory).log_next_index == 120


def test_factory_record_is_found_in_sectors_of_any_size() -> None:
    odd = FlashMap(nvs_bytes=9_000, audit_bytes=6_000, meta_bytes=3_000, sector_bytes=3_000)
    memory = new_memory(factory(odd), FRESH)
    write(memory, pin(1))
    assert list(open_lock_image(memory.flash.image()).records()) == [pin(1)]


def leave_nothing(_flash: NorFlash, _operation: Operation) -> None:
    """Nothing of the interrupted operation came about."""


def test_repr_of_a_record_has_no_pin() -> None:
    assert "1234" not in repr(pin(1))
    assert "1234" not in repr(Change(records=(pin(1),)))
