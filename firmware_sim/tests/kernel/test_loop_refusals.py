from __future__ import annotations

import asyncio
import threading

import pytest

from firmware_sim.errors import RealWorldRefused
from firmware_sim.kernel.loop import SimLoop


async def test_executor_runs_inline_in_the_same_thread() -> None:
    assert await asyncio.to_thread(threading.get_ident) == threading.get_ident()
    assert asyncio.get_running_loop().time() == 0.0


async def test_executor_when_the_function_fails_raises_at_the_await() -> None:
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(lambda: 1 // 0)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.to_thread(next, iter(()))


async def test_call_soon_threadsafe_from_its_own_thread_is_a_call_soon() -> None:
    called = asyncio.Event()
    asyncio.get_running_loop().call_soon_threadsafe(called.set)
    await called.wait()


@pytest.mark.parametrize("is_running", [True, False])
def test_call_soon_threadsafe_from_a_foreign_thread_is_refused(*, is_running: bool) -> None:
    loop = SimLoop()
    refused: list[Exception] = []

    def intrude() -> None:
        try:
            loop.call_soon_threadsafe(print)
        except RealWorldRefused as error:
            refused.append(error)

    def run_intruder() -> None:
        intruder = threading.Thread(target=intrude)
        intruder.start()
        intruder.join()

    if is_running:
        loop.call_soon(run_intruder)
        loop.call_soon(loop.stop)
        loop.run_forever()
    else:
        run_intruder()
    loop.close()
    assert len(refused) == 1
    assert "foreign thread" in str(refused[0])


REFUSED_CALLS = {
    "add_reader": (0, print),
    "add_writer": (0, print),
    "add_signal_handler": (2, print),
    "remove_signal_handler": (2,),
    "remove_reader": (0,),
    "remove_writer": (0,),
    "getaddrinfo": ("localhost", 80),
    "create_connection": (asyncio.Protocol, "localhost", 80),
    "create_server": (asyncio.Protocol, "localhost", 80),
    "create_datagram_endpoint": (asyncio.DatagramProtocol,),
    "connect_read_pipe": (asyncio.Protocol, None),
    "subprocess_exec": (asyncio.SubprocessProtocol, "true"),
    "sock_recv": (None, 1),
}


@pytest.mark.parametrize("operation", sorted(REFUSED_CALLS))
async def test_real_world_when_asked_for_on_virtual_time_is_refused(operation: str) -> None:
    with pytest.raises(RealWorldRefused, match=operation):
        getattr(asyncio.get_running_loop(), operation)(*REFUSED_CALLS[operation])


async def test_real_world_when_reached_through_asyncio_names_the_operation() -> None:
    with pytest.raises(RealWorldRefused, match="create_connection"):
        await asyncio.open_connection("localhost", 80)
    with pytest.raises(RealWorldRefused, match="subprocess_exec"):
        await asyncio.create_subprocess_exec("true")
