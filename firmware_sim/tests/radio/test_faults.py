"""Every `ble_*` knob of a fault plan, on both fidelities of the radio."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from bleak.exc import BleakError, BleakGATTProtocolError

from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.radio.air import RETRANSMISSION_S
from firmware_sim.radio.central_device import SUPERVISION_TIMEOUT_S
from protocols.strike.gatt import COMMAND_UUID, EVENT_UUID

RADIO_KNOBS = [name for name in FaultPlan.__dataclass_fields__ if name.startswith("ble_")]


class Noted:
    """A trace of one device."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def record(self, kind: str, **data: Any) -> None:
        self.events.append((kind, data))

    @property
    def knobs(self) -> list[str]:
        assert all(kind == "fault" for kind, _ in self.events)
        return [data["knob"] for _, data in self.events]


def now() -> float:
    return asyncio.get_running_loop().time()


async def faulty(radio: Any, *, power: bool = True, **plan: Any) -> tuple[Any, Noted]:
    lock = await radio.lock(power=power)
    noted = Noted()
    lock.fault_trace = noted
    lock.set_faults(FaultPlan(**plan))
    return lock, noted


async def ask_all(session: Any, count: int) -> None:
    for number in range(count):
        assert await session.ask(bytes([number, 7])) == bytes([number, 7])


async def send_all(session: Any, count: int) -> None:
    """Write values one after the other, whether answered or not."""
    for number in range(count):
        await session.client.write_gatt_char(COMMAND_UUID, bytes([number]) * 8, response=False)
        await asyncio.sleep(1.0)


async def write_on(session: Any) -> None:
    while True:
        await session.client.write_gatt_char(COMMAND_UUID, b"x", response=True)


async def write_for_ever(radio: Any, lock: Any) -> None:
    async with radio.session(lock) as session:
        await write_on(session)


def drained(session: Any) -> list[bytes]:
    return [session.values.get_nowait() for _ in range(session.values.qsize())]


def received(radio: Any) -> list[bytes]:
    return [event for event in radio.echoes[0].events if isinstance(event, bytes)]


# ------------------------------------------------------------------ none


async def test_plan_when_it_leaves_the_radio_alone_then_nothing_is_asked_or_drawn(
    radio: Any,
) -> None:
    lock, noted = await faulty(radio, device_reset=1.0, clock_drift_ppm=50.0)
    async with radio.session(lock) as session:
        await ask_all(session, 5)
    assert noted.events == []
    assert lock.faults is None
    assert not any("/faults" in name or "/air" in name for name in radio.link.streams._streams)


async def test_plan_when_faults_end_then_all_is_as_before(radio: Any) -> None:
    everything = dataclasses.replace(
        FaultPlan(),
        ble_loss=0.9,
        ble_drop=0.5,
        ble_disconnect=0.5,
        ble_out_of_range=True,
        ble_slots_full=True,
        ble_advertisement_loss=0.9,
        ble_stale_gatt_cache=True,
    )
    lock, _ = await faulty(radio, **dataclasses.asdict(everything))
    lock.set_faults(NO_FAULTS)
    start_s = now()
    async with radio.session(lock) as session:
        await ask_all(session, 20)
    assert now() - start_s <= 1.0  # The wait for an advertisement.


async def test_plan_when_one_lock_has_faults_then_no_draw_of_another_moves(radio: Any) -> None:
    stories: list[list[bytes]] = []
    lock, _ = await faulty(radio)
    other, _ = await faulty(radio)
    for plan in (NO_FAULTS, FaultPlan(ble_corrupt=1.0, ble_notification_loss=0.5)):
        radio.link.streams._streams.clear()
        lock.set_faults(plan)
        other.set_faults(FaultPlan(ble_corrupt=0.5))
        async with radio.session(lock) as session, radio.session(other) as other_session:
            for number in range(20):
                await send_all(session, 1)
                await send_all(other_session, number)
            stories.append(drained(other_session))
    assert stories[0] == stories[1]
    assert len(stories[0]) == 190


# ------------------------------------------------------------------ frames


async def test_interval_when_planned_then_frames_wait_for_connection_events(radio: Any) -> None:
    lock, noted = await faulty(radio)
    async with radio.session(lock) as session:
        lock.set_faults(FaultPlan(ble_connection_interval_s=0.03))
        await session.ask(b"align")
        start_s = now()
        await ask_all(session, 10)
        assert now() - start_s == pytest.approx(20 * 0.03)
        lock.set_faults(NO_FAULTS)
        await session.ask(b"at once")
        assert now() - start_s == pytest.approx(20 * 0.03)
    assert noted.events == []  # It is a setting: nothing fires.


