"""Fixtures of the unit tests of this package."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import SimBench
from hil_tests.tests.paced_bench import small_bench


@pytest_asyncio.fixture
async def small(open_bench: BenchFactory) -> AsyncIterator[SimBench]:
    """A bench of two locks in virtual time."""
    async with open_bench(file=small_bench()) as running:
        yield running
