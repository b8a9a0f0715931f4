"""Doors, bolts and cells on a bench: what hands do, what the lock does, what the API says."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import pytest
import pytest_asyncio

import hil_tests.bench
from gateway import profiles
from hil_tests.bench_file import BenchFile
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import ApiRefused, SimBench
from hil_tests.suites.steps import create_code, device_id, enter
from protocols.profiles.parser import Profile

LOCK: Final = "gym"
CODE: Final = "482915"
RELOCK_S: Final = 30


def _equipped() -> Mapping[str, Profile]:
    """All profiles, with every part there is."""
    return {
        name: dataclasses.replace(
            profile, door_sensor=True, privacy_deadbolt=True, auto_relock_s=RELOCK_S
        )
        for name, profile in profiles.load_profiles().items()
    }


@pytest_asyncio.fixture
async def door(open_bench: BenchFactory) -> AsyncIterator[SimBench]:
    """A bench whose locks have door contacts, privacy deadbolts and an auto relock."""
    equipped = _equipped()
    with pytest.MonkeyPatch.context() as patch:
        for module in (hil_tests.bench, profiles):
            patch.setattr(module, "load_profiles", lambda: equipped)
        async with open_bench() as bench:
            yield bench


async def hands(bench: SimBench, **body: Any) -> dict[str, Any]:
    return await bench.call(f"/bench/devices/{LOCK}/hardware", **body)


async def properties(bench: SimBench) -> dict[str, Any]:
    reply = await bench.call("/devices/get", device_id=device_id(bench, LOCK))
    return dict(reply["device"]["properties"])


async def log(bench: SimBench) -> list[tuple[str, str | None, str]]:
    view = await bench.get(f"/bench/devices/{LOCK}/memory")
    return [(one["event"], one["detail"], one["source"]) for one in view["log"]]


async def test_door_is_open_in_the_api_as_soon_as_it_opens(door: SimBench) -> None:
    await create_code(door, LOCK, code=CODE)
    assert (await properties(door))["door_open"] is False
    assert await enter(door, LOCK, CODE) == "opened"
    view = await hands(door, door="open")
    assert (view["door"], view["door_state"]) == ("open", "door_open")
    assert (await properties(door))["door_open"] is True
    await hands(door, door="closed")
    assert (await properties(door))["door_open"] is False


async def test_bolt_is_thrown_again_when_the_door_is_closed(door: SimBench) -> None:
    await create_code(door, LOCK, code=CODE)
    assert await enter(door, LOCK, CODE) == "opened"
    await hands(door, door="open")
    await door.advance(seconds=300, settle=True)
    assert (await properties(door))["locked"] is False
    await hands(door, door="closed")
    await door.advance(seconds=5, settle=True)
    assert (await properties(door))["locked"] is True
    kinds = [
        (event["event_type"], event.get("method"))
        for event in await door.events("lock.locked", "lock.unlocked")
    ]
    assert kinds == [("lock.unlocked", "keycode"), ("lock.locked", "automatic")]
    assert ("alarm", "door_ajar", "unspecified") in await log(door)


async def test_relock_happens_at_its_time_without_anybody_looking(door: SimBench) -> None:
    await create_code(door, LOCK, code=CODE)
    await door.call("/bench/gateway", on=False)
    assert await enter(door, LOCK, CODE) == "opened"
    await door.advance(seconds=RELOCK_S)
    assert (await log(door))[-1][0::2] == ("lock_operation", "keypad")
    await door.advance(seconds=1)
    assert (await log(door))[-1] == ("lock_operation", "lock", "auto")
    # And then it is idle: no timer is left.
    world = door.bench.world
    assert not any(world.alarms.is_set(device.firmware) for device in world.devices)


async def test_door_that_is_forced_is_told_as_tampering(door: SimBench) -> None:
    await hands(door, door="open")
    assert [event["device_id"] for event in await door.events("device.tampered")] == [
        device_id(door, LOCK)
    ]
    await hands(door, tamper=True)
    assert len(await door.events("device.tampered")) == 2
    assert (await properties(door))["door_open"] is True


async def test_jam_fails_the_unlock_and_the_lock_is_not_locked(bench: SimBench) -> None:
    await create_code(bench, LOCK, code=CODE)
    await hands(bench, bolt="jam")
    assert await enter(bench, LOCK, CODE) == "jammed"
    reply = await bench.call("/locks/unlock_door", device_id=device_id(bench, LOCK))
    assert reply["action_attempt"]["status"] == "error"
    assert (await properties(bench))["locked"] is False
    assert (await hands(bench, bolt="free"))["bolt"] == "not_fully_locked"
    reply = await bench.call("/locks/lock_door", device_id=device_id(bench, LOCK))
    assert reply["action_attempt"]["status"] == "success"
    assert (await properties(bench))["locked"] is True
    denied = await bench.events("lock.access_denied")
    assert {event["reason"]["message"] for event in denied} == {"The bolt was jammed"}


async def test_hand_that_turns_the_bolt_is_told_as_manual(bench: SimBench) -> None:
    await hands(bench, bolt="withdrawn")
    assert (await properties(bench))["locked"] is False
    await hands(bench, bolt="thrown")
    assert (await properties(bench))["locked"] is True
    events = await bench.events("lock.locked", "lock.unlocked")
    assert [event["method"] for event in events] == ["manual", "manual"]


async def test_privacy_shuts_out_codes_and_the_api(door: SimBench) -> None:
    await create_code(door, LOCK, code=CODE)
    await hands(door, privacy=True)
    assert await enter(door, LOCK, CODE) == "privacy"
    reply = await door.call("/locks/unlock_door", device_id=device_id(door, LOCK))
    assert reply["action_attempt"]["status"] == "error"
    reasons = {event["reason"]["reason_code"] for event in await door.events("lock.access_denied")}
    assert reasons == {"blocked_by_privacy_mode"}
    await hands(door, privacy=False)
    assert await enter(door, LOCK, CODE) == "opened"


async def test_battery_falls_is_told_and_is_replaced(bench: SimBench) -> None:
    await create_code(bench, LOCK, code=CODE)
    assert (await properties(bench))["battery"]["status"] == "full"
    for mv, status in ((4150, "low"), (3890, "critical"), (3790, "critical")):
        await hands(bench, battery_mv=mv)
        assert (await properties(bench))["battery"]["status"] == status
    assert (await properties(bench))["battery_level"] == 0.0
    assert len(await bench.events("device.low_battery")) == 1
    assert await enter(bench, LOCK, CODE) == "no_power"
    view = await hands(bench, replace=True)
    assert (view["battery_level"], view["battery_charge"]) == ("ok", 1.0)
    await bench.advance(seconds=5, settle=True)
    assert (await properties(bench))["battery"]["status"] == "full"
    assert await enter(bench, LOCK, CODE) == "opened"


async def test_jump_battery_opens_a_dead_lock(bench: SimBench) -> None:
    await create_code(bench, LOCK, code=CODE)
    await hands(bench, charge=0)
    await bench.call(f"/bench/devices/{LOCK}/power", on=False)
    assert await enter(bench, LOCK, CODE) == "no_power"
    assert (await hands(bench, jump_v=9))["jump_mv"] == 9000
    assert await enter(bench, LOCK, CODE) == "opened"
    await hands(bench, jump_v=0)
    assert await enter(bench, LOCK, CODE) == "no_power"


async def test_jam_on_weak_cells_resets_the_lock_and_it_comes_back(bench: SimBench) -> None:
    """The processor resets under the motor: no answer, a new connection, and all is there."""
    await create_code(bench, LOCK, code=CODE)
    await hands(bench, battery_mv=4000, bolt="jam")
    reply = await bench.call("/locks/unlock_door", device_id=device_id(bench, LOCK))
    assert reply["action_attempt"]["status"] == "error"
    await bench.advance(seconds=60, settle=True)
    assert ("power_on", None, "unspecified") in await log(bench)
    await hands(bench, bolt="free")
    assert await enter(bench, LOCK, CODE) == "opened"


async def test_same_seed_gives_the_same_trace_whatever_hands_do(
    open_bench: BenchFactory,
) -> None:
    digests = []
    for _ in range(2):
        async with open_bench(seed=11) as bench:
            await create_code(bench, LOCK, code=CODE)
            await hands(bench, battery_mv=4000, bolt="jam", door="open", tamper=True)
            await enter(bench, LOCK, CODE)
            await hands(bench, replace=True, bolt="withdrawn", door="closed")
            await bench.advance(seconds=3600, settle=True)
            digests.append((bench.trace.event_count, bench.trace.digest()))
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"door": "ajar"},
        {"bolt": 1},
        {"privacy": "yes"},
        {"replace": False},
        {"charge": 1.5},
        {"battery_mv": -1},
        {"battery_mv": True},
        {"temperature_c": -61},
        {"temperature_c": "cold"},
        {"jump_v": "9"},
        {"charge": 0.5, "battery_mv": 4000},
        {"doors": "open"},
        {"privacy": True},
    ],
)
async def test_body_that_can_not_be_is_refused_and_changes_nothing(
    bench: SimBench, body: dict[str, Any]
) -> None:
    before = await bench.get(f"/bench/devices/{LOCK}/hardware")
    with pytest.raises(ApiRefused) as refused:
        await hands(bench, **body)
    assert (refused.value.status, refused.value.error_type) == (400, "invalid_input")
    assert await bench.get(f"/bench/devices/{LOCK}/hardware") == before


async def test_wired_lock_never_runs_down_and_has_no_cells(
    open_bench: BenchFactory, bench_file: BenchFile
) -> None:
    [gym] = [device for device in bench_file.devices if device.name == LOCK]
    wired = dataclasses.replace(gym, profile="brivo")
    async with open_bench(file=dataclasses.replace(bench_file, devices=(wired,))) as bench:
        await bench.advance(seconds=30 * 86_400, settle=True)
        view = await bench.get(f"/bench/devices/{LOCK}/hardware")
        assert (view["battery_charge"], view["battery_level"]) == (1.0, "ok")
        for body in ({"charge": 0.1}, {"battery_mv": 4000}, {"jump_v": 9}, {"replace": True}):
            with pytest.raises(ApiRefused, match="this kind of lock has no battery: it is wired"):
                await hands(bench, **body)
        assert await bench.get(f"/bench/devices/{LOCK}/hardware") == view


async def test_remote_unlock_that_resets_a_weak_lock_fails_and_harms_nothing_else(
    door: SimBench,
) -> None:
    await hands(door, charge=0.1, bolt="jam")
    reply = await door.call("/locks/unlock_door", device_id=device_id(door, LOCK), sync=True)
    assert reply["action_attempt"]["status"] == "error"
    await hands(door, charge=1.0, bolt="free")
    await create_code(door, LOCK, code=CODE)
    assert await enter(door, LOCK, CODE) == "opened"
