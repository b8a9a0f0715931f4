"""Serves a bench over HTTP: the paced virtual loop in this thread, the server on the edge.

Everything that belongs to the bench runs on the virtual loop; the HTTP server runs on a real
loop in the edge thread and hands over whole requests (DESIGN section 5, *Edges and time*).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import random
import signal
import socket
from collections.abc import Callable, Iterator

from firmware_sim.kernel.bridge import bridge
from firmware_sim.kernel.clock import WorldClock
from firmware_sim.kernel.edge import EdgeThread
from firmware_sim.kernel.http_edge import serve_http
from firmware_sim.kernel.pacing import PacedLoop
from firmware_sim.kernel.wall import Wall
from hil_tests.bench import Bench, BenchSetting
from hil_tests.bench_file import BenchFile
from hil_tests.bench_gate import BenchGate
from hil_tests.bench_start import BenchStart, ClockKeeper
from hil_tests.bench_state import ApiKey, BenchState


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What to serve, and how.

    Attributes:
        file: What stands on the bench.
        state: Where it is kept.
        listener: The bound socket.
        url: How others reach it.
        speed: Bench seconds a wall second.
        now_ms: Bench time asked for, or None.
        seed: Seed asked for, or None for the state's own.
        api_key: Key of the environment, or None for the state's own.
        on_ready: Called once the API answers, with the API key when it was made just now.
        wall: Real time.
    """

    file: BenchFile
    state: BenchState
    listener: socket.socket
    url: str
    speed: float
    now_ms: int | None
    seed: int | None
    api_key: str | None = dataclasses.field(repr=False)
    on_ready: Callable[[str | None], None]
    wall: Wall


def serve(serving: Serving) -> None:
    """Serve until SIGTERM or SIGINT; told during the start, it gives the start up.

    Raises:
        StrikeplateError: When the state, the time or the key can't be used.
    """
    # The key of a new state is a secret of its own: it does not come from the seed.
    key = serving.state.api_key(serving.api_key, random.SystemRandom())
    start = BenchStart.of(
        serving.state,
        asked_ms=serving.now_ms,
        wall_ms=serving.wall.utc_ms(),
        speed=serving.speed,
        seed=serving.seed,
    )
    loop = PacedLoop(wall=serving.wall, speed=serving.speed)
    with (
        contextlib.suppress(asyncio.CancelledError),
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        runner.run(_serve(serving, start, key, loop))


async def _serve(serving: Serving, start: BenchStart, key: ApiKey, loop: PacedLoop) -> None:
    main = asyncio.current_task()
    if main is not None:
        _on_stop_signals(loop, main.cancel)
    state = serving.state
    clock = WorldClock(loop, start.epoch_ms)
    keeper = ClockKeeper(state, start.record)
    async with contextlib.AsyncExitStack() as stack:
        with _standing_still(loop):
            trace = stack.enter_context(state.open_trace(start.run_seed, clock))
            edge = await stack.enter_async_context(EdgeThread(loop))
            setting = BenchSetting(
                loop=loop,
                seed=start.run_seed,
                trace=trace,
                clock=clock,
                edge=edge,
                api_key=key.text,
                store_url=state.store_url,
                device_dir=state.devices,
                on_moved=keeper.note,
            )
            stack.callback(lambda: keeper.note(clock.now_ms()))
            bench = await stack.enter_async_context(Bench(serving.file, setting))
        if start.lead_ms:
            # A set-up that took longer than its lead, on a slow machine, is past it already.
            first_s = max(loop.time(), clock.loop_s(start.now_ms))
            await bench.clock.pacer.advance(to_s=first_s)
        await _answer(serving, key, bench, edge, loop)


@contextlib.contextmanager
def _standing_still(loop: PacedLoop) -> Iterator[None]:
    """Keep a clock that runs faster than the wall where it is, while nobody can see the bench.

    At 3600 times the wall, a start of half a second would be half an hour. A clock that stands
    still anyway moves only for the set-up itself, which must not be held.
    """
    if not loop.speed:
        yield
        return
    hold = loop.hold(math.inf, lambda: None)
    try:
        yield
    finally:
        hold.release()


async def _answer(
    serving: Serving, key: ApiKey, bench: Bench, edge: EdgeThread, home: PacedLoop
) -> None:
    """Answer requests until told to stop."""
    app = bridge(BenchGate(bench, [key.text]), edge.inward)
    ready, stop = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        server = tasks.create_task(
            edge.run(
                lambda: serve_http(
                    app,
                    serving.listener,
                    on_ready=lambda: home.call_soon_threadsafe(ready.set),
                ),
                name="http",
            ),
            name="http server",
        )
        with _standing_still(home):
            await ready.wait()
        # From here on a stop is orderly: requests that run are answered, then all is closed.
        _on_stop_signals(home, stop.set)
        serving.state.keep_key(key)
        with serving.state.announce(serving.url):
            serving.on_ready(key.text if key.is_new else None)
            await stop.wait()
        server.cancel()


def _on_stop_signals(loop: asyncio.AbstractEventLoop, stop: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
