"""An alarm clock of one device: it is set only while the device has something due.

An idle device costs no timers, so there is at most one, and none while nothing is due.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Timer(Protocol):
    """A timer that was set."""

    def cancel(self) -> None:
        """Let it not fire."""


class TimerLoop(Protocol):
    """The part of an event loop that an alarm needs."""

    def time(self) -> float:
        """Seconds since the loop's zero."""

    def call_later(self, delay: float, callback: Callable[..., object], /) -> Timer:
        """Call after a delay in seconds."""

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call at an instant."""


class Alarm:
    """Calls a device at its next deadline.

    Args:
        loop: Whose time runs.
        deadline: Tells loop seconds of the next deadline; None = nothing is due.
        ring: Called with loop seconds when it has come.
    """

    __slots__ = ("_deadline", "_loop", "_ring", "_set_to", "_timer")

    def __init__(
        self,
        loop: TimerLoop,
        deadline: Callable[[], float | None],
        ring: Callable[[float], None],
    ) -> None:
        self._loop = loop
        self._deadline = deadline
        self._ring = ring
        self._set_to: float | None = None
        self._timer: Timer | None = None

    @property
    def is_set(self) -> bool:
        """True while a timer runs."""
        return self._timer is not None

    def set(self) -> None:
        """Set it to the deadline as it is now; it stays as it is when that did not change."""
        deadline = self._deadline()
        if deadline == self._set_to and (deadline is None) is (self._timer is None):
            return
        self.cancel()
        if deadline is not None:
            self._set_to = deadline
            self._timer = self._loop.call_at(deadline, self._fire)

    def cancel(self) -> None:
        """Let it not ring."""
        if self._timer is not None:
            self._timer.cancel()
        self._set_to = self._timer = None

    def _fire(self) -> None:
        self._set_to = self._timer = None
        self._ring(self._loop.time())
        self.set()
