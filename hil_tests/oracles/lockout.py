"""Does a lockout hold? Counted from outside: by what came of the entries, not by the lock's word.

So many wrong codes in a row lock a keypad out, for at least the first length that the profile
names, on the lock's own clock. A lock may count more than the row shows, since a code that opens
does not forgive everything: then the lockout began at an earlier wrong code of the row, and the
counter with it. But it began at one of them, so one of them must have been followed by a pause in
which no code was looked at. A row without such a pause is a violation, whatever happened to the
lock meanwhile: a reset or a power cut forgives nothing. A clock that jumped or was set may have
moved the end, so nothing is held against a lock whose clock and the truth moved apart in the row.

Nor may a keypad be locked out without a reason: it takes that many wrong codes since the last
lockout, and it ends. A power cut or a change of the clock in between excuses a lock, since a
lockout begins anew where nobody can tell how much of it was left. An entry that ended early may
have been a wrong code all the same, and is taken for one.
"""

from __future__ import annotations

import collections
import datetime as dt
import itertools
from collections.abc import Mapping
from typing import Any, Final

from hil_tests.errors import SafetyViolated
from hil_tests.oracles.sight import at
from protocols.profiles.parser import LockoutRules

# Clocks show whole seconds, and drift by up to 5 % in a fault plan.
_SLACK: Final = dt.timedelta(seconds=5)
# Whole seconds of a clock that keeps time are this far apart at most.
_STEADY: Final = dt.timedelta(seconds=1)
_RULE: Final = "lockout"
_WRONG: Final = "unknown_code"
_FORGIVING: Final = ("opened", "duress")
_LOCKED_OUT: Final = "locked_out"
_NO_POWER: Final = "no_power"
_PERHAPS_WRONG: Final = (_WRONG, "incomplete", _NO_POWER)
# Clocks in a fault plan run slow by so much at most.
_SLOWEST: Final = 1.05
# What may move the end of a lockout, or begin it anew.
_DISTURBING: Final = ("clock_set", "power")
_CLOCK_STEP: Final = "clock_steps_per_day"


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
        # Wrong codes that there may have been since the last lockout; the true time of the newest.
        self._wrong = 0
        self._wrong_at: dt.datetime | None = None
        self._is_held = False
        self._is_disturbed = False

    def note(self, event: Mapping[str, Any]) -> None:
        """Take note of what the trace says of the lock."""
        if event["kind"] in _DISTURBING or event["data"].get("knob") == _CLOCK_STEP:
            self._is_disturbed = True

    def judge(self, reason: str, shown: dt.datetime, now: str, *, has_rest: bool = False) -> None:
        """Take note of what came of an entry.

        Args:
            reason: What the lock made of it.
            shown: What the lock's clock showed before it.
            now: Bench time of the entry.
            has_rest: True when digits made a code whole before the last ones were answered so.

        Raises:
            SafetyViolated: When a code was looked at while the keypad must be locked out, or it is
                locked out and must not be.
        """
        if has_rest:
            self._may_be_wrong(at(now))
        self._judge_hold(reason, at(now))
        if reason not in {_WRONG, *_FORGIVING}:
            return
        entry = at(now), shown - at(now)
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

    def _may_be_wrong(self, now: dt.datetime) -> None:
        self._wrong += 1
        self._wrong_at = now

    def _judge_hold(self, reason: str, now: dt.datetime) -> None:
        if reason in _PERHAPS_WRONG:
            self._may_be_wrong(now)
        if reason == _NO_POWER:
            # Nobody looked at it, or power failed in the middle: a lockout may go on after it.
            return
        if reason != _LOCKED_OUT:
            self._is_held = self._is_disturbed = False
            return
        limit = self._rules.wrong_code_limit
        longest = dt.timedelta(seconds=self._rules.lockout_s_max * _SLOWEST) + _SLACK
        if self._is_disturbed:
            pass
        elif self._wrong_at is None or (self._wrong < limit and not self._is_held):
            raise SafetyViolated(
                _RULE, self._device, f"it locks out after {self._wrong} of {limit} wrong codes"
            )
        elif now - self._wrong_at > longest:
            seconds = round((now - self._wrong_at).total_seconds())
            raise SafetyViolated(
                _RULE, self._device, f"it still locks out {seconds} s after the last wrong code"
            )
        self._is_held = True
        self._wrong = 0

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
