"""The alarm clock of a bench: it wakes a device only while the device has something due.

An idle device costs no timer and no memory: there is at most one of both a device, and none while
nothing is due.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Timer(Protocol):
    """A timer that was set."""

    def cancel(self) -> None:
        """Let it not fire."""

    def when(self) -> float:
        """The instant at which it fires, loop seconds."""


class TimerLoop(Protocol):
    """The part of an event loop that an alarm needs."""

    def time(self) -> float:
        """Seconds since the loop's zero."""

    def call_later(self, delay: float, callback: Callable[..., object], /) -> Timer:
        """Call after a delay in seconds."""

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call at an instant."""


class Sleeper(Protocol):
    """A device that wants to be woken; known by its identity."""

    @property
    def next_deadline(self) -> float | None:
        """Loop seconds of the next deadline; None = nothing is due."""

    def tick(self, now: float) -> None:
        """Do what is due by `now`, loop seconds."""


class Alarms:
    """Wakes each device at its next deadline.

    Args:
        loop: Whose time runs.
    """

    __slots__ = ("_loop", "_timers")

    def __init__(self, loop: TimerLoop) -> None:
        self._loop = loop
        # Looked up only, never gone through: devices have no order.
        self._timers: dict[Sleeper, Timer] = {}

    def is_set(self, sleeper: Sleeper) -> bool:
        """True while a timer runs for a device."""
        return sleeper in self._timers

    def set(self, sleeper: Sleeper) -> None:
        """Set it to a device's deadline as it is now; it stays when that did not change."""
        deadline = sleeper.next_deadline
        timer = self._timers.get(sleeper)
        if timer is not None:
            if timer.when() == deadline:
                return
            self.cancel(sleeper)
        if deadline is not None:
            self._timers[sleeper] = self._loop.call_at(deadline, self._ring, sleeper)

    def cancel(self, sleeper: Sleeper) -> None:
        """Let it not ring for a device."""
        timer = self._timers.pop(sleeper, None)
        if timer is not None:
            timer.cancel()

    def _ring(self, sleeper: Sleeper) -> None:
        del self._timers[sleeper]
        sleeper.tick(self._loop.time())
        self.set(sleeper)
