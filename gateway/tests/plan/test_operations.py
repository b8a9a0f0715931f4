from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plan.entry import Confirmed, DesiredEntry, Phase, Scheduling, desired_phase
from gateway.plan.memory import diff
from gateway.plan.operations import (
    ClearCredential,
    EnableUser,
    ExpectedRecord,
    WriteCredential,
    WriteUser,
    WriteYearDay,
    clear_revision,
    expected_records,
    is_overtaken,
    next_revision,
    operations,
)
from gateway.tests.access.fake_lock import FakeLock
from gateway.tests.plan import strategies as make
from gateway.tests.plan.strategies import DAY_MS, NOON_MS, PROFILES
from protocols.doorlock.digest import TOMBSTONE_DIGEST, RecordKey
from protocols.doorlock.vocabulary import CredentialType, RecordKind, UserType

NATIVE = PROFILES["latch-m"]
START_MS = NOON_MS + DAY_MS


def an_entry(scheduling: Scheduling, **changes: object) -> DesiredEntry:
    entry = DesiredEntry(
        entry_id="e1",
        device_id="d1",
        slot=7,
        revision=5,
        code="1234567",
        user_name="Jane",
        scheduling=scheduling,
        starts_at_ms=START_MS,
        ends_at_ms=START_MS + DAY_MS,
        program_at_ms=NOON_MS,
        remove_at_ms=START_MS + DAY_MS,
    )
    return dataclasses.replace(entry, **changes)  # type: ignore[arg-type] # fields by name


def kinds(found: tuple[object, ...]) -> list[tuple[str, int]]:
    return [(type(one).__name__, one.revision) for one in found]  # type: ignore[attr-defined] # operations


def test_operations_when_native_is_new_then_user_schedule_credential() -> None:
    found = operations(an_entry(Scheduling.NATIVE), Confirmed(), Phase.STORED, NATIVE)
    assert kinds(found) == [("WriteUser", 5), ("WriteYearDay", 5), ("WriteCredential", 5)]
    user, window, credential = found
    assert isinstance(user, WriteUser)
    assert user.user_type is UserType.YEAR_DAY_SCHEDULE_USER
    assert user.is_enabled
    assert isinstance(window, WriteYearDay)
    assert window.end_s - window.start_s == DAY_MS // 1000
    assert isinstance(credential, WriteCredential)
    assert "1234567" not in repr(credential)


def test_operations_when_just_in_time_then_disabled_enabled_cleared() -> None:
    entry = an_entry(Scheduling.JUST_IN_TIME)
    written = operations(entry, Confirmed(), Phase.DISABLED, NATIVE)
    assert kinds(written) == [("WriteUser", 5), ("WriteCredential", 5)]
    assert isinstance(written[0], WriteUser)
    assert not written[0].is_enabled
    enabled = operations(entry, Confirmed(Phase.DISABLED, 5), Phase.ENABLED, NATIVE)
    assert kinds(enabled) == [("EnableUser", 6)]
    assert isinstance(enabled[0], EnableUser)
    assert enabled[0].user_type is UserType.UNRESTRICTED_USER
    cleared = operations(entry, Confirmed(Phase.ENABLED, 5), Phase.ABSENT, NATIVE)
    assert kinds(cleared) == [("ClearCredential", 7)]


def test_operations_when_late_then_just_in_time_is_written_enabled_above_the_disabled_one() -> (
    None
):
    found = operations(an_entry(Scheduling.JUST_IN_TIME), Confirmed(), Phase.ENABLED, NATIVE)
    assert kinds(found) == [("WriteUser", 6), ("WriteCredential", 5)]


def test_operations_when_it_is_there_then_none() -> None:
    entry = an_entry(Scheduling.NATIVE)
    assert operations(entry, Confirmed(Phase.STORED, 5), Phase.STORED, NATIVE) == ()
    assert operations(entry, Confirmed(), Phase.ABSENT, NATIVE) == ()
    assert operations(entry, Confirmed(Phase.ABSENT, 3), Phase.ABSENT, NATIVE) == ()


