from __future__ import annotations

import asyncio
from importlib import resources
from pathlib import Path

import pytest

from firmware_sim.errors import StateFileError
from firmware_sim.kernel.loop import SimLoop
from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.radio.central_device import SUPERVISION_TIMEOUT_S
from gateway.errors import StoreError
from gateway.store.funnel import Store
from hil_tests.bench_file import BenchDevice, BenchFile, load_bench
from hil_tests.errors import BenchError, GatewayUnusable, UnknownDevice
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import ApiRefused, SimBench, SimOptions, sim_bench
from hil_tests.suites.steps import create_code
from hil_tests.tests.paced_bench import small_bench

EXAMPLES = [
    path
    for path in sorted((Path(__file__).resolve().parents[2] / "examples").rglob("*.toml"))
    if "[bench]" in path.read_text(encoding="utf-8")
]


def device_id(bench: SimBench, name: str) -> str:
    return bench.bench.device(name).spec.device_id


def reached_request(
    patch: pytest.MonkeyPatch, firmware: LockFirmware, number: int
) -> asyncio.Event:
    """Set when a lock has handled that many requests: in the middle of a session."""
    event = asyncio.Event()
    handle = LockFirmware.handle
    left = number

    def handle_and_count(each: LockFirmware, message: object, now: float) -> object:
        nonlocal left
        if each is firmware:
            left -= 1
            if not left:
                event.set()
        return handle(each, message, now)

    patch.setattr(LockFirmware, "handle", handle_and_count)
    return event


# --- names and views --------------------------------------------------------------------------


async def test_device_answers_to_its_bench_name_display_name_and_id(small: SimBench) -> None:
    bench = small.bench
    device = bench.device("gym")
    assert bench.device("The Gym") is bench.device(device.spec.device_id) is device
    for ask in (bench.device, bench.memory_view):
        with pytest.raises(UnknownDevice, match="no device 'nobody'"):
            ask("nobody")
    for act in (
        bench.enter("nobody", "1"),
        bench.set_power("nobody", on=True),
        bench.set_in_range("nobody", in_range=True),
    ):
        with pytest.raises(UnknownDevice):
            await act
    assert [view["name"] for view in bench.device_views()] == ["gym", "shed"]


async def test_device_that_was_not_completed_is_refused(open_bench: BenchFactory) -> None:
    file = BenchFile(devices=(BenchDevice(name="gym", profile="generic-native"),))
    with pytest.raises(BenchError, match="read it with read_bench"):
        async with open_bench(file=file):
            pytest.fail("opened")


async def test_seam_keypad_simulation_presses_the_keys_of_the_simulated_lock(
    small: SimBench,
) -> None:
    gym = device_id(small, "gym")
    await small.call("/access_codes/create", device_id=gym, code="482915")
    await small.call("/locks/simulate/keypad_code_entry", device_id=gym, code="482915")
    assert len(await small.events("lock.unlocked")) == 1


# --- the gateway off and on -------------------------------------------------------------------


async def test_gateway_when_switched_twice_at_once_runs_once(small: SimBench) -> None:
    bench = small.bench
    for switch, is_on in (
        (bench.stop_gateway, False),
        (bench.start_gateway, True),
        (bench.crash_gateway, False),
        (bench.start_gateway, True),
    ):
        before = small.trace.event_count
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(switch(), name="one")
            tasks.create_task(switch(), name="two")
        await switch()
        assert bench.gateway_is_on is is_on
        assert small.trace.event_count == before + 1


def spoil_store(state: Path) -> None:
    for part in state.glob("gateway.db*"):
        part.unlink()
    (state / "gateway.db").write_bytes(b"this is no database" * 100)


async def test_gateway_when_its_store_is_no_store_stays_off_and_devices_go_on(
    open_bench: BenchFactory, tmp_path: Path
) -> None:
    async with open_bench(file=small_bench(), state=tmp_path) as running:
        await running.call("/bench/gateway", on=False)
        spoil_store(tmp_path)
        with pytest.raises(ApiRefused, match="503 gateway_unusable: the gateway does not start"):
            await running.call("/bench/gateway", on=True)
        with pytest.raises(GatewayUnusable):
            await running.bench.start_gateway()
        assert running.bench.gateway_is_on is False
        assert (await running.press("gym", "1234#"))["reason"] == "unknown_code"