async def test_interval_when_connecting_then_the_discovery_costs_the_same_on_every_radio(
    radio: Any,
) -> None:
    """Ten requests, an interval there and one back: MTU, discovery, subscription."""
    lock, _ = await faulty(radio, ble_connection_interval_s=0.03)
    connected = radio.echoes[0].connected
    begun_s: list[float] = []

    def begin(*args: Any) -> None:
        begun_s.append(now())
        connected(*args)

    radio.echoes[0].connected = begin
    async with radio.session(lock):
        requests = (now() - begun_s[0]) / 0.06
    assert requests == pytest.approx(10)


async def test_loss_when_planned_then_frames_come_late_and_all_come(radio: Any) -> None:
    lock, noted = await faulty(radio)
    async with radio.session(lock) as session:
        lock.set_faults(FaultPlan(ble_loss=0.3))
        start_s = now()
        await ask_all(session, 100)
        elapsed_s = now() - start_s
        times = sum(data["times"] for _, data in noted.events)
    assert elapsed_s == pytest.approx(200 * 0.3 / 0.7 * RETRANSMISSION_S, rel=0.35)
    assert set(noted.knobs) == {"ble_loss"}
    assert times * RETRANSMISSION_S == pytest.approx(elapsed_s, abs=2 * RETRANSMISSION_S)


async def test_loss_when_it_is_total_then_the_connection_ends_at_the_supervision_timeout(
    radio: Any,
) -> None:
    lock, noted = await faulty(radio)
    async with radio.session(lock) as session:
        lock.set_faults(FaultPlan(ble_loss=1.0))
        start_s = now()
        with pytest.raises(BleakError, match="0x08"):
            await session.client.write_gatt_char(COMMAND_UUID, b"x", response=True)
        assert now() - start_s == pytest.approx(SUPERVISION_TIMEOUT_S)
    assert noted.knobs == ["ble_loss"]
    assert radio.echoes[0].events[-1] == "disconnected"


async def test_drop_when_planned_then_some_values_vanish_and_the_connection_goes_on(
    radio: Any,
) -> None:
    lock, noted = await faulty(radio)
    async with radio.session(lock) as session:
        lock.set_faults(FaultPlan(ble_drop=0.3))
        await send_all(session, 40)
        answered = len(drained(session))
        assert 8 < answered < 32
        assert noted.knobs.count("ble_drop") == 40 - answered
        lock.set_faults(NO_FAULTS)
        await ask_all(session, 3)


# ------------------------------------------------------------------ connections


@pytest.mark.parametrize("operation", [1, 2, 5, 11])
async def test_disconnect_when_planned_at_an_operation_then_every_connection_ends_there(
    radio: Any, operation: int
) -> None:
    """1 is the MTU, then the discovery, the subscription, and the first values."""
    lock, noted = await faulty(radio, ble_disconnect_at_op=operation)
    for _ in range(2):
        with pytest.raises(BleakError):
            await write_for_ever(radio, lock)
        assert not lock.is_connected
    assert (
        noted.events == [("fault", {"knob": "ble_disconnect_at_op", "operation": operation})] * 2
    )
    # What the operation asked for did not happen.
    assert len(received(radio)) == 2 * max(0, operation - 11)
    lock.set_faults(NO_FAULTS)
    async with radio.session(lock) as session:
        await ask_all(session, 3)


async def test_disconnect_when_planned_while_connected_then_operations_count_from_the_connection(
    radio: Any,
) -> None:
    lock, noted = await faulty(radio, ble_mtu_max=100)
    async with radio.session(lock) as session:
        # Ten operations happened; with one more than the plan asks for, nothing fires any more.
        lock.set_faults(FaultPlan(ble_disconnect_at_op=10, ble_mtu_max=100))
        await ask_all(session, 3)
        lock.set_faults(FaultPlan(ble_disconnect_at_op=15, ble_mtu_max=100))
        await ask_all(session, 1)
        with pytest.raises(BleakError):
            await session.client.write_gatt_char(COMMAND_UUID, b"x", response=True)
    assert noted.knobs == ["ble_mtu_max", "ble_disconnect_at_op"]


async def test_disconnect_when_probable_then_it_happens_at_about_that_rate(radio: Any) -> None:
    lock, noted = await faulty(radio)
    for _ in range(40):
        lock.set_faults(NO_FAULTS)
        async with radio.session(lock) as session:
            lock.set_faults(FaultPlan(ble_disconnect=0.2))
            with pytest.raises(BleakError):
                await write_on(session)
    assert noted.knobs == ["ble_disconnect"] * 40
    assert 80 < len(received(radio)) < 280  # Four good ones to a bad one, in the mean.


