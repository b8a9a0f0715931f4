"""May a request move the bolt? An opinion on LockDoor and UnlockDoor, as of `admission`."""

from __future__ import annotations

from typing import Final

from hil_tests.errors import SafetyViolated
from hil_tests.oracles.admission import is_supplied, mode_of_lock
from hil_tests.oracles.sight import Sight

_RULE: Final = "remote"
# Operating modes in which nobody moves the bolt from afar.
_SHUT: Final = ("privacy", "no_remote_lock_unlock")
_WANTED: Final = {True: "unlocked", False: "locked"}


def judge_remote(device: str, sight: Sight, answer: str, *, is_unlock: bool) -> None:
    """Hold the answer to a request that moves the bolt against what it must be.

    Args:
        device: Bench name of the lock.
        sight: What could be seen of it before.
        answer: Name of the status.
        is_unlock: True for UnlockDoor, False for LockDoor.

    Raises:
        SafetyViolated: When it is another one.
    """
    expected, because = _expected(sight, is_unlock=is_unlock)
    if answer not in expected:
        wish = "unlock" if is_unlock else "lock"
        raise SafetyViolated(
            _RULE, device, f"a request to {wish} was answered {answer} although {because}"
        )


def _expected(sight: Sight, *, is_unlock: bool) -> tuple[set[str], str]:
    profile, parts = sight.profile, sight.hardware
    if not (profile.remote_unlock if is_unlock else profile.remote_lock):
        return {"UNSUPPORTED_ACCESS"}, "this kind of lock does no such thing"
    mode = mode_of_lock(sight)
    if mode in _SHUT:
        return {"INVALID_IN_STATE"}, f"the lock is in mode {mode}"
    if is_unlock and parts.is_privacy_thrown:
        return {"INVALID_IN_STATE"}, "the privacy deadbolt is thrown"
    if not is_supplied(sight):
        return {"FAILURE"}, "its cells are too low"
    if not parts.is_blocked or parts.bolt == _WANTED[is_unlock]:
        return {"SUCCESS"}, "nothing is in its way"
    if parts.bolt == "not_fully_locked":
        # On its way already, or stuck half-way.
        return {"SUCCESS", "FAILURE"}, "its bolt is blocked"
    return {"FAILURE"}, "its bolt is blocked"
