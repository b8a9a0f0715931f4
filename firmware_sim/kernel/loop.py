"""The virtual-time event loop: deterministic order, jumps from timer to timer, one thread.

Theory of operation. `asyncio.BaseEventLoop` keeps a queue of ready callbacks and a heap of
timers, and waits on a selector when the queue is empty. `SimLoop` replaces the waiting: when
nothing is ready, time jumps to the next timer. Four things make two runs of one program equal,
in any process and under any hash seed:

* timers carry a sequence number, so equal instants fire in the order they were set (the base
  loop's heap compares the instant alone);
* tasks and futures hash by their creation number (`kernel.identity`);
* executors run inline, eager tasks are off, and foreign threads are refused;
* descriptors, sockets and signals are refused (`kernel.refusals`).

The loop is *idle* when nothing is ready and no timer is due. An *idle watch* is called at such
a moment: when its judge says so, or when all that was due up to its instant has happened, work
created later for that same instant included. A timer can't do that: it would fire first.

A standstill with nothing scheduled is an error, `SimDeadlock`, that names every waiting task.

This module uses parts of `asyncio.BaseEventLoop` that have no public name; a test pins each of
them, so that a new Python version fails loudly.
"""

# ruff: noqa: SLF001 - a loop reads and sets the marks of its handles; they have no public names.

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import heapq
import itertools
import math
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar, TypeVarTuple

from firmware_sim.errors import RealWorldRefused, SimDeadlock, SimRunaway, SimulationError
from firmware_sim.kernel.handles import SimHandle, SimTimer
from firmware_sim.kernel.identity import GeneratorRegistry, SimFuture, SimTask
from firmware_sim.kernel.refusals import Refusals
from firmware_sim.kernel.standstill import describe_tasks
from firmware_sim.kernel.streams import Streams
from firmware_sim.kernel.watches import IdleWatch, IdleWatches

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# Cancelled timers are swept from the heap once they are this many and the majority: the
# threshold of asyncio's own loop, so that timeouts that never fire hold no memory.
_DEAD_TIMERS_MIN = 100

_CLOSED = "Event loop is closed"


