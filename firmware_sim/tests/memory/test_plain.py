"""Plain memory, alone and over a state file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.errors import StateFileUnusable
from firmware_sim.hardware.battery import BatteryPack
from firmware_sim.hardware.bolt import Bolt
from firmware_sim.hardware.door import Door
from firmware_sim.hardware.rtc import RtcState
from firmware_sim.memory.interface import Change
from firmware_sim.memory.plain import PlainMemory, open_memory
from firmware_sim.memory.records import DeviceState, FirstUse, Record
from firmware_sim.memory.state_file import StateFile
from firmware_sim.memory.stored import decode_change, encode_change
from protocols.doorlock.digest import (
    TOMBSTONE_DIGEST,
    CredentialContent,
    RecordKey,
    UserContent,
    WeekDayContent,
    YearDayContent,
    memory_digest,
)
from protocols.doorlock.vocabulary import (
    BatteryLevel,
    ClockQuality,
    DoorState,
    LockState,
    LogEvent,
    OperationSource,
    RecordKind,
    UserStatus,
    UserType,
)
from protocols.errors import MalformedFrame
from protocols.strike.messages import LogRecord

CLOCK = RtcState(
    true_us=805_464_000_000_001,
    device_us=805_464_000_000_007,
    utc_offset_min=-300,
    quality=ClockQuality.HOLDOVER,
    is_running=False,
)
FRESH = DeviceState(clock=CLOCK)
FULL = DeviceState(
    clock=CLOCK,
    bolt=Bolt(
        position=LockState.UNLOCKED,
        operations=70_000,
        rests_at_us=805_464_000_000_005,
        is_blocked=True,
    ),
    is_powered=False,
    wrong_codes=4,
    lockouts=3,
    lockout_until_us=805_464_000_000_000,
    log_read_index=9,
    news_index=11,
    forgiven_codes=300,
    strict_until_us=805_464_000_000_001,
    first_uses=(
        FirstUse(user_index=3, credential_revision=70_000, used_s=805_464_000),
        FirstUse(user_index=500, credential_revision=1, used_s=0),
    ),
    told_door=DoorState.DOOR_AJAR,
    told_battery=BatteryLevel.CRITICAL,
    is_tamper_told=True,
    is_privacy_told=True,
    door=Door(opened_at_us=805_464_000_000_002),
    battery=BatteryPack(
        used_uah=2_000_000, since_us=805_464_000_000_003, jump_mv=9000, is_inserted=False
    ),
    is_escutcheon_off=True,
    is_privacy_thrown=True,
    relock_at_us=805_464_000_000_004,
)


def user(index: int, revision: int = 1, name: str = "Jane") -> Record:
    content = UserContent(
        user_status=UserStatus.OCCUPIED_ENABLED,
        user_type=UserType.UNRESTRICTED_USER,
        user_name=name,
    )
    return Record.of(RecordKey(RecordKind.USER, index, 0), revision, content)


def pin(index: int, code: bytes = b"1234", revision: int = 1) -> Record:
    content = CredentialContent(user_index=index, credential_data=code)
    return Record.of(RecordKey(RecordKind.CREDENTIAL, index, 1), revision, content)


def entry(index: int) -> LogRecord:
    return LogRecord(
        index=index,
        utc_s=index * 60,
        event=LogEvent.ACCESS_DENIED,
        source=OperationSource.KEYPAD,
        detail=0,
        clock_quality=ClockQuality.TRUSTED,
        user_index=0,
        credential_index=0,
        chain=index.to_bytes(4, "little"),
    )


def make(log_capacity: int = 8, journal: list[bytes] | None = None) -> PlainMemory:
    persist = None if journal is None else journal.append
    return PlainMemory(FRESH, log_capacity=log_capacity, persist=persist)


def state_file(path: Path) -> StateFile:
    return StateFile(path, device_id="lock-1", instant_ms=lambda: 1_752_148_800_000)


def content_of(memory: PlainMemory) -> tuple[object, ...]:
    return (
        list(memory.records()),
        memory.log_oldest_index,
        list(memory.log_records(0, 10_000)),
        memory.state,
        memory.digest(),
    )


@pytest.mark.parametrize(
    "change",
    [
        Change(),
        Change(state=FRESH),
        Change(state=FULL, log=(entry(0), entry(1))),
        Change(
            records=(
                user(1),
                pin(65_535, b"12345678", 0xFFFF_FFFF),
                Record.of(
                    RecordKey(RecordKind.YEAR_DAY_SCHEDULE, 1, 1),
                    2,
                    YearDayContent(start_s=5, end_s=0xFFFF_FFFF),
                ),
                Record.of(
                    RecordKey(RecordKind.WEEK_DAY_SCHEDULE, 1, 7),
                    3,
                    WeekDayContent(days_mask=0x7F, start_min=0, end_min=1440),
                ),
                Record.tombstone(RecordKey(RecordKind.USER, 9, 0), 4),
            )
        ),
    ],
)
def test_change_survives_its_bytes(change: Change) -> None:
    assert decode_change(encode_change(change)) == change


def test_bytes_that_are_no_change_are_refused() -> None:
    with pytest.raises(MalformedFrame):
        decode_change(b"\x05")


def test_records_come_in_key_order_after_any_key() -> None:
    memory = make()
    memory.commit(Change(records=(pin(2), user(3), user(1))))
    memory.commit(Change(records=(pin(1, b"7777"),)))
    keys = [record.key for record in memory.records()]
    assert keys == sorted(keys)
    assert len(keys) == 4
    for at, key in enumerate(keys):
        assert [record.key for record in memory.records(key)] == keys[at + 1 :]
    # A key need not be there.
    assert [r.key for r in memory.records(RecordKey(RecordKind.USER, 2, 9))] == keys[1:]


def test_live_leaves_out_tombstones_and_other_kinds() -> None:
    memory = make()
    memory.commit(Change(records=(user(1), user(2), pin(1))))
    memory.commit(Change(records=(Record.tombstone(user(2).key, 5),)))
    assert [record.key.index for record in memory.live(RecordKind.USER)] == [1]
    cleared = memory.record(user(2).key)
    assert cleared is not None
    assert cleared.digest == TOMBSTONE_DIGEST
    assert memory.record(RecordKey(RecordKind.USER, 7, 0)) is None


def test_digest_follows_every_change_of_a_record() -> None:
    memory = make()
    seen = {memory.digest()}
    for record in (user(1), user(1, 2), user(1, 2, "June"), Record.tombstone(user(1).key, 3)):
        memory.commit(Change(records=(record,)))
        seen.add(memory.digest())
        assert memory.digest() == memory_digest(
            (item.key, item.revision, item.digest) for item in memory.records()
        )
    assert len(seen) == 5


def test_log_ring_keeps_the_newest() -> None:
    memory = make(log_capacity=8)
    assert memory.log_chain == bytes(4)
    for index in range(20):
        memory.commit(Change(log=(entry(index),)))
        assert memory.log_chain == entry(index).chain
    assert (memory.log_oldest_index, memory.log_next_index) == (12, 20)
    assert [record.index for record in memory.log_records(0, 100)] == list(range(12, 20))
    assert memory.log_records(15, 2) == [entry(15), entry(16)]
    assert memory.log_records(20, 5) == []
    assert memory.log_records(99, 5) == []


def test_persist_comes_before_anything_is_visible() -> None:
    seen: list[int] = []

    def persist(_body: bytes) -> None:
        seen.append(sum(1 for _ in memory.records()))

    memory = PlainMemory(FRESH, log_capacity=8, persist=persist)
    memory.commit(Change(records=(user(1),)))
    memory.commit(Change(records=(user(2),)))
    assert seen == [0, 1]


def test_change_that_can_not_be_persisted_changes_nothing() -> None:
    def persist(_body: bytes) -> None:
        raise StateFileUnusable(Path("a"), "No space left on device")

    memory = PlainMemory(FRESH, log_capacity=8, persist=persist)
    before = content_of(memory)
    with pytest.raises(StateFileUnusable):
        memory.commit(Change(records=(user(1),), log=(entry(0),), state=FULL))
    assert content_of(memory) == before


changes = st.lists(
    st.one_of(
        st.builds(user, st.integers(1, 5), st.integers(1, 9), st.text(max_size=5)).map(
            lambda record: Change(records=(record,))
        ),
        st.builds(pin, st.integers(1, 5), st.just(b"4711"), st.integers(1, 9)).map(
            lambda record: Change(records=(record, Record.tombstone(user(6).key, 1)))
        ),
        st.integers(1, 6),
        st.just(Change(state=FULL)),
    ),
    max_size=25,
)


@given(changes, st.integers(1, 8))
def test_journal_and_snapshot_both_give_the_same_memory_again(
    steps: list[Change | int], log_capacity: int
) -> None:
    journal: list[bytes] = []
    memory = make(log_capacity, journal)
    for step in steps:
        if isinstance(step, int):
            first = memory.log_next_index
            memory.commit(Change(log=tuple(entry(first + offset) for offset in range(step))))
        else:
            memory.commit(step)
    for bodies in (journal, list(memory.snapshot())):
        again = make(log_capacity)
        for body in bodies:
            again.replay(decode_change(body))
        assert content_of(again) == content_of(memory)


def test_snapshot_of_a_large_memory_fits_its_changes() -> None:
    memory = make(log_capacity=2048)
    for index in range(1, 501):
        memory.commit(Change(records=(user(index), pin(index))))
    for index in range(5_000):
        memory.commit(Change(log=(entry(index),)))
    again = make(log_capacity=2048)
    for body in memory.snapshot():
        again.replay(decode_change(body))
    assert content_of(again) == content_of(memory)


def test_new_device_is_on_disk_before_anything_happens(tmp_path: Path) -> None:
    open_memory(state_file(tmp_path / "a"), FULL, log_capacity=8)
    again = open_memory(state_file(tmp_path / "a"), FRESH, log_capacity=8)
    assert again.state == FULL


def test_memory_after_kill_at_every_byte_holds_every_answered_change_and_no_half(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a"
    memory = open_memory(state_file(path), FRESH, log_capacity=8)
    answered = [(path.stat().st_size, content_of(memory))]
    for index in range(1, 5):
        memory.commit(Change(records=(user(index), pin(index, b"%d" % (4000 + index)))))
        answered.append((path.stat().st_size, content_of(memory)))
        memory.commit(Change(log=(entry(index - 1),), state=FULL))
        answered.append((path.stat().st_size, content_of(memory)))
    data = path.read_bytes()
    for length in range(answered[0][0], len(data) + 1):
        path.write_bytes(data[:length])
        expected = [content for size, content in answered if size <= length][-1]
        again = open_memory(state_file(path), FRESH, log_capacity=8)
        assert content_of(again) == expected


def test_journal_is_compacted_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    memory = open_memory(state_file(path), FRESH, log_capacity=16)
    for index in range(1_000):
        memory.commit(Change(records=(user(1, index + 1),), log=(entry(index),), state=FULL))
    assert path.stat().st_size < 67_000
    again = open_memory(state_file(path), FRESH, log_capacity=16)
    assert content_of(again) == content_of(memory)


def test_larger_or_smaller_log_than_before_keeps_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "a"
    memory = open_memory(state_file(path), FRESH, log_capacity=8)
    for index in range(13):
        memory.commit(Change(log=(entry(index),)))
    smaller = open_memory(state_file(path), FRESH, log_capacity=3)
    assert [record.index for record in smaller.log_records(0, 99)] == [10, 11, 12]
    larger = open_memory(state_file(path), FRESH, log_capacity=100)
    assert larger.log_records(0, 99)[-1] == entry(12)


@pytest.mark.parametrize("body", [b"\x05", b"\x01\x09\x01\x00\x00\x01\x00\x00\x00\x01A\x00\x00"])
def test_change_of_another_version_names_the_file(tmp_path: Path, body: bytes) -> None:
    file = state_file(tmp_path / "a")
    file.replace([body])
    with pytest.raises(StateFileUnusable, match="can't read"):
        open_memory(state_file(tmp_path / "a"), FRESH, log_capacity=8)


def test_repr_of_a_record_has_no_pin() -> None:
    assert "1234" not in repr(pin(1))
    assert "1234" not in repr(Change(records=(pin(1),)))


@settings(max_examples=20)
@given(st.binary(max_size=64))
def test_any_bytes_are_a_change_or_a_clear_error(body: bytes) -> None:
    try:
        change = decode_change(body)
    except (MalformedFrame, KeyError):
        return
    assert encode_change(change) == body
