"""Runs one simulation from its seed to its end: loop, streams, clock and trace in one call."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import math
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from firmware_sim.kernel.clock import WorldClock
from firmware_sim.kernel.identity import SimTask
from firmware_sim.kernel.loop import SimLoop
from firmware_sim.kernel.streams import Streams
from firmware_sim.kernel.trace import Trace

T = TypeVar("T")

# 2026-01-01T00:00:00Z in milliseconds since 1970: a round date for runs that ask for none.
DEFAULT_EPOCH_MS = 1_767_225_600_000

# Callbacks between two collections of garbage. Rare enough to cost a few per cent, often enough
# that cycles of some hundred bytes a callback stay below 100 MiB.
_COLLECT_EVERY = 200_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What the main coroutine of a run is given.

    Attributes:
        loop: The virtual loop it runs on.
        streams: The run's random streams.
        clock: The bench's true time.
        trace: Where its events go.
    """

    loop: SimLoop
    streams: Streams
    clock: WorldClock
    trace: Trace


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SimRun(Generic[T]):
    """What a run left behind.

    Attributes:
        value: What the main coroutine returned; None when the horizon ended it.
        ended_at_s: Loop time at its end.
        reached_horizon: Whether the horizon ended it.
        callbacks_run: Callbacks that it took.
        trace_digest: Digest of its events; equal for equal seeds.
    """

    value: T | None
    ended_at_s: float
    reached_horizon: bool
    callbacks_run: int
    trace_digest: str


def run_sim(
    main: Callable[[Simulation], Coroutine[Any, Any, T]],
    *,
    seed: int = 0,
    epoch_ms: int = DEFAULT_EPOCH_MS,
    horizon_s: float | None = None,
    trace_path: Path | None = None,
    explore: bool = False,
    callbacks_max: float = math.inf,
) -> SimRun[T]:
    """Run a simulation on a virtual loop of its own; synchronous.

    Args:
        main: Makes the main coroutine; tasks that it leaves behind are cancelled, oldest first.
        seed: Where all of its randomness comes from.
        epoch_ms: UTC at its start, in milliseconds since 1970.
        horizon_s: Loop time at which it is cancelled, once all that was due has happened.
        trace_path: File for its events.
        explore: Another interleaving of the ready callbacks, see `SimLoop`.
        callbacks_max: Callbacks after which it is given up, see `SimLoop`.

    Raises:
        SimDeadlock: When nothing is ready, nothing is scheduled and main is not done.
        SimRunaway: When it took more callbacks than it may.
    """
    loop = SimLoop(seed=seed, explore=explore, callbacks_max=callbacks_max)
    clock = WorldClock(loop, epoch_ms)
    with _collecting_by_count(loop), Trace(trace_path, seed, clock) as trace:
        simulation = Simulation(loop=loop, streams=Streams(seed), clock=clock, trace=trace)
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            value, reached = runner.run(_bounded(main, simulation, horizon_s))
            runner.run(_end_tasks(loop))
            ended_at_s = loop.time()
        return SimRun(
            value=value,
            ended_at_s=ended_at_s,
            reached_horizon=reached,
            callbacks_run=loop.callbacks_run,
            trace_digest=trace.digest(),
        )


async def _bounded(
    main: Callable[[Simulation], Coroutine[Any, Any, T]],
    simulation: Simulation,
    horizon_s: float | None,
) -> tuple[T | None, bool]:
    """Run main up to the horizon; tells its value, and whether the horizon ended it."""
    if horizon_s is None:
        return await main(simulation), False
    task = asyncio.current_task()
    reached = False

    def on_horizon(_agreed: bool) -> None:  # noqa: FBT001 - the signature of an idle watch
        nonlocal reached
        reached = True
        if task is not None:
            task.cancel()

    watch = simulation.loop.watch_idle(horizon_s, on_horizon)
    try:
        return await main(simulation), False
    except asyncio.CancelledError:
        if not reached or task is None:
            raise
        task.uncancel()
        return None, True
    finally:
        watch.cancel()


async def _end_tasks(loop: SimLoop) -> None:
    """Cancel the tasks that main left behind, oldest first, and wait for their ends."""
    left = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    ordered = sorted((task for task in left if isinstance(task, SimTask)), key=_number)
    for task in ordered:
        task.cancel()
    for outcome in await asyncio.gather(*ordered, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


def _number(task: SimTask) -> int:
    return task.sim_number


@contextlib.contextmanager
def _collecting_by_count(loop: SimLoop) -> Iterator[None]:
    """Collect garbage every so many callbacks, not when the interpreter feels like it.

    A finalizer may run code on the loop (an abandoned async generator does), and its moment
    would depend on what else the process has allocated.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    loop.collect_every(_COLLECT_EVERY)
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
