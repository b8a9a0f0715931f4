"""What is remembered of codes that use themselves up."""

from __future__ import annotations

import datetime as dt

import pytest

from hil_tests.errors import SafetyViolated
from hil_tests.oracles.lives import FirstUses, Life, OneTimeUsers

NOON = dt.datetime(2025, 7, 10, 12, tzinfo=dt.UTC)
LIFE, OTHER = Life(1, 4), Life(2, 4)


def after(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def clock_set(shift_s: float, quality: str = "TRUSTED") -> dict[str, object]:
    data = {"shift_us": round(shift_s * 1_000_000), "quality_before": quality}
    return {"kind": "clock_set", "data": data}


def used_at_noon() -> FirstUses:
    uses = FirstUses(15)
    uses.opened(LIFE, NOON, is_judged=True)
    return uses


def test_code_lives_from_its_first_use_for_its_minutes_and_no_use_prolongs_it() -> None:
    uses = used_at_noon()
    uses.opened(LIFE, after(10), is_judged=True)
    assert uses.ends_of(LIFE) == [after(15)]
    assert uses.is_over(LIFE, after(15) - dt.timedelta(seconds=1)) is False
    assert uses.is_over(LIFE, after(15)) is True
    # Another code, and another revision of the same, has not begun.
    assert uses.is_over(OTHER, after(15)) is False
    assert uses.is_over(Life(1, 5), after(15)) is False
    assert uses.ends_of(OTHER) == []


@pytest.mark.parametrize("shift_s", [3600.0, -3600.0])
def test_clock_that_knew_the_time_takes_the_end_along_to_a_second(shift_s: float) -> None:
    uses = used_at_noon()
    uses.note(clock_set(shift_s))
    end = after(15) + dt.timedelta(seconds=shift_s)
    assert uses.is_over(LIFE, end - dt.timedelta(seconds=2)) is False
    assert uses.is_over(LIFE, end - dt.timedelta(seconds=1)) is None
    assert uses.is_over(LIFE, end) is True


@pytest.mark.parametrize("quality", ["LOST", "ROLLED_BACK"])
def test_clock_that_had_lost_the_time_measured_nothing(quality: str) -> None:
    uses = used_at_noon()
    uses.note(clock_set(3600, quality))
    uses.note({"kind": "power", "data": {"on": True}})
    assert uses.ends_of(LIFE) == [after(15)]


def test_power_that_failed_in_an_entry_leaves_open_when_it_was_and_later_entries_tell() -> None:
    for tells, expected in (("opened", after(22)), ("refused", after(15))):
        uses = FirstUses(15)
        uses.broke_off(LIFE, NOON)
        assert uses.is_over(LIFE, after(14)) is False
        assert uses.is_over(LIFE, after(16)) is None
        uses.opened(LIFE, after(7), is_judged=True)
        assert uses.ends_of(LIFE) == [after(15), after(22)]
        if tells == "opened":
            uses.opened(LIFE, after(16), is_judged=True)
        else:
            uses.refused(LIFE, after(16))
        assert uses.ends_of(LIFE) == [expected]


def test_power_that_failed_in_a_later_entry_changes_nothing() -> None:
    uses = used_at_noon()
    uses.broke_off(LIFE, after(5))
    assert uses.ends_of(LIFE) == [after(15)]


def test_passage_tells_nothing_of_an_end_but_is_a_use() -> None:
    uses = used_at_noon()
    uses.opened(LIFE, after(60), is_judged=False)
    uses.opened(OTHER, after(60), is_judged=False)
    assert uses.ends_of(LIFE) == [after(15)]
    assert uses.ends_of(OTHER) == [after(75)]


def test_one_time_user_opens_once_until_somebody_writes_it_anew() -> None:
    users = OneTimeUsers("gym")
    users.opened(3, 7)
    users.opened(3, 9)
    users.opened(4, 7)
    with pytest.raises(
        SafetyViolated, match="keypad at gym: a one-time code opened again: user 3"
    ):
        users.opened(3, 7)
