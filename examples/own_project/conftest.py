"""What a project of one's own needs to test on a bench in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from firmware_sim.kernel.loop import SimLoop

pytest_plugins = ["hil_tests.plugin", "hil_tests.fixtures"]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every async test in virtual time."""
    del config, item
    return {"virtual": SimLoop}
