"""A keypad: wakes at a touch, collects digits, and forgets an entry that was left alone.

No timer runs. Every key carries its instant, and the keypad works out from the last one whether
the entry before it had timed out meanwhile.

A sleeping touch keypad is dark: the touch that wakes it is not a digit (observed on locks of the
Latch kind, whose digits light up first). One of push buttons takes the first key at once. It
sleeps again when the inter-digit time has passed.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from firmware_sim.errors import KeypadKeyUnknown

DIGITS: Final = frozenset("0123456789")
CLEAR_KEY: Final = "*"
SUBMIT_KEY: Final = "#"
KEYS: Final = DIGITS | {CLEAR_KEY, SUBMIT_KEY}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One attempt at the keypad, ended.

    Attributes:
        digits: What was typed, as far as the buffer holds.
        is_submitted: False when it was left unfinished.
    """

    digits: str = dataclasses.field(repr=False)
    is_submitted: bool


class Keypad:
    """Collects keys into entries.

    Args:
        inter_digit_timeout_s: Seconds between two keys after which an entry is dropped.
        buffer_length: Digits that the entry buffer holds; further ones push out the oldest.
        submit_length: Number of digits at which an entry is submitted by itself; None when codes
            vary in length and `#` submits.
        wakes_on_touch: True when the first touch only wakes it.
    """

    __slots__ = (
        "_buffer_length",
        "_digits",
        "_inter_digit_timeout_s",
        "_submit_length",
        "_touched_at",
        "_wakes_on_touch",
    )

    def __init__(
        self,
        *,
        inter_digit_timeout_s: float,
        buffer_length: int,
        submit_length: int | None,
        wakes_on_touch: bool = True,
    ) -> None:
        self._inter_digit_timeout_s = inter_digit_timeout_s
        self._buffer_length = buffer_length
        self._submit_length = submit_length
        self._wakes_on_touch = wakes_on_touch
        self._digits = ""
        self._touched_at: float | None = None

    def is_awake(self, now: float) -> bool:
        """True while a key would count."""
        return (
            self._touched_at is not None and now - self._touched_at <= self._inter_digit_timeout_s
        )

    def wake(self, now: float) -> Entry | None:
        """Touch the keypad; gives the entry that had been left unfinished, if there was one."""
        left = None if self.is_awake(now) else self.walk_away()
        self._touched_at = now
        return left

    def press(self, key: str, now: float) -> Entry | None:
        """Press one key; gives the entry that this key ended, if it ended one.

        On a sleeping keypad the entry given is the one left before; the key only wakes a touch
        keypad, and is the first of a new entry on one of push buttons.

        Args:
            key: A digit, `*` (forget the entry) or `#` (submit it; without digits it does
                nothing).
            now: Loop seconds.

        Raises:
            KeypadKeyUnknown: When there is no such key.
        """
        if key not in KEYS:
            raise KeypadKeyUnknown
        if not self.is_awake(now):
            left = self.wake(now)
            if self._wakes_on_touch:
                return left
            if key in DIGITS:
                self._digits = key
            # Where one digit is a whole code, nothing can have been left unfinished.
            return (
                self._end(is_submitted=True)
                if self._submit_length == 1 == len(self._digits)
                else left
            )
        self._touched_at = now
        if key == CLEAR_KEY:
            self._forget()
            return None
        if key == SUBMIT_KEY:
            return self._end(is_submitted=True) if self._digits else None
        self._digits = (self._digits + key)[-self._buffer_length :]
        if len(self._digits) == self._submit_length:
            return self._end(is_submitted=True)
        return None

    def walk_away(self) -> Entry | None:
        """Leave the keypad alone until it sleeps; gives the unfinished entry, if there is one."""
        self._touched_at = None
        return self._end(is_submitted=False) if self._digits else None

    def reset(self) -> None:
        """Power was lost: nothing is remembered."""
        self._forget()
        self._touched_at = None

    def _end(self, *, is_submitted: bool) -> Entry:
        entry = Entry(digits=self._digits, is_submitted=is_submitted)
        self._forget()
        return entry

    def _forget(self) -> None:
        self._digits = ""
