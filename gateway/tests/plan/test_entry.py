from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plan.entry import (
    Confirmed,
    DesiredEntry,
    Phase,
    Scheduling,
    desired_phase,
    has_closed_itself,
    is_conforming,
    may_hold,
    next_change_ms,
    next_due_ms,
)
from gateway.tests.plan import strategies as make
from gateway.tests.plan.strategies import DAY_MS, HOUR_MS, NOON_MS

START_MS = NOON_MS + 3 * DAY_MS
END_MS = NOON_MS + 5 * DAY_MS


def an_entry(scheduling: Scheduling, **changes: object) -> DesiredEntry:
    entry = DesiredEntry(
        entry_id="e1",
        device_id="d1",
        slot=1,
        revision=5,
        code="4711",
        scheduling=scheduling,
        starts_at_ms=START_MS,
        ends_at_ms=END_MS,
        program_at_ms=START_MS - HOUR_MS,
        remove_at_ms=END_MS,
    )
    return dataclasses.replace(entry, **changes)  # type: ignore[arg-type] # fields by name


@pytest.mark.parametrize(
    ("scheduling", "ahead", "inside"),
    [
        (Scheduling.NATIVE, Phase.STORED, Phase.STORED),
        (Scheduling.JUST_IN_TIME, Phase.DISABLED, Phase.ENABLED),
        (Scheduling.EARLY_LIVE, Phase.ENABLED, Phase.ENABLED),
        (Scheduling.ALWAYS, Phase.ENABLED, Phase.ENABLED),
    ],
)
def test_desired_phase_when_time_passes_then_it_changes_at_the_instants_alone(
    scheduling: Scheduling, ahead: Phase, inside: Phase
) -> None:
    entry = an_entry(scheduling)
    assert desired_phase(entry, START_MS - HOUR_MS - 1) is Phase.ABSENT
    assert desired_phase(entry, START_MS - HOUR_MS) is ahead
    assert desired_phase(entry, START_MS - 1) is ahead
    assert desired_phase(entry, START_MS) is inside
    assert desired_phase(entry, END_MS - 1) is inside
    assert desired_phase(entry, END_MS) is Phase.ABSENT


def test_desired_phase_when_deleted_then_absent_at_any_time() -> None:
    entry = an_entry(Scheduling.ALWAYS, is_deleted=True)
    assert desired_phase(entry, START_MS) is Phase.ABSENT
    assert next_change_ms(entry, NOON_MS) is None


def test_desired_phase_when_it_has_no_start_then_just_in_time_is_enabled_at_once() -> None:
    entry = an_entry(Scheduling.JUST_IN_TIME, starts_at_ms=None)
    assert desired_phase(entry, START_MS - HOUR_MS) is Phase.ENABLED


@given(st.data())
def test_next_change_when_followed_then_it_is_every_change_of_the_phase(
    data: st.DataObject,
) -> None:
    profile, policy = data.draw(make.profiles()), data.draw(make.policies)
    entry = data.draw(make.entries(profile, policy))
    now_ms = data.draw(make.instants)
    seen = 0
    while (later_ms := next_change_ms(entry, now_ms)) is not None:
        assert later_ms > now_ms
        before = desired_phase(entry, now_ms)
        assert desired_phase(entry, later_ms) is not before
        between_ms = data.draw(st.integers(now_ms, later_ms - 1))
        assert desired_phase(entry, between_ms) is before
        now_ms = later_ms
        seen += 1
    assert seen <= 3
    assert desired_phase(entry, now_ms + 1000 * DAY_MS) is desired_phase(entry, now_ms)


@given(st.data())
def test_next_due_when_followed_and_confirmed_then_it_ends_and_nothing_is_left_open(
    data: st.DataObject,
) -> None:
    """A device that confirms at every due instant is never wrong, but for slots closed by it."""
    profile, policy = data.draw(make.profiles()), data.draw(make.policies)
    entry = data.draw(make.entries(profile, policy))
    confirmed, now_ms = Confirmed(), NOON_MS
    for _ in range(5):
        due_ms = next_due_ms(entry, confirmed, now_ms)
        if due_ms is None:
            break
        assert due_ms >= now_ms
        now_ms = due_ms
        phase = desired_phase(entry, now_ms)
        confirmed = Confirmed(phase, 0 if phase is Phase.ABSENT else entry.revision)
        assert is_conforming(entry, confirmed, now_ms)
        following_ms = next_due_ms(entry, confirmed, now_ms)
        assert following_ms is None or following_ms > now_ms
    assert next_due_ms(entry, confirmed, now_ms) is None
    for later_ms in (now_ms, now_ms + 1000 * DAY_MS):
        is_right = is_conforming(entry, confirmed, later_ms)
        assert is_right or has_closed_itself(entry, confirmed, later_ms)


def test_next_due_when_a_native_end_passes_then_cleaning_waits_for_another_session() -> None:
    entry = an_entry(Scheduling.NATIVE)
    held = Confirmed(Phase.STORED, entry.revision)
    assert next_due_ms(entry, held, START_MS) is None
    assert next_due_ms(entry, held, END_MS + 1) is None
    assert not is_conforming(entry, held, END_MS + 1)


def test_next_due_when_the_device_holds_an_older_window_past_the_end_then_now() -> None:
    entry = an_entry(Scheduling.NATIVE)
    stale = Confirmed(Phase.STORED, entry.revision - 2)
    assert not has_closed_itself(entry, stale, END_MS)
    assert next_due_ms(entry, stale, END_MS) == END_MS
    doubtful = Confirmed(Phase.STORED, entry.revision, pending_revision=entry.revision - 2)
    assert not has_closed_itself(entry, doubtful, END_MS)


def test_is_conforming_when_writes_are_pending_then_no() -> None:
    entry = an_entry(Scheduling.NATIVE)
    confirmed = Confirmed(Phase.STORED, entry.revision, pending_revision=entry.revision)
    assert not is_conforming(entry, confirmed, START_MS)
    assert next_due_ms(entry, confirmed, START_MS) == START_MS


def test_may_hold_when_only_handed_out_then_yes() -> None:
    assert may_hold(Confirmed(pending_revision=3))
    assert may_hold(Confirmed(Phase.DISABLED, 3))
    assert not may_hold(Confirmed())


def test_desired_entry_when_shown_then_its_pin_is_not() -> None:
    assert "4711" not in repr(an_entry(Scheduling.ALWAYS))


def test_has_closed_itself_when_it_never_reached_the_device_then_closed_too() -> None:
    entry = an_entry(Scheduling.NATIVE)
    assert has_closed_itself(entry, Confirmed(), END_MS)
    assert not has_closed_itself(entry, Confirmed(), END_MS - 1)
    assert not has_closed_itself(an_entry(Scheduling.ALWAYS), Confirmed(), END_MS)
