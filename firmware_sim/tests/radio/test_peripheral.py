from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from bleak.exc import BleakDeviceNotFoundError, BleakGATTProtocolError

from firmware_sim.errors import DeviceConflict, ValueTooLong
from firmware_sim.radio.central_device import SUPERVISION_TIMEOUT_S
from protocols.strike.gatt import COMMAND_UUID, COMPANY_ID, EVENT_UUID, SERVICE_UUID


async def test_session_when_device_advertises_then_values_travel_both_ways(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        assert lock.is_connected
        assert session.client.mtu_size == lock.att_mtu == 247
        assert await session.ask(b"knock") == b"knock"
    assert not lock.is_connected
    assert radio.echoes[0].events == [("connected", 23), ("mtu", 247), b"knock", "disconnected"]


async def test_connect_when_lock_advertises_then_takes_at_most_one_interval(radio: Any) -> None:
    loop = asyncio.get_running_loop()
    waits = []
    for _ in range(20):
        lock = await radio.lock(advertising_interval_ms=500)
        start_s = loop.time()
        async with radio.client(lock.address):
            waits.append(loop.time() - start_s)
    assert max(waits) <= 0.5
    assert min(waits) < 0.2 < max(waits)


async def test_power_off_when_connected_then_central_learns_at_the_supervision_timeout(
    radio: Any,
) -> None:
    loop = asyncio.get_running_loop()
    lock = await radio.lock()
    gone = asyncio.Event()
    client = radio.client(lock.address, disconnected_callback=lambda _client: gone.set())
    await client.connect()
    start_s = loop.time()
    await lock.power_off()
    assert radio.echoes[0].events[-1] == "disconnected"
    assert client.is_connected
    await gone.wait()
    assert loop.time() - start_s == pytest.approx(SUPERVISION_TIMEOUT_S)
    assert not client.is_connected


async def test_power_on_when_it_was_cut_then_lock_can_be_reached_again(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        await session.ask(b"before")
        await lock.power_off()
        assert not lock.is_powered
        await lock.power_on()
        await lock.power_on()
    async with radio.session(lock) as session:
        assert await session.ask(b"after") == b"after"


@pytest.mark.parametrize("turns", range(1, 30, 4))
async def test_power_off_when_the_radio_still_boots_then_it_is_off_afterwards(
    sim_radio: Any, turns: int
) -> None:
    lock = await sim_radio.lock(power=False)
    async with asyncio.TaskGroup() as tasks:
        booting = tasks.create_task(lock.power_on(), name="power on")
        for _ in range(turns):
            await asyncio.sleep(0)
        assert not booting.done()
        await lock.power_off()
    assert not lock.is_powered
    with pytest.raises(BleakDeviceNotFoundError):
        await sim_radio.client(lock.address, timeout_s=2.0).connect()
    await lock.power_on()
    async with sim_radio.client(lock.address) as client:
        assert client.is_connected


@pytest.mark.parametrize("turns", range(1, 30, 4))
async def test_advertisement_when_changed_while_the_radio_boots_then_the_new_one_is_heard(
    sim_radio: Any, turns: int
) -> None:
    lock = await sim_radio.lock(power=False, manufacturer_data=b"old")
    async with asyncio.TaskGroup() as tasks:
        booting = tasks.create_task(lock.power_on(), name="power on")
        for _ in range(turns):
            await asyncio.sleep(0)
        assert not booting.done()
        lock.set_advertisement(b"new")
    heard: list[bytes] = []
    async with sim_radio.scanner(lambda _d, a: heard.append(a.manufacturer_data[COMPANY_ID])):
        await asyncio.sleep(2.0)
    assert heard == [b"new"]


async def test_power_off_when_it_was_never_on_then_nothing_happens(radio: Any) -> None:
    lock = await radio.lock(power=False)
    await lock.power_off()
    lock.disconnect()
    assert lock.att_mtu is None
    assert radio.echoes[0].events == []


async def test_disconnect_when_lock_asks_then_both_ends_learn_at_once(radio: Any) -> None:
    loop = asyncio.get_running_loop()
    lock = await radio.lock()
    gone = asyncio.Event()
    client = radio.client(lock.address, disconnected_callback=lambda _client: gone.set())
    await client.connect()
    start_s = loop.time()
    lock.disconnect()
    await gone.wait()
    assert loop.time() == start_s
    assert not lock.is_connected


async def test_write_when_handler_fails_then_att_error_comes_at_once(
    radio: Any, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    lock = await radio.lock()

    def fail(_value: bytes) -> None:
        raise RuntimeError("pin 1234567")

    async with radio.session(lock) as session:
        radio.echoes[0].answer = fail
        start_s = loop.time()
        with pytest.raises(BleakGATTProtocolError) as refusal:
            await session.client.write_gatt_char(COMMAND_UUID, b"x", response=True)
        assert refusal.value.code == 0x0E
        assert loop.time() == start_s
        await session.client.write_gatt_char(COMMAND_UUID, b"x", response=False)
        with pytest.raises(BleakGATTProtocolError):
            await session.client.write_gatt_char(COMMAND_UUID, b"x", response=True)
        radio.echoes[0].answer = None
        assert await session.ask(b"still here") == b"still here"
    assert lock.handler_errors == 3
    assert "RuntimeError" in caplog.text
    assert "1234567" not in caplog.text


async def test_notify_when_value_exceeds_the_mtu_then_it_is_refused(radio: Any) -> None:
    lock = await radio.lock(att_mtu_max=64)
    async with radio.session(lock) as session:
        assert session.client.mtu_size == 64
        radio.echoes[0].notify(bytes(61))
        assert await session.values.get() == bytes(61)
        with pytest.raises(ValueTooLong, match="62 bytes, and 61 fit"):
            radio.echoes[0].notify(bytes(62))


async def test_notify_when_nobody_subscribed_then_value_is_dropped(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.client(lock.address) as client:
        radio.echoes[0].notify(b"unheard")
        values: asyncio.Queue[bytes] = asyncio.Queue()
        await client.start_notify(EVENT_UUID, lambda _c, value: values.put_nowait(bytes(value)))
        radio.echoes[0].notify(b"heard")
        assert await values.get() == b"heard"
        await client.stop_notify(EVENT_UUID)
        radio.echoes[0].notify(b"unheard")
        await client.write_gatt_char(COMMAND_UUID, b"", response=True)
    assert values.empty()


async def test_advertisement_when_it_is_heard_then_it_has_service_name_and_news(
    radio: Any,
) -> None:
    lock = await radio.lock(manufacturer_data=b"\x01\x00\x34\x12\x00\x00")
    heard = await radio.scanner().discover(2.0, return_adv=True, backend=radio.backend.scanner)
    _, advertisement = heard[lock.address]
    assert advertisement.local_name == "lock 0"
    assert advertisement.service_uuids == [SERVICE_UUID]
    assert advertisement.manufacturer_data == {COMPANY_ID: b"\x01\x00\x34\x12\x00\x00"}


async def test_set_advertisement_when_lock_is_off_then_next_power_on_tells_it(radio: Any) -> None:
    lock = await radio.lock(power=False)
    lock.set_advertisement(b"\x09")
    await lock.power_on()
    found = await radio.scanner().discover(2.0, return_adv=True, backend=radio.backend.scanner)
    assert found[lock.address][1].manufacturer_data == {COMPANY_ID: b"\x09"}


async def test_set_advertisement_when_data_do_not_fit_then_it_is_refused(radio: Any) -> None:
    lock = await radio.lock()
    with pytest.raises(ValueTooLong, match="an advertisement has 32 bytes, and 31 fit"):
        lock.set_advertisement(bytes(7))


async def test_lock_when_its_address_is_taken_then_it_is_refused(radio: Any) -> None:
    await radio.lock(address="F0:00:00:00:00:77")
    with pytest.raises(DeviceConflict, match="F0:00:00:00:00:77"):
        await radio.lock(address="F0:00:00:00:00:77")


async def test_lock_when_it_has_a_public_address_then_values_travel(radio: Any) -> None:
    lock = await radio.lock(address="00:1B:DC:00:00:01", is_public=True)
    async with radio.session(lock) as session:
        assert await session.ask(b"public") == b"public"
    other = await radio.lock(address="00:1B:DC:00:00:02", is_public=True, power=False)
    assert other.address == "00:1B:DC:00:00:02"
    with pytest.raises(DeviceConflict):
        await radio.lock(address="00:1B:DC:00:00:02", is_public=True)


@pytest.mark.real_loop
async def test_session_when_on_the_platforms_loop_then_it_works_there_too(radio: Any) -> None:
    lock = await radio.lock(advertising_interval_ms=20)
    async with radio.session(lock) as session:
        for value in (b"x", bytes(244)):
            assert await session.ask(value) == value
        radio.echoes[0].answer = lambda _value: None
        await session.client.write_gatt_char(COMMAND_UUID, bytes(512), response=True)


async def test_log_when_everything_is_logged_then_no_value_is_in_it(
    radio: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    pin = b"1234567"
    lock = await radio.lock()
    async with radio.session(lock) as session:
        await session.ask(pin)
        radio.echoes[0].answer = lambda _value: None
        await session.client.write_gatt_char(COMMAND_UUID, pin * 50, response=True)
    for secret in (pin.decode(), pin.hex(), pin.hex().upper()):
        assert secret not in caplog.text
