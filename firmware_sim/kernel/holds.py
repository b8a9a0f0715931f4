"""Holds: outward work that bench time waits for, each until a wall-clock deadline."""

from __future__ import annotations

import math
from collections.abc import Callable


class Hold:
    """One unit of outward work that is out; made by `PacedLoop.hold`.

    Attributes:
        deadline_s: Monotonic wall time at which the hold ends by itself.
        on_expired: Called then, on the loop.
    """

    __slots__ = ("_holds", "deadline_s", "on_expired")

    def __init__(self, holds: Holds, deadline_s: float, on_expired: Callable[[], None]) -> None:
        self._holds = holds
        self.deadline_s = deadline_s
        self.on_expired = on_expired

    def release(self) -> None:
        """The work is back; harmless when the hold has ended."""
        self._holds.end(self)


class Holds:
    """The holds of one loop, oldest first.

    Args:
        on_empty: Called when the last one has ended.
    """

    def __init__(self, on_empty: Callable[[], None]) -> None:
        self._out: dict[Hold, None] = {}
        self._on_empty = on_empty

    def begin(self, deadline_s: float, on_expired: Callable[[], None]) -> Hold:
        """Note a unit that goes out."""
        hold = Hold(self, deadline_s, on_expired)
        self._out[hold] = None
        return hold

    def end(self, hold: Hold) -> None:
        """Forget a unit that is back, or given up."""
        if self._out.pop(hold, self) is None and not self._out:
            self._on_empty()

    def next_deadline_s(self) -> float:
        """Monotonic wall time of the next deadline; infinity when nothing is out."""
        return min((hold.deadline_s for hold in self._out), default=math.inf)

    def expire(self, wall_s: float) -> None:
        """End the holds whose deadline has come, oldest first."""
        for hold in [hold for hold in self._out if hold.deadline_s <= wall_s]:
            self.end(hold)
            hold.on_expired()

    def __bool__(self) -> bool:
        return bool(self._out)