def test_operations_when_nothing_was_confirmed_but_handed_out_then_it_is_cleared() -> None:
    entry = an_entry(Scheduling.NATIVE, is_deleted=True)
    found = operations(entry, Confirmed(pending_revision=5), Phase.ABSENT, NATIVE)
    assert kinds(found) == [("ClearCredential", 6)]


def test_operations_when_a_schedule_would_be_left_over_then_cleared_first() -> None:
    entry = an_entry(Scheduling.ALWAYS)
    stale = operations(entry, Confirmed(Phase.STORED, 3), Phase.ENABLED, NATIVE)
    assert kinds(stale) == [("ClearCredential", 4), ("WriteUser", 5), ("WriteCredential", 5)]
    doubtful = operations(entry, Confirmed(pending_revision=3), Phase.ENABLED, NATIVE)
    assert kinds(doubtful)[0] == ("ClearCredential", 4)
    own = operations(entry, Confirmed(pending_revision=5), Phase.ENABLED, NATIVE)
    assert kinds(own) == [("WriteUser", 5), ("WriteCredential", 5)]


def test_operations_when_code_and_window_change_then_cleared_first() -> None:
    entry = an_entry(Scheduling.NATIVE)
    old = Confirmed(Phase.STORED, 3)
    both = operations(entry, old, Phase.STORED, NATIVE, is_other_in_all=True)
    assert kinds(both)[:2] == [("ClearCredential", 4), ("WriteUser", 5)]
    one = operations(entry, old, Phase.STORED, NATIVE)
    assert kinds(one)[0] == ("WriteUser", 5)
    new = operations(entry, Confirmed(), Phase.STORED, NATIVE, is_other_in_all=True)
    assert kinds(new)[0] == ("WriteUser", 5)


def test_clear_when_refused_by_what_it_made_room_for_then_overtaken() -> None:
    entry = an_entry(Scheduling.JUST_IN_TIME)
    making_room = ClearCredential(slot=7, revision=4)
    assert [is_overtaken(making_room, entry, held) for held in range(3, 9)] == [
        False,
        False,
        True,
        True,
        True,
        False,
    ]
    assert not is_overtaken(ClearCredential(slot=7, revision=7), entry, 7)
    assert not is_overtaken(WriteCredential(slot=7, revision=4, code="1234567"), entry, 5)


def test_operations_when_there_is_no_slot_then_refused() -> None:
    with pytest.raises(ValueError, match="e1 has no slot"):
        operations(an_entry(Scheduling.ALWAYS, slot=None), Confirmed(), Phase.ENABLED, NATIVE)


def test_revisions_when_contents_follow_each_other_then_they_never_meet() -> None:
    assert next_revision(0) == 1
    assert next_revision(3) == 5
    for scheduling in Scheduling:
        first = an_entry(scheduling, revision=next_revision(0))
        second = an_entry(scheduling, revision=next_revision(clear_revision(first)))
        # One is left between them, to clear the first with.
        assert second.revision - 1 > clear_revision(first)


def test_expected_records_when_absent_or_without_slot_then_nothing() -> None:
    entries = [
        (an_entry(Scheduling.NATIVE), Phase.ABSENT),
        (an_entry(Scheduling.NATIVE, slot=None), Phase.STORED),
    ]
    assert expected_records(entries, NATIVE) == {}


@given(st.data())
def test_expected_records_when_the_lock_did_the_writes_then_its_memory_agrees(
    data: st.DataObject,
) -> None:
    """Whatever way an entry takes through its phases, the digests of both sides are the same."""
    profile, policy = data.draw(make.profiles()), data.draw(make.policies)
    entry = data.draw(make.entries(profile, policy))
    lock, confirmed = FakeLock(100), Confirmed()
    for at_ms in sorted(data.draw(st.lists(make.instants, min_size=1, max_size=4))):
        phase = desired_phase(entry, at_ms)
        for operation in operations(entry, confirmed, phase, profile):
            lock.apply(operation)
        confirmed = Confirmed(phase, entry.revision)
        expected = expected_records([(entry, phase)], profile)
        live = {
            key: (revision, digest)
            for key, revision, digest in lock.reported()
            if digest != TOMBSTONE_DIGEST
        }
        assert {key: (one.revision, one.digest) for key, one in expected.items()} == live
        assert diff(expected, {entry.slot or 0: clear_revision(entry)}, lock.reported()).is_empty


