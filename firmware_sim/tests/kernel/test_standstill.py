from __future__ import annotations

import asyncio
import types
from collections.abc import Generator
from typing import Any

from firmware_sim.kernel.standstill import describe_tasks


class Custom:
    def __await__(self) -> Generator[Any, None, None]:
        yield from asyncio.get_running_loop().create_future()


async def wait_for_custom(secret: str) -> None:
    assert secret
    await Custom()


@types.coroutine
def old_style() -> Generator[Any, None, None]:
    yield from asyncio.get_running_loop().create_future()


async def test_lines_name_places_and_never_values() -> None:
    async with asyncio.TaskGroup() as group:
        custom = group.create_task(wait_for_custom("1234567"), name="custom")
        generator = group.create_task(wait_for_generator(), name="generator")
        unstarted = group.create_task(asyncio.sleep(0), name="unstarted")
        before = describe_tasks({unstarted})
        await asyncio.sleep(0)
        lines = describe_tasks({generator, custom})
        custom.cancel()
        generator.cancel()
    assert "waits on nothing" in before[0]
    assert lines[0].startswith(
        "custom waits on a future that nobody resolves at wait_for_custom ("
    )
    assert "Custom.__await__ (test_standstill.py:" in lines[0]
    assert "1234567" not in lines[0]
    assert "wait_for_generator (test_standstill.py:" in lines[1]
    assert "old_style (test_standstill.py:" in lines[1]
    assert describe_tasks({custom})[0].endswith("at its end")


async def wait_for_generator() -> None:
    await old_style()
