"""A few of the time suites through the whole bench: gateway, radio, lock and keypad."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any, Final

import pytest

from hil_tests.bench_file import BenchFile
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import create_code, device_id, enter, grant_pin, list_codes
from protocols.doorlock.vocabulary import OperatingMode
from protocols.profiles.vocabulary import ClockOnPowerLoss
from protocols.strike import messages as m

NATIVE: Final = "gym"
HOUR_S: Final = 3600


def only_gym(file: BenchFile, **facts: Any) -> BenchFile:
    """One lock of the bench, with a clock of one's own."""
    devices = tuple(
        dataclasses.replace(device, **facts) for device in file.devices if device.name == NATIVE
    )
    return dataclasses.replace(file, devices=devices)


def clock(bench: SimBench) -> dict[str, Any]:
    """The lock's clock as the bench shows it."""
    return dict(bench.bench.memory_view(NATIVE)["clock"])


def ask(bench: SimBench, message: Any) -> Any:
    """Ask the lock itself, as somebody with another gateway does."""
    return bench.bench.device(NATIVE).firmware.handle(message, asyncio.get_running_loop().time())


@pytest.mark.parametrize(
    ("zones", "dst_rule", "july_min", "november_min", "told_min", "warnings"),
    [
        # It follows its zone, as a rule of its own says.
        ({"time_zone": "Europe/Berlin"}, "M3.5.0,M10.5.0/3", 120, 60, 60, []),
        # It is told a distance from UTC: the next one when the gateway comes by.
        ({"time_zone": "Australia/Lord_Howe"}, None, 630, 630, 660, []),
        # Its rule is an old one, right in July and November and wrong in between.
        ({"time_zone": "America/New_York"}, "M4.1.0,M10.5.0", -240, -300, -300, []),
        # It knows of no daylight saving, and takes no distance that it is told.
        ({"time_zone": "America/New_York"}, "none", -300, -300, -300, []),
        # Nobody told the gateway a zone.
        pytest.param(
            *({"lock_time_zone": "Australia/Lord_Howe"}, None, 630, 630, 630, []),
            marks=pytest.mark.real_servers,
        ),
        # It was set up for another country.
        pytest.param(
            {"time_zone": "Europe/Berlin", "lock_time_zone": "Europe/London"},
            "M3.5.0/1,M10.5.0",
            *(60, 0, 0, ["time_zone_mismatch"]),
            marks=pytest.mark.real_servers,
        ),
    ],
)
async def test_lock_has_the_local_time_that_the_bench_file_gives_it(
    open_bench: BenchFactory,
    bench_file: BenchFile,
    zones: dict[str, str],
    dst_rule: str | None,
    july_min: int,
    november_min: int,
    told_min: int,
    warnings: list[str],
) -> None:
    file = only_gym(bench_file, **zones, dst_rule=dst_rule)
    async with open_bench(file=file) as bench:
        assert clock(bench)["utc_offset_min"] == july_min
        await bench.call("/bench/gateway", on=False)
        await bench.advance(to="2025-11-20T12:00:00Z")
        assert clock(bench)["utc_offset_min"] == november_min
        # A contact sets the clock, and tells local time to whom wants to be told.
        await bench.call("/bench/gateway", on=True)
        await bench.advance(seconds=60, settle=True)
        assert (clock(bench)["utc_offset_min"], clock(bench)["quality"]) == (told_min, "trusted")
        shown = await bench.call("/devices/get", device_id=device_id(bench, NATIVE))
        assert [one["warning_code"] for one in shown["device"]["warnings"]] == warnings


async def test_stay_over_the_end_of_summer_time_is_moved_by_no_clock_on_a_wall(
    open_bench: BenchFactory, bench_file: BenchFile
) -> None:
    berlin = {"time_zone": "Europe/Berlin", "dst_rule": "M3.5.0,M10.5.0/3"}
    async with open_bench(file=only_gym(bench_file, **berlin)) as bench:
        await bench.call("/bench/gateway", on=False)
        await bench.advance(to="2025-10-24T12:00:00Z")
        await bench.call("/bench/gateway", on=True)
        stay = await grant_pin(
            bench, NATIVE, starts_at="2025-10-25T15:00:00Z", ends_at="2025-10-27T11:00:00Z"
        )
        await bench.call("/bench/gateway", on=False)
        for at, reason in (
            ("2025-10-25T14:59:59Z", "outside_schedule"),
            ("2025-10-25T15:00:00Z", "opened"),
            ("2025-10-27T10:59:59Z", "opened"),
            ("2025-10-27T11:00:00Z", "outside_schedule"),
        ):
            await bench.advance(to=at)
            assert await enter(bench, NATIVE, stay) == reason, at


