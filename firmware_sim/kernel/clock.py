"""Bench time: what UTC is on a loop whose zero is some instant.

Instants are whole microseconds inside. A loop counts seconds in binary fractions, which can't
hold most milliseconds: rounding to the microsecond makes a timer set for 15:00:00 read exactly
15:00:00 when it fires, and never one millisecond less.
"""

from __future__ import annotations

from typing import Protocol

# Milliseconds from 1970-01-01T00:00:00Z to 2000-01-01T00:00:00Z, where devices start to count
# (Matter's epoch-s; DESIGN D19).
EPOCH_2000_MS = 946_684_800_000

_US_PER_MS = 1_000
_US_PER_S = 1_000_000


class LoopTime(Protocol):
    """The part of an event loop that a clock needs."""

    def time(self) -> float:
        """Seconds since the loop's zero."""


class WorldClock:
    """The true time of the bench; every device's own clock errs against this one.

    Args:
        loop: Whose time runs.
        epoch_ms: UTC at the loop's zero, in milliseconds since 1970.
    """

    def __init__(self, loop: LoopTime, epoch_ms: int) -> None:
        self._loop = loop
        self.epoch_ms = epoch_ms

    def now_us(self) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""
        return self.epoch_ms * _US_PER_MS + round(self._loop.time() * _US_PER_S)

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z, rounded down."""
        return self.now_us() // _US_PER_MS

    def now_s2000(self) -> float:
        """Seconds since 2000-01-01T00:00:00Z, exact to the microsecond."""
        return (self.now_us() - EPOCH_2000_MS * _US_PER_MS) / _US_PER_S

    def loop_s(self, utc_ms: int) -> float:
        """Loop time at a UTC instant in milliseconds since 1970; negative before the epoch."""
        return (utc_ms - self.epoch_ms) / _US_PER_MS

    def utc_ms(self, loop_s: float) -> int:
        """UTC in milliseconds since 1970 at a loop time, rounded down."""
        return self.epoch_ms + round(loop_s * _US_PER_S) // _US_PER_MS
