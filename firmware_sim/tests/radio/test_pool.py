from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from bleak.exc import BleakError
from bumble import hci

from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.att_client import ConnectionLost
from firmware_sim.radio.central import CentralPool
from firmware_sim.radio.central_device import SUPERVISION_TIMEOUT_S
from firmware_sim.radio.link import SimLink


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_connect_when_fifty_ask_at_once_then_all_are_there_in_one_interval(
    radio: Any,
) -> None:
    radio.adapter(4, slots=16)
    locks = [await radio.lock() for _ in range(50)]
    start_s = now()
    async with asyncio.TaskGroup() as tasks:
        clients = [radio.client(lock.address) for lock in locks]
        for client in clients:
            tasks.create_task(client.connect(), name=client.address)
    assert now() - start_s <= 1.0
    assert all(lock.is_connected for lock in locks)
    assert radio.slots_taken == 50
    if not radio.is_light:
        # The light adapter counts no centrals.
        assert sorted(radio.pool._loads.values()) == [12, 12, 13, 13]
    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            tasks.create_task(client.disconnect(), name=client.address)
    assert radio.slots_taken == 0


async def test_connect_when_all_slots_are_taken_then_first_come_is_first_served(
    radio: Any,
) -> None:
    radio.adapter(1, slots=2)
    locks = [await radio.lock() for _ in range(6)]
    order: list[str] = []

    async def visit(address: str) -> None:
        async with radio.client(address):
            order.append(address)
            await asyncio.sleep(10.0)

    async with asyncio.TaskGroup() as tasks:
        for lock in locks:
            tasks.create_task(visit(lock.address), name=lock.address)
            await asyncio.sleep(0)
        await asyncio.sleep(8.0)
        assert sum(lock.is_connected for lock in locks) == 2
    addresses = [lock.address for lock in locks]
    assert [sorted(order[i : i + 2]) for i in (0, 2, 4)] == [
        addresses[i : i + 2] for i in (0, 2, 4)
    ]


async def test_connect_when_some_locks_are_absent_then_the_others_are_not_held_up(
    radio: Any,
) -> None:
    absent = [await radio.lock(power=False) for _ in range(20)]
    present = await radio.lock()
    async with asyncio.TaskGroup() as tasks:
        waiting = [
            tasks.create_task(radio.client(lock.address).connect(), name=lock.address)
            for lock in absent
        ]
        await asyncio.sleep(1.0)
        start_s = now()
        async with radio.session(present) as session:
            assert await session.ask(b"x") == b"x"
        assert now() - start_s <= 1.0
        for task in waiting:
            task.cancel()


async def test_connect_when_every_central_serves_the_device_then_it_is_refused(
    sim_radio: Any,
) -> None:
    lock = await sim_radio.lock()
    address = hci.Address(lock.address)
    await sim_radio.pool.connect(address)
    async with asyncio.TaskGroup() as tasks:
        second = tasks.create_task(sim_radio.pool.connect(address), name="second")
        await asyncio.sleep(5.0)
        assert not second.done()
        with pytest.raises(ConnectionLost):
            await sim_radio.pool.connect(address)
        lock.disconnect()
        connection = await second
    assert connection.is_open
    assert sum(sim_radio.pool._loads.values()) == 1


async def test_attempt_when_the_controller_refuses_then_the_slot_is_free_again(
    sim_radio: Any,
) -> None:
    lock = await sim_radio.lock()
    central = sim_radio.pool._centrals[0]
    central.controller._connections_max = 0
    with pytest.raises(BleakError, match="CONNECTION_LIMIT"):
        await sim_radio.client(lock.address).connect()
    assert not any(sim_radio.pool._loads.values())
    central.controller._connections_max = 16
    async with sim_radio.session(lock) as session:
        assert await session.ask(b"x") == b"x"


