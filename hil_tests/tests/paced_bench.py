"""A bench on a paced loop whose wall is fake: what `up` serves, without its server."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from firmware_sim.kernel.clock import WorldClock
from firmware_sim.kernel.pacing import PacedLoop
from firmware_sim.kernel.trace import Trace
from firmware_sim.tests.kernel.fake_wall import FakeWall, run_paced
from gateway.config_schema import Document
from gateway.ports import DirectEdge
from hil_tests.bench import Bench, BenchSetting
from hil_tests.bench_file import BenchFile, read_bench
from hil_tests.bench_instants import parse_instant_ms
from hil_tests.sim_bench import API_KEY, DEFAULT_NOW, SimBench

T = TypeVar("T")

# Two kinds of locks, so that a bench is up in a tenth of a second.
SMALL = """
[[devices]]
name = "gym"
display_name = "The Gym"
profile = "generic-native"
address = "C0:00:00:00:00:01"

[[devices]]
name = "shed"
profile = "generic-jit"
address = "C0:00:00:00:00:02"
"""


def small_bench() -> BenchFile:
    return read_bench(Document(text=SMALL, source="small.toml"))


def run_on_paced_bench(
    main: Callable[[SimBench, FakeWall], Coroutine[Any, Any, T]], *, speed: float
) -> T:
    """Run a coroutine beside a small bench whose time follows the fake wall."""

    async def on_loop(loop: PacedLoop, wall: FakeWall) -> T:
        async with _opened(loop) as running:
            return await main(running, wall)

    return run_paced(on_loop, speed=speed)


@contextlib.asynccontextmanager
async def _opened(loop: PacedLoop) -> AsyncIterator[SimBench]:
    clock = WorldClock(loop, parse_instant_ms(DEFAULT_NOW))
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Trace(None, 1, clock) as trace,
    ):
        setting = BenchSetting(
            loop=loop,
            seed=1,
            trace=trace,
            clock=clock,
            edge=DirectEdge(),
            api_key=API_KEY,
            store_url=f"sqlite:///{Path(folder) / 'gateway.db'}",
        )
        async with Bench(small_bench(), setting) as bench:
            # As `up` does: devices have met the gateway when time starts to count.
            await bench.clock.pacer.advance(seconds=10)
            running = SimBench(bench, trace, clock)
            try:
                yield running
            finally:
                await running.aclose()
