"""Holidays: another operating mode for a time, door-local, over every other schedule."""

from __future__ import annotations

import datetime as dt
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.zones import posix_zone, zone_info
from hil_tests.oracles.time import (
    WALL_EPOCH,
    Access,
    Holiday,
    changes_of,
    is_let_in,
    mode_of,
    utc,
)
from hil_tests.suites.timed_lock import TimedLock, roomy_profile
from protocols.doorlock.vocabulary import OperatingMode, Status
from protocols.doorlock.zone import parse_zone
from protocols.strike import messages as m

HOUR_S: Final = 3600
DAY_S: Final = 86_400
BERLIN: Final = "Europe/Berlin"
MODES: Final = ("normal", "vacation", "privacy", "no_remote_lock_unlock", "passage")
NEVER: Final = Access(kinds=frozenset({"year"}), windows=((0, 1),))
ALWAYS: Final = Access()


def wall(text: str) -> int:
    """Door-local seconds since 2000 of a wall time."""
    return round((dt.datetime.fromisoformat(text) - WALL_EPOCH).total_seconds())


CHRISTMAS: Final = (wall("2026-12-24T12:00"), wall("2026-12-27T00:00"))
# 12:00 in Berlin's winter.
BEGINS_S: Final = CHRISTMAS[0] - HOUR_S


def lock_at(at_s: int) -> TimedLock:
    return TimedLock(at_s, zone=parse_zone(posix_zone(BERLIN)), profile=roomy_profile(zone="zone"))


@pytest.mark.parametrize(
    ("mode", "free", "never", "remote"),
    [
        ("normal", "opened", "outside_schedule", Status.SUCCESS),
        ("vacation", "privacy", "privacy", Status.SUCCESS),
        ("privacy", "privacy", "privacy", Status.INVALID_IN_STATE),
        ("no_remote_lock_unlock", "opened", "outside_schedule", Status.INVALID_IN_STATE),
        ("passage", "opened", "opened", Status.SUCCESS),
    ],
)
def test_mode_of_a_holiday_decides_while_it_lasts(
    mode: str, free: str, never: str, remote: Status
) -> None:
    lock = lock_at(BEGINS_S - DAY_S)
    free_code, never_code = lock.admit(ALWAYS), lock.admit(NEVER)
    lock.keep_holidays([Holiday(start_s=CHRISTMAS[0], end_s=CHRISTMAS[1], mode=mode)])
    ends_s = CHRISTMAS[1] - HOUR_S
    for at_s, is_holiday in (
        (BEGINS_S - 1, False),
        (BEGINS_S, True),
        (ends_s - 1, True),
        (ends_s, False),
    ):
        lock.go(at_s)
        seen = (lock.enter(free_code), lock.enter(never_code), lock.ask(m.UnlockDoor()))
        normal = ("opened", "outside_schedule", Status.SUCCESS)
        assert seen == ((free, never, remote) if is_holiday else normal)
        # A code that nobody knows stays unknown, holiday or not.
        assert lock.enter("9999") == "unknown_code"


def test_holiday_lasts_by_the_wall_over_a_change_of_clocks() -> None:
    zone = zone_info(BERLIN)
    for change_s in changes_of(zone, 2027, 2027):
        day = utc(change_s).astimezone(zone).strftime("%Y-%m-%d")
        holiday = Holiday(
            start_s=wall(f"{day}T00:00"), end_s=wall(f"{day}T12:00"), mode="vacation"
        )
        lock = lock_at(change_s - DAY_S)
        code = lock.admit(ALWAYS)
        lock.keep_holidays([holiday])
        shut_s = 0
        for at_s in range(change_s - 6 * HOUR_S, change_s + 16 * HOUR_S, 600):
            lock.go(at_s)
            is_vacation = mode_of((holiday,), utc(at_s), zone) == "vacation"
            assert lock.opens(code) is not is_vacation
            shut_s += 600 * is_vacation
        # Eleven hours in March, thirteen in October.
        assert shut_s in {11 * HOUR_S, 13 * HOUR_S}


@st.composite
def holidays(draw: st.DrawFn, near_s: int) -> Holiday:
    start_s = near_s + draw(st.integers(-DAY_S, DAY_S))
    return Holiday(
        start_s=start_s,
        end_s=start_s + draw(st.sampled_from([1, 60, HOUR_S, DAY_S])),
        mode=draw(st.sampled_from(MODES)),
    )


@settings(max_examples=40)
@given(
    kept=st.lists(holidays(CHRISTMAS[0]), max_size=5),
    window=st.tuples(st.integers(-DAY_S, DAY_S), st.integers(1, DAY_S)),
    instants=st.lists(st.integers(-DAY_S, DAY_S), min_size=1, max_size=10),
)
def test_any_overlapping_holidays_are_judged_as_the_oracle_judges_them(
    kept: list[Holiday], window: tuple[int, int], instants: list[int]
) -> None:
    zone = zone_info(BERLIN)
    lock = lock_at(BEGINS_S - 2 * DAY_S)
    lock.keep_holidays(kept)
    start_s = BEGINS_S + window[0]
    access = Access(kinds=frozenset({"year"}), windows=((start_s, start_s + window[1]),))
    code = lock.admit(access)
    edges = {edge - HOUR_S for one in kept for edge in (one.start_s, one.end_s)}
    for at_s in sorted({BEGINS_S + off_s for off_s in instants} | edges):
        lock.go(at_s)
        mode = mode_of(tuple(kept), utc(at_s), zone)
        is_open = mode == "passage" or is_let_in(access, utc(at_s), zone)
        assert lock.opens(code) is (is_open and mode not in {"vacation", "privacy"})
        is_reachable = mode not in {"privacy", "no_remote_lock_unlock"}
        assert (lock.ask(m.LockDoor()) is Status.SUCCESS) is is_reachable


def test_holiday_is_written_read_and_cleared_by_revision() -> None:
    lock = lock_at(BEGINS_S)
    wanted = m.SetHolidaySchedule(
        holiday_index=10,
        revision=5,
        local_start_s=CHRISTMAS[0],
        local_end_s=CHRISTMAS[1],
        operating_mode=OperatingMode.VACATION,
    )
    firmware = lock.firmware
    assert lock.ask(wanted) is lock.ask(wanted) is Status.SUCCESS
    held = firmware.handle(m.GetHolidaySchedule(holiday_index=10), 0.0)
    assert (held.revision, held.local_start_s, held.local_end_s, held.operating_mode) == (
        5,
        *CHRISTMAS,
        OperatingMode.VACATION,
    )
    [shown] = firmware.view(0.0).holidays
    assert (shown.index, shown.starts_at, shown.mode) == (10, "2026-12-24T12:00:00", "vacation")
    clear = m.ClearHolidaySchedule(holiday_index=10, revision=4)
    assert lock.ask(clear) is Status.DATA_VERSION_MISMATCH
    assert lock.ask(m.ClearHolidaySchedule(holiday_index=10, revision=6)) is Status.SUCCESS
    assert lock.ask(m.GetHolidaySchedule(holiday_index=10)) is Status.NOT_FOUND
    assert lock.ask(wanted) is Status.DATA_VERSION_MISMATCH
