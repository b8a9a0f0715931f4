"""The oracle's opinion on requests that move the bolt."""

from __future__ import annotations

import pytest

from hil_tests.errors import SafetyViolated
from hil_tests.oracles.remote import judge_remote
from hil_tests.oracles.sight import Sight
from hil_tests.tests.oracles.seen_lock import holiday, seen

ANSWERS = ("SUCCESS", "FAILURE", "INVALID_IN_STATE", "UNSUPPORTED_ACCESS")


def allowed(sight: Sight, *, is_unlock: bool) -> set[str]:
    """The answers that the oracle lets pass."""
    passed = set()
    for answer in ANSWERS:
        try:
            judge_remote("gym", sight, answer, is_unlock=is_unlock)
        except SafetyViolated:
            continue
        passed.add(answer)
    return passed


@pytest.mark.parametrize(
    ("sight", "unlock", "lock"),
    [
        (seen(), {"SUCCESS"}, {"SUCCESS"}),
        (seen(remote_unlock=False), {"UNSUPPORTED_ACCESS"}, {"SUCCESS"}),
        (seen(remote_lock=False), {"SUCCESS"}, {"UNSUPPORTED_ACCESS"}),
        (seen(holidays=(holiday("vacation"),)), {"SUCCESS"}, {"SUCCESS"}),
        (seen(holidays=(holiday("privacy"),)), {"INVALID_IN_STATE"}, {"INVALID_IN_STATE"}),
        (
            seen(holidays=(holiday("no_remote_lock_unlock"),)),
            {"INVALID_IN_STATE"},
            {"INVALID_IN_STATE"},
        ),
        (seen(hardware={"is_privacy_thrown": True}), {"INVALID_IN_STATE"}, {"SUCCESS"}),
        (seen(hardware={"battery_mv": 3700}), {"FAILURE"}, {"FAILURE"}),
        (seen(hardware={"is_blocked": True}), {"FAILURE"}, {"SUCCESS"}),
        (
            seen(hardware={"is_blocked": True, "bolt": "not_fully_locked"}),
            {"SUCCESS", "FAILURE"},
            {"SUCCESS", "FAILURE"},
        ),
    ],
)
def test_request_is_answered_as_kind_mode_and_parts_have_it(
    sight: Sight, unlock: set[str], lock: set[str]
) -> None:
    assert allowed(sight, is_unlock=True) == unlock
    assert allowed(sight, is_unlock=False) == lock


def test_violation_says_what_was_asked_and_why_not() -> None:
    sight = seen(holidays=(holiday("privacy"),))
    with pytest.raises(
        SafetyViolated,
        match="remote at gym: a request to unlock was answered SUCCESS although the lock is",
    ):
        judge_remote("gym", sight, "SUCCESS", is_unlock=True)
