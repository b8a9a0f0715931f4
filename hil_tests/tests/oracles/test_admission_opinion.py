"""The oracle's own opinion on who may come in, from what a person can see."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Final

import pytest

from gateway.profiles import load_profiles
from hil_tests.oracles.admission import opinion
from hil_tests.oracles.lives import FirstUses, Life
from hil_tests.oracles.sight import Sight, at
from hil_tests.tests.oracles.seen_lock import (
    AFTER,
    BEFORE,
    CODE,
    INSIDE,
    OFFICE,
    WINDOW,
    holiday,
    seen,
)

OUTSIDE: Final = "outside_schedule"
WEEK: Final = "week_day_schedule_user"
BOTH: Final = "schedule_restricted_user"
FREE: Final = "unrestricted_user"
NEW_YORK_MIN: Final = -240
ON_THE_WALL: Final = dataclasses.replace(
    WINDOW, starts_at="2025-07-10T14:00:00", ends_at="2025-07-10T15:00:00"
)
_NATIVE: Final = load_profiles()["generic-native"]
PROGRAMMER: Final = dataclasses.replace(_NATIVE.keypad, programming_code_opens=True)
CARELESS: Final = dataclasses.replace(_NATIVE.clock, lost_admits=True)


def answers(sight: Sight, code: str = CODE) -> set[str]:
    return set(opinion(sight, code, FirstUses(20)).answers)


@pytest.mark.parametrize(
    ("sight", "answer"),
    [
        (seen(), "opened"),
        (seen(BEFORE), OUTSIDE),
        (seen(AFTER), OUTSIDE),
        (seen("2025-07-10T11:59:59Z"), OUTSIDE),
        (seen("2025-07-10T12:00:00Z"), "opened"),
        (seen("2025-07-10T12:59:59Z"), "opened"),
        (seen("2025-07-10T13:00:00Z"), OUTSIDE),
        (seen(AFTER, year_day=(dataclasses.replace(WINDOW, ends_at=None),)), "opened"),
        (seen(year_day=()), OUTSIDE),
        # An instant is one wherever the door is; a window on the wall is two hours ahead.
        (seen(utc_offset_min=NEW_YORK_MIN), "opened"),
        (seen(year_day=(ON_THE_WALL,), utc_offset_min=120), "opened"),
        (seen(year_day=(ON_THE_WALL,), utc_offset_min=60), OUTSIDE),
        (seen("2025-07-10T13:00:00Z", year_day=(ON_THE_WALL,), utc_offset_min=120), OUTSIDE),
        (seen(BEFORE, kind=FREE), "opened"),
        (seen(BEFORE, kind="forced_user"), "duress"),
        (seen(BEFORE, kind="disposable_user"), "opened"),
        (seen(kind="non_access_user"), "non_access"),
        (seen(kind="remote_only_user"), "disabled"),
        (seen(kind="programming_user"), "non_access"),
        (seen(kind="programming_user", keypad=PROGRAMMER), "opened"),
        (seen(kind="expiring_user"), "opened"),
        (seen(kind="expiring_user", quality="lost"), OUTSIDE),
        (seen(status="occupied_disabled"), "disabled"),
        (seen(has_user=False), "unknown_code"),
        (seen(is_hashed=True), "opened"),
        (seen(is_running=False), "no_power"),
        (seen(quality="holdover"), "opened"),
        (seen(quality="lost"), OUTSIDE),
        (seen(quality="rolled_back"), OUTSIDE),
        (seen(BEFORE, quality="lost", clock=CARELESS), "opened"),
        (seen(quality="lost", year_day=(), clock=CARELESS), OUTSIDE),
        # What its type does not name is no schedule of its.
        (seen(quality="lost", year_day=(), week_day=(OFFICE,), clock=CARELESS), OUTSIDE),
        (seen(quality="lost", kind=FREE), "opened"),
        (seen(kind=WEEK, week_day=(OFFICE,)), "opened"),
        (seen(BEFORE, kind=WEEK, week_day=(OFFICE,)), OUTSIDE),
        (seen(BEFORE, kind=WEEK, week_day=(OFFICE,), utc_offset_min=60), "opened"),
        (seen("2025-07-10T12:59:59Z", kind=WEEK, week_day=(OFFICE,)), "opened"),
        (seen("2025-07-10T13:00:00Z", kind=WEEK, week_day=(OFFICE,)), OUTSIDE),
        (seen("2025-07-11T12:30:00Z", kind=WEEK, week_day=(OFFICE,)), OUTSIDE),
        (seen(kind=WEEK), OUTSIDE),
        (seen(kind=BOTH, year_day=()), OUTSIDE),
        (seen(kind=BOTH, week_day=(OFFICE,)), "opened"),
        (seen(kind=BOTH, week_day=(dataclasses.replace(OFFICE, end="12:10"),)), OUTSIDE),
    ],
)
def test_code_is_answered_as_user_and_clock_have_it(sight: Sight, answer: str) -> None:
    assert answers(sight) == {answer}


@pytest.mark.parametrize(
    ("mode", "free", "late", "forced"),
    [
        ("normal", "opened", OUTSIDE, "duress"),
        ("no_remote_lock_unlock", "opened", OUTSIDE, "duress"),
        ("vacation", "privacy", "privacy", "privacy"),
        ("privacy", "privacy", "privacy", "privacy"),
        ("passage", "opened", "opened", "duress"),
    ],
)
def test_holiday_decides_over_schedules(mode: str, free: str, late: str, forced: str) -> None:
    days = (holiday(mode),)
    assert answers(seen(kind=FREE, holidays=days)) == {free}
    assert answers(seen(year_day=(), holidays=days)) == {late}
    assert answers(seen(kind="forced_user", holidays=days)) == {forced}
    # It begins and ends by the wall, and a lock that knows no time knows no holiday.
    assert answers(seen(kind=FREE, holidays=days, utc_offset_min=60)) == {"opened"}
    assert answers(seen(kind=FREE, holidays=days, quality="lost")) == {"opened"}
    # What is no matter of time stays as it is.
    if mode == "passage":
        assert answers(seen(kind="non_access_user", holidays=days)) == {"non_access"}
        assert answers(seen(status="occupied_disabled", holidays=days)) == {"disabled"}


@pytest.mark.parametrize(
    ("hardware", "expected"),
    [
        ({"is_privacy_thrown": True}, {"privacy"}),
        ({"battery_mv": 3800}, {"no_power"}),
        ({"battery_mv": 3801}, {"opened"}),
        ({"battery_mv": 0, "jump_mv": 9000}, {"opened"}),
        ({"is_blocked": True}, {"jammed"}),
        ({"is_blocked": True, "battery_charge": 0.3}, {"jammed", "no_power"}),
        ({"is_blocked": True, "bolt": "unlocked"}, {"opened"}),
        ({"is_blocked": True, "bolt": "not_fully_locked"}, {"opened", "jammed"}),
    ],
)
def test_hardware_decides_last(hardware: dict[str, object], expected: set[str]) -> None:
    assert answers(seen(hardware=hardware)) == expected
    # It is asked for codes that open only.
    assert answers(seen(AFTER, hardware=hardware)) == {OUTSIDE}


def test_programmer_may_come_in_although_privacy_is_thrown_and_not_on_a_holiday() -> None:
    thrown = {"is_privacy_thrown": True}
    sight = seen(kind="programming_user", keypad=PROGRAMMER, hardware=thrown)
    assert answers(sight) == {"opened"}
    closed = seen(kind="programming_user", keypad=PROGRAMMER, holidays=(holiday("privacy"),))
    assert answers(closed) == {"privacy"}


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2025-07-10T12:30:02Z", {"locked_out"}),
        ("2025-07-10T12:30:01Z", {"locked_out", "opened"}),
        ("2025-07-10T12:30:00Z", {"locked_out", "opened"}),
        ("2025-07-10T12:29:58Z", {"opened"}),
    ],
)
def test_lockout_is_looked_at_before_the_code(until: str, expected: set[str]) -> None:
    assert answers(seen(locked_out_until=until)) == expected
    told = opinion(seen(locked_out_until=until), CODE, FirstUses(20))
    assert told.opens is {1: next(iter(expected)) == "opened"}.get(len(expected))


@pytest.mark.parametrize("is_hashed", [False, True])
def test_code_that_no_slot_holds_is_unknown(is_hashed: bool) -> None:  # noqa: FBT001 - of the table.
    assert answers(seen(is_hashed=is_hashed), "111111") == {"unknown_code"}
    assert answers(seen(is_hashed=is_hashed), "482") == {"incomplete"}


def test_lock_whose_codes_have_one_length_takes_the_digits_that_make_one() -> None:
    sight = seen(code_lengths=(6,))
    assert answers(sight, CODE + "00") == {"opened"}
    assert answers(sight, "00" + CODE) == {"incomplete", "locked_out"}
    assert answers(sight, CODE[:5]) == {"incomplete"}


def test_expiring_code_is_judged_by_its_first_use_and_passage_forgives_it() -> None:
    first_uses, life = FirstUses(20), Life(1, 1)
    first_uses.opened(life, at(INSIDE), is_judged=True)
    expired = at(INSIDE) + dt.timedelta(minutes=20)
    late = expired.strftime("%Y-%m-%dT%H:%M:%SZ")
    sight = seen(late, kind="expiring_user")
    assert set(opinion(sight, CODE, first_uses).answers) == {OUTSIDE}
    days = (dataclasses.replace(holiday("passage"), ends_at="2025-07-11T00:00:00"),)
    told = opinion(seen(late, kind="expiring_user", holidays=days), CODE, first_uses)
    assert (set(told.answers), told.is_life_judged, told.life) == ({"opened"}, False, life)
