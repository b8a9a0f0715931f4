"""The wall clock: the one place that reads real time.

It is made at the top floor and passed in to what paces virtual time, picks a default date or
bounds work at the edge. Everything else reads a loop's clock or a `WorldClock`.
"""

from __future__ import annotations

import time
from typing import Protocol


class Wall(Protocol):
    """Real time, twice: one clock to measure spans with, one to read the date from."""

    def monotonic_s(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    def utc_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z; may jump when the host's clock is set."""


class SystemWall:
    """The host's own clocks."""

    def monotonic_s(self) -> float:
        """See `Wall.monotonic_s`."""
        return time.monotonic()  # noqa: TID251 - the one wall-clock object (DESIGN D9)

    def utc_ms(self) -> int:
        """See `Wall.utc_ms`."""
        return time.time_ns() // 1_000_000