@given(st.data())
def test_operations_when_cut_anywhere_and_repeated_then_the_same_memory(
    data: st.DataObject,
) -> None:
    """A session that is cut and tried again ends where one that went through ends."""
    profile, policy = data.draw(make.profiles()), data.draw(make.policies)
    entry = data.draw(make.entries(profile, policy))
    at_ms = data.draw(make.instants)
    phase = desired_phase(entry, at_ms)
    whole, cut = FakeLock(100), FakeLock(100)
    writes = operations(entry, Confirmed(), phase, profile)
    for operation in writes:
        whole.apply(operation)
    for operation in writes[: data.draw(st.integers(0, len(writes)))]:
        cut.apply(operation)
        # Never open too widely on the way: a credential comes last.
        assert not cut.opens(entry.code, at_ms) or whole.opens(entry.code, at_ms)
    pending = Confirmed(pending_revision=entry.revision)
    for operation in operations(entry, pending, phase, profile):
        cut.apply(operation)
    assert cut.reported() == [*whole.reported()] or phase is Phase.ABSENT
    assert cut.codes() == whole.codes()


def record(
    kind: RecordKind, slot: int, revision: int, digest: bytes
) -> tuple[RecordKey, int, bytes]:
    sub_index = CredentialType.PIN if kind is RecordKind.CREDENTIAL else 0
    return RecordKey(kind, slot, sub_index), revision, digest


def test_diff_when_the_memory_is_another_then_each_slot_is_named() -> None:
    entries = [
        (an_entry(Scheduling.ALWAYS, slot=slot, revision=5), Phase.ENABLED) for slot in (1, 2, 3)
    ]
    expected = expected_records(entries, NATIVE)
    reported = [(key, one.revision, one.digest) for key, one in expected.items()]
    reported = [one for one in reported if one[0].index != 2]  # slot 2 was erased
    reported += [
        record(RecordKind.CREDENTIAL, 2, 9, TOMBSTONE_DIGEST),
        record(RecordKind.USER, 8, 1, b"foreign!"),
        record(RecordKind.USER, 9, 1, TOMBSTONE_DIGEST),
    ]
    found = diff(expected, {1: 6, 2: 6, 3: 6, 9: 1}, reported)
    assert found.missing_slots == (2,)
    assert found.newer == {2: 9, 8: 1}
    assert found.unknown_slots == (8,)
    assert not found.is_empty


def test_live_record_below_the_revision_that_cleared_its_slot_is_one_that_came_back() -> None:
    credential = RecordKey(RecordKind.CREDENTIAL, 3, 1)
    user = RecordKey(RecordKind.USER, 3, 0)
    back = [(user, 5, b"u" * 8), (credential, 5, b"c" * 8)]
    found = diff({}, {3: 6}, back)
    assert (found.returned, found.unknown_slots, found.is_empty) == ({3: 6}, (), False)
    # Somebody else's is above all that was issued, and as high as that once it has been seen.
    for issued in (4, 5):
        found = diff({}, {3: issued}, back)
        assert (found.returned, found.unknown_slots) == ({}, (3,))
    # One record of somebody else makes the slot his.
    found = diff({}, {3: 6}, [(user, 5, b"u" * 8), (credential, 6, b"c" * 8)])
    assert (found.returned, found.unknown_slots) == ({}, (3,))
    # A slot with an entry is written again, not cleared.
    expected = {user: ExpectedRecord(5, b"u" * 8)}
    assert diff(expected, {3: 6}, back).returned == {}


def test_diff_when_a_record_has_another_content_then_its_slot_is_missing() -> None:
    expected = expected_records([(an_entry(Scheduling.ALWAYS), Phase.ENABLED)], NATIVE)
    reported = [(key, one.revision, b"somebody") for key, one in expected.items()]
    found = diff(expected, {7: 6}, reported)
    assert found.missing_slots == (7,)
    assert found.unknown_slots == ()


def test_clear_credential_when_shown_then_slot_and_revision() -> None:
    assert repr(ClearCredential(slot=1, revision=2)) == "ClearCredential(slot=1, revision=2)"
