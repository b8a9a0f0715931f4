"""Pytest fixtures: a bench in virtual time for every test that asks for one.

A project of its own uses them with ``pytest_plugins = ["hil_tests.plugin", "hil_tests.fixtures"]``
in its root conftest, together with the loop factory hook that this project's own conftest shows.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from hil_tests.bench_file import BenchFile, load_bench
from hil_tests.plugin import bench_path
from hil_tests.power_cuts import PowerCutSweep
from hil_tests.sim_bench import DEFAULT_NOW, SimBench, SimOptions, sim_bench

BenchFactory = Callable[..., AbstractAsyncContextManager[SimBench]]


@pytest.fixture(scope="session")
def bench_file(pytestconfig: pytest.Config) -> BenchFile:
    """The bench that the suites run on."""
    return load_bench(bench_path(pytestconfig))


@pytest.fixture
def open_bench(bench_file: BenchFile, pytestconfig: pytest.Config) -> BenchFactory:
    """Opens a bench of one's own, such as one on a state folder.

    Use it as ``async with open_bench(state=..., file=..., seed=..., now=...) as bench``.
    """

    @contextlib.asynccontextmanager
    async def opened(
        *,
        file: BenchFile = bench_file,
        state: Path | None = None,
        seed: int | None = None,
        now: str = DEFAULT_NOW,
    ) -> AsyncIterator[SimBench]:
        chosen = pytestconfig.getoption("--bench-seed") if seed is None else seed
        async with sim_bench(file, SimOptions(seed=chosen, state=state, now=now)) as running:
            yield running

    return opened


@pytest_asyncio.fixture
async def bench(open_bench: BenchFactory) -> AsyncIterator[SimBench]:
    """A running bench in virtual time, fresh and in memory."""
    async with open_bench() as running:
        yield running


@pytest_asyncio.fixture
async def drifting_bench(
    open_bench: BenchFactory, bench_file: BenchFile
) -> AsyncIterator[SimBench]:
    """A bench whose locks' clocks gain a minute a day."""
    # 60 s in 86,400 s.
    devices = tuple(
        dataclasses.replace(device, drift_ppm=60 / 86_400 * 1e6) for device in bench_file.devices
    )
    async with open_bench(file=dataclasses.replace(bench_file, devices=devices)) as running:
        yield running


@pytest.fixture(scope="session")
def power_cut_sweep(pytestconfig: pytest.Config) -> PowerCutSweep:
    """Cuts the power at every flash operation of a workload, and fails the test for any damage.

    It keeps nothing between calls, so tests with drawn workloads may use it, too.
    """
    return PowerCutSweep(seed=pytestconfig.getoption("--bench-seed"))
