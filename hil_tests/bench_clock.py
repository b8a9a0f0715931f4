"""Bench time for people and suites: show it, move it, settle, and say what is unfinished."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from firmware_sim.errors import AdvanceInProgress
from firmware_sim.kernel.advance import Pacer
from firmware_sim.kernel.clock import WorldClock
from firmware_sim.kernel.loop import SimLoop
from gateway.reconcile.reconciler import Unfinished
from hil_tests.bench_instants import (
    EARLIEST_MS,
    LATEST_MS,
    check_instant,
    instant,
    parse_instant_ms,
)
from hil_tests.errors import BenchError, ClockBusy, TimeRunsForward

# The longest that a settling request or advance may take, in milliseconds of bench time (DESIGN
# section 5).
SETTLE_LIMIT_MS: Final = 120_000
# All of bench time, in seconds: no span within it is longer.
_SPAN_S_MAX: Final = (LATEST_MS - EARLIEST_MS) // 1000


class Progress(Protocol):
    """The part of a gateway that knows what is due."""

    def is_settled(self, limit_ms: int) -> bool:
        """Whether nothing due is unfinished, but on devices whose next try lies beyond."""

    def unfinished(self) -> Sequence[Unfinished]:
        """Everything that is due by now and not done, back-off included."""


class BenchClock:
    """Moves the time of one bench.

    Args:
        loop: The loop that everything on the bench runs on.
        clock: True time on it.
        progress: Gives the running gateway's progress; None while it is off.
        on_moved: Called with the instant before anybody is told of it.
    """

    def __init__(
        self,
        loop: SimLoop,
        clock: WorldClock,
        progress: Callable[[], Progress | None],
        on_moved: Callable[[int], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._progress = progress
        self._on_moved = on_moved
        self._limit_ms = 0
        self._not_before_s = 0.0
        self.pacer = Pacer(loop, self._is_settled)

    def _is_settled(self) -> bool:
        if self._loop.time() < self._not_before_s:
            return False
        progress = self._progress()
        return progress is None or progress.is_settled(self._limit_ms)

    def now_ms(self) -> int:
        """UTC in milliseconds since 1970; whoever is told has it for sure after a restart too."""
        now_ms = self._clock.now_ms()
        self._on_moved(now_ms)
        return now_ms

    def view(self) -> dict[str, Any]:
        """The clock as JSON; in virtual time, which waits for nothing, the speed is None."""
        speed = self._loop.speed
        return {"now": instant(self.now_ms()), "speed": speed if math.isfinite(speed) else None}

    async def settle(self, *, after_s: float = 0.0) -> None:
        """Wait until what changed has reached the devices, at the limit at the latest.

        It waits only where time moves for it: at a standing clock and in virtual time. Where time
        follows the wall there is nothing to wait for, and during an advance nobody else may move
        the clock.

        Args:
            after_s: Bench seconds within which the change is noticed at all: a radio that is back
                is heard at its next advertisement, and only then something begins.
        """
        if 0.0 < self._loop.speed < math.inf or self.pacer.is_advancing:
            self.now_ms()
            return
        if after_s > 0.0:
            self._not_before_s = max(self._not_before_s, self._loop.time() + after_s)
            # Time stops there, so that somebody looks; otherwise it would jump to the limit.
            self._loop.call_at(self._not_before_s, _look)
        self._limit_ms = self._clock.now_ms() + SETTLE_LIMIT_MS
        await self.pacer.settle()
        self.now_ms()

    async def advance(
        self, *, seconds: float | None, to: str | None, settle: bool
    ) -> dict[str, Any]:
        """Move time on; see `Pacer.advance`.

        Raises:
            ClockBusy: When another advance runs.
            TimeRunsForward: When the target has passed.
            BenchError: When it is no span or instant.
        """
        target_ms = self._target_ms(seconds, to)
        if not self.pacer.is_advancing:
            self._limit_ms = target_ms + SETTLE_LIMIT_MS
        try:
            done = await self.pacer.advance(to_s=self._clock.loop_s(target_ms), settle=settle)
        except AdvanceInProgress as error:
            raise ClockBusy(str(error)) from None
        now_ms = self.now_ms()
        progress = self._progress()
        unfinished = [] if progress is None else progress.unfinished()
        return {
            "target": instant(target_ms),
            "now": instant(now_ms),
            "unfinished": [_unfinished_view(item) for item in unfinished],
            "unheld": list(done.unheld),
        }

    def _target_ms(self, seconds: float | None, to: str | None) -> int:
        now_ms = self._clock.now_ms()
        if to is not None:
            target_ms = parse_instant_ms(to)
            if target_ms < now_ms:
                raise TimeRunsForward(
                    f"{instant(target_ms)} has passed: it is {instant(now_ms)}, "
                    "and bench time never goes back"
                )
        elif seconds is None or not 0 <= seconds <= _SPAN_S_MAX:
            raise BenchError(f"seconds must be from 0 to {_SPAN_S_MAX}")
        else:
            target_ms = now_ms + round(seconds * 1000)
            check_instant(target_ms)
        return target_ms


def _look() -> None:
    """Nothing: its timer is what counts."""


def _unfinished_view(item: Unfinished) -> dict[str, Any]:
    return {
        "device": item.device_id,
        "entry": item.entry_id,
        "reason": item.reason,
        "next_try": None if item.next_try_at_ms is None else instant(item.next_try_at_ms),
    }
