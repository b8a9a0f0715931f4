"""A wall clock that only waiting moves: paced loops in tests take no real time."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from firmware_sim.kernel.pacing import PacedLoop

T = TypeVar("T")


class FakeWall:
    """The wall and the waiter of a paced loop in one.

    What another thread would do at some wall time is scripted with `at`; it happens in the
    middle of a wait, as it would. `spend` is a callback that keeps the processor busy.
    """

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.waits: list[float | None] = []
        self._script: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._is_woken = False

    def at(self, wall_s: float, action: Callable[[], object]) -> None:
        """Script an action for a wall time, in seconds after the fake wall's start."""
        heapq.heappush(self._script, (1_000.0 + wall_s, next(self._numbers), action))

    def spend(self, seconds: float) -> None:
        """Let wall time pass while the loop is busy."""
        self.now_s += seconds

    @property
    def passed_s(self) -> float:
        """Wall seconds since the start."""
        return self.now_s - 1_000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def utc_ms(self) -> int:
        return 1_752_148_800_000 + round(self.passed_s * 1000)

    def wait(self, timeout_s: float | None) -> None:
        self.waits.append(timeout_s)
        until_s = math.inf if timeout_s is None else self.now_s + timeout_s
        while not self._is_woken and self._script and self._script[0][0] <= until_s:
            at_s, _number, action = heapq.heappop(self._script)
            self.now_s = max(self.now_s, at_s)
            action()
        if not self._is_woken:
            assert until_s < math.inf, "the loop waits, and nothing in the script wakes it"
            self.now_s = max(self.now_s, until_s)
        self._is_woken = False

    def wake(self) -> None:
        self._is_woken = True

    def wake_fd(self) -> int:
        return -1

    def close(self) -> None:
        """Nothing to close."""


def run_paced(main: Callable[[PacedLoop, FakeWall], Coroutine[Any, Any, T]], *, speed: float) -> T:
    """Run a coroutine on a paced loop whose wall is fake."""
    wall = FakeWall()
    loop = PacedLoop(wall=wall, waiter=wall, speed=speed)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop, wall))
