from __future__ import annotations

import dataclasses
import importlib.resources
from typing import Any

import pytest

from protocols.doorlock.zone import LocalZone, parse_zone
from protocols.profiles.local_time import stores_local_bounds, zone_kept
from protocols.profiles.parser import (
    DstQuirk,
    Profile,
    ZoneAwareness,
    parse_profile,
)

BERLIN = parse_zone("CET-1CEST,M3.5.0,M10.5.0/3")
# Once more by the law of the United States until 2006.
BERLIN_AS_OF_OLD = parse_zone("CET-1CEST,M4.1.0,M10.5.0")


def like(*, local_year_day: bool = False, **clock: Any) -> Profile:
    text = importlib.resources.files("protocols.profiles") / "generic-native.toml"
    facts = parse_profile(text.read_text(encoding="utf-8"), source="p")
    return dataclasses.replace(
        facts,
        local_year_day=local_year_day,
        clock=dataclasses.replace(facts.clock, **clock),
    )


@pytest.mark.parametrize(
    ("zone", "dst_rule", "door", "kept"),
    [
        (ZoneAwareness.ZONE, "none", BERLIN, BERLIN),
        (ZoneAwareness.ZONE, "M4.1.0,M10.5.0", BERLIN, BERLIN_AS_OF_OLD),
        (ZoneAwareness.ZONE, "M4.1.0,M10.5.0", None, None),
        # Told its distance from UTC, it goes by no rule.
        (ZoneAwareness.OFFSET, "M4.1.0,M10.5.0", BERLIN, BERLIN),
        (ZoneAwareness.OFFSET, "none", None, None),
        # Whatever the door's zone is, it shows UTC.
        (ZoneAwareness.NONE, "none", BERLIN, LocalZone(0)),
        (ZoneAwareness.NONE, "none", None, LocalZone(0)),
    ],
)
def test_zone_kept_when_asked_then_by_what_the_lock_knows(
    zone: ZoneAwareness, dst_rule: str, door: LocalZone | None, kept: LocalZone | None
) -> None:
    assert zone_kept(like(zone=zone, dst_rule=dst_rule).clock, door) == kept


def test_stores_local_bounds_when_it_takes_or_makes_them_then_true() -> None:
    assert not stores_local_bounds(like())
    assert stores_local_bounds(like(local_year_day=True))
    assert stores_local_bounds(like(dst_quirk=DstQuirk.OFFSET_AT_WRITE))
