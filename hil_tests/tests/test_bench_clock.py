from __future__ import annotations

import asyncio
from typing import Any

import pytest

from firmware_sim.tests.kernel.fake_wall import FakeWall
from hil_tests.bench_instants import parse_instant_ms
from hil_tests.errors import BenchError, ClockBusy, TimeRunsForward
from hil_tests.sim_bench import ApiRefused, SimBench
from hil_tests.tests.paced_bench import run_on_paced_bench

START = "2025-07-10T12:00:00.000Z"


def device_id(bench: SimBench, name: str) -> str:
    return bench.bench.device(name).spec.device_id


async def get_clock(bench: SimBench) -> dict[str, Any]:
    return await bench.get("/bench/clock")


async def create(bench: SimBench, name: str, code: str) -> dict[str, Any]:
    reply = await bench.call("/access_codes/create", device_id=device_id(bench, name), code=code)
    return dict(reply["access_code"])


# --- where an advance ends --------------------------------------------------------------------


async def test_advance_without_settling_ends_exactly_at_its_target(small: SimBench) -> None:
    for seconds in (0, 0.001, 1 / 3, 3600.5):
        before = parse_instant_ms(small.now)
        reply = await small.advance(seconds=seconds)
        assert reply["now"] == reply["target"] == small.now
        assert parse_instant_ms(small.now) == before + round(seconds * 1000)
    reply = await small.advance(to="2025-07-10T20:00:00+02:00")
    assert reply["now"] == reply["target"] == "2025-07-10T18:00:00.000Z"
    assert (reply["unfinished"], reply["unheld"]) == ([], [])


async def test_advance_that_settles_stops_when_devices_have_what_is_due(small: SimBench) -> None:
    await small.call(
        "/access_codes/create",
        device_id=device_id(small, "gym"),
        code="482915",
        starts_at="2025-07-14T12:00:00Z",
        ends_at="2025-07-15T12:00:00Z",
    )
    target = "2025-07-11T12:00:00.000Z"
    reply = await small.advance(to=target)
    assert reply["now"] == target
    assert small.slots("gym") == {}
    [item] = reply["unfinished"]
    assert item["device"] == device_id(small, "gym")
    reply = await small.advance(to=target, settle=True)
    assert target <= reply["now"] < "2025-07-11T12:00:02"
    assert reply["unfinished"] == []
    assert small.slots("gym") == {"482915": 1}


async def test_unfinished_names_entry_reason_and_next_try_of_what_is_in_back_off(
    small: SimBench,
) -> None:
    await small.call("/bench/devices/gym/radio", in_range=False)
    code = await create(small, "gym", "482915")
    reply = await small.advance(seconds=3600, settle=True)
    # Settled all the same: the next try lies beyond the limit, or the limit was used up.
    assert reply["target"] <= reply["now"] <= "2025-07-10T13:05:00"
    [item] = reply["unfinished"]
    assert item["entry"] == code["access_code_id"]
    assert item["device"] == device_id(small, "gym")
    assert item["reason"]
    assert item["next_try"] > reply["now"]
    await small.call("/bench/gateway", on=False)
    assert (await small.advance(seconds=1))["unfinished"] == []


async def test_advance_to_where_time_can_not_go_moves_nothing(small: SimBench) -> None:
    targets: tuple[tuple[float | None, str | None], ...] = (
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        (75 * 366 * 86_400, None),
        (None, "2100-01-01T00:00:00.001Z"),
        (None, "soon"),
        (None, None),
    )
    clock = small.bench.clock
    for seconds, to in targets:
        with pytest.raises(BenchError):
            await clock.advance(seconds=seconds, to=to, settle=False)
    with pytest.raises(TimeRunsForward, match="has passed: it is 2025-07-10T12:00:00"):
        await clock.advance(seconds=None, to="2025-07-10T11:59:59.999Z", settle=False)
    assert small.now == START


async def test_end_of_bench_time_is_reached_and_devices_still_count(small: SimBench) -> None:
    await small.call("/bench/gateway", on=False)
    await small.advance(to="2099-12-31T00:00:00Z")
    await small.call("/bench/gateway", on=True)
    await create(small, "gym", "482915")
    # No cells last that long: enough is left to know the code, not to move the bolt.
    assert (await small.press("gym", "482915#"))["reason"] == "no_power"
    await small.call("/bench/devices/gym/hardware", charge=1.0)
    assert (await small.press("gym", "482915#"))["opened"] is True
    reply = await small.advance(to="2100-01-01T00:00:00Z")
    assert reply["now"] == "2100-01-01T00:00:00.000Z"


# --- during an advance ------------------------------------------------------------------------


