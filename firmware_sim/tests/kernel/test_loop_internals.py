"""Pins the parts of asyncio without public names that the virtual loop is built on.

A Python version that changes one of them fails here first, by name.
"""

from __future__ import annotations

import asyncio
import inspect
from asyncio import events
from collections import deque
from typing import Any

import pytest

from firmware_sim.kernel.loop import SimLoop

BASE: Any = asyncio.BaseEventLoop


def base_source(name: str) -> str:
    return inspect.getsource(getattr(BASE, name))


def test_base_loop_has_the_attributes_that_the_virtual_loop_uses() -> None:
    loop = BASE()
    attributes: dict[str, Any] = vars(loop)
    assert isinstance(attributes["_ready"], deque)
    assert attributes["_stopping"] is False
    assert attributes["_closed"] is False
    assert attributes["_thread_id"] is None
    assert {"add", "discard", "clear"} <= set(dir(attributes["_asyncgens"]))
    loop.close()


@pytest.mark.parametrize("method", ["_run_once", "_write_to_self", "_timer_handle_cancelled"])
def test_base_loop_has_the_methods_that_the_virtual_loop_replaces(method: str) -> None:
    assert callable(getattr(BASE, method))


def test_base_loop_runs_its_turns_until_it_is_stopping() -> None:
    source = base_source("run_forever")
    assert "self._run_once()" in source
    assert "self._stopping" in source


def test_base_loop_wakes_itself_after_a_threadsafe_call() -> None:
    source = base_source("call_soon_threadsafe")
    assert source.index("self._call_soon(") < source.index("self._write_to_self()")


def test_handles_have_the_fields_that_the_virtual_loops_own_set() -> None:
    assert set(events.Handle.__slots__) == {
        "__weakref__",
        "_args",
        "_callback",
        "_cancelled",
        "_context",
        "_loop",
        "_repr",
        "_source_traceback",
    }
    assert set(events.TimerHandle.__slots__) == {"_scheduled", "_when"}
    assert "_timer_handle_cancelled" in inspect.getsource(events.TimerHandle.cancel)


def test_handles_of_the_virtual_loop_look_like_asyncios() -> None:
    loop = SimLoop()
    pairs = [
        (loop.call_soon(print, 1), events.Handle(print, (1,), loop)),
        (loop.call_at(2.0, print, 1), events.TimerHandle(2.0, print, (1,), loop)),
    ]
    for ours, theirs in pairs:
        assert isinstance(ours, type(theirs))
        assert "print(" in repr(ours)
        ours.cancel()
        assert ours.cancelled()
    assert pairs[1][0].when() == 2.0  # type: ignore[attr-defined] # the second is a timer
    loop.close()


async def test_tasks_tell_the_future_they_wait_on() -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(asyncio.sleep(1.0))
        await asyncio.sleep(0)
        assert asyncio.isfuture(getattr(task, "_fut_waiter", None))