@pytest.mark.parametrize("on_power_loss", list(ClockOnPowerLoss))
async def test_clock_that_power_took_is_set_at_the_next_contact(
    open_bench: BenchFactory, bench_file: BenchFile, on_power_loss: ClockOnPowerLoss
) -> None:
    file = only_gym(bench_file, clock_on_power_loss=on_power_loss)
    async with open_bench(file=file) as bench:
        code = (await create_code(bench, NATIVE, ends_at="2025-07-12T12:00:00Z"))["code"]
        await bench.advance(seconds=600)
        assert await enter(bench, NATIVE, code) == "opened"
        await bench.call("/bench/gateway", on=False)
        await bench.call(f"/bench/devices/{NATIVE}/power", on=False)
        await bench.advance(seconds=2 * HOUR_S)
        await bench.call(f"/bench/devices/{NATIVE}/power", on=True)
        quality = {"epoch_2009": "rolled_back", "lost": "lost"}.get(on_power_loss, "holdover")
        assert clock(bench)["quality"] == quality
        is_believed = quality == "holdover"
        reason = "opened" if is_believed else "outside_schedule"
        assert await enter(bench, NATIVE, code) == reason
        await bench.call("/bench/gateway", on=True)
        await bench.advance(seconds=60, settle=True)
        assert clock(bench)["quality"] == "trusted"
        assert await enter(bench, NATIVE, code) == "opened"


async def test_holiday_that_somebody_else_set_is_kept_and_no_slot_is_touched(
    bench: SimBench,
) -> None:
    code = (await create_code(bench, NATIVE, ends_at="2025-08-12T12:00:00Z"))["code"]
    before = bench.slots(NATIVE)
    await bench.call("/bench/gateway", on=False)
    # 2025-07-20 and 2025-07-21, door-local (this door is on UTC).
    holiday = m.SetHolidaySchedule(
        holiday_index=1,
        revision=7,
        local_start_s=806_284_800,
        local_end_s=806_371_200,
        operating_mode=OperatingMode.VACATION,
    )
    ask(bench, holiday)
    for at, reason in (
        ("2025-07-19T23:59:59Z", "opened"),
        ("2025-07-20T00:00:00Z", "privacy"),
        ("2025-07-20T23:59:59Z", "privacy"),
        ("2025-07-21T00:00:00Z", "opened"),
    ):
        await bench.advance(to=at)
        assert await enter(bench, NATIVE, code) == reason, at
    await bench.call("/bench/gateway", on=True)
    await bench.advance(seconds=HOUR_S, settle=True)
    assert bench.slots(NATIVE) == before
    [listed] = await list_codes(bench, NATIVE)
    assert (listed["status"], listed["errors"], listed["warnings"]) == ("set", [], [])
    assert ask(bench, m.GetHolidaySchedule(holiday_index=1)).revision == 7


async def test_cold_lock_loses_time_and_the_gateway_puts_it_right(
    open_bench: BenchFactory, bench_file: BenchFile
) -> None:
    # 65 degrees below 25: 144 ppm, twelve seconds a day; at most six hours between two contacts.
    async with open_bench(file=only_gym(bench_file, temperature_c=-40.0)) as bench:
        await bench.call("/bench/gateway", on=False)
        await bench.advance(to="2025-07-20T12:00:00Z")
        assert clock(bench)["now"] == "2025-07-20T11:57:55Z"
        await bench.call("/bench/gateway", on=True)
        await bench.advance(to="2025-07-21T00:00:00Z")
        assert clock(bench)["now"] in {f"2025-07-20T23:59:{second}Z" for second in range(55, 60)}


async def test_lock_that_is_cooled_while_it_runs_loses_time_from_then_on(
    open_bench: BenchFactory, bench_file: BenchFile
) -> None:
    async with open_bench(file=only_gym(bench_file)) as bench:
        await bench.call("/bench/gateway", on=False)
        await bench.advance(to="2025-07-20T12:00:00Z")
        assert clock(bench)["now"] == "2025-07-20T12:00:00Z"
        shown = await bench.call("/bench/devices/gym/hardware", temperature_c=-40)
        assert shown["temperature_c"] == -40.0
        await bench.advance(to="2025-07-30T12:00:00Z")
        assert clock(bench)["now"] == "2025-07-30T11:57:55Z"
