from __future__ import annotations

import asyncio
from typing import Any

import bleak
import pytest
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError

from firmware_sim.radio.backend import bleak_backend
from protocols.strike.gatt import COMMAND_UUID, EVENT_UUID, SERVICE_UUID

ABSENT = "F0:00:00:00:00:99"
DEVICE_NAME_UUID = "00002a00-0000-1000-8000-00805f9b34fb"
GAP_UUID = "00001800-0000-1000-8000-00805f9b34fb"


def now() -> float:
    return asyncio.get_running_loop().time()


# ------------------------------------------------------------------ connecting


async def test_connect_when_address_is_known_then_no_scan_is_needed(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.client(lock.address.lower()) as client:
        assert client.is_connected
        assert client.name == lock.address.lower().replace(":", "-")
        assert radio.scan is None


async def test_connect_when_device_was_heard_then_its_name_is_known(radio: Any) -> None:
    lock = await radio.lock(address="00:1B:DC:00:00:05", is_public=True)
    device = await bleak.BleakScanner.find_device_by_address(
        lock.address, backend=radio.backend.scanner
    )
    assert device is not None
    async with radio.client(device) as client:
        assert client.name == "lock 0"
        assert client.address == lock.address


async def test_connect_when_device_is_absent_then_it_is_not_found_at_the_timeout(
    radio: Any,
) -> None:
    with pytest.raises(BleakDeviceNotFoundError) as error:
        await radio.client(ABSENT, timeout_s=4.0).connect()
    assert error.value.identifier == ABSENT
    assert now() == pytest.approx(4.0)
    device = BLEDevice(ABSENT, "gone", {})
    with pytest.raises(TimeoutError):
        await radio.client(device, timeout_s=4.0).connect()
    assert now() == pytest.approx(8.0)


async def test_connect_when_address_is_none_then_it_is_not_found(radio: Any) -> None:
    for text in ("garbage", "F0:00"):
        with pytest.raises(BleakDeviceNotFoundError):
            await radio.client(text).connect()


async def test_connect_when_cancelled_then_the_next_one_works(radio: Any) -> None:
    lock = await radio.lock(power=False)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await radio.client(lock.address).connect()
    await lock.power_on()
    async with radio.session(lock) as session:
        assert await session.ask(b"x") == b"x"
    assert not lock.is_connected


@pytest.mark.parametrize("turns", range(14))
async def test_connect_when_cancelled_at_any_moment_then_no_connection_is_left(
    radio: Any, turns: int
) -> None:
    lock = await radio.lock()
    async with asyncio.TaskGroup() as tasks:
        there = asyncio.Event()
        # The other end learns of the connection in the same turn as this one.
        radio.echoes[0].connected = lambda *_args: there.set()
        task = tasks.create_task(radio.client(lock.address).connect(), name="connect")
        await there.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
    if not task.cancelled():
        # The light link needs fewer turns to connect.
        assert radio.is_light
        lock.disconnect()
    await asyncio.sleep(1.0)
    assert not lock.is_connected
    assert radio.slots_taken == 0


async def test_connect_when_connected_already_then_it_is_refused(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.client(lock.address) as client:
        with pytest.raises(BleakError, match="already connected"):
            await client.connect()


async def test_connect_when_lock_vanishes_during_discovery_then_it_fails_and_no_callback_comes(
    radio: Any,
) -> None:
    lock = await radio.lock()
    told: list[object] = []

    def mtu_changed(_att_mtu: int) -> None:
        lock.set_in_range(False)

    radio.echoes[0].mtu_changed = mtu_changed
    with pytest.raises(BleakError, match="0x08"):
        await radio.client(lock.address, disconnected_callback=told.append).connect()
    assert told == []


async def test_disconnect_when_asked_twice_then_the_callback_comes_once(radio: Any) -> None:
    lock = await radio.lock()
    told: list[object] = []
    client = radio.client(lock.address, disconnected_callback=told.append)
    await client.disconnect()
    await client.connect()
    await client.disconnect()
    await client.disconnect()
    assert told == [client]
    with pytest.raises(BleakError, match="Service Discovery"):
        _ = client.services
    await client.connect()
    assert client.is_connected


async def test_pair_when_asked_then_the_connection_is_encrypted(radio: Any) -> None:
    lock = await radio.lock()
    client = radio.client(lock.address, pair=True)
    await client.connect()
    assert radio.bonds_of(lock)
    await client.pair()
    await client.unpair()
    assert not client.is_connected
    assert not radio.bonds_of(lock)
    with pytest.raises(BleakError, match="Not connected"):
        await client.pair()


# ------------------------------------------------------------------ values


async def test_read_when_asked_then_the_value_comes(radio: Any) -> None:
    lock = await radio.lock(name="a name that is far longer than one ATT packet of 23 bytes")
    async with radio.client(lock.address) as client:
        assert await client.read_gatt_char(DEVICE_NAME_UUID) == lock.name.encode()
        event = client.services.get_characteristic(EVENT_UUID)
        assert event is not None
        [configuration] = event.descriptors
        assert await client.read_gatt_descriptor(configuration.handle) == b"\x00\x00"
        # bleak itself lets nobody write this one; a backend writes any.
        await client._backend.write_gatt_descriptor(configuration, b"\x01\x00")
        assert await client.read_gatt_descriptor(configuration.handle) == b"\x01\x00"
        with pytest.raises(BleakGATTProtocolError) as refusal:
            await client.read_gatt_char(COMMAND_UUID)
        assert refusal.value.code == 0x02


async def test_read_when_value_is_as_long_as_a_packet_then_it_is_read_whole(radio: Any) -> None:
    lock = await radio.lock(name="n" * 44, att_mtu_max=23)
    async with radio.client(lock.address) as client:
        assert client.mtu_size == 23
        assert await client.read_gatt_char(DEVICE_NAME_UUID) == b"n" * 44


async def test_write_when_value_exceeds_the_mtu_then_command_is_refused_and_request_goes_in_parts(
    radio: Any,
) -> None:
    lock = await radio.lock(att_mtu_max=64)
    async with radio.session(lock) as session:
        write = session.client.write_gatt_char
        radio.echoes[0].answer = lambda _value: None
        command = session.client.services.get_characteristic(COMMAND_UUID)
        assert command.max_write_without_response_size == 61
        assert command.properties == ["write", "write-without-response"]
        with pytest.raises(BleakError, match="62 bytes, and 61 fit"):
            await write(COMMAND_UUID, bytes(62), response=False)
        await write(COMMAND_UUID, bytes(61), response=False)
        await write(COMMAND_UUID, b"\x07" * 512, response=True)
        with pytest.raises(BleakError, match="513 bytes, and 512 fit"):
            await write(COMMAND_UUID, bytes(513), response=True)
        assert radio.echoes[0].events[2:] == [bytes(61), b"\x07" * 512]


async def test_long_write_when_handler_fails_then_att_error_comes(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        radio.echoes[0].answer = lambda _value: 1 // 0
        with pytest.raises(BleakGATTProtocolError) as refusal:
            await session.client.write_gatt_char(COMMAND_UUID, bytes(512), response=True)
        assert refusal.value.code == 0x0E
        with pytest.raises(BleakGATTProtocolError) as refusal:
            await session.client.write_gatt_char(DEVICE_NAME_UUID, bytes(512), response=True)
        assert refusal.value.code == 0x03


async def test_pending_request_when_disconnected_then_it_fails_and_is_not_cancelled(
    radio: Any,
) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        radio.echoes[0].answer = lambda _value: lock.disconnect()
        errors: list[str] = []

        async def write() -> None:
            with pytest.raises(BleakError) as error:
                await session.client.write_gatt_char(COMMAND_UUID, b"x", response=True)
            errors.append(str(error.value))

        async with asyncio.TaskGroup() as tasks:
            for number in range(3):
                tasks.create_task(write(), name=f"write {number}")
        assert errors == ["no connection, HCI reason 0x13"] * 3


async def test_request_when_cancelled_then_the_next_one_gets_its_own_answer(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        lock.set_in_range(False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await session.client.read_gatt_char(DEVICE_NAME_UUID)
        lock.set_in_range(True)
        with pytest.raises(BleakGATTProtocolError):
            await session.client.read_gatt_char(COMMAND_UUID)
        assert await session.client.read_gatt_char(DEVICE_NAME_UUID) == b"lock 0"


async def test_request_when_it_is_never_answered_then_the_connection_ends_after_30_s(
    sim_radio: Any,
) -> None:
    lock = await sim_radio.lock()
    client = sim_radio.client(lock.address)
    await client.connect()
    lock._server.send_gatt_pdu = lambda _connection, _pdu: None
    start_s = now()
    with pytest.raises(BleakError, match="did not answer"):
        await client.read_gatt_char(DEVICE_NAME_UUID)
    assert now() - start_s == pytest.approx(30.0)
    assert not client.is_connected


async def test_verbs_when_not_connected_then_they_are_refused(radio: Any) -> None:
    lock = await radio.lock()
    client = radio.client(lock.address)
    assert client.mtu_size == 23
    await client.connect()
    command = client.services.get_characteristic(COMMAND_UUID)
    await client.disconnect()
    backend = client._backend
    for verb in (
        backend.read_gatt_char(command),
        backend.write_gatt_char(command, b"x", response=False),
        backend.start_notify(command, print),
        backend.stop_notify(command),
    ):
        with pytest.raises(BleakError, match="Not connected"):
            await verb


async def test_notify_when_characteristic_offers_none_then_it_is_refused(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.client(lock.address) as client:
        with pytest.raises(BleakError, match="does not support"):
            await client.start_notify(COMMAND_UUID, lambda _c, _v: None)


async def test_notify_when_it_is_on_or_off_already_then_it_is_refused_as_by_bluez(
    radio: Any,
) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        client = session.client
        with pytest.raises(BleakError, match="on already"):
            await client.start_notify(EVENT_UUID, lambda _c, _v: None)
        assert await session.ask(b"still the first callback") == b"still the first callback"
        await client.stop_notify(EVENT_UUID)
        with pytest.raises(BleakError, match="no notifications to stop"):
            await client.stop_notify(EVENT_UUID)
        await client.start_notify(EVENT_UUID, session.take)
        assert await session.ask(b"again") == b"again"


async def test_notify_when_subscription_is_refused_then_nothing_listens(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.client(lock.address) as client:
        event = client.services.get_characteristic(EVENT_UUID)
        event._descriptors.clear()
        with pytest.raises(BleakError, match="no configuration descriptor"):
            await client.start_notify(EVENT_UUID, lambda _c, _v: None)


async def test_indication_when_device_sends_one_then_it_is_confirmed(sim_radio: Any) -> None:
    lock = await sim_radio.lock()
    values: asyncio.Queue[bytes] = asyncio.Queue()
    async with sim_radio.client(lock.address) as client:
        changed = "00002a05-0000-1000-8000-00805f9b34fb"
        await client.start_notify(changed, lambda _c, value: values.put_nowait(bytes(value)))
        device = lock._device
        connection = next(iter(device.connections.values()))
        characteristic = device.gatt_service.service_changed_characteristic
        start_s = now()
        await device.indicate_subscriber(connection, characteristic, b"\x01\x00\xff\xff")
        assert await values.get() == b"\x01\x00\xff\xff"
        assert now() == start_s


# ------------------------------------------------------------------ services


async def test_services_when_found_then_all_are_there_in_order(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.client(lock.address) as client:
        uuids = [service.uuid for service in client.services]
        assert uuids == [GAP_UUID, "00001801-0000-1000-8000-00805f9b34fb", SERVICE_UUID]
        strike = client.services.get_service(SERVICE_UUID)
        assert [c.uuid for c in strike.characteristics] == [COMMAND_UUID, EVENT_UUID]


async def test_services_when_filtered_then_only_those_are_told(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.client(lock.address, services=[SERVICE_UUID]) as client:
        assert [service.uuid for service in client.services] == [SERVICE_UUID]


async def test_services_when_kept_then_they_are_asked_for_once_until_the_hash_changes(
    sim_radio: Any,
) -> None:
    lock = await sim_radio.lock()
    asked: list[int] = []
    receive = lock._server.receive

    def count(connection: Any, pdu: bytes) -> None:
        asked.append(pdu[0])
        receive(connection, pdu)

    lock._server.receive = count
    backend = bleak_backend(sim_radio.pool, caches_services=True)

    async def requests_of_a_session(**details: Any) -> int:
        asked.clear()
        client = bleak.BleakClient(lock.address, backend=backend.client)
        await client.connect(**details)
        assert client.services.get_characteristic(COMMAND_UUID) is not None
        await client.disconnect()
        return len(asked)

    first = await requests_of_a_session()
    assert first > 8
    assert await requests_of_a_session() == 2  # MTU and hash.
    assert await requests_of_a_session(dangerous_use_bleak_cache=True) == 1
    lock._device.gatt_service.database_hash_characteristic.value = b"another hash 16b"
    assert await requests_of_a_session() == first
    backend.services.forget(lock.address)
    assert await requests_of_a_session() == first
    backend.services.forget()
    assert await requests_of_a_session() == first
