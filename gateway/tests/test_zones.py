from __future__ import annotations

import datetime as dt

import pytest

from gateway.errors import ConfigError
from gateway.zones import check_time_zone, offset_min_at, posix_zone, ruled_zone, zone_info
from protocols.doorlock.zone import parse_zone


def ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


SUMMER = ms("2026-07-10T12:00Z")


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/St_Johns", "Etc/UTC", "UTC"])
def test_time_zone_when_it_is_one_then_it_has_a_rule_and_a_calendar(name: str) -> None:
    check_time_zone(name)
    assert ruled_zone(name, SUMMER) == parse_zone(posix_zone(name))
    assert zone_info(name).key == name


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "../../etc", "Europe", "", "Europe/", "leapseconds", "zone.tab"]
)
def test_time_zone_when_it_is_none_then_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="there is no time zone"):
        check_time_zone(name)


@pytest.mark.parametrize(
    ("name", "at", "offset_min"),
    [
        ("Europe/Berlin", "2026-07-10T12:00Z", 120),
        ("Europe/Berlin", "2026-10-25T00:59:59Z", 120),
        ("Europe/Berlin", "2026-10-25T01:00Z", 60),
        ("Asia/Kathmandu", "2026-07-10T12:00Z", 345),
        # Ramadan of 2026, which no rule for every year tells of.
        ("Africa/Casablanca", "2026-03-01T12:00Z", 0),
        ("Africa/Casablanca", "2026-07-10T12:00Z", 60),
    ],
)
def test_offset_when_asked_then_that_of_the_calendar(name: str, at: str, offset_min: int) -> None:
    assert offset_min_at(name, ms(at)) == offset_min


def test_zone_when_it_keeps_no_yearly_rule_then_there_is_none() -> None:
    assert ruled_zone("Africa/Casablanca", SUMMER) is None
    # Turkey had two changes a year until it stayed ahead for good, in September of 2016.
    assert ruled_zone("Europe/Istanbul", ms("2015-05-05T00:00Z")) is None
    assert ruled_zone("Europe/Istanbul", ms("2016-10-01T00:00Z")) == parse_zone("<+03>-3")