async def test_connection_when_nobody_waits_for_it_any_more_then_it_is_ended(
    sim_radio: Any,
) -> None:
    lock = await sim_radio.lock()
    central = sim_radio.pool._centrals[0]
    await central.boot()
    async with asyncio.TaskGroup() as tasks:
        attempt = tasks.create_task(central.open(hci.Address(lock.address)), name="attempt")
        await asyncio.sleep(0.01)
        central._attempts.clear()
        await asyncio.sleep(2.0)
        attempt.cancel()
    assert not central.connections


async def test_attempt_when_cancelled_in_the_turn_of_its_success_then_no_connection_is_left(
    sim_radio: Any,
) -> None:
    lock = await sim_radio.lock()
    central = sim_radio.pool._centrals[0]
    complete = central.on_le_connection
    async with asyncio.TaskGroup() as tasks:
        attempt = tasks.create_task(sim_radio.client(lock.address).connect(), name="attempt")

        def complete_and_cancel(*details: Any) -> None:
            complete(*details)
            attempt.cancel()

        central.on_le_connection = complete_and_cancel
    assert attempt.cancelled()
    await asyncio.sleep(0.1)
    assert not central.connections
    assert not lock.is_connected
    assert not any(sim_radio.pool._loads.values())


async def test_request_when_a_lock_sends_one_then_its_central_answers(sim_radio: Any) -> None:
    lock = await sim_radio.lock()
    async with sim_radio.session(lock) as session:
        [connection] = lock._device.connections.values()
        lock._device.host.send_l2cap_pdu(connection.handle, 4, b"\x0a\x01\x00")
        assert await session.ask(b"x") == b"x"


async def test_callback_when_connection_is_over_already_then_it_comes_at_once(radio: Any) -> None:
    lock = await radio.lock()
    connection = await radio.pool.connect(radio.pool.target(lock.address, None))
    await connection.disconnect()
    await connection.disconnect()
    told: list[int] = []
    connection.on_closed(lambda: told.append(1))
    assert told == [1]
    with pytest.raises(ConnectionLost, match="0x16"):
        connection.att.write_command(1, b"x")


async def test_vanish_when_connected_and_connecting_then_nobody_is_told_but_all_is_over(
    radio: Any,
) -> None:
    lock = await radio.lock()
    absent = await radio.lock(power=False)
    gone: list[object] = []
    heard: list[object] = []
    client = radio.client(lock.address, disconnected_callback=gone.append)
    await client.connect()
    scanner = radio.scanner(lambda device, _a: heard.append(device.address))
    await scanner.start()
    asyncio.get_running_loop().call_later(2.0, radio.pool.vanish)
    with pytest.raises(BleakError, match="0x02"):
        await radio.client(absent.address).connect()
    assert gone == [client]
    assert not client.is_connected
    assert lock.is_connected
    await asyncio.sleep(SUPERVISION_TIMEOUT_S)
    assert not lock.is_connected
    await scanner.stop()
    heard.clear()
    await scanner.start()
    async with radio.session(lock) as session:
        assert await session.ask(b"x") == b"x"
    await asyncio.sleep(2.0)
    assert heard == [lock.address]


@pytest.mark.parametrize(("size", "slots"), [(0, 1), (1, 0)])
def test_pool_when_it_has_no_slot_then_it_is_refused(size: int, slots: int) -> None:
    with pytest.raises(ValueError, match="needs a central"):
        CentralPool(SimLink(Streams(1)), size, slots=slots)


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_connect_when_several_want_one_lock_at_once_then_the_first_gets_it(
    radio: Any, size: int
) -> None:
    # On a new pool: its centrals boot while all three wait.
    radio.adapter(size)
    lock = await radio.lock()
    order: list[int] = []

    async def visit(number: int) -> None:
        async with radio.client(lock.address, timeout_s=5.0):
            order.append(number)
            await asyncio.sleep(0.1)

    async def try_visit(number: int) -> None:
        with contextlib.suppress(BleakError):
            await visit(number)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(visit(0), name="first")
        for number in (1, 2):
            tasks.create_task(try_visit(number), name=f"client {number}")
    # Each central serves a lock once at a time; the light adapter counts no centrals.
    assert order == [0, 1, 2][: 3 if radio.is_light else size]
