"""Tells who waits on what: one line for each unfinished task of a loop that stands still."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from firmware_sim.kernel.identity import SimTask


def describe_tasks(tasks: Iterable[asyncio.Task[Any]]) -> tuple[str, ...]:
    """One line for each task, in order of creation.

    A line holds names and places only, never values: a value may be a PIN.
    """
    known = [task for task in tasks if isinstance(task, SimTask)]
    return tuple(_describe(task) for task in sorted(known, key=lambda task: task.sim_number))


def _describe(task: asyncio.Task[Any]) -> str:
    waits_on = getattr(task, "_fut_waiter", None)
    if isinstance(waits_on, asyncio.Task):
        thing = f"task {waits_on.get_name()}"
    elif waits_on is None:
        thing = "nothing"
    else:
        thing = "a future that nobody resolves"
    return f"{task.get_name()} waits on {thing} at {' > '.join(_places(task.get_coro()))}"


def _places(coro: Any) -> list[str]:
    """The chain of awaits from the task's own coroutine inwards, as ``function (file:line)``."""
    places = []
    while coro is not None:
        frame, inner = _suspended(coro)
        if frame is not None:
            file = PurePath(frame.f_code.co_filename).name
            places.append(f"{coro.__qualname__} ({file}:{frame.f_lineno})")
        coro = inner
    return places or ["its end"]


def _suspended(coro: Any) -> tuple[types.FrameType | None, Any]:
    """The frame of a suspended awaitable, and what it awaits in turn."""
    if isinstance(coro, types.CoroutineType):
        return coro.cr_frame, coro.cr_await
    if isinstance(coro, types.GeneratorType):
        return coro.gi_frame, coro.gi_yieldfrom
    return None, None
