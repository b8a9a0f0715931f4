"""Idle watches: who wants to know when a loop has nothing left to do, and up to which instant."""

from __future__ import annotations

import itertools
from collections.abc import Callable


class IdleWatch:
    """One wait for an idle loop; made by `SimLoop.watch_idle`.

    Attributes:
        at_s: Loop time at which the watch ends: once all that was due up to it has happened.
        judge: Asked whenever the loop is idle; true ends the watch early. None never does.
        on_idle: Called once with whether the judge said yes.
        number: Order of creation; the earlier of two watches for one instant ends first.
    """

    __slots__ = ("at_s", "cancelled", "judge", "number", "on_idle")

    def __init__(
        self,
        at_s: float,
        on_idle: Callable[[bool], object],
        judge: Callable[[], bool] | None,
        number: int,
    ) -> None:
        self.at_s = at_s
        self.judge = judge
        self.on_idle = on_idle
        self.number = number
        self.cancelled = False

    def cancel(self) -> None:
        """Take the watch back; harmless once it has ended."""
        self.cancelled = True


class IdleWatches:
    """The watches of one loop.

    Attributes:
        pending: Those that have not ended; few at any time, so a list serves.
    """

    def __init__(self) -> None:
        self.pending: list[IdleWatch] = []
        self._numbers = itertools.count()

    def add(
        self, at_s: float, on_idle: Callable[[bool], object], judge: Callable[[], bool] | None
    ) -> IdleWatch:
        """Register a watch."""
        watch = IdleWatch(at_s, on_idle, judge, next(self._numbers))
        self.pending.append(watch)
        return watch

    def take_judged(self) -> IdleWatch | None:
        """Remove and return the oldest watch whose judge says yes; the loop is idle now."""
        for watch in self.pending:
            if not watch.cancelled and watch.judge is not None and watch.judge():
                self.pending.remove(watch)
                return watch
        return None

    def first(self) -> IdleWatch | None:
        """The watch that ends first by its instant."""
        if any(watch.cancelled for watch in self.pending):
            self.pending = [watch for watch in self.pending if not watch.cancelled]
        if not self.pending:
            return None
        return min(self.pending, key=lambda watch: (watch.at_s, watch.number))

    def remove(self, watch: IdleWatch) -> None:
        """Forget a watch that ends now."""
        self.pending.remove(watch)
