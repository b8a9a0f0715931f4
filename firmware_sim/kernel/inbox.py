"""Work handed to a loop by other threads: each unit one task, each result a concurrent future.

The same class serves both ways: requests that the edge thread hands to the virtual loop, and
outward work that the virtual loop hands to the edge thread.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from firmware_sim.errors import EdgeStopped

T = TypeVar("T")


class Ticket(Generic[T]):
    """One unit of work that was handed over; made by `Inbox.submit`.

    Attributes:
        future: Its result. Cancelling the future does nothing: a unit that was handed over runs.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, work: Callable[[], Awaitable[T]], name: str
    ) -> None:
        self.future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self.future.set_running_or_notify_cancel()
        self._loop = loop
        self._work = work
        self._task: asyncio.Task[None] | None = None
        self._has_begun = False
        self.name = name

    def abort(self) -> None:
        """Cancel the work; callable from any thread, harmless when it is done."""
        if not self.future.done():
            try:
                self._loop.call_soon_threadsafe(self.cancel)
            except RuntimeError:
                # The loop is closed, and its inbox has resolved every ticket before that.
                return

    def start(self, group: asyncio.TaskGroup) -> None:
        """Run the work as a task of a group; on the loop."""
        if not self.future.done():
            self._task = group.create_task(self._carry(), name=self.name)

    def cancel(self) -> None:
        """Cancel the work; on the loop."""
        if not self._has_begun:
            # A task that is cancelled before its first step never enters its coroutine.
            self.refuse()
        if self._task is not None:
            self._task.cancel()

    def refuse(self) -> None:
        """Resolve a ticket whose work never began."""
        if not self.future.done():
            self.future.set_exception(EdgeStopped(f"{self.name} was not begun: the loop stopped"))

    async def _carry(self) -> None:
        self._has_begun = True
        try:
            result = await self._work()
        except asyncio.CancelledError:
            self.future.set_exception(EdgeStopped(f"{self.name} was cancelled before its end"))
        except BaseException as error:
            self.future.set_exception(error)
            # An exit belongs to the loop as well; anything else to whoever holds the future.
            if not isinstance(error, Exception):
                raise
        else:
            self.future.set_result(result)


class Inbox:
    """Runs what other threads hand over, on the loop it was entered on.

    An async context manager, single-use. At its end it takes no more, cancels what runs, and
    resolves every ticket.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = False
        self._tickets: dict[Ticket[Any], None] = {}
        self._group = asyncio.TaskGroup()
        self._loop: asyncio.AbstractEventLoop | None = None
        # Work runs in this context, not in that of the thread that hands it over, whose
        # variables mean nothing here.
        self._context: contextvars.Context | None = None

    def submit(self, work: Callable[[], Awaitable[T]], *, name: str) -> Ticket[T]:
        """Hand over a unit; callable from any thread.

        Args:
            work: Makes the awaitable; called on the inbox's loop.
            name: The task's name.

        Raises:
            EdgeStopped: When the inbox is not open.
        """
        with self._lock:
            if not self._open or self._loop is None:
                raise EdgeStopped(f"{name} was refused: the loop takes no more work")
            ticket = Ticket(self._loop, work, name)
            self._tickets[ticket] = None
            self._loop.call_soon_threadsafe(self._start, ticket, context=self._context)
        return ticket

    def _start(self, ticket: Ticket[Any]) -> None:
        if self._open:
            ticket.future.add_done_callback(lambda _done: self._forget(ticket))
            ticket.start(self._group)

    def _forget(self, ticket: Ticket[Any]) -> None:
        self._tickets.pop(ticket, None)

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._open = True
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._open = False
        for ticket in list(self._tickets):
            ticket.cancel()
        try:
            # The body's own error goes on by itself; the group would wrap it.
            await self._group.__aexit__(None, None, None)
        finally:
            for ticket in list(self._tickets):
                ticket.refuse()