@pytest.mark.parametrize("mtu", [23, 100, 300])
async def test_mtu_when_planned_then_the_device_agrees_to_no_more(radio: Any, mtu: int) -> None:
    lock, noted = await faulty(radio, ble_mtu_max=mtu)
    async with radio.session(lock) as session:
        # 247 is the lock's own.
        assert session.client.mtu_size == lock.att_mtu == min(mtu, 247)
        await session.ask(bytes(min(mtu, 247) - 3))
    assert noted.knobs == (["ble_mtu_max"] if mtu < 247 else [])
    lock.set_faults(NO_FAULTS)
    async with radio.session(lock) as session:
        assert session.client.mtu_size == 247


async def test_slots_when_planned_full_then_it_is_heard_and_takes_no_connection(
    radio: Any,
) -> None:
    lock, noted = await faulty(radio, ble_slots_full=True)
    found = await radio.scanner().discover(2.0, backend=radio.backend.scanner)
    assert [device.address for device in found] == [lock.address]
    assert noted.events == []
    with pytest.raises(BleakError):
        await radio.client(lock.address, timeout_s=5.0).connect()
    assert noted.knobs == ["ble_slots_full"]
    async with asyncio.TaskGroup() as tasks:
        attempt = tasks.create_task(radio.client(lock.address).connect(), name="connect")
        await asyncio.sleep(5.0)
        assert not attempt.done()
        lock.set_faults(NO_FAULTS)
    assert lock.is_connected


# ------------------------------------------------------------------ values


async def test_notifications_when_some_are_lost_then_the_device_got_all_and_said_so(
    radio: Any,
) -> None:
    lock, noted = await faulty(radio, ble_notification_loss=0.4, ble_connection_interval_s=0.01)
    async with radio.session(lock) as session:
        await send_all(session, 50)
        answered = len(drained(session))
        assert len(received(radio)) == 50
        assert noted.knobs == ["ble_notification_loss"] * (50 - answered)
        assert 15 < answered < 45


async def test_notifications_when_some_are_duplicated_then_they_come_twice_in_a_row(
    radio: Any,
) -> None:
    lock, noted = await faulty(radio, ble_notification_duplicate=0.5)
    async with radio.session(lock) as session:
        await send_all(session, 50)
        values = drained(session)
    assert len(received(radio)) == 50
    assert values == sorted(values)
    assert len(values) == 50 + noted.knobs.count("ble_notification_duplicate")
    assert 60 < len(values) < 90


async def test_values_when_corrupted_then_one_bit_differs_and_none_is_in_the_trace(
    radio: Any,
) -> None:
    lock, noted = await faulty(radio, ble_corrupt=0.3)
    async with radio.session(lock) as session:
        await send_all(session, 50)
        answers = drained(session)
    assert len(answers) == 50
    bits = 0
    for number, (value, answer) in enumerate(zip(received(radio), answers, strict=True)):
        sent = bytes([number]) * 8
        on_the_way = [(sent, value), (value, answer)]
        flipped = [
            (int.from_bytes(before) ^ int.from_bytes(after)).bit_count()
            for before, after in on_the_way
        ]
        assert max(flipped) <= 1
        bits += sum(flipped)
    assert noted.events == [("fault", {"knob": "ble_corrupt"})] * bits
    assert 15 < bits < 45


async def test_values_when_empty_or_long_then_corruption_knows_their_length(radio: Any) -> None:
    lock, noted = await faulty(radio, ble_corrupt=1.0)
    radio.echoes[0].answer = lambda _value: None
    async with radio.session(lock) as session:
        await session.client.write_gatt_char(COMMAND_UUID, b"", response=True)
        assert noted.events == []
        await session.client.write_gatt_char(COMMAND_UUID, bytes(512), response=True)
        [nothing, value] = received(radio)
    assert nothing == b""
    assert int.from_bytes(value).bit_count() == 1
    assert noted.knobs == ["ble_corrupt"]


async def test_handles_when_they_moved_unsaid_then_the_old_ones_are_invalid(radio: Any) -> None:
    lock, noted = await faulty(radio, ble_stale_gatt_cache=True)
    async with radio.client(lock.address) as client:
        assert client.services.get_characteristic(COMMAND_UUID) is not None
        with pytest.raises(BleakGATTProtocolError) as refusal:
            await client.start_notify(EVENT_UUID, lambda _c, _v: None)
        assert refusal.value.code == 0x01
        with pytest.raises(BleakGATTProtocolError) as refusal:
            await client.write_gatt_char(COMMAND_UUID, b"x", response=True)
        assert refusal.value.code == 0x01
        # The standard services come first and stay where they are.
        name = "00002a00-0000-1000-8000-00805f9b34fb"
        assert await client.read_gatt_char(name) == b"lock 0"
    assert received(radio) == []
    assert set(noted.knobs) == {"ble_stale_gatt_cache"}
    lock.set_faults(NO_FAULTS)
    async with radio.session(lock) as session:
        await ask_all(session, 3)
        lock.set_faults(FaultPlan(ble_stale_gatt_cache=True))
        radio.echoes[0].notify(b"from a handle that nobody knows")
        await asyncio.sleep(1.0)
        assert drained(session) == []