def test_requests_during_an_advance_are_served_at_the_instant_reached_and_move_nothing() -> None:
    async def main(bench: SimBench, wall: FakeWall) -> None:
        seen: list[int] = []
        began_ms = parse_instant_ms(bench.now)

        async def ask() -> None:
            # Half way, in the middle of the advance.
            await asyncio.sleep(1800)
            seen.append(parse_instant_ms((await get_clock(bench))["now"]))
            with pytest.raises(ApiRefused, match="409 clock_busy"):
                await bench.advance(seconds=5)
            with pytest.raises(ClockBusy):
                await bench.bench.clock.advance(seconds=5, to=None, settle=True)
            await create(bench, "gym", "482915")
            seen.append(parse_instant_ms((await get_clock(bench))["now"]))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ask(), name="ask")
            reply = await bench.advance(seconds=3600)
        assert [ms - began_ms for ms in seen] == [1_800_000, 1_800_000]
        # The busy one changed nothing about where the first one ends.
        assert reply["now"] == reply["target"]
        assert parse_instant_ms(reply["now"]) - began_ms == 3_600_000
        assert bench.slots("gym") == {"482915": 1}
        assert wall.passed_s == 0.0

    run_on_paced_bench(main, speed=0)


def test_advance_at_a_running_clock_jumps_and_goes_on_at_its_pace_from_there() -> None:
    async def main(bench: SimBench, wall: FakeWall) -> None:
        before = wall.passed_s
        reply = await bench.advance(seconds=86_400)
        assert reply["now"] == reply["target"]
        assert wall.passed_s == before
        await asyncio.sleep(60)
        assert wall.passed_s - before == pytest.approx(1.0)

    run_on_paced_bench(main, speed=60)


# --- the pace ---------------------------------------------------------------------------------


def test_standing_clock_is_not_moved_by_reads_and_changes_settle() -> None:
    async def main(bench: SimBench, wall: FakeWall) -> None:
        began = (await get_clock(bench))["now"]
        assert await get_clock(bench) == {"now": began, "speed": 0.0, "ok": True}
        await bench.call("/devices/list")
        await bench.call("/access_codes/list", device_id=device_id(bench, "gym"))
        await bench.get("/bench/devices/gym/memory")
        await bench.get("/bench/devices")
        wall.spend(3600)
        assert (await get_clock(bench))["now"] == began
        code = await create(bench, "gym", "482915")
        assert code["status"] == "set"
        assert bench.slots("gym") == {"482915": 1}
        attempt = await bench.call("/locks/lock_door", device_id=device_id(bench, "gym"))
        assert attempt["action_attempt"]["status"] == "success"
        assert began < (await get_clock(bench))["now"] < "2025-07-10T12:00:15"

    run_on_paced_bench(main, speed=0)


def test_standing_clock_waits_no_longer_than_the_limit_for_a_device_that_is_away() -> None:
    async def main(bench: SimBench, wall: FakeWall) -> None:
        await bench.call("/bench/devices/gym/radio", in_range=False)
        began_ms = parse_instant_ms((await get_clock(bench))["now"])
        code = await create(bench, "gym", "482915")
        assert code["status"] == "setting"
        spent_ms = parse_instant_ms((await get_clock(bench))["now"]) - began_ms
        assert 0 < spent_ms <= 121_000
        assert wall.passed_s == 0.0
        # Back on the air it is heard within its advertising interval, and programmed.
        await bench.call("/bench/devices/gym/radio", in_range=True)
        await bench.call("/bench/devices/gym/power", on=False)
        await bench.call("/bench/devices/gym/power", on=True)
        await bench.advance(seconds=900, settle=True)
        assert bench.slots("gym") == {"482915": 1}

    run_on_paced_bench(main, speed=0)


@pytest.mark.parametrize("speed", [0.5, 1.0, 3600.0])
def test_running_clock_answers_at_once_and_devices_follow_at_its_pace(speed: float) -> None:
    async def main(bench: SimBench, wall: FakeWall) -> None:
        assert (await get_clock(bench))["speed"] == speed
        await bench.call("/bench/devices/shed/radio", in_range=False)
        waited_before = wall.passed_s
        await create(bench, "shed", "482915")
        code = await create(bench, "gym", "482915")
        await bench.press("gym", "1234#")
        await bench.call("/bench/devices/gym/power", on=False)
        await bench.call("/bench/devices/gym/power", on=True)
        await bench.call("/bench/gateway", on=False)
        await bench.call("/bench/gateway", on=True)
        assert wall.passed_s - waited_before < 0.1 / speed
        await asyncio.sleep(60)
        assert wall.passed_s == pytest.approx(60 / speed, rel=0.05)
        shown = await bench.call("/access_codes/get", access_code_id=code["access_code_id"])
        assert shown["access_code"]["status"] == "set"
        assert bench.slots("gym") == {"482915": 1}

    run_on_paced_bench(main, speed=speed)


async def test_virtual_time_has_no_speed(small: SimBench) -> None:
    assert await get_clock(small) == {"now": START, "speed": None, "ok": True}
