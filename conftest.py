"""Root test configuration: virtual time for every async test, one hypothesis profile a place."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Mapping
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from firmware_sim.kernel.loop import SimLoop

pytest_plugins = ["hil_tests.plugin", "hil_tests.fixtures"]

settings.register_profile("dev", max_examples=30, deadline=None)
# The check asks for one of these by `--hypothesis-profile`: what it finds, it finds every time.
_CHECKED: Final = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("covered", _CHECKED, max_examples=30)
settings.register_profile("long", _CHECKED, max_examples=100)
settings.load_profile("dev")


def pytest_configure(config: pytest.Config) -> None:
    """Register the one marker that this file gives a meaning to."""
    if hasattr(config, "workerinput"):
        # Coverage is to follow into the workers of a run, and no further: programs that tests
        # start would be measured for what other tests show in process, at twice the time.
        for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
            os.environ.pop(name, None)
    config.addinivalue_line(
        "markers", "real_loop: runs on the platform's event loop: real sockets, threads and time"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the suites, which run whole benches."""
    for item in items:
        if "suites" in item.path.parts:
            item.add_marker(pytest.mark.suite)


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests out of every later search for garbage."""
    gc.collect()
    gc.freeze()


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give every async test the virtual loop, and those marked `real_loop` a real one.

    The factory hook keeps each package within its import law: no test has to import the loop.
    """
    del config
    if item.get_closest_marker("real_loop") is not None:
        return {"real": asyncio.new_event_loop}
    return {"virtual": SimLoop}