async def test_bond_when_lost_then_the_old_keys_fail_and_a_new_pairing_works(radio: Any) -> None:
    lock, noted = await faulty(radio)
    client = radio.client(lock.address, pair=True)
    await client.connect()
    await client.disconnect()
    await client.connect()  # With the keys of the first time.
    await client.disconnect()
    lock.set_faults(FaultPlan(ble_bond_lost=True))
    assert noted.knobs == ["ble_bond_lost"]
    with pytest.raises(BleakError, match="not paired, HCI error 0x06"):
        await client.connect()
    assert not client.is_connected
    await client.unpair()
    await client.connect()
    await client.disconnect()
    # Forgotten again, for as long as the plan says so.
    with pytest.raises(BleakError, match="0x06"):
        await client.connect()
    lock.set_faults(NO_FAULTS)
    await client.unpair()
    for _ in range(2):
        await client.connect()
        await client.disconnect()
    assert set(noted.knobs) == {"ble_bond_lost"}


async def test_pair_when_lock_is_out_of_range_then_it_fails_at_the_supervision_timeout(
    radio: Any,
) -> None:
    lock, _ = await faulty(radio)
    async with radio.client(lock.address) as client:
        lock.set_in_range(False)
        with pytest.raises(BleakError):
            await client.pair()
        assert not client.is_connected


# ------------------------------------------------------------------ range and advertisements


async def test_strength_when_planned_then_scanners_report_it(radio: Any) -> None:
    lock, _ = await faulty(radio, ble_rssi_dbm=-87)
    scan = radio.scanner().discover(2.0, return_adv=True, backend=radio.backend.scanner)
    assert (await scan)[lock.address][1].rssi == -87
    lock.set_faults(NO_FAULTS)
    scan = radio.scanner().discover(2.0, return_adv=True, backend=radio.backend.scanner)
    assert (await scan)[lock.address][1].rssi == -50


async def test_range_when_planned_away_then_connections_end_and_nothing_is_heard(
    radio: Any,
) -> None:
    lock, noted = await faulty(radio)
    client = radio.client(lock.address)
    await client.connect()
    lock.set_faults(FaultPlan(ble_out_of_range=True))
    assert not lock.is_in_range
    start_s = now()
    with pytest.raises(BleakError, match="0x08"):
        await client.write_gatt_char(COMMAND_UUID, b"x", response=True)
    assert now() - start_s == pytest.approx(SUPERVISION_TIMEOUT_S)
    assert await radio.scanner().discover(3.0, backend=radio.backend.scanner) == []
    # Where the bench put it, and what its plan says, must both be right.
    lock.set_in_range(False)
    lock.set_faults(NO_FAULTS)
    assert not lock.is_in_range
    lock.set_in_range(True)
    async with radio.session(lock) as session:
        await ask_all(session, 3)
    assert noted.knobs == ["ble_out_of_range"]


async def test_advertisements_when_some_are_lost_then_scan_and_connection_wait_for_the_next(
    radio: Any,
) -> None:
    lock, noted = await faulty(radio, ble_advertisement_loss=0.8)
    heard: list[float] = []
    every = {"filters": {"DuplicateData": True}}
    async with radio.scanner(lambda _d, _a: heard.append(now()), bluez=every):
        await asyncio.sleep(100.0)
    assert 8 < len(heard) < 35
    assert noted.knobs == ["ble_advertisement_loss"] * (100 - len(heard))
    start_s = now()
    for _ in range(10):
        async with radio.client(lock.address):
            pass
    assert 20.0 < now() - start_s < 110.0  # Five advertisements each, in the mean.


async def test_advertisements_when_all_are_lost_then_it_is_never_heard_until_they_are_not(
    radio: Any,
) -> None:
    lock, _ = await faulty(radio, ble_advertisement_loss=1.0)
    heard: list[str] = []
    async with radio.scanner(lambda device, _a: heard.append(device.address)):
        await asyncio.sleep(10.0)
        lock.set_advertisement(b"\x01")
        await asyncio.sleep(10.0)
        assert heard == []
        lock.set_faults(NO_FAULTS)
        await asyncio.sleep(2.0)
    assert heard == [lock.address]


# ------------------------------------------------------------------ all of them


def test_knobs_when_listed_then_each_has_a_test_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert len(RADIO_KNOBS) == 15
    assert [knob for knob in RADIO_KNOBS if f"{knob}=" not in text] == []
