"""Every change of clocks of many zones: the lock's answer against the oracle's, second by second.

The lock goes by a rule as POSIX writes it, the oracle by `zoneinfo`. Where a zone has no such rule
(Morocco's changes follow the moon, Brazil's law changed every few years, Samoa skipped a day) the
lock has a distance from UTC, and somebody sets it at the very change.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

import pytest

from gateway.zones import posix_zone, zone_info
from hil_tests.oracles.time import Access, changes_of, is_let_in, offset_min, utc
from hil_tests.suites.timed_lock import TimedLock, roomy_profile
from protocols.doorlock.zone import parse_zone

# Both hemispheres; half hours and quarters; winters that the law calls the exception (Dublin),
# changes before midnight (Nuuk), at midnight (Beirut, Santiago), on a Friday (Jerusalem).
RULED: Final = (
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "Atlantic/Azores",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Nuuk",
    "America/Santiago",
    "Asia/Beirut",
    "Asia/Jerusalem",
    "Africa/Cairo",
    "Australia/Sydney",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Norfolk",
)
# Years in which their rule of today is in force.
FIRST_YEAR: Final = 2026
LAST_YEAR: Final = 2027
STEADY: Final = ("Asia/Tokyo", "Asia/Kolkata", "Asia/Kathmandu", "Africa/Lagos", "Etc/UTC")
# Zones and years in which no one rule holds.
UNRULED: Final = (
    ("America/Havana", 2026, 2027),
    ("America/Asuncion", 2023, 2024),
    ("Africa/Casablanca", 2025, 2026),
    ("America/Sao_Paulo", 2017, 2019),
    ("Asia/Gaza", 2024, 2025),
    ("Europe/Istanbul", 2015, 2016),
    ("Asia/Pyongyang", 2015, 2018),
    ("Pacific/Apia", 2011, 2012),
    ("Antarctica/Troll", 2024, 2025),
)
HOUR_S: Final = 3600
DAY_S: Final = 86_400
# Seconds around a change at which somebody stands at the door.
_EDGES_S: Final = (-HOUR_S, -HOUR_S // 2, 0, HOUR_S // 2, HOUR_S)
OFFSETS_S: Final = sorted(
    {
        *(edge + near for edge in _EDGES_S for near in (-1, 0, 1)),
        *(quarters * HOUR_S // 4 for quarters in (-8, -1, 1, 8)),
        -DAY_S,
        DAY_S,
    }
)


def wall_minute(zone: dt.tzinfo, utc_s: int) -> int:
    wall = utc(utc_s).astimezone(zone)
    return wall.hour * 60 + wall.minute


def accesses(zone: dt.tzinfo, change_s: int) -> Iterator[Access]:
    """Users whose schedules have an edge near a change, or lie across it."""
    yield Access(kinds=frozenset({"year"}), windows=((change_s - HOUR_S, change_s + HOUR_S),))
    yield Access(kinds=frozenset({"year"}), windows=((change_s, change_s + 1),))
    before, after = wall_minute(zone, change_s - 60) + 1, wall_minute(zone, change_s)
    # The minutes that are skipped or come twice, their halves, and what lies around them.
    low, high = sorted((before, after))
    for start, end in ((low, high), (low - 30, low + 30), (high - 15, high + 45)):
        if 0 <= start < end <= 24 * 60:
            yield Access(kinds=frozenset({"week"}), spans=((0x7F, start, end),))
    yield Access(
        kinds=frozenset({"year", "week"}),
        windows=((change_s - 1800, change_s + DAY_S),),
        spans=((0x7F, max(0, low - 30), min(high + 30, 24 * 60)),),
    )
    day = 1 << ((utc(change_s).astimezone(zone).weekday() + 1) % 7)
    yield Access(kinds=frozenset({"week"}), spans=((day, 0, 24 * 60),))
    yield Access(kinds=frozenset({"week"}), spans=((0x7F & ~day, 0, 24 * 60),))


def probe(lock: TimedLock, zone: dt.tzinfo, codes: dict[str, Access], at_s: int) -> int:
    """Enter every code at an instant; how many were let in."""
    lock.go(at_s)
    let_in = 0
    for code, access in codes.items():
        expected = is_let_in(access, utc(at_s), zone)
        assert lock.opens(code) is expected, (utc(at_s).astimezone(zone).isoformat(), access)
        let_in += expected
    return let_in


@pytest.mark.parametrize("name", [*RULED, *STEADY])
def test_zone_aware_lock_agrees_with_the_calendar_at_every_change(name: str) -> None:
    zone, own = zone_info(name), parse_zone(posix_zone(name))
    changes = changes_of(zone, FIRST_YEAR, LAST_YEAR)
    assert len(changes) == (0 if name in STEADY else 2 * (LAST_YEAR - FIRST_YEAR + 1))
    # A zone without changes is looked at on the last Sunday of a March.
    midnight_s = round((dt.datetime(2027, 3, 28, tzinfo=dt.UTC) - utc(0)).total_seconds())
    probes = let_in = 0
    for change_s in changes or [midnight_s]:
        lock = TimedLock(change_s - 2 * DAY_S, zone=own, profile=roomy_profile(zone="zone"))
        codes = {lock.admit(access): access for access in accesses(zone, change_s)}
        for off_s in OFFSETS_S:
            let_in += probe(lock, zone, codes, change_s + off_s)
            probes += len(codes)
            assert lock.status.utc_offset_min == offset_min(zone, change_s + off_s)
    # Somebody was let in and somebody was not, so that neither answer is for nothing.
    assert 0 < let_in < probes


@pytest.mark.parametrize(("name", "first_year", "last_year"), UNRULED)
def test_lock_with_a_set_offset_agrees_when_it_is_set_at_the_change(
    name: str, first_year: int, last_year: int
) -> None:
    zone = zone_info(name)
    changes = changes_of(zone, first_year, last_year)
    assert changes
    for change_s in changes:
        start_s = change_s - 2 * DAY_S
        lock = TimedLock(start_s, utc_offset_min=offset_min(zone, start_s))
        codes = {lock.admit(access): access for access in accesses(zone, change_s)}
        for off_s in OFFSETS_S:
            if off_s == 0:
                lock.go(change_s)
                lock.set_clock(utc_offset_min=offset_min(zone, change_s))
            probe(lock, zone, codes, change_s + off_s)


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_lock_with_a_set_offset_is_off_by_the_shift_until_somebody_sets_it(name: str) -> None:
    """What a zone-blind lock does after a change: UTC windows hold, the wall's minutes do not."""
    zone = zone_info(name)
    for change_s in changes_of(zone, FIRST_YEAR, FIRST_YEAR):
        before_min = offset_min(zone, change_s - 1)
        after_min = offset_min(zone, change_s)
        lock = TimedLock(change_s - DAY_S, utc_offset_min=before_min)
        stale = dt.timezone(dt.timedelta(minutes=before_min))
        stay = Access(kinds=frozenset({"year"}), windows=((change_s - 60, change_s + 30 * DAY_S),))
        noon = Access(kinds=frozenset({"week"}), spans=((0x7F, 12 * 60, 13 * 60),))
        stay_code, noon_code = lock.admit(stay), lock.admit(noon)
        at_s = change_s + DAY_S - (change_s + after_min * 60) % DAY_S + 12 * HOUR_S
        lock.go(at_s)
        assert lock.opens(stay_code)
        assert is_let_in(noon, utc(at_s), zone)
        assert lock.opens(noon_code) is is_let_in(noon, utc(at_s), stale)
        lock.set_clock(utc_offset_min=after_min)
        assert lock.opens(noon_code)


def test_lock_with_last_century_s_rule_is_wrong_for_the_weeks_between_the_rules() -> None:
    """A rule of its own that is old: the law of the United States changed in 2007."""
    zone = zone_info("America/New_York")
    lock_zone = parse_zone("EST5EDT,M4.1.0,M10.5.0")
    changes = changes_of(zone, FIRST_YEAR, FIRST_YEAR)
    start_s = changes[0] - 30 * DAY_S
    lock = TimedLock(start_s, zone=lock_zone, profile=roomy_profile(zone="zone"))
    noon = Access(kinds=frozenset({"week"}), spans=((0x7F, 12 * 60, 13 * 60),))
    code = lock.admit(noon)
    wrong_days = []
    for day in range(330):
        noon_s = start_s - start_s % DAY_S + day * DAY_S + 12 * HOUR_S + 1800
        at_s = noon_s - offset_min(zone, noon_s) * 60
        if at_s < lock.at_s:
            continue
        lock.go(at_s)
        if lock.opens(code) is not is_let_in(noon, utc(at_s), zone):
            wrong_days.append(day)
    # March 8 to April 4 and October 25 to November 1 of 2026.
    assert len(wrong_days) == 28 + 7
