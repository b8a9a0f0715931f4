from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from firmware_sim.errors import EdgeStopped
from firmware_sim.kernel.inbox import Inbox, Ticket

T = TypeVar("T")


async def answer() -> int:
    await asyncio.sleep(1.0)
    return 42


async def fail() -> None:
    raise LookupError("no such door")


async def test_ticket_takes_the_result_of_its_work() -> None:
    async with Inbox() as inbox:
        ticket = inbox.submit(answer, name="answer")
        assert await asyncio.wrap_future(ticket.future) == 42
        assert not inbox._tickets


async def test_ticket_when_its_work_fails_takes_the_error_and_others_go_on() -> None:
    async with Inbox() as inbox:
        failing, fine = inbox.submit(fail, name="fail"), inbox.submit(answer, name="answer")
        with pytest.raises(LookupError, match="no such door"):
            await asyncio.wrap_future(failing.future)
        assert await asyncio.wrap_future(fine.future) == 42


async def test_future_when_cancelled_does_not_cancel_the_work() -> None:
    async with Inbox() as inbox:
        ticket = inbox.submit(answer, name="answer")
        assert not ticket.future.cancel()
        waiting = asyncio.wrap_future(ticket.future)
        waiting.cancel()
        await asyncio.sleep(2.0)
        assert ticket.future.result() == 42


async def test_abort_cancels_the_work_whether_it_has_begun_or_not() -> None:
    ends: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("ended")

    async with Inbox() as inbox:
        begun = inbox.submit(work, name="begun")
        await asyncio.sleep(1.0)
        queued = inbox.submit(work, name="queued")
        begun.abort()
        queued.abort()
        for ticket in (begun, queued):
            with pytest.raises(EdgeStopped, match=ticket.name):
                await asyncio.wrap_future(ticket.future)
            ticket.abort()
    assert ends == ["ended"]


async def test_abort_when_the_task_exists_but_has_not_begun_resolves_the_ticket() -> None:
    async with Inbox() as inbox:
        ticket = inbox.submit(answer, name="answer")
        group = asyncio.get_running_loop()
        # After `_start` and before the task's first step.
        group.call_soon(ticket.cancel)
        with pytest.raises(EdgeStopped):
            await asyncio.wrap_future(ticket.future)


async def test_work_refused_before_it_was_started_never_runs() -> None:
    ran: list[int] = []

    async def work() -> None:
        ran.append(1)

    async with Inbox() as inbox:
        ticket = inbox.submit(work, name="work")
        ticket.refuse()
        await asyncio.sleep(1.0)
    assert ran == []


async def test_inbox_when_left_cancels_what_runs_and_resolves_every_ticket() -> None:
    tickets: list[Ticket[int]] = []
    async with Inbox() as inbox:
        tickets.append(inbox.submit(answer, name="running"))
        await asyncio.sleep(0.5)
        tickets.append(inbox.submit(answer, name="queued"))
    for ticket in tickets:
        with pytest.raises(EdgeStopped, match=ticket.name):
            ticket.future.result(timeout=0)
    with pytest.raises(EdgeStopped, match="no more work"):
        inbox.submit(answer, name="late")
    await asyncio.sleep(1.0)


async def test_inbox_before_it_is_entered_takes_nothing() -> None:
    with pytest.raises(EdgeStopped):
        Inbox().submit(answer, name="early")


async def test_work_runs_in_the_inboxes_context() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("the loop's")

    async def read() -> str:
        return variable.get()

    def submit_elsewhere(inbox: Inbox) -> Ticket[str]:
        variable.set("the caller's")
        return inbox.submit(read, name="read")

    async with Inbox() as inbox:
        ticket = contextvars.copy_context().run(submit_elsewhere, inbox)
        assert await asyncio.wrap_future(ticket.future) == "the loop's"


def in_thread(call: Callable[[], None]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


@pytest.mark.real_loop
async def test_submit_from_another_thread_runs_on_the_inboxes_loop() -> None:
    tickets: list[Ticket[int]] = []

    async def where() -> int:
        return threading.get_ident()

    async with Inbox() as inbox:
        in_thread(lambda: tickets.append(inbox.submit(where, name="where")))
        assert await asyncio.wrap_future(tickets[0].future) == threading.get_ident()


def run_real(main: Awaitable[T]) -> T:
    async def run() -> T:
        return await main

    return asyncio.run(run())


def test_exit_of_the_work_ends_the_loop_as_well_as_the_ticket() -> None:
    tickets: list[Ticket[None]] = []

    async def leave() -> None:
        raise SystemExit(3)

    async def main() -> None:
        # An exit leaves this task's own end unread, which asyncio would report.
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        async with Inbox() as inbox:
            tickets.append(inbox.submit(leave, name="leave"))
            tickets.append(inbox.submit(asyncio.Event().wait, name="wait"))  # type: ignore[arg-type] # its result does not matter
            await asyncio.Event().wait()

    with pytest.raises(SystemExit):
        run_real(main())
    with pytest.raises(SystemExit):
        tickets[0].future.result(timeout=0)
    with pytest.raises(EdgeStopped):
        tickets[1].future.result(timeout=0)
    tickets[1].abort()


def test_abort_when_the_loop_is_closed_is_no_error() -> None:
    loop = asyncio.new_event_loop()
    ticket = Ticket(loop, answer, "answer")
    loop.close()
    ticket.abort()
