"""The paced virtual loop of `up` and `demo`: virtual time follows the wall at a speed.

Theory of operation. The paced time is ``anchor + speed x (wall - wall at the anchor)``. Timers
run in order, each at its own instant, once paced time has come that far and nothing is ready: a
loop that is late catches up timer by timer, each with all that it sets off, and code that
measures spans on this loop never sees the delay. With
nothing due the loop waits on its waiter (a self-pipe) for the next timer, for work from another
thread, or for a signal.

Three things bend that line, and each leaves a new anchor behind, so that bench time never goes
back:

* a *free run* (an advance, or a request that settles at speed 0): time jumps from timer to
  timer, bounded by the idle watch of whoever asked for it;
* a *hold* while time runs faster than the wall (a free run, or a speed above 1): time stands
  still until the outward work is back, or until its deadline, which counts wall time;
* the start of the loop: time that passes while it does not run is not bench time.

Speed 0 stands still but for free runs. Other threads may call `call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import math
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TypeVarTuple

from firmware_sim.errors import ClockError
from firmware_sim.kernel.holds import Hold, Holds
from firmware_sim.kernel.loop import SimLoop
from firmware_sim.kernel.waiter import SelfPipe, Waiter
from firmware_sim.kernel.wall import Wall

Ts = TypeVarTuple("Ts")

# A speed above which outward work has to be held: faster than the wall.
_WALL_SPEED = 1.0

# Seconds. A wait of the right length may fall short of a timer by a rounding of binary
# fractions; a timer this near is due. No bench measures the wall to the microsecond.
_ROUNDING_S = 1e-6

# Turns. A loop that is never idle serves its timers all the same after this many: far longer
# than any chain of callbacks that one event sets off, and a fraction of a second.
_BUSY_TURNS_MAX = 10_000


class PacedLoop(SimLoop):
    """A virtual-time loop whose time follows a wall clock.

    Args:
        wall: What real time is.
        speed: Virtual seconds a wall second; 0 stands still.
        waiter: How to wait; a self-pipe unless a test brings its own.

    Raises:
        ClockError: When the speed is negative or not finite.
    """

    def __init__(self, *, wall: Wall, speed: float = 1.0, waiter: Waiter | None = None) -> None:
        if not 0.0 <= speed < math.inf:
            raise ClockError(f"a bench can't run at speed {speed}: give 0 or more")
        super().__init__()
        self._wall = wall
        self._speed = speed
        self._waiter = SelfPipe() if waiter is None else waiter
        self._waiting = False
        self._busy_turns = 0
        self._free_runs = 0
        self._holds = Holds(self._after_holds)
        self._signals: dict[int, Any] = {}
        self._anchor()

    # ------------------------------------------------------------------ what is asked of time

    @property
    def speed(self) -> float:
        """Virtual seconds a wall second."""
        return self._speed

    @contextlib.contextmanager
    def free_run(self) -> Iterator[None]:
        """Let time jump from timer to timer while the context is open.

        The caller bounds it by an idle watch: nothing else ends it.
        """
        self._free_runs += 1
        try:
            yield
        finally:
            self._free_runs -= 1
            if not self._free_runs:
                self._anchor()

    def hold(self, deadline_s: float, on_expired: Callable[[], None]) -> Hold:
        """Note that a unit of outward work is out.

        Args:
            deadline_s: Wall seconds from now after which it counts as lost.
            on_expired: Called on the loop when the deadline came before `Hold.release`.
        """
        return self._holds.begin(self._wall.monotonic_s() + deadline_s, on_expired)

    @property
    def is_held(self) -> bool:
        """Whether time stands still for outward work."""
        return bool(self._holds) and (self._free_runs > 0 or self._speed > _WALL_SPEED)

    # ------------------------------------------------------------------ how time passes

    def _anchor(self) -> None:
        """Go on from here: the time that is now belongs to the wall time that is now."""
        self._anchor_s = self._now
        self._anchor_wall_s = self._wall.monotonic_s()

    def _after_holds(self) -> None:
        """The last outward unit is back: what the wall did meanwhile is not bench time."""
        if self._speed > _WALL_SPEED:
            self._anchor()

    def _limit_s(self) -> float:
        """How far time may have come by now; infinity in a free run."""
        if self.is_held:
            return self._now
        if self._free_runs:
            return math.inf
        passed_s = self._wall.monotonic_s() - self._anchor_wall_s
        return max(self._now, self._anchor_s + self._speed * passed_s)

    def _keep_pace(self) -> None:
        """Move a busy loop's time along with the wall, up to its next timer.

        A timer that is due waits for what is ready, and for what that makes ready: after a
        stall, a timeout would otherwise overtake the work that it bounds.
        """
        if not self._speed or self._free_runs:
            return
        limit_s, timer_s = self._limit_s(), self._next_timer_s()
        if limit_s < timer_s:
            self._now = limit_s
            return
        self._busy_turns += 1
        if self._busy_turns > _BUSY_TURNS_MAX:
            self._busy_turns = 0
            self._now = max(self._now, timer_s)

    def _reach(self, due_s: float) -> bool:
        """Move time to an instant, or as near as it may come and wait for something to happen."""
        limit_s = self._limit_s()
        if due_s <= limit_s + _ROUNDING_S and due_s < math.inf and not self.is_held:
            self._now = max(self._now, due_s)
            return True
        timeout_s = self._holds.next_deadline_s() - self._wall.monotonic_s()
        if limit_s < math.inf and not self.is_held and self._speed:
            self._now = min(limit_s, due_s)
            timeout_s = min(timeout_s, (due_s - limit_s) / self._speed)
        self._waiting = True
        try:
            self._waiter.wait(None if timeout_s == math.inf else max(timeout_s, 0.0))
        finally:
            self._waiting = False
        if not self._free_runs:
            self._now = max(self._now, min(self._limit_s(), self._next_timer_s()))
        return False

    def _pass_idle(self) -> None:
        if self._holds:
            self._holds.expire(self._wall.monotonic_s())
            if self._ready:
                return
        super()._pass_idle()

    def _run_once(self) -> None:
        if self._ready:
            self._keep_pace()
        else:
            self._busy_turns = 0
        super()._run_once()

    def run_forever(self) -> None:
        """Run until stopped; the wall time since the last run is not bench time."""
        self._anchor()
        super().run_forever()

    # ------------------------------------------------------------------ threads and signals

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Call back on the next turn; any thread may ask."""
        # Not through the virtual loop, which refuses: here the edge thread calls in.
        return asyncio.BaseEventLoop.call_soon_threadsafe(self, callback, *args, context=context)

    def _write_to_self(self) -> None:
        """End a wait; the base loop calls this after it queued something for another thread."""
        if self._waiting or threading.get_ident() != self._thread_id:
            self._waiter.wake()

    def add_signal_handler(self, sig: int, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        """Call back on the loop when a signal comes; main thread only.

        Raises:
            ValueError: In any other thread.
        """
        signal.set_wakeup_fd(self._waiter.wake_fd(), warn_on_full_buffer=False)

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            self.call_soon_threadsafe(callback, *args)

        previous = signal.signal(sig, on_signal)
        self._signals.setdefault(sig, previous)

    def remove_signal_handler(self, sig: int) -> bool:
        """Give a signal back to whoever handled it before.

        Returns:
            Whether this loop handled it.
        """
        if sig not in self._signals:
            return False
        signal.signal(sig, self._signals.pop(sig))
        if not self._signals:
            signal.set_wakeup_fd(-1)
        return True

    def close(self) -> None:
        """Close the loop, give its signals back, and close its pipe."""
        if self.is_closed():
            return
        super().close()
        for sig in list(self._signals):
            self.remove_signal_handler(sig)
        self._waiter.close()
