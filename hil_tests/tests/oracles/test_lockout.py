"""What the oracle holds against a lockout, and what it can't."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pytest

from hil_tests.errors import SafetyViolated
from hil_tests.oracles.lockout import LockoutOracle
from protocols.profiles.parser import LockoutRules

RULES = LockoutRules(wrong_code_limit=5, lockout_s=60, lockout_s_max=960)
START = dt.datetime(2025, 7, 10, 12, tzinfo=dt.UTC)
NEVER = 10**9


def judge(
    entries: Iterable[tuple[int, str]], *, jump_at_s: int = NEVER, power_at_s: int = NEVER
) -> None:
    """Let the oracle see entries: seconds and reason; the lock's clock jumps an hour at one."""
    oracle = LockoutOracle("lock", RULES)
    is_cut = False
    for at_s, reason in entries:
        now = START + dt.timedelta(seconds=at_s)
        shown = now + dt.timedelta(hours=1 if at_s >= jump_at_s else 0)
        if at_s >= power_at_s and not is_cut:
            is_cut = True
            oracle.note({"kind": "power", "data": {"on": False}})
        oracle.judge(reason, shown, now.isoformat())


def wrong(*at_s: int) -> list[tuple[int, str]]:
    return [(each, "unknown_code") for each in at_s]


@pytest.mark.parametrize("reason", ["unknown_code", "opened", "duress"])
def test_entry_after_a_whole_row_of_wrong_codes_is_a_violation(reason: str) -> None:
    with pytest.raises(SafetyViolated, match=f"an entry was answered {reason} although 5 wrong"):
        judge([*wrong(0, 1, 2, 3, 4), (20, reason)])


@pytest.mark.parametrize("reason", ["locked_out", "no_power", "incomplete", "disabled"])
def test_entry_whose_code_was_not_looked_at_or_counts_for_nothing_is_none(reason: str) -> None:
    judge([*wrong(0, 1, 2, 3, 4), (20, reason), (64, "opened")])


def test_row_that_a_code_opened_in_between_begins_anew() -> None:
    judge([*wrong(0, 1, 2, 3), (4, "opened"), *wrong(5, 6, 7, 8)])


def test_lockout_may_have_begun_at_an_earlier_wrong_code_of_the_row() -> None:
    # The lock had not forgiven three others, so it counts on from those.
    judge([*wrong(-3, -2, -1), (-1, "opened"), *wrong(0, 1), (2, "locked_out")])


def test_row_goes_on_after_a_pause_and_needs_one_again() -> None:
    with pytest.raises(SafetyViolated, match="lockout at lock"):
        judge(wrong(0, 1, 70, 71, 72, 73, 74, 75))


def test_clock_that_jumped_may_have_ended_it() -> None:
    judge([*wrong(0, 1, 2, 3, 4), (20, "opened")], jump_at_s=10)


def test_lockout_after_too_few_wrong_codes_is_a_violation() -> None:
    with pytest.raises(SafetyViolated, match="it locks out after 4 of 5 wrong codes"):
        judge([*wrong(0, 1, 2, 3), (4, "locked_out")])
    # Those of before the last lockout count no more.
    with pytest.raises(SafetyViolated, match="it locks out after 1 of 5 wrong codes"):
        judge([*wrong(0, 1, 2, 3, 4), (5, "locked_out"), *wrong(70), (71, "locked_out")])
    with pytest.raises(SafetyViolated, match="it locks out after 0 of 5 wrong codes"):
        judge([(0, "opened"), (1, "locked_out")])


def test_entry_that_ended_early_may_have_been_a_wrong_code() -> None:
    judge([*wrong(0, 1, 2), (3, "incomplete"), (4, "no_power"), (5, "locked_out")])


def test_lockout_that_lasts_for_ever_is_a_violation() -> None:
    entries = [*wrong(0, 1, 2, 3, 4), (60, "locked_out"), (970, "locked_out")]
    judge(entries)
    with pytest.raises(SafetyViolated, match="it still locks out 1046 s after the last wrong"):
        judge([*entries, (1050, "locked_out")])


def test_power_cut_may_have_begun_it_anew() -> None:
    judge([*wrong(0, 1, 2, 3, 4), (60, "locked_out"), (2000, "locked_out")], power_at_s=100)


def test_lockout_goes_on_after_the_processor_was_away() -> None:
    judge([*wrong(0, 1, 2, 3, 4), (5, "locked_out"), (6, "no_power"), (30, "locked_out")])


def test_digits_that_made_a_code_whole_may_have_been_the_last_wrong_one() -> None:
    oracle = LockoutOracle("lock", RULES)
    for second in range(4):
        now = START + dt.timedelta(seconds=second)
        oracle.judge("unknown_code", now, now.isoformat())
    now = START + dt.timedelta(seconds=4)
    oracle.judge("locked_out", now, now.isoformat(), has_rest=True)
    later = now + dt.timedelta(seconds=1100)
    with pytest.raises(SafetyViolated, match="it still locks out"):
        oracle.judge("locked_out", later, later.isoformat())
