"""Windows at their edges: one second, ten years, leap days, year ends, overlaps, wrong clocks."""

from __future__ import annotations

import datetime as dt
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.zones import posix_zone, zone_info
from hil_tests.oracles.time import NEVER_S, Access, changes_of, is_let_in, offset_min, utc
from hil_tests.suites.timed_lock import TimedLock, roomy_profile
from protocols.doorlock.schedule import week_day_spans
from protocols.doorlock.vocabulary import DaysMask
from protocols.doorlock.zone import parse_zone

HOUR_S: Final = 3600
DAY_S: Final = 86_400
YEAR: Final = frozenset({"year"})
WEEK: Final = frozenset({"week"})
BOTH: Final = frozenset({"year", "week"})


def at(text: str) -> int:
    """Seconds since 2000 of an ISO instant."""
    return round((dt.datetime.fromisoformat(text) - utc(0)).total_seconds())


# Start and end of a window, and what is special about it.
WINDOWS: Final = {
    "one second": ("2026-07-13T15:00:00Z", "2026-07-13T15:00:01Z"),
    "ten years": ("2026-07-13T15:00:00Z", "2036-07-13T15:00:00Z"),
    "ten years over the end of signed seconds": ("2030-01-01T00:00:00Z", "2040-01-01T00:00:00Z"),
    "a leap day": ("2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"),
    "the last second of a leap day": ("2028-02-29T23:59:59Z", "2028-03-01T00:00:00Z"),
    "no leap day in 2100": ("2100-02-28T23:59:59Z", "2100-03-01T00:00:01Z"),
    "a year's end": ("2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
    "a new year's second": ("2027-01-01T00:00:00Z", "2027-01-01T00:00:01Z"),
    "over a change": ("2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z"),
    "over both changes": ("2027-03-01T11:00:00Z", "2027-11-30T15:00:00Z"),
}


@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe", "Pacific/Kiritimati"])
@pytest.mark.parametrize("kind", WINDOWS)
def test_window_opens_and_closes_at_its_seconds_wherever_the_door_is(kind: str, name: str) -> None:
    start_s, end_s = (at(text) for text in WINDOWS[kind])
    lock = TimedLock(
        start_s - 2 * DAY_S, zone=parse_zone(posix_zone(name)), profile=roomy_profile(zone="zone")
    )
    access = Access(kinds=YEAR, windows=((start_s, end_s),))
    code = lock.admit(access)
    probes = {start_s - DAY_S, start_s - 1, start_s, (start_s + end_s) // 2, end_s - 1, end_s}
    seen = {}
    for at_s in sorted(probes):
        lock.go(at_s)
        seen[at_s] = lock.opens(code)
        assert seen[at_s] is is_let_in(access, utc(at_s), zone_info(name)), utc(at_s)
    assert [seen[each] for each in (start_s - 1, start_s, end_s - 1, end_s)] == [
        False,
        True,
        True,
        False,
    ]


def test_window_of_one_second_opens_in_ten_of_fifty_tenths_of_a_second() -> None:
    start_s = at("2026-07-13T15:00:00Z")
    lock = TimedLock(start_s - 60)
    code = lock.admit(Access(kinds=YEAR, windows=((start_s, start_s + 1),)))
    opened = []
    for tenth in range(-20, 30):
        lock.go(start_s + tenth / 10)
        if lock.opens(code):
            opened.append(tenth)
    assert opened == list(range(10))


def test_overlapping_windows_open_from_the_first_start_to_the_last_end() -> None:
    base_s = at("2026-07-13T15:00:00Z")
    windows = ((base_s, base_s + 100), (base_s + 50, base_s + 150), (base_s + 150, base_s + 151))
    lock = TimedLock(base_s - 60)
    access = Access(kinds=YEAR, windows=windows)
    code = lock.admit(access)
    for off_s in range(-3, 160):
        lock.go(base_s + off_s)
        expected = is_let_in(access, utc(base_s + off_s), dt.UTC)
        assert lock.opens(code) is expected is (0 <= off_s < 151)


def test_window_without_an_end_is_open_on_the_last_day_that_a_lock_can_count() -> None:
    start_s = at("2026-07-13T15:00:00Z")
    lock = TimedLock(start_s - 60)
    code = lock.admit(Access(kinds=YEAR, windows=((start_s, NEVER_S),)))
    for at_s, opens in ((start_s - 1, False), (start_s, True), (NEVER_S - 1, True)):
        lock.go(at_s)
        assert lock.opens(code) is opens
    # Beyond it the clock stands at its end, which is after every window that has one.
    lock.go(NEVER_S + 10 * DAY_S)
    assert lock.opens(code)


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Australia/Sydney"])
def test_stay_over_a_change_lasts_as_long_as_it_was_asked_for(name: str) -> None:
    """The host's three in the afternoon to eleven in the morning, over the night of the change."""
    zone = zone_info(name)
    for change_s in changes_of(zone, 2026, 2027):
        day = utc(change_s).astimezone(zone).date()
        arrival = dt.datetime.combine(day - dt.timedelta(days=1), dt.time(15), tzinfo=zone)
        departure = dt.datetime.combine(day, dt.time(11), tzinfo=zone)
        start_s, end_s = (
            round(each.timestamp() - utc(0).timestamp()) for each in (arrival, departure)
        )
        # Twenty hours on the wall are nineteen or twenty-one.
        assert abs((end_s - start_s) - 20 * HOUR_S) == HOUR_S
        lock = TimedLock(
            start_s - DAY_S, zone=parse_zone(posix_zone(name)), profile=roomy_profile(zone="zone")
        )
        code = lock.admit(Access(kinds=YEAR, windows=((start_s, end_s),)))
        for at_s, opens in (
            (start_s - 1, False),
            (start_s, True),
            (change_s - 1, True),
            (change_s, True),
            (end_s - 1, True),
            (end_s, False),
        ):
            lock.go(at_s)
            assert lock.opens(code) is opens


@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe"])
def test_night_of_a_cleaner_crosses_midnight_as_two_spans(name: str) -> None:
    """Friday 22:00 to 04:00, over both nights of the changes, every quarter of an hour."""
    zone = zone_info(name)
    night = week_day_spans(DaysMask.FRIDAY | DaysMask.SATURDAY, 22 * 60, 4 * 60)
    spans = tuple((int(span.days), span.start_min, span.end_min) for span in night)
    assert spans == ((0x60, 1320, 1440), (0x41, 0, 240))
    access = Access(kinds=WEEK, spans=spans)
    for change_s in changes_of(zone, 2026, 2026):
        lock = TimedLock(
            change_s - 2 * DAY_S,
            zone=parse_zone(posix_zone(name)),
            profile=roomy_profile(zone="zone"),
        )
        code = lock.admit(access)
        for at_s in range(change_s - DAY_S, change_s + DAY_S, 900):
            lock.go(at_s)
            wall = utc(at_s).astimezone(zone)
            evening = wall - dt.timedelta(hours=12)
            is_night = wall.hour >= 22 or wall.hour < 4
            expected = is_night and evening.strftime("%a") in {"Fri", "Sat"}
            assert lock.opens(code) is expected is is_let_in(access, utc(at_s), zone), wall


# Any schedules near an instant near a change of clocks.
ZONES: Final = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
NEAR: Final = st.integers(-3 * HOUR_S, 3 * HOUR_S)
MINUTES: Final = st.integers(0, 24 * 60)


@st.composite
def accesses(draw: st.DrawFn, change_s: int, *, are_local: bool = False) -> Access:
    windows = draw(
        st.lists(
            st.tuples(NEAR, st.sampled_from([1, 59, 60, 3600, 5400, 86_400, 10**8])), max_size=3
        )
    )
    spans = draw(
        st.lists(
            st.tuples(st.integers(1, 0x7F), MINUTES, MINUTES).filter(lambda one: one[1] < one[2]),
            max_size=3,
        )
    )
    return Access(
        kinds=draw(st.sampled_from([frozenset(), YEAR, WEEK, BOTH])),
        windows=tuple(
            (change_s + off_s, change_s + off_s + length_s) for off_s, length_s in windows
        ),
        windows_are_local=are_local,
        spans=tuple(spans),
    )


@settings(max_examples=60)
@given(data=st.data(), name=st.sampled_from(ZONES), are_local=st.booleans())
def test_any_schedules_and_any_clock_are_judged_as_the_oracle_judges_them(
    data: st.DataObject, name: str, are_local: bool
) -> None:
    """The differential test: stored schedules, zone, error and drift of the clock are drawn."""
    zone = zone_info(name)
    changes = changes_in(name) or [at("2026-03-29T01:00:00Z")]
    change_s = data.draw(st.sampled_from(changes))
    drift_ppm = data.draw(st.sampled_from([0.0, 694.5, -694.5, 20.0]))
    error_s = data.draw(st.sampled_from([0, 1, -1, 125, 3600, -3600]))
    start_s = change_s - DAY_S
    lock = TimedLock(
        start_s,
        zone=parse_zone(posix_zone(name)),
        profile=roomy_profile(zone="zone", local_year_day=are_local),
        drift_ppm=drift_ppm,
        error_s=error_s,
    )
    drawn = data.draw(st.lists(accesses(change_s, are_local=are_local), min_size=1, max_size=3))
    codes = {lock.admit(access): access for access in drawn}
    edges = {edge for access in drawn for window in access.windows for edge in window}
    near = data.draw(st.lists(NEAR, max_size=6))
    instants = {change_s, change_s - 1, *(change_s + off_s for off_s in near)}
    instants |= {edge - near_s for edge in edges for near_s in (0, 1)}
    for at_s in sorted(each for each in instants if start_s <= each < start_s + 40 * DAY_S):
        lock.go(at_s)
        # The oracle's own arithmetic of a wrong clock.
        shown = utc(at_s + error_s + (at_s - start_s) * drift_ppm / 1e6)
        for code, access in codes.items():
            assert lock.opens(code) is is_let_in(access, shown, zone), (shown, access)
    assert lock.status.utc_offset_min == offset_min(zone, lock.status.utc_s)


_CHANGES: dict[str, list[int]] = {}


def changes_in(name: str) -> list[int]:
    """Changes of a zone in some years, found once."""
    if name not in _CHANGES:
        _CHANGES[name] = changes_of(zone_info(name), 2026, 2029)
    return _CHANGES[name]
