from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bleak.exc import BleakError

from firmware_sim.radio.air import RETRANSMISSION_S
from firmware_sim.radio.central_device import SUPERVISION_TIMEOUT_S
from firmware_sim.radio.faults import NO_FAULTS, LinkFaults
from protocols.strike.gatt import COMMAND_UUID


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("interval_s", [0.0075, 0.03, 0.05])
async def test_values_when_link_has_an_interval_then_they_wait_for_connection_events(
    radio: Any, interval_s: float
) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        radio.link.faults = LinkFaults(connection_interval_s=interval_s)
        await session.ask(b"align")
        start_s = now()
        for _ in range(10):
            await session.ask(b"x")
        # There in one connection event, back in the next.
        assert now() - start_s == pytest.approx(20 * interval_s)


async def test_values_when_link_has_an_interval_then_one_event_carries_several_in_order(
    radio: Any,
) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        radio.link.faults = LinkFaults(connection_interval_s=0.03)
        await session.ask(b"align")
        start_s = now()
        for number in range(10):
            await session.client.write_gatt_char(COMMAND_UUID, bytes([number]), response=False)
        values = [await session.values.get() for _ in range(10)]
        assert values == [bytes([number]) for number in range(10)]
        assert now() - start_s == pytest.approx(0.06)
        radio.link.faults = NO_FAULTS
        assert await session.ask(b"at once") == b"at once"
        assert now() - start_s == pytest.approx(0.06)


async def test_values_when_link_recovers_then_none_overtakes_those_on_their_way(
    radio: Any,
) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        await session.client.write_gatt_char(COMMAND_UUID, b"1", response=False)
        radio.link.faults = LinkFaults(connection_interval_s=0.03)
        await session.client.write_gatt_char(COMMAND_UUID, b"2", response=False)
        radio.link.faults = NO_FAULTS
        await session.client.write_gatt_char(COMMAND_UUID, b"3", response=False)
        assert [await session.values.get() for _ in range(3)] == [b"1", b"2", b"3"]


async def test_values_when_frames_get_lost_then_they_come_late_but_come(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        lock.faults = LinkFaults(loss=0.3)
        assert lock.faults.loss == 0.3
        start_s = now()
        for number in range(100):
            assert await session.ask(bytes([number])) == bytes([number])
        elapsed_s = now() - start_s
        # 200 frames, each repeated 0.3 / 0.7 times in the mean.
        assert elapsed_s == pytest.approx(200 * 0.3 / 0.7 * RETRANSMISSION_S, rel=0.35)


async def test_connection_when_nothing_gets_through_then_it_times_out(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        lock.faults = LinkFaults(loss=1.0)
        start_s = now()
        with pytest.raises(BleakError, match="0x08"):
            await session.client.write_gatt_char(COMMAND_UUID, b"x", response=True)
        assert now() - start_s == pytest.approx(SUPERVISION_TIMEOUT_S)
        assert not lock.is_connected
        assert radio.echoes[0].events[-1] == "disconnected"


async def test_values_when_a_stack_drops_them_then_they_are_gone(radio: Any) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        lock.faults = LinkFaults(drop=0.5)
        for number in range(40):
            await session.client.write_gatt_char(COMMAND_UUID, bytes([number]), response=False)
        await asyncio.sleep(1.0)
        arrived = [event for event in radio.echoes[0].events if isinstance(event, bytes)]
        assert 8 < len(arrived) < 32
        assert arrived == sorted(arrived)
        lock.faults = None
        assert session.client.is_connected


async def test_range_when_lost_while_programming_then_both_ends_time_out_with_0x08(
    radio: Any,
) -> None:
    lock = await radio.lock()
    gone = asyncio.Event()
    async with asyncio.timeout(60):
        client = radio.client(lock.address, disconnected_callback=lambda _client: gone.set())
        await client.connect()
        lock.set_in_range(False)
        start_s = now()
        with pytest.raises(BleakError, match="0x08"):
            await client.write_gatt_char(COMMAND_UUID, b"program", response=True)
        await gone.wait()
    assert now() - start_s == pytest.approx(SUPERVISION_TIMEOUT_S)
    assert radio.echoes[0].events[-1] == "disconnected"
    assert b"program" not in radio.echoes[0].events
    assert not lock.is_connected


async def test_range_when_back_before_the_timeout_then_nothing_is_missing_and_in_order(
    radio: Any,
) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        radio.link.faults = LinkFaults(connection_interval_s=0.03)
        await session.client.write_gatt_char(COMMAND_UUID, b"0", response=False)
        lock.set_in_range(False)
        for number in (b"1", b"2", b"3"):
            await session.client.write_gatt_char(COMMAND_UUID, number, response=False)
        await asyncio.sleep(SUPERVISION_TIMEOUT_S * 0.9)
        assert session.values.empty()
        lock.set_in_range(True)
        await session.client.write_gatt_char(COMMAND_UUID, b"4", response=False)
        values = [await session.values.get() for _ in range(5)]
        assert values == [b"0", b"1", b"2", b"3", b"4"]
        await asyncio.sleep(10.0)
        assert session.client.is_connected


async def test_disconnect_when_out_of_range_then_it_ends_at_the_supervision_timeout(
    radio: Any,
) -> None:
    lock = await radio.lock()
    client = radio.client(lock.address)
    await client.connect()
    lock.set_in_range(False)
    start_s = now()
    await client.disconnect()
    assert now() - start_s == pytest.approx(SUPERVISION_TIMEOUT_S)
    assert not lock.is_connected


async def test_both_ends_when_they_lose_power_then_nothing_is_left(radio: Any) -> None:
    lock = await radio.lock()
    client = radio.client(lock.address)
    await client.connect()
    await lock.power_off()
    radio.pool.vanish()
    assert not client.is_connected
    await asyncio.sleep(1.0)
    await lock.power_on()
    async with radio.session(lock) as session:
        assert await session.ask(b"x") == b"x"


async def test_supervision_when_parameters_are_updated_then_the_new_timeout_counts(
    sim_radio: Any,
) -> None:
    lock = await sim_radio.lock()
    client = sim_radio.client(lock.address)
    await client.connect()
    central = sim_radio.pool._centrals[0]
    connection = next(iter(central.connections.values()))
    await connection.update_parameters(30, 50, 0, 2000)
    lock.set_in_range(False)
    start_s = now()
    await client.disconnect()
    assert now() - start_s == pytest.approx(2.0)


@pytest.mark.parametrize(
    "fault", [{"loss": -0.1}, {"loss": 1.1}, {"drop": 2.0}, {"connection_interval_s": -1.0}]
)
def test_faults_when_out_of_bounds_then_they_are_refused(fault: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1|not negative"):
        LinkFaults(**fault)


async def test_frames_when_an_end_is_gone_then_they_vanish_and_it_still_times_out(
    radio: Any,
) -> None:
    lock = await radio.lock()
    async with radio.session(lock) as session:
        await session.client.write_gatt_char(COMMAND_UUID, b"on its way", response=False)
        start_s = now()
        await lock.power_off()
        lock.set_in_range(False)
        lock.set_in_range(True)
        await session.client.write_gatt_char(COMMAND_UUID, b"late", response=False)
        await session.client.disconnect()
        assert now() - start_s == pytest.approx(SUPERVISION_TIMEOUT_S)
    assert radio.echoes[0].events[-1] == "disconnected"
