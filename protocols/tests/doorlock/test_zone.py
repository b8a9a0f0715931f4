from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.doorlock.zone import (
    NO_RULE,
    DstRule,
    LocalZone,
    YearlyChange,
    parse_dst_rule,
    parse_zone,
)
from protocols.errors import WindowError

EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"


def seconds(text: str) -> int:
    return int((dt.datetime.fromisoformat(text) - EPOCH).total_seconds())


@pytest.mark.parametrize(
    ("text", "before", "change", "after"),
    [
        (BERLIN, 60, "2027-03-28T01:00:00Z", 120),
        (BERLIN, 120, "2027-10-31T01:00:00Z", 60),
        ("EST5EDT,M3.2.0,M11.1.0", -300, "2026-03-08T07:00:00Z", -240),
        ("EST5EDT,M3.2.0,M11.1.0", -240, "2026-11-01T06:00:00Z", -300),
        # The south: summer begins late in the year and ends early in the next one.
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", 600, "2026-10-03T16:00:00Z", 660),
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", 660, "2027-04-03T16:00:00Z", 600),
        # Half an hour.
        ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 630, "2026-10-03T15:30:00Z", 660),
        # By law winter is the exception: an hour less, from autumn to spring.
        ("IST-1GMT0,M10.5.0,M3.5.0/1", 60, "2026-10-25T01:00:00Z", 0),
        # Before midnight of the day, and beyond its end.
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -120, "2026-03-29T01:00:00Z", -60),
        ("IST-2IDT,M3.4.4/26,M10.5.0", 120, "2026-03-27T00:00:00Z", 180),
        # The first day of a week in a month that begins with it; the last one of December.
        ("AAA0BBB,M2.1.0/0,M12.5.4/0", 0, "2026-02-01T00:00:00Z", 60),
        ("AAA0BBB,M2.1.0/0,M12.5.4/0", 60, "2026-12-30T23:00:00Z", 0),
    ],
)
def test_offset_when_a_change_comes_then_it_jumps_at_that_second(
    text: str, before: int, change: str, after: int
) -> None:
    zone = parse_zone(text)
    at_s = seconds(change)
    assert (zone.offset_min(at_s - 1), zone.offset_min(at_s)) == (before, after)
    assert zone.changes_s(at_s, at_s + 1) == [at_s]
    assert zone.changes_s(at_s + 1, at_s + 2) == zone.changes_s(at_s, at_s) == []


@given(st.sampled_from([BERLIN, "AEST-10AEDT,M10.1.0,M4.1.0/3"]), st.integers(0, 2**32 - 1))
def test_offset_when_between_two_changes_then_it_stays(text: str, utc_s: int) -> None:
    zone = parse_zone(text)
    half_a_year_s = 183 * 86_400
    changes = zone.changes_s(utc_s, utc_s + 2 * half_a_year_s)
    assert len(changes) in {2, 3}
    assert zone.offset_min(utc_s) == zone.offset_min(changes[0] - 1)
    assert abs(zone.offset_min(changes[0]) - zone.offset_min(utc_s)) == 60


def test_zone_without_a_rule_when_asked_then_it_has_no_changes() -> None:
    zone = parse_zone("<+0545>-5:45")
    assert zone == LocalZone(345)
    assert zone.offset_min(seconds("2027-07-01T00:00:00Z")) == 345
    assert zone.changes_s(0, 2**32 - 1) == []


def test_rule_when_written_with_and_without_times_then_two_in_the_morning_is_meant() -> None:
    rule = parse_dst_rule("M3.2.0,M11.1.0")
    assert rule == parse_dst_rule("M3.2.0/2,M11.1.0/02:00:00")
    assert rule == DstRule(YearlyChange(3, 2, 0), YearlyChange(11, 1, 0))
    assert parse_dst_rule(NO_RULE) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CET",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M3.5.0,M10.5.0,M11.1.0",
        "CET-1CEST,J60,J300",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M0.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST-1,M3.5.0,M10.5.0",
        "CET-1CEST-4,M3.5.0,M10.5.0",
        "CET-15",
        "LMT-0:53:28",
        "C-1",
        BERLIN + "\n",
    ],
)
def test_zone_when_it_is_none_then_refused(text: str) -> None:
    with pytest.raises(WindowError):
        parse_zone(text)


@pytest.mark.parametrize("text", ["", "M3.2.0", "none,none", "M3.2.0,M11.1.0,M1.1.1", "M1.1.0;"])
def test_rule_when_it_is_none_then_refused(text: str) -> None:
    with pytest.raises(WindowError, match="no rule such as"):
        parse_dst_rule(text)


@given(st.text(max_size=40))
def test_zone_when_any_text_then_nothing_but_a_window_error(text: str) -> None:
    for parse in (parse_zone, parse_dst_rule):
        try:
            parse(text)
        except WindowError:
            continue
