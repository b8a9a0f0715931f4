"""Devices on one air: names, power, radio, memory, trace; asked over the simulated radio."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import pytest

from firmware_sim.device import DeviceSpec
from firmware_sim.errors import DeviceConflict, KeypadKeyUnknown, StateFileUnusable, UnknownDevice
from firmware_sim.hardware.rtc import ClockOnPowerLoss
from firmware_sim.kernel.clock import WorldClock
from firmware_sim.kernel.run import Simulation, run_sim
from firmware_sim.kernel.streams import Streams
from firmware_sim.kernel.trace import Trace
from firmware_sim.memory.flash_file import new_memory
from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.meta import FactoryRecord
from firmware_sim.memory.records import DeviceState
from firmware_sim.radio.backend import bleak_backend
from firmware_sim.tests.locks.rig import PIN, profile
from firmware_sim.world import World, latest_instant_in
from protocols.doorlock.vocabulary import Status, UserStatus, UserType
from protocols.strike import messages as m
from protocols.strike.events import EventReceived, ReplyReceived
from protocols.strike.gatt import (
    COMMAND_UUID,
    COMPANY_ID,
    EVENT_UUID,
    Advertisement,
    profile_hint,
)
from protocols.strike.provider import PlaintextProvider
from protocols.strike.session import Session
from protocols.strike.transaction import Role

# 2025-07-10T12:00:00Z.
EPOCH_MS = 1_752_148_800_000
SEED = 7

FRONT = DeviceSpec(
    name="front",
    device_id="6ba7b811-9dad-11d1-80b4-00c04fd430c8",
    display_name="Front Door",
    address="C0:FF:EE:00:00:01",
    profile=profile("latch-m"),
)
GYM = DeviceSpec(
    name="gym",
    device_id="a/b c",
    display_name="gym",
    address="C0:FF:EE:00:00:02",
    profile=profile("generic-jit"),
    drift_ppm=100.0,
    utc_offset_min=120,
    clock_error_s=-5.0,
    clock_on_power_loss=ClockOnPowerLoss.LOST,
)


def make(
    state_dir: Path | None = None, trace_path: Path | None = None, epoch_ms: int = EPOCH_MS
) -> World:
    loop = asyncio.get_running_loop()
    clock = WorldClock(loop, epoch_ms)
    trace = Trace(trace_path, SEED, clock)
    return World(loop, Streams(SEED), trace, clock, state_dir=state_dir)


@contextlib.asynccontextmanager
async def running(**options: Any) -> AsyncIterator[World]:
    world = make(**options)
    world.add(FRONT)
    world.add(GYM)
    try:
        async with world:
            yield world
    finally:
        world._trace.close()


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


class Visitor:
    """A central that speaks the strike protocol to one lock."""

    def __init__(self, world: World, address: str) -> None:
        backend = bleak_backend(world.air.adapter(1))
        self.heard: list[Any] = []
        self._client = backend.client(address, disconnected_callback=None, timeout=20.0)
        self._session: Session | None = None
        self._new = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._client.connect(pair=False)
        assert self._client.services is not None
        self._command = self._client.services.get_characteristic(COMMAND_UUID)
        event = self._client.services.get_characteristic(EVENT_UUID)
        assert event is not None
        self._session = Session(
            Role.INITIATOR, PlaintextProvider(), self._client.mtu_size, request_timeout_s=5.0
        )
        await self._client.start_notify(event, self._notified)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.disconnect()

    def _notified(self, value: bytearray) -> None:
        assert self._session is not None
        self.heard += self._session.receive(bytes(value), asyncio.get_running_loop().time())
        self._new.set()

    async def ask(self, message: Any) -> Any:
        assert self._session is not None
        assert self._command is not None
        for fragment in self._session.send(message, asyncio.get_running_loop().time()):
            await self._client.write_gatt_char(self._command, fragment, response=True)
        async with asyncio.timeout(5.0):
            while True:
                for event in self.heard:
                    if isinstance(event, ReplyReceived) and event.request is message:
                        return event.message
                self._new.clear()
                await self._new.wait()


async def program(visitor: Visitor, slot: int, code: str) -> None:
    for message in (
        m.SetUser(
            user_index=slot,
            revision=1,
            user_status=UserStatus.OCCUPIED_ENABLED,
            user_type=UserType.UNRESTRICTED_USER,
            user_name="Jane",
        ),
        m.SetCredential(
            credential_type=PIN,
            credential_index=slot,
            revision=1,
            user_index=slot,
            credential_data=code.encode(),
        ),
    ):
        assert (await visitor.ask(message)).status is Status.SUCCESS


async def heard_data(world: World, address: str) -> list[Advertisement]:
    """What a scanner that listens for three seconds hears of one lock."""
    scanner = bleak_backend(world.air.adapter(1)).scanner()
    told: list[Advertisement] = []

    def hear(device: Any, data: Any) -> None:
        if device.address == address:
            told.append(Advertisement.decode(data.manufacturer_data[COMPANY_ID]))

    scanner.register_detection_callback(hear)
    await scanner.start()
    await asyncio.sleep(3.0)
    await scanner.stop()
    return told


async def test_pin_programmed_over_the_radio_opens_the_door() -> None:
    async with running() as world:
        async with Visitor(world, FRONT.address) as visitor:
            info = await visitor.ask(m.GetInfo())
            assert (info.profile_id, info.serial_number) == ("latch-m", "C0FFEE000001")
            await program(visitor, 3, "1234567")
            outcome = world.keypad("front", "1234567")
            assert (outcome.opened, outcome.slot) == (True, 3)
            status = await visitor.ask(m.GetStatus())
            events = [item.message for item in visitor.heard if isinstance(item, EventReceived)]
            assert [type(event) for event in events] == [m.LockOperation]
        view = world.memory("Front Door")
        assert view.digest == status.memory_digest.hex()
        assert [(slot.slot, slot.code) for slot in view.slots] == [(3, "1234567")]


async def test_device_goes_by_all_its_names() -> None:
    async with running() as world:
        assert [device.spec for device in world.devices] == [FRONT, GYM]
        for name in ("front", "Front Door", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"):
            assert world.device(name).spec is FRONT
        with pytest.raises(UnknownDevice, match="'back'") as caught:
            world.device("back")
        assert caught.value.name == "back"
        for call in (world.memory, world.device):
            with pytest.raises(KeyError):
                call("back")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Front Door"},
        {"display_name": "gym"},
        {"device_id": "front"},
        {"address": "c0:ff:ee:00:00:01"},
    ],
)
async def test_second_device_of_a_name_or_address_is_refused_and_leaves_no_file(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    world = make(state_dir=tmp_path)
    world.add(FRONT)
    world.add(GYM)
    values: dict[str, Any] = {
        "name": "new",
        "device_id": "new-id",
        "display_name": "New Door",
        "address": "C0:FF:EE:00:00:03",
    } | changes
    with pytest.raises(DeviceConflict):
        world.add(DeviceSpec(profile=profile("latch-m"), **values))
    assert len(files(tmp_path)) == 2


async def test_code_is_submitted_as_each_lock_wants_it() -> None:
    async with running() as world:
        assert world.enter_code("front", "0000000").reason == "unknown_code"
        assert world.enter_code("gym", "0000").reason == "unknown_code"
        assert world.keypad("gym", "0000").reason == "incomplete"
        with pytest.raises(KeypadKeyUnknown):
            world.keypad("gym", "12a")


async def test_new_device_has_the_clock_of_its_spec() -> None:
    async with running() as world:
        assert world.memory("gym").clock.now == "2025-07-10T11:59:55Z"
        assert world.memory("gym").clock.utc_offset_min == 120
        await asyncio.sleep(100_000)
        assert world.memory("front").clock.now == "2025-07-11T15:46:40Z"
        assert world.memory("gym").clock.now == "2025-07-11T15:46:45Z"


async def test_power_cut_ends_the_connection_and_power_brings_it_back() -> None:
    async with running() as world:
        async with Visitor(world, GYM.address) as visitor:
            await program(visitor, 1, "4711")
            await world.power("gym", False)
            device = world.device("gym")
            assert not device.peripheral.is_powered
            assert world.enter_code("gym", "4711").reason == "no_power"
            assert world.memory("gym").is_powered is False
        await asyncio.sleep(60)
        await world.power("gym", True)
        await world.power("gym", True)
        assert world.memory("gym").clock.quality == "lost"
        assert world.enter_code("gym", "4711").opened
        async with Visitor(world, GYM.address) as visitor:
            status = await visitor.ask(m.GetStatus())
            assert status.utc_s < 60


async def test_device_out_of_range_is_not_heard() -> None:
    async with running() as world:
        assert len(await heard_data(world, FRONT.address)) == 1
        world.radio("front", in_range=False)
        assert await heard_data(world, FRONT.address) == []
        world.radio("front", in_range=True)
        assert len(await heard_data(world, FRONT.address)) == 1


async def test_advertisement_tells_news_until_they_are_read() -> None:
    async with running() as world:
        hint = profile_hint("latch-m")
        quiet = Advertisement(has_news=False, profile_hint=hint, log_next_low=0)
        assert await heard_data(world, FRONT.address) == [quiet]
        world.enter_code("front", "0000000")
        news = Advertisement(has_news=True, profile_hint=hint, log_next_low=1)
        assert await heard_data(world, FRONT.address) == [news]
        async with Visitor(world, FRONT.address) as visitor:
            page = await visitor.ask(m.ReadLog(from_index=0))
            assert len(page.records) == 1
        read = Advertisement(has_news=False, profile_hint=hint, log_next_low=1)
        assert await heard_data(world, FRONT.address) == [read]


async def test_state_outlives_the_world(tmp_path: Path) -> None:
    state = tmp_path / "state" / "devices"
    async with running(state_dir=state) as world:
        async with Visitor(world, FRONT.address) as visitor:
            await program(visitor, 1, "1234567")
        await asyncio.sleep(1_000)
        assert world.enter_code("front", "1234567").opened
        await world.power("gym", False)
        before = world.memory("front")
        instant_ms = EPOCH_MS + round(asyncio.get_running_loop().time() * 1000)
    assert (state.stat().st_mode & 0o777) == 0o700
    assert latest_instant_in(state) == pytest.approx(instant_ms, abs=1)
    # The next process starts an hour later, on a loop of its own.
    loop_s = asyncio.get_running_loop().time()
    later_ms = instant_ms + 3_600_000 - round(loop_s * 1000)
    async with running(state_dir=state, epoch_ms=later_ms) as world:
        again = world.memory("front")
        assert (again.slots, again.log, again.counters) == (
            before.slots,
            before.log,
            before.counters,
        )
        assert again.bolt == "unlocked"
        assert not world.device("gym").peripheral.is_powered
        assert world.enter_code("gym", "0000").reason == "no_power"
        async with Visitor(world, FRONT.address) as visitor:
            status = await visitor.ask(m.GetStatus())
            true_s = (WorldClock(asyncio.get_running_loop(), later_ms).now_ms()) // 1000
            assert status.utc_s + 946_684_800 == pytest.approx(true_s, abs=1)


async def test_clock_drifts_on_over_a_restart(tmp_path: Path) -> None:
    make(state_dir=tmp_path).add(GYM)
    # Ten days pass without a process.
    world = make(state_dir=tmp_path, epoch_ms=EPOCH_MS + 864_000_000)
    world.add(GYM)
    # 5 s behind at first, 86.4 s gained.
    assert world.memory("gym").clock.now == "2025-07-20T12:01:21Z"


async def test_state_folder_without_files_has_no_instant(tmp_path: Path) -> None:
    assert latest_instant_in(tmp_path) is None
    (tmp_path / "other.txt").write_text("not ours")
    assert latest_instant_in(tmp_path / "absent") is None


async def test_damaged_state_file_is_named(tmp_path: Path) -> None:
    make(state_dir=tmp_path).add(GYM)
    (path,) = files(tmp_path)
    assert path.name == "a%2Fb%20c.memory"
    path.write_bytes(b"something else")
    with pytest.raises(StateFileUnusable, match=r"a%2Fb%20c\.memory"):
        make(state_dir=tmp_path).add(GYM)
    with pytest.raises(StateFileUnusable, match=r"a%2Fb%20c\.memory"):
        latest_instant_in(tmp_path)


async def test_trace_tells_what_happened_without_a_pin(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    async with running(trace_path=path) as world:
        async with Visitor(world, FRONT.address) as visitor:
            await program(visitor, 1, "1234567")
            await visitor.ask(m.SetTime(utc_s=805_464_999, utc_offset_min=0))
        world.keypad("front", "1234567")
        world.keypad("front", "7654321")
        await world.power("front", False)
        world.radio("front", in_range=False)
    text = path.read_text()
    assert "1234567" not in text
    assert "7654321" not in text
    noted = [json.loads(line) for line in text.splitlines()]
    assert {event["device"] for event in noted} == {"front"}
    assert [event["kind"] for event in noted] == [
        "request",
        "request",
        "clock_set",
        "request",
        "keypad",
        "keypad",
        "power",
        "radio",
    ]
    first, second = (event["data"] for event in noted if event["kind"] == "keypad")
    assert first["reason"] == "opened"
    assert first["code"].startswith("pin#")
    assert first["code"] != second["code"]


def test_two_runs_of_one_seed_leave_one_trace() -> None:
    async def main(simulation: Simulation) -> str:
        world = World(simulation.loop, simulation.streams, simulation.trace, simulation.clock)
        world.add(FRONT)
        world.add(GYM)
        async with world:
            async with Visitor(world, FRONT.address) as visitor:
                await program(visitor, 1, "1234567")
            world.enter_code("front", "1234567")
            await world.power("gym", False)
        return world.memory("front").log[0].at

    runs = [run_sim(main, seed=seed, epoch_ms=EPOCH_MS) for seed in (3, 3, 4)]
    assert runs[0] == runs[1]
    # Another seed tags the PIN otherwise, and advertises at other instants.
    assert runs[0].trace_digest != runs[2].trace_digest


async def test_idle_devices_set_no_timers() -> None:
    async with running() as world:
        world.enter_code("front", "0000000")
        for key in "12":
            world.device("front").firmware.press(key, 0.0)
        await asyncio.sleep(0)
        loop: Any = asyncio.get_running_loop()
        before = loop.callbacks_run
        await asyncio.sleep(7 * 86_400)
        assert loop.callbacks_run - before < 10


async def test_world_with_a_maker_of_memories_asks_it_for_each_new_lock() -> None:
    made: list[str] = []

    def make_memory(factory: FactoryRecord, fresh: DeviceState) -> LockMemory:
        made.append(factory.serial_number)
        return new_memory(factory, fresh)

    loop = asyncio.get_running_loop()
    clock = WorldClock(loop, EPOCH_MS)
    trace = Trace(None, SEED, clock)
    world = World(loop, Streams(SEED), trace, clock, make_memory=make_memory)
    devices = [world.add(FRONT), world.add(GYM)]
    assert made == [device.spec.serial_number for device in devices]