async def test_bench_whose_gateway_does_not_start_closes_what_it_opened(
    open_bench: BenchFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The state looks well until the gateway founds what its store must hold.
    monkeypatch.setattr(Store, "write", refuse_write)
    with pytest.raises(GatewayUnusable, match="does not start: the disk is full"):
        async with open_bench(file=small_bench(), state=tmp_path):
            pytest.fail("opened")


async def refuse_write(*_: object) -> None:
    raise StoreError("the disk is full")


async def test_bench_whose_device_memory_is_damaged_says_which(
    open_bench: BenchFactory, tmp_path: Path
) -> None:
    async with open_bench(file=small_bench(), state=tmp_path):
        pass
    [path, *_] = sorted((tmp_path / "devices").iterdir())
    raw = bytearray(path.read_bytes())
    raw[20] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(StateFileError, match=path.name):
        async with open_bench(file=small_bench(), state=tmp_path):
            pytest.fail("opened")


# --- a crash ----------------------------------------------------------------------------------


@pytest.mark.parametrize("after_requests", [1, 4])
async def test_crash_in_a_session_takes_the_adapter_along_and_a_fresh_start_works(
    small: SimBench, monkeypatch: pytest.MonkeyPatch, after_requests: int
) -> None:
    bench, gym = small.bench, small.bench.device("gym")
    reached = reached_request(monkeypatch, gym.firmware, after_requests)

    async def crash() -> None:
        await reached.wait()
        await bench.crash_gateway()
        # No goodbye: the lock believes in its connection until its time-out.
        assert gym.peripheral.is_connected

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crash(), name="crash")
        # It is stored by now, and nobody is told: as with a connection that breaks.
        with pytest.raises(ApiRefused, match="503 gateway_off"):
            await small.call("/access_codes/create", device_id=gym.spec.device_id, code="482915")
    await asyncio.sleep(2 * SUPERVISION_TIMEOUT_S)
    assert not gym.peripheral.is_connected
    await bench.start_gateway()
    await small.advance(seconds=60, settle=True)
    listed = await small.call("/access_codes/list", device_id=gym.spec.device_id)
    assert [code["status"] for code in listed["access_codes"]] == ["set"]
    [slot] = [slot for slot in bench.memory_view("gym")["slots"] if slot["code"] is not None]
    assert (slot["code"], slot["revision"]) == ("482915", 1)


async def test_stop_in_a_session_says_goodbye(
    small: SimBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gym = small.bench.device("gym")
    reached = reached_request(monkeypatch, gym.firmware, 1)
    small.bench.world.keypad("gym", "1234#")
    await reached.wait()
    assert gym.peripheral.is_connected
    await small.bench.stop_gateway()
    assert not gym.peripheral.is_connected


async def test_crash_of_a_gateway_that_listens_leaves_a_radio_that_hears_again(
    small: SimBench,
) -> None:
    for _ in range(3):
        await small.call("/bench/gateway", crash=True)
        small.bench.world.keypad("gym", "1234#")
        await small.call("/bench/gateway", on=True)
        await small.advance(seconds=5)
    denied = await small.events("lock.access_denied")
    assert len(denied) == 3
    # Heard, not polled: the last one was told within the advertising interval.
    await small.press("gym", "1234#")
    assert len(await small.events("lock.access_denied")) == 4


# --- an idle bench ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
async def test_idle_hour_of_an_example_bench_costs_next_to_nothing(path: Path) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    file = load_bench(path)
    async with sim_bench(file, SimOptions()) as running:
        per_hour = {}
        for is_on in (True, False):
            await running.call("/bench/gateway", on=is_on)
            await running.advance(seconds=60)
            before = loop.callbacks_run
            await running.advance(seconds=86_400)
            per_hour[is_on] = (loop.callbacks_run - before) / 24
    # Four status contacts a day, some hundred callbacks each, and nothing in between. Without a
    # gateway nobody looks: the request itself is all there is.
    assert per_hour[True] < 40 * len(file.devices)
    assert per_hour[False] < 2


async def test_bench_when_a_device_has_a_profile_of_its_own_then_both_sides_use_it(
    tmp_path: Path, open_bench: BenchFactory
) -> None:
    text = resources.files("protocols.profiles").joinpath("generic-native.toml").read_text()
    text = text.replace('profile_id = "generic-native"', 'profile_id = "my-lock"')
    text = text.replace("lengths = [4, 5, 6, 7, 8]", "lengths = [9]")
    (tmp_path / "mine.toml").write_text(text)
    (tmp_path / "bench.toml").write_text('[[devices]]\nname = "door"\nprofile = "mine.toml"\n')
    async with open_bench(file=load_bench(tmp_path / "bench.toml")) as bench:
        code = await create_code(bench, "door")
        assert len(code["code"]) == 9
        assert (await bench.press("door", code["code"]))["reason"] == "opened"
        assert bench.bench.device("door").spec.profile.profile_id == "my-lock"
