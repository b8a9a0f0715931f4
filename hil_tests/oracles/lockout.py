"""Does a lockout hold? Counted from outside: by what came of the entries, not by the lock's word.

So many wrong codes in a row lock a keypad out, for at least the first length that the profile
names, on the lock's own clock. An entry that opens before that is a violation, whatever happened
to the lock meanwhile: a reset or a power cut forgives nothing. A clock that jumped or was set may
have moved the end, so nothing is held against a lock whose clock and the truth have moved apart
since.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from hil_tests.errors import SafetyViolated
from hil_tests.oracles.admission import View, at
from protocols.profiles.parser import LockoutRules

# Clocks show whole seconds, and drift by up to 5 % in a fault plan.
_SLACK: Final = dt.timedelta(seconds=5)
_RULE: Final = "lockout"
_WRONG: Final = "unknown_code"
_FORGIVING: Final = ("opened", "duress")


class LockoutOracle:
    """Counts the wrong codes at one keypad.

    Args:
        device: Bench name of the lock.
        rules: Of its profile.
    """

    def __init__(self, device: str, rules: LockoutRules) -> None:
        self._device = device
        self._rules = rules
        self._wrong_codes = 0
        # When the lockout began: true time, and how far the lock's clock was from it.
        self._began: tuple[dt.datetime, dt.timedelta] | None = None

    def judge(self, reason: str, view: View, now: str) -> None:
        """Take note of what came of an entry.

        Args:
            reason: What the lock made of it.
            view: What the lock held and showed before it.
            now: Bench time of the entry.

        Raises:
            SafetyViolated: When a code was looked at while the keypad must be locked out.
        """
        offset = at(view["clock"]["now"]) - at(now)
        if reason in {_WRONG, *_FORGIVING} and self._must_hold(at(now), offset):
            raise SafetyViolated(
                _RULE,
                self._device,
                f"an entry was answered {reason} although {self._rules.wrong_code_limit} "
                f"wrong codes had locked the keypad out less than {self._rules.lockout_s} s ago",
            )
        if reason in _FORGIVING:
            self._wrong_codes = 0
        elif reason == _WRONG:
            self._wrong_codes += 1
            if self._wrong_codes == self._rules.wrong_code_limit:
                self._wrong_codes = 0
                self._began = at(now), offset

    def _must_hold(self, now: dt.datetime, offset: dt.timedelta) -> bool:
        if self._began is None:
            return False
        began, offset_then = self._began
        shortest = dt.timedelta(seconds=self._rules.lockout_s)
        is_clock_steady = abs(offset - offset_then) <= dt.timedelta(seconds=1)
        return is_clock_steady and now - began < shortest - _SLACK