class SimLoop(Refusals):
    """An event loop on virtual time that starts at 0.0 seconds.

    Args:
        seed: Seeds the interleavings of `explore`; the same seed gives the same ones.
        explore: Take ready callbacks in a seeded random rotation instead of in order: other
            interleavings of the same program, each of which repeats from its seed.
        callbacks_max: Callbacks after which the run is given up: a program that goes round in
            circles at one instant never comes to any bound in time.

    Attributes:
        callbacks_run: Callbacks run since the loop was made; the cost of a simulation.
    """

    # Parts of the base loop without public names; test_loop_internals.py pins them.
    _ready: deque[SimHandle | SimTimer]
    _stopping: bool
    _closed: bool = True  # Until the base class opens it: a refused construction leaves nothing.
    _thread_id: int | None

    def __init__(
        self, *, seed: int = 0, explore: bool = False, callbacks_max: float = math.inf
    ) -> None:
        super().__init__()
        self.callbacks_run = 0
        self._now = 0.0
        self._timers: list[tuple[float, int, SimTimer]] = []
        self._timer_numbers = itertools.count()
        self._task_numbers = itertools.count(1)
        self._dead_timers = 0
        self._watches = IdleWatches()
        self._home_thread_id = threading.get_ident()
        self._callbacks_max = callbacks_max
        self._collect_every = 0
        self._collect_at = math.inf
        self._lots = Streams(seed).stream("loop/explore") if explore else None
        self._asyncgens = GeneratorRegistry()

    # ------------------------------------------------------------------ time and timers

    def time(self) -> float:
        """Seconds of virtual time since the loop was made."""
        return self._now

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call back at an instant; equal instants are served in the order they were set.

        Raises:
            ValueError: When the instant is not a number; infinity means never.
        """
        timer = SimTimer(when, callback, args, self, context)
        self._set_timer(timer, when)
        return timer

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call back after a delay in seconds; a negative one counts as none."""
        when = self._now + (0.0 if delay <= 0 else delay)
        timer = SimTimer(when, callback, args, self, context)
        self._set_timer(timer, when)
        return timer

    def _set_timer(self, timer: SimTimer, when: float) -> None:
        if self._closed:
            raise RuntimeError(_CLOSED)
        if when < math.inf:
            timer._scheduled = True
            heapq.heappush(self._timers, (when, next(self._timer_numbers), timer))
        elif when != math.inf:
            raise ValueError("a timer needs an instant, not NaN")

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Call back on the next turn, in the order of these calls."""
        if self._closed:
            raise RuntimeError(_CLOSED)
        handle = SimHandle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Call back on the next turn; only the loop's own thread may ask.

        Raises:
            RealWorldRefused: In any other thread, whose timing no seed repeats.
        """
        if threading.get_ident() != (self._thread_id or self._home_thread_id):
            raise RealWorldRefused(
                "a foreign thread called into a simulation: its timing would not repeat, "
                "so nothing may use threads here"
            )
        return self.call_soon(callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Count a cancelled timer, and sweep the heap when most of it is dead."""
        if not handle._scheduled:  # type: ignore[attr-defined] # a SimTimer
            return
        self._dead_timers += 1
        if self._dead_timers > _DEAD_TIMERS_MIN and self._dead_timers * 2 > len(self._timers):
            # In place: the turn that runs now holds this list.
            self._timers[:] = [entry for entry in self._timers if not entry[2].cancelled()]
            heapq.heapify(self._timers)
            self._dead_timers = 0

    # ------------------------------------------------------------------ tasks and executors

    def create_future(self) -> asyncio.Future[Any]:
        """A future that hashes by its creation number."""
        future = SimFuture(loop=self)
        future.sim_number = next(self._task_numbers)
        return future

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: contextvars.Context | None = None,
        **_eager: Any,
    ) -> asyncio.Task[T]:
        """A task that hashes by its creation number and starts on the next turn, never eagerly."""
        number = next(self._task_numbers)
        return SimTask(coro, loop=self, number=number, name=name, context=context)

    def set_task_factory(self, factory: Any) -> None:
        """Refuse any factory but None: the order of tasks is the loop's own.

        Raises:
            SimulationError: For a factory, such as `asyncio.eager_task_factory`.
        """
        if factory is not None:
            raise SimulationError("a virtual-time loop makes its own tasks: no task factory")

    def run_in_executor(
        self, executor: Any, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run a function at once, in this thread; the executor is not used."""
        del executor
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except StopIteration as error:
            # A future can't carry this one: it would end the awaiting coroutine instead.
            future.set_exception(
                RuntimeError(f"{func!r} raised StopIteration").with_traceback(error.__traceback__)
            )
        except Exception as error:  # noqa: BLE001 - it is handed to whoever awaits the future
            future.set_exception(error)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the base signature
        """Nothing to shut down: executors run inline."""

    # ------------------------------------------------------------------ the idle hook

    def watch_idle(
        self,
        at_s: float,
        on_idle: Callable[[bool], object],
        *,
        judge: Callable[[], bool] | None = None,
    ) -> IdleWatch:
        """Call back once the loop is idle and a judge agrees, or idle at an instant.

        Args:
            at_s: Loop time of the end. All that is due up to it happens first, work created
                for that same instant included; time is exactly this instant then. An instant
                that has passed counts as now.
            on_idle: Called with whether the judge agreed.
            judge: Asked at every idle moment; None waits for the instant.
        """
        return self._watches.add(max(at_s, self._now), on_idle, judge)

    async def run_to(self, at_s: float, *, judge: Callable[[], bool] | None = None) -> bool:
        """Wait until the loop is idle at an instant, or idle and a judge agrees.

        Returns:
            Whether the judge agreed.
        """
        ended = self.create_future()
        watch = self.watch_idle(
            at_s, lambda agreed: None if ended.done() else ended.set_result(agreed), judge=judge
        )
        try:
            return bool(await ended)
        finally:
            watch.cancel()

    def collect_every(self, callbacks: int) -> None:
        """Collect garbage each time that many callbacks have run and the loop is idle."""
        self._collect_every = callbacks
        self._collect_at = self.callbacks_run + callbacks

    # ------------------------------------------------------------------ pace

    @property
    def speed(self) -> float:
        """Virtual seconds a wall second: infinity, for this loop waits for nothing."""
        return math.inf

    @property
    def is_held(self) -> bool:
        """Whether time stands still for outward work: never, for nothing goes out."""
        return False

    def free_run(self) -> contextlib.AbstractContextManager[None]:
        """Let time jump from timer to timer while the context is open: it always does here."""
        return contextlib.nullcontext()

    # ------------------------------------------------------------------ the turn

    def _next_timer_s(self) -> float:
        """Instant of the next live timer; infinity when there is none."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
            self._dead_timers -= 1
        return timers[0][0] if timers else math.inf

    def _pass_idle(self) -> None:
        """Nothing is ready: end a watch, or move time to what comes next."""
        timer_s = self._next_timer_s()
        if timer_s <= self._now:
            return
        if self.callbacks_run >= self._collect_at:
            self._collect_at = self.callbacks_run + self._collect_every
            gc.collect()
            if self._ready:
                return
        if not self._watches.pending:
            self._reach(timer_s)
            return
        watch = self._watches.take_judged()
        if watch is not None:
            self.call_soon(watch.on_idle, True)
            return
        watch = self._watches.first()
        if watch is None or timer_s <= watch.at_s:
            self._reach(timer_s)
        elif self._reach(watch.at_s):
            self._watches.remove(watch)
            self.call_soon(watch.on_idle, False)

    def _reach(self, due_s: float) -> bool:
        """Move time to the next instant at which something is due.

        Returns:
            Whether time is there now; here always, on a paced loop not before the wall is.

        Raises:
            SimDeadlock: When that instant is never.
        """
        if due_s == math.inf:
            raise SimDeadlock(at_s=self._now, waiting=describe_tasks(asyncio.all_tasks(self)))
        self._now = max(self._now, due_s)
        return True

    def _run_once(self) -> None:
        """One turn: find what is due, then run what is ready now, but nothing that it adds."""
        if self.callbacks_run >= self._callbacks_max:
            self._callbacks_max = math.inf
            raise SimRunaway(self.callbacks_run, self._now)
        ready = self._ready
        if not ready and not self._stopping:
            self._pass_idle()
        timers, now = self._timers, self._now
        while timers and timers[0][0] <= now:
            timer = heapq.heappop(timers)[2]
            timer._scheduled = False
            if timer._cancelled:
                self._dead_timers -= 1
            else:
                ready.append(timer)
        for _ in range(len(ready)):
            if self._lots is not None:
                ready.rotate(-self._lots.randrange(len(ready)))
            handle = ready.popleft()
            if not handle._cancelled:
                self.callbacks_run += 1
                try:
                    handle._context.run(handle._callback, *handle._args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001 - a loop outlives its callbacks
                    self._report(handle, error)

    def _report(self, handle: SimHandle | SimTimer, error: BaseException) -> None:
        """Tell the exception handler of a callback that failed.

        By its name alone: the base loop tells its arguments as well, and one may be a PIN.
        """
        name = getattr(handle._callback, "__qualname__", type(handle._callback).__qualname__)
        self.call_exception_handler({"message": f"callback {name} failed", "exception": error})

    def close(self) -> None:
        """Close the loop and drop what was scheduled."""
        super().close()
        self._timers.clear()
