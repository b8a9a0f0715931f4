"""Locks that keep windows in door-local time: narrower at worst, wider never.

What is stored is judged by the oracle and by the lock, second by second around every edge; both
must open only inside of what somebody asked for.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.zones import posix_zone, zone_info
from hil_tests.oracles.time import (
    NEVER_S,
    WALL_EPOCH,
    Access,
    changes_of,
    is_let_in,
    offset_min,
    utc,
)
from hil_tests.suites.timed_lock import TimedLock, roomy_profile
from protocols.doorlock.local_window import DoorTime, map_local_window
from protocols.doorlock.window import MappedWindow, WindowEdge, to_ms
from protocols.doorlock.zone import LocalZone, parse_zone
from protocols.errors import WindowError

ZONES: Final = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
HOUR_S: Final = 3600
DAY_S: Final = 86_400
YEAR: Final = frozenset({"year"})
PROFILE: Final = roomy_profile(local_year_day=True, zone="zone")
BLIND: Final = roomy_profile(local_year_day=True, zone="offset")


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What the mapping asks of a profile."""

    time_granularity_s: int = 1
    local_year_day: bool = True


def own_zone(name: str) -> LocalZone:
    return parse_zone(posix_zone(name))


def change_before(name: str, year: int, *, back: bool) -> int:
    """The change of a year at which clocks go back, or forward."""
    zone = zone_info(name)
    [found] = [
        change_s
        for change_s in changes_of(zone, year, year)
        if (offset_min(zone, change_s) < offset_min(zone, change_s - 1)) is back
    ]
    return found


def mapped(
    name: str, start_s: int, end_s: int | None, set_at_s: int | None = None
) -> MappedWindow:
    door = DoorTime(zone=own_zone(name), set_at_ms=None if set_at_s is None else to_ms(set_at_s))
    return map_local_window(PROFILE, to_ms(start_s), None if end_s is None else to_ms(end_s), door)


def seconds_open(name: str, window: MappedWindow, instants: Sequence[int]) -> list[int]:
    """The instants at which a lock of that zone lets in; it must agree with the oracle."""
    zone = zone_info(name)
    lock = TimedLock(instants[0] - DAY_S, zone=own_zone(name), profile=PROFILE)
    access = Access(kinds=YEAR, windows=((window.start_s, window.end_s),), windows_are_local=True)
    code = lock.admit(access)
    opened = []
    for at_s in instants:
        lock.go(at_s)
        expected = is_let_in(access, utc(at_s), zone)
        assert lock.opens(code) is expected, utc(at_s).astimezone(zone)
        if expected:
            opened.append(at_s)
    return opened


def test_window_away_from_changes_is_kept_exactly() -> None:
    base_s = change_before("Europe/Berlin", 2027, back=False) + 30 * DAY_S
    window = mapped("Europe/Berlin", base_s, base_s + HOUR_S)
    assert window.warnings == ()
    instants = [base_s - 1, base_s, base_s + HOUR_S - 1, base_s + HOUR_S]
    assert seconds_open("Europe/Berlin", window, instants) == instants[1:3]


def test_stay_across_both_changes_is_kept_exactly_by_a_lock_that_follows_them() -> None:
    start_s = change_before("Europe/Berlin", 2027, back=False) - 5 * DAY_S
    end_s = change_before("Europe/Berlin", 2027, back=True) + 5 * DAY_S
    window = mapped("Europe/Berlin", start_s, end_s)
    assert window.warnings == ()
    instants = [start_s - 1, start_s, end_s - 1, end_s]
    assert seconds_open("Europe/Berlin", window, instants) == instants[1:3]


def test_client_that_takes_the_offset_of_the_day_of_writing_shifts_the_window_by_an_hour() -> None:
    """The known flaw, so that it is seen to be one: written in winter, opened an hour off."""
    change_s = change_before("America/New_York", 2027, back=False)
    written_min = offset_min(zone_info("America/New_York"), change_s - DAY_S)
    start_s, end_s = change_s + 10 * DAY_S, change_s + 11 * DAY_S
    naive = MappedWindow(start_s=start_s + written_min * 60, end_s=end_s + written_min * 60)
    edges = [start_s - HOUR_S - 1, start_s - HOUR_S, start_s, end_s - HOUR_S - 1, end_s - HOUR_S]
    assert seconds_open("America/New_York", naive, edges) == edges[1:4]
    right = mapped("America/New_York", start_s, end_s)
    assert seconds_open("America/New_York", right, [start_s - 1, start_s, end_s - 1, end_s]) == [
        start_s,
        end_s - 1,
    ]


@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe"])
def test_window_within_the_repeated_hour_is_refused(name: str) -> None:
    change_s = change_before(name, 2027, back=True)
    for start_s in (change_s - 600, change_s + 600):
        with pytest.raises(WindowError, match="nothing of the window is left"):
            mapped(name, start_s, start_s + 300)


def test_window_that_begins_in_the_repeated_hour_waits_until_it_is_over() -> None:
    change_s = change_before("Europe/Berlin", 2027, back=True)
    window = mapped("Europe/Berlin", change_s + 600, change_s + 5 * HOUR_S)
    [late] = window.warnings
    assert (late.edge, late.narrowed_ms) == (WindowEdge.START, 3_000_000)
    instants = list(range(change_s - HOUR_S, change_s + 5 * HOUR_S + 60, 60))
    opened = seconds_open("Europe/Berlin", window, instants)
    assert (opened[0], opened[-1]) == (change_s + HOUR_S, change_s + 5 * HOUR_S - 60)


