"""The edge: a real event loop in a thread of its own, where sockets and far ends live.

The virtual loop and the edge hand each other whole units of work. *Inward*: a request that was
read whole runs as one task on the virtual loop, while time goes on at its pace; a client that
hangs up does not cancel it. *Outward*: a webhook or a publish runs on the edge's loop, bounded
by a deadline in wall seconds; while it is out, the virtual loop holds time still whenever that
would run faster than the wall.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from firmware_sim.errors import EdgeStopped, OutwardTimeout
from firmware_sim.kernel.inbox import Inbox, Ticket
from firmware_sim.kernel.pacing import PacedLoop

T = TypeVar("T")


class EdgeThread:
    """The edge of a paced loop; an async context manager on that loop, single-use.

    At its end the work on the edge is cancelled and waited for, the thread is joined, and then
    inward units that still run are cancelled.

    Args:
        loop: The paced loop that it belongs to.
        name: The thread's name.
    """

    def __init__(self, loop: PacedLoop, *, name: str = "edge") -> None:
        self._home = loop
        self._inward = Inbox()
        self._outward = Inbox()
        self._thread = threading.Thread(target=self._thread_main, name=name, daemon=True)
        self._ready: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()
        self._stop_edge: Callable[[], object] | None = None
        self._is_closing = False

    # ------------------------------------------------------------------ the two ways

    def inward(
        self, unit: Callable[[], Awaitable[T]], *, name: str = "inward"
    ) -> concurrent.futures.Future[T]:
        """Run a unit as one task on the virtual loop; called on the edge, from any thread.

        Args:
            unit: Makes the awaitable; called on the virtual loop.
            name: The task's name.

        Returns:
            Its result. Cancelling the future does not cancel the unit.

        Raises:
            EdgeStopped: When the virtual loop takes no more work.
        """
        return self._inward.submit(unit, name=name).future

    async def outward(self, work: Callable[[], Awaitable[T]], *, deadline_s: float) -> T:
        """Run a unit of outward work on the edge; awaited on the virtual loop.

        Args:
            work: Makes the awaitable; called on the edge's loop.
            deadline_s: Wall seconds after which it is cancelled.

        Raises:
            OutwardTimeout: When the deadline passed.
            EdgeStopped: When the edge stopped first.

        A cancelled call cancels the work, and does not wait for its end.
        """
        bounded = functools.partial(_bounded, work, deadline_s)
        ticket = self._submit(bounded, name="outward")
        arrived = self._arrival(ticket)

        hold = self._home.hold(deadline_s, lambda: _tell(arrived, _too_late(deadline_s)))
        try:
            return await arrived
        finally:
            hold.release()
            ticket.abort()

    async def run(self, work: Callable[[], Awaitable[T]], *, name: str) -> T:
        """Run a service on the edge for as long as it likes; awaited on the virtual loop.

        It holds no time. Its errors are raised here.

        Args:
            work: Makes the awaitable; called on the edge's loop.
            name: The task's name.

        Raises:
            EdgeStopped: When the edge stopped first, or the work called for an exit.

        A cancelled call cancels the work and waits for its end, so that its sockets are closed.
        """
        ticket = self._submit(work, name=name)
        try:
            return await self._arrival(ticket)
        except asyncio.CancelledError:
            ticket.abort()
            with contextlib.suppress(EdgeStopped):
                await self._arrival(ticket)
            raise

    def _submit(self, work: Callable[[], Awaitable[T]], *, name: str) -> Ticket[T]:
        return self._outward.submit(functools.partial(_contained, work, name), name=name)

    def _arrival(self, ticket: Ticket[T]) -> asyncio.Future[T]:
        """A future of the virtual loop that takes a ticket's result."""
        arrived: asyncio.Future[T] = self._home.create_future()

        def hand_over(done: concurrent.futures.Future[T]) -> None:
            # A virtual loop that is closed by now waits for nothing.
            with contextlib.suppress(RuntimeError):
                self._home.call_soon_threadsafe(_copy_result, done, arrived)

        ticket.future.add_done_callback(hand_over)
        return arrived

    # ------------------------------------------------------------------ life

    async def __aenter__(self) -> Self:
        await self._inward.__aenter__()
        self._thread.start()
        try:
            await self._ready
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        """End the edge, then the units that it handed in."""
        self._is_closing = True
        if self._stop_edge is not None:
            self._stop_edge()
        try:
            await self._ended
        finally:
            # Bounded: the edge has been told to cancel its work, and waits for nobody else.
            self._thread.join()
            await self._inward.__aexit__(None, None, None)

    def _thread_main(self) -> None:
        failure: BaseException | None = None
        try:
            asyncio.run(self._live())
        except BaseException as error:  # noqa: BLE001 - raised on the virtual loop instead
            failure = error
        with contextlib.suppress(RuntimeError):
            self._home.call_soon_threadsafe(self._report_end, failure)

    async def _live(self) -> None:
        """The edge's main coroutine: take work until told to stop."""
        stop = asyncio.Event()
        edge_loop = asyncio.get_running_loop()

        def stop_edge() -> None:
            # An edge that ended by itself, on an error, has closed its loop.
            with contextlib.suppress(RuntimeError):
                edge_loop.call_soon_threadsafe(stop.set)

        self._stop_edge = stop_edge
        if self._is_closing:
            # Given up before it was up: whoever closes has not seen `_stop_edge`.
            stop.set()
        async with self._outward:
            self._home.call_soon_threadsafe(_tell, self._ready, None)
            await stop.wait()

    def _report_end(self, failure: BaseException | None) -> None:
        """Tell whoever waits for the edge that its thread is done; on the virtual loop."""
        if not self._ready.done():
            _tell(self._ready, failure)
            failure = None
        _tell(self._ended, failure)


async def _contained(work: Callable[[], Awaitable[T]], name: str) -> T:
    """Run work so that a library that calls `sys.exit` does not take the edge along."""
    try:
        return await work()
    except SystemExit as error:
        raise EdgeStopped(f"{name} gave up with exit status {error.code}") from error


async def _bounded(work: Callable[[], Awaitable[T]], deadline_s: float) -> T:
    """Run work on the edge within its deadline; its own time-outs stay what they are."""
    bound = asyncio.timeout(deadline_s)
    try:
        async with bound:
            return await work()
    except TimeoutError as error:
        if bound.expired():
            raise _too_late(deadline_s) from error
        raise


def _too_late(deadline_s: float) -> OutwardTimeout:
    return OutwardTimeout(f"outward work was not back within {deadline_s} s of wall time")


def _tell(waiting: asyncio.Future[Any], failure: BaseException | None) -> None:
    """Resolve a future of the virtual loop, unless its waiter has gone; on that loop."""
    if waiting.done():
        return
    if failure is None:
        waiting.set_result(None)
    else:
        waiting.set_exception(failure)


def _copy_result(done: concurrent.futures.Future[Any], arrived: asyncio.Future[Any]) -> None:
    """Copy a result to a future of the virtual loop; on that loop."""
    if arrived.done():
        return
    error = done.exception()
    if error is None:
        arrived.set_result(done.result())
    else:
        arrived.set_exception(error)
