"""The bounded queue of a link."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import LinkClosed
from gateway.links.inbox import Inbox


async def test_get_returns_values_in_order() -> None:
    inbox = Inbox()
    assert inbox.put(b"1")
    assert inbox.put(b"2")
    assert [await inbox.get(), await inbox.get()] == [b"1", b"2"]


async def test_get_waits_for_a_value() -> None:
    inbox = Inbox()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(inbox.get())
        await asyncio.sleep(1)
        assert not waiting.done()
        inbox.put(b"late")
    assert waiting.result() == b"late"


async def test_get_cancelled_loses_no_value() -> None:
    inbox = Inbox()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await inbox.get()
    inbox.put(b"kept")
    assert await inbox.get() == b"kept"


async def test_get_after_close_returns_what_came_before_then_raises() -> None:
    inbox = Inbox()
    inbox.put(b"before")
    inbox.close("gone")
    inbox.close("another reason")
    assert inbox.put(b"after")  # Dropped, and no reason to close anything.
    assert await inbox.get() == b"before"
    with pytest.raises(LinkClosed, match=r"\Agone\Z"):
        await inbox.get()
    with pytest.raises(LinkClosed, match="gone"):
        inbox.check_open()


async def test_close_wakes_a_waiting_reader() -> None:
    inbox = Inbox()

    async def read() -> None:
        with pytest.raises(LinkClosed):
            await inbox.get()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        await asyncio.sleep(0)
        inbox.close("gone")
    assert inbox.is_closed


async def test_put_when_full_says_so() -> None:
    inbox = Inbox(limit=2)
    assert inbox.put(b"1")
    assert inbox.put(b"2")
    assert not inbox.put(b"3")
    await inbox.get()
    assert inbox.put(b"3")