def test_window_that_begins_in_the_hour_that_will_be_repeated_has_a_break() -> None:
    change_s = change_before("Europe/Berlin", 2027, back=True)
    window = mapped("Europe/Berlin", change_s - 1800, change_s + 5 * HOUR_S)
    [gap] = window.warnings
    assert str(gap) == "the lock interrupts the window for 1800 s when clocks go back"
    shut = range(change_s, change_s + 1800, 60)
    instants = list(range(change_s - HOUR_S, change_s + HOUR_S, 60))
    opened = seconds_open("Europe/Berlin", window, instants)
    assert opened == [at_s for at_s in instants if at_s >= change_s - 1800 and at_s not in shut]


def test_window_without_an_end_begins_in_local_time_and_never_closes() -> None:
    change_s = change_before("Europe/Berlin", 2027, back=True)
    window = mapped("Europe/Berlin", change_s + 5 * DAY_S, None)
    assert (window.end_s, window.warnings) == (NEVER_S, ())
    instants = [change_s + 5 * DAY_S - 1, change_s + 5 * DAY_S, change_s + 5000 * DAY_S]
    assert seconds_open("Europe/Berlin", window, instants) == instants[1:]


OFFSETS: Final = st.integers(-7 * HOUR_S, 7 * HOUR_S)


@settings(max_examples=40)
@given(
    name=st.sampled_from(ZONES),
    back=st.booleans(),
    start_off_s=OFFSETS,
    length_s=st.sampled_from([60, 1800, 3600, 5400, 7200, DAY_S, 40 * DAY_S])
    | st.integers(1, DAY_S),
    granularity_s=st.sampled_from([1, 60, 3600]),
)
def test_any_local_window_is_never_wider_than_asked_and_its_warnings_say_what_is_missing(
    name: str, back: bool, start_off_s: int, length_s: int, granularity_s: int
) -> None:
    """Every quarter of an hour, and every second next to an edge."""
    around = "Europe/Berlin" if name == "Asia/Kolkata" else name
    change_s = change_before(around, 2027, back=back)
    start_s = change_s + start_off_s
    end_s = start_s + length_s
    try:
        window = map_local_window(
            Facts(granularity_s), to_ms(start_s), to_ms(end_s), DoorTime(zone=own_zone(name))
        )
    except WindowError:
        assert length_s <= 2 * HOUR_S + 2 * granularity_s
        return
    assert window.start_s % granularity_s == window.end_s % granularity_s == 0
    spans = [(to_ms(start_s), to_ms(end_s))]
    shut = []
    for warning in window.warnings:
        low_ms, high_ms = sorted((warning.asked_ms, warning.stored_ms))
        shut.append((low_ms, high_ms))
    edges = {start_s, end_s, change_s, *((low - to_ms(0)) // 1000 for one in shut for low in one)}
    near = {edge + off_s for edge in edges for off_s in (-1, 0, 1)}
    quarters = set(range(change_s - 9 * HOUR_S, change_s + 9 * HOUR_S, 900))
    instants = sorted(near | quarters)
    opened = set(seconds_open(name, window, instants))
    for at_s in instants:
        is_asked = any(low <= to_ms(at_s) < high for low, high in spans)
        is_shut = any(low <= to_ms(at_s) < high for low, high in shut)
        assert (at_s in opened) is (is_asked and not is_shut), utc(at_s)


@settings(max_examples=40)
@given(
    name=st.sampled_from(ZONES[:3]),
    back=st.booleans(),
    start_off_s=st.integers(-2 * DAY_S, 2 * DAY_S),
    length_s=st.integers(4 * HOUR_S, 3 * DAY_S),
    set_off_s=st.none() | st.integers(0, 2 * DAY_S),
)
def test_lock_that_does_not_follow_its_zone_is_never_wider_whenever_its_clock_is_set(
    name: str, back: bool, start_off_s: int, length_s: int, set_off_s: int | None
) -> None:
    """Programmed days before a change; somebody sets its clock after it, at some time or never."""
    zone, change_s = zone_info(name), change_before(name, 2027, back=back)
    start_s = change_s + start_off_s
    end_s = start_s + length_s
    programmed_s = change_s - 5 * DAY_S
    try:
        window = mapped(name, start_s, end_s, programmed_s)
    except WindowError:
        # Between the two changes of one night nothing may be left of some hours.
        assert length_s <= 4 * HOUR_S + 1
        return
    lock = TimedLock(programmed_s, profile=BLIND, utc_offset_min=offset_min(zone, programmed_s))
    code = lock.admit(
        Access(kinds=YEAR, windows=((window.start_s, window.end_s),), windows_are_local=True)
    )
    edges = (start_s, end_s, start_s - HOUR_S, end_s + HOUR_S, change_s)
    instants = {edge + off_s for edge in edges for off_s in (-1, 0, 1)}
    instants |= set(range(start_s - 2 * HOUR_S, end_s + 2 * HOUR_S, 1800))
    opened = 0
    is_set = set_off_s is None
    for at_s in sorted(instants):
        lock.go(at_s)
        if not is_set and set_off_s is not None and at_s >= change_s + set_off_s:
            lock.set_clock(utc_offset_min=offset_min(zone, at_s))
            is_set = True
        opens = lock.opens(code)
        assert not opens or start_s <= at_s < end_s, utc(at_s)
        opened += opens
    assert opened


def test_wall_time_of_the_oracle_is_a_wall_time() -> None:
    assert WALL_EPOCH.replace(tzinfo=dt.UTC) == utc(0)
