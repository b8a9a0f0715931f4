from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bumble import hci

from firmware_sim.errors import DeviceConflict
from firmware_sim.kernel.loop import SimLoop
from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.advertising import QuietAdvertisingSet
from firmware_sim.radio.controller import SimController
from firmware_sim.radio.link import SimLink

HOUR_S = 3600.0


def virtual_loop() -> SimLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    return loop


class Listener:
    """Notes when which lock was heard with which manufacturer data."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, str, bytes]] = []

    def __call__(self, device: Any, advertisement: Any) -> None:
        data = next(iter(advertisement.manufacturer_data.values()))
        self.heard.append((asyncio.get_running_loop().time(), device.address, data))

    @property
    def addresses(self) -> list[str]:
        return [address for _, address, _ in self.heard]


async def callbacks_of_an_hour() -> int:
    """Callbacks of a virtual hour in which nobody does anything, less those of the waiting."""
    loop = virtual_loop()
    before = loop.callbacks_run
    await asyncio.sleep(HOUR_S)
    return loop.callbacks_run - before


async def test_idle_when_nobody_listens_then_an_hour_costs_nothing(radio: Any) -> None:
    empty = await callbacks_of_an_hour()
    for _ in range(100):
        await radio.lock()
    assert await callbacks_of_an_hour() == empty


async def test_idle_when_a_filtering_scanner_has_heard_all_then_an_hour_costs_nothing(
    radio: Any,
) -> None:
    empty = await callbacks_of_an_hour()
    for _ in range(100):
        await radio.lock()
    listener = Listener()
    async with radio.scanner(listener):
        await asyncio.sleep(1.0)
        assert await callbacks_of_an_hour() == empty
    assert sorted(listener.addresses) == sorted(lock.address for lock in radio.locks)


async def test_idle_when_connected_then_an_hour_costs_nothing(radio: Any) -> None:
    empty = await callbacks_of_an_hour()
    lock = await radio.lock()
    async with radio.session(lock) as session:
        await session.ask(b"x")
        assert await callbacks_of_an_hour() == empty


async def test_scan_when_it_filters_duplicates_then_phases_differ_and_all_come_in_one_interval(
    radio: Any,
) -> None:
    for _ in range(20):
        await radio.lock(advertising_interval_ms=500)
    listener = Listener()
    await asyncio.sleep(100.0)
    start_s = virtual_loop().time()
    async with radio.scanner(listener):
        await asyncio.sleep(5.0)
    instants = [at for at, _, _ in listener.heard]
    assert len(set(instants)) == len(instants) == 20
    assert all(start_s < at <= start_s + 0.5 for at in instants)


async def test_scan_when_it_wants_duplicates_then_every_event_comes(radio: Any) -> None:
    lock = await radio.lock(advertising_interval_ms=250)
    listener = Listener()
    async with radio.scanner(listener, bluez={"filters": {"DuplicateData": True}}):
        await asyncio.sleep(10.0)
    assert len(listener.heard) == 40
    steps = [b[0] - a[0] for a, b in zip(listener.heard, listener.heard[1:], strict=False)]
    assert steps == pytest.approx([0.25] * 39)
    assert set(listener.addresses) == {lock.address}


async def test_change_when_somebody_scans_then_it_goes_out_at_once_and_once(radio: Any) -> None:
    lock = await radio.lock(manufacturer_data=b"\x01")
    listener, other = Listener(), Listener()
    async with (
        radio.scanner(listener),
        radio.scanner(other, bluez={"filters": {"DuplicateData": True}}),
    ):
        await asyncio.sleep(1.5)
        listener.heard.clear()
        other.heard.clear()
        start_s = virtual_loop().time()
        lock.set_advertisement(b"\x01")
        lock.set_advertisement(b"\x02")
        lock.set_advertisement(b"\x03")
        await asyncio.sleep(0.0001)
        assert other.heard == listener.heard == [(start_s, lock.address, b"\x03")]
        await asyncio.sleep(HOUR_S / 60)
    assert len(listener.heard) == 1
    assert len(other.heard) == 61


async def test_change_when_lock_is_connected_then_it_goes_out_after_the_session(
    radio: Any,
) -> None:
    lock = await radio.lock(manufacturer_data=b"\x01")
    listener = Listener()
    async with radio.scanner(listener):
        await asyncio.sleep(1.5)
        async with radio.session(lock):
            lock.set_advertisement(b"\x02")
            await asyncio.sleep(10.0)
            assert [data for _, _, data in listener.heard] == [b"\x01"]
        ended_s = virtual_loop().time()
        await asyncio.sleep(10.0)
    assert [data for _, _, data in listener.heard] == [b"\x01", b"\x02"]
    assert ended_s < listener.heard[1][0] <= ended_s + 1.0


async def test_change_when_lock_falls_silent_in_the_same_instant_then_nothing_is_heard(
    radio: Any,
) -> None:
    lock = await radio.lock(manufacturer_data=b"\x01")
    listener = Listener()
    async with radio.scanner(listener):
        await asyncio.sleep(1.5)
        lock.set_advertisement(b"\x02")
        await lock.power_off()
        await asyncio.sleep(5.0)
    assert [data for _, _, data in listener.heard] == [b"\x01"]


async def test_connected_lock_when_somebody_scans_then_it_is_not_heard(radio: Any) -> None:
    lock = await radio.lock()
    listener = Listener()
    everything = {"filters": {"DuplicateData": True}}
    async with radio.session(lock), radio.scanner(listener, bluez=everything):
        await asyncio.sleep(10.0)
    assert listener.heard == []


async def test_range_when_lock_leaves_it_then_it_is_neither_heard_nor_reached(radio: Any) -> None:
    lock = await radio.lock()
    assert lock.is_in_range
    lock.set_in_range(False)
    lock.set_in_range(False)
    assert not lock.is_in_range
    listener = Listener()
    async with radio.scanner(listener):
        await asyncio.sleep(5.0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5.0):
                await radio.client(lock.address).connect()
        assert listener.heard == []
        back_s = virtual_loop().time()
        lock.set_in_range(True)
        await asyncio.sleep(5.0)
    assert len(listener.heard) == 1
    assert listener.heard[0][0] <= back_s + 1.0
    async with radio.session(lock) as session:
        assert await session.ask(b"x") == b"x"


async def test_range_when_lock_is_back_then_who_knew_it_hears_it_again(radio: Any) -> None:
    lock = await radio.lock()
    listener = Listener()
    async with radio.scanner(listener):
        await asyncio.sleep(1.5)
        lock.set_in_range(False)
        await asyncio.sleep(5.0)
        assert len(listener.heard) == 1
        back_s = virtual_loop().time()
        lock.set_in_range(True)
        await asyncio.sleep(60.0)
    assert len(listener.heard) == 2
    assert listener.heard[1][0] <= back_s + 1.0


async def test_range_when_data_changed_out_of_it_then_they_are_heard_on_return(
    radio: Any,
) -> None:
    lock = await radio.lock(manufacturer_data=b"\x01")
    listener = Listener()
    async with radio.scanner(listener):
        await asyncio.sleep(1.5)
        lock.set_in_range(False)
        lock.set_advertisement(b"\x02")
        await asyncio.sleep(5.0)
        assert len(listener.heard) == 1
        lock.set_in_range(True)
        await asyncio.sleep(1.5)
    assert [data for _, _, data in listener.heard] == [b"\x01", b"\x02"]


async def test_range_when_a_central_waits_out_of_it_then_it_connects_on_return(
    sim_radio: Any,
) -> None:
    lock = await sim_radio.lock()
    central = sim_radio.pool._centrals[0].controller
    central.in_range = False
    assert not central.in_range
    async with asyncio.TaskGroup() as tasks:
        session = tasks.create_task(sim_radio.client(lock.address).connect(), name="connect")
        await asyncio.sleep(10.0)
        assert not session.done()
        central.in_range = True
    assert lock.is_connected


async def test_scan_when_a_thousand_locks_advertise_then_each_is_heard_once(radio: Any) -> None:
    for _ in range(1000):
        await radio.lock()
    listener = Listener()
    loop = virtual_loop()
    before = loop.callbacks_run
    async with radio.scanner(listener):
        await asyncio.sleep(10.0)
    assert sorted(listener.addresses) == sorted(lock.address for lock in radio.locks)
    # A timer and a report each, and a few to start and stop.
    assert loop.callbacks_run - before < 2 * 1000 + 100


async def test_scanner_when_a_second_one_starts_then_it_hears_all_and_the_first_nothing_new(
    radio: Any,
) -> None:
    for _ in range(5):
        await radio.lock()
    first, second = Listener(), Listener()
    async with radio.scanner(first):
        await asyncio.sleep(2.0)
        async with radio.scanner(second):
            await asyncio.sleep(2.0)
        await asyncio.sleep(2.0)
    assert sorted(first.addresses) == sorted(second.addresses)
    assert len(first.addresses) == 5


async def test_advertiser_when_another_has_its_address_then_it_is_refused() -> None:
    link = SimLink(Streams(1))
    sets = []
    for name in ("a", "b"):
        controller = SimController(name, link)
        advertiser = QuietAdvertisingSet(
            controller, 0, station=controller, medium=link, stream=lambda: Streams(1).stream("x")
        )
        assert advertiser.properties == 0
        assert advertiser.address is None
        sets.append(advertiser)
    sets[0].start()
    sets[0].start()
    sets[0].stop()
    sets[0].stop()
    for advertiser in sets:
        advertiser.parameters = hci.HCI_LE_Set_Extended_Advertising_Parameters_Command(
            advertising_handle=0,
            advertising_event_properties=0x13,
            primary_advertising_interval_min=160,
            primary_advertising_interval_max=160,
            primary_advertising_channel_map=7,
            own_address_type=hci.OwnAddressType.RANDOM,
            peer_address_type=0,
            peer_address=hci.Address.ANY,
            advertising_filter_policy=0,
            advertising_tx_power=0,
            primary_advertising_phy=1,
            secondary_advertising_max_skip=0,
            secondary_advertising_phy=1,
            advertising_sid=0,
            scan_request_notification_enable=0,
        )
        advertiser.random_address = hci.Address("F0:00:00:00:00:01")
    sets[0].start()
    with pytest.raises(DeviceConflict, match="F0:00:00:00:00:01"):
        sets[1].start()
