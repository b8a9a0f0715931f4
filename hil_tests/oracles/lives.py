"""Codes that use themselves up: by opening once, or some time after they opened at first.

Counted from outside, by what came of entries, so that whatever a lock forgets in a power cut is
noticed. A one-time user is spent when its code has opened: what lets it in again is another
revision of the user, which only somebody who programs the lock can write.

The first use of an expiring code is an instant on the lock's own clock, as that is what the lock
goes by. When a clock that knew the time is set, that instant moves along, since what counts is
the time that passed; a clock that had lost the time measured nothing, so the instant stands. Where
power failed in the middle of an entry nobody can tell whether the lock noted it: then there are
several instants at which the first use may have been, until what comes of later entries settles
it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from hil_tests.errors import SafetyViolated

_KNOWING: Final = ("TRUSTED", "HOLDOVER")
# A lock counts whole seconds, so each time that its clock is set may cost one.
_PER_SHIFT: Final = dt.timedelta(seconds=1)
_NOT_YET: Final = None


@dataclasses.dataclass(frozen=True, slots=True)
class Life:
    """One life of a code: a slot, and the revision of the PIN in it."""

    slot: int
    revision: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a life.

    Attributes:
        uses: Instants on the lock's clock at which its first use may have been; None = not yet.
        slack: By how much the lock may count them earlier.
    """

    uses: frozenset[dt.datetime | None] = frozenset({_NOT_YET})
    slack: dt.timedelta = dt.timedelta()


class FirstUses:
    """The first uses of the expiring codes of one lock.

    Args:
        timeout_min: Minutes that a code lives from its first use on.
    """

    def __init__(self, timeout_min: int) -> None:
        self._timeout = dt.timedelta(minutes=timeout_min)
        self._lives: dict[Life, _Known] = {}

    def note(self, event: Mapping[str, Any]) -> None:
        """Take note of what the trace says of the lock."""
        if event["kind"] != "clock_set":
            return
        if event["data"]["quality_before"] not in _KNOWING:
            return
        shift = dt.timedelta(microseconds=event["data"]["shift_us"])
        self._lives = {
            life: _Known(
                frozenset(None if use is None else use + shift for use in known.uses),
                known.slack + _PER_SHIFT,
            )
            for life, known in self._lives.items()
        }

    def is_over(self, life: Life, shown: dt.datetime) -> bool | None:
        """Whether a code has expired; None when nobody can tell.

        Args:
            life: Which code.
            shown: What the lock's clock shows, in whole seconds.
        """
        known = self._lives.get(life, _Known())
        verdicts = {self._is_over(use, known.slack, shown) for use in known.uses}
        return verdicts.pop() if len(verdicts) == 1 else None

    def ends_of(self, life: Life) -> list[dt.datetime]:
        """Instants on the lock's clock at which a code that was used may expire, ascending."""
        uses = self._lives.get(life, _Known()).uses
        return sorted(use + self._timeout for use in uses if use is not None)

    def _is_over(
        self, use: dt.datetime | None, slack: dt.timedelta, shown: dt.datetime
    ) -> bool | None:
        if use is None:
            return False
        ends_at = use + self._timeout
        if ends_at - slack <= shown < ends_at:
            return None
        return shown >= ends_at

    def opened(self, life: Life, shown: dt.datetime, *, is_judged: bool) -> None:
        """A code opened: it had not expired, and has been used from now on.

        Args:
            life: Which code.
            shown: What the lock's clock showed.
            is_judged: False where an expired code opens too, as in passage mode.
        """
        known = self._lives.get(life, _Known())
        uses = {
            shown if use is None else use
            for use in known.uses
            if not is_judged or self._is_over(use, known.slack, shown) is not True
        }
        self._lives[life] = dataclasses.replace(known, uses=frozenset(uses))

    def refused(self, life: Life, shown: dt.datetime) -> None:
        """A code was refused as expired."""
        known = self._lives.get(life, _Known())
        uses = {use for use in known.uses if self._is_over(use, known.slack, shown) is not False}
        self._lives[life] = dataclasses.replace(known, uses=frozenset(uses))

    def broke_off(self, life: Life, shown: dt.datetime) -> None:
        """Power failed while a code was about to open: perhaps its use was noted before."""
        known = self._lives.get(life, _Known())
        uses = known.uses | ({shown} if _NOT_YET in known.uses else set())
        self._lives[life] = dataclasses.replace(known, uses=uses)


class OneTimeUsers:
    """The one-time users of one lock that have had their time.

    Args:
        device: Bench name of the lock.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        # User index and revision of its record.
        self._spent: set[tuple[int, int]] = set()

    def opened(self, user_index: int, revision: int) -> None:
        """A code of a one-time user opened.

        Raises:
            SafetyViolated: When one of this very user had opened before.
        """
        if (user_index, revision) in self._spent:
            raise SafetyViolated(
                "keypad",
                self._device,
                f"a one-time code opened again: user {user_index}, revision {revision}",
            )
        self._spent.add((user_index, revision))
