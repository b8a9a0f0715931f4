"""Does a lockout hold? Counted from outside: by what came of the entries, not by the lock's word.

So many wrong codes in a row lock a keypad out, for at least the first length that the profile
names, on the lock's own clock. A lock may count more than the row shows, since a code that opens
does not forgive everything: then the lockout began at an earlier wrong code of the row, and the
counter with it. But it began at one of them, so one of them must have been followed by a pause in
which no code was looked at. A row without such a pause is a violation, whatever happened to the
lock meanwhile: a reset or a power cut forgives nothing. A clock that jumped or was set may have
moved the end, so nothing is held against a lock whose clock and the truth moved apart in the row.
"""

from __future__ import annotations

import collections
import datetime as dt
import itertools
from typing import Final

from hil_tests.errors import SafetyViolated
from hil_tests.oracles.admission import View, at
from protocols.profiles.parser import LockoutRules

# Clocks show whole seconds, and drift by up to 5 % in a fault plan.
_SLACK: Final = dt.timedelta(seconds=5)
# Whole seconds of a clock that keeps time are this far apart at most.
_STEADY: Final = dt.timedelta(seconds=1)
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
        # The newest wrong codes in a row: true time, and how far the lock's clock was from it.
        self._row: collections.deque[tuple[dt.datetime, dt.timedelta]] = collections.deque(
            maxlen=rules.wrong_code_limit
        )

    def judge(self, reason: str, view: View, now: str) -> None:
        """Take note of what came of an entry.

        Args:
            reason: What the lock made of it.
            view: What the lock held and showed before it.
            now: Bench time of the entry.

        Raises:
            SafetyViolated: When a code was looked at while the keypad must be locked out.
        """
        if reason not in {_WRONG, *_FORGIVING}:
            return
        entry = at(now), at(view["clock"]["now"]) - at(now)
        if self._must_hold(entry):
            raise SafetyViolated(
                _RULE,
                self._device,
                f"an entry was answered {reason} although {self._rules.wrong_code_limit} "
                f"wrong codes had locked the keypad out less than {self._rules.lockout_s} s ago",
            )
        if reason == _WRONG:
            self._row.append(entry)
        else:
            self._row.clear()

    def _must_hold(self, entry: tuple[dt.datetime, dt.timedelta]) -> bool:
        """True when no lockout fits between any two of a whole row and the entry after it."""
        if len(self._row) < self._rules.wrong_code_limit:
            return False
        shortest = dt.timedelta(seconds=self._rules.lockout_s) - _SLACK
        return all(
            after - before < shortest and abs(offset_after - offset_before) <= _STEADY
            for (before, offset_before), (after, offset_after) in itertools.pairwise(
                (*self._row, entry)
            )
        )
