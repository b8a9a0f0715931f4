"""Clocks that run wrong by a minute a day: the lock's own clock decides, and nothing else does."""

from __future__ import annotations

import dataclasses
import math
from typing import Final

import pytest

from hil_tests.bench_file import BenchFile
from hil_tests.bench_instants import instant, parse_instant_ms
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import enter, grant_pin

DAY_S: Final = 86_400
DRIFT_S_PER_DAY: Final = 60.0
NATIVE: Final = "gym"
STARTS_AT: Final = "2025-07-13T15:00:00Z"
ENDS_AT: Final = "2025-07-16T11:00:00Z"


def drifting(file: BenchFile, s_per_day: float) -> BenchFile:
    """One lock of the bench, with a clock that gains so much a day, or loses it."""
    ppm = s_per_day / DAY_S * 1e6
    devices = tuple(
        dataclasses.replace(device, drift_ppm=ppm)
        for device in file.devices
        if device.name == NATIVE
    )
    return dataclasses.replace(file, devices=devices)


def clock_error_s(bench: SimBench) -> float:
    """The lock's clock minus the truth; its display shows whole seconds, so half of one more."""
    shown = bench.bench.memory_view(NATIVE)["clock"]["now"]
    return (parse_instant_ms(shown) + 500 - parse_instant_ms(bench.now)) / 1000


@pytest.mark.parametrize("s_per_day", [DRIFT_S_PER_DAY, -DRIFT_S_PER_DAY])
async def test_edges_are_off_by_what_the_clock_gained_since_it_was_set(
    open_bench: BenchFactory, bench_file: BenchFile, s_per_day: float
) -> None:
    """The gateway is off for six days; the error grows with them, and the edges move with it."""
    async with open_bench(file=drifting(bench_file, s_per_day)) as bench:
        code = await grant_pin(bench, NATIVE, starts_at=STARTS_AT, ends_at=ENDS_AT)
        await bench.advance(to="2025-07-10T15:00:00Z", settle=True)
        assert list(bench.slots(NATIVE)) == [code]
        await bench.call("/bench/gateway", on=False)
        off_at_ms, off_error_s = parse_instant_ms(bench.now), clock_error_s(bench)
        for edge, before, after in (
            (STARTS_AT, "outside_schedule", "opened"),
            (ENDS_AT, "opened", "outside_schedule"),
        ):
            # The true instant at which a clock shows the edge that was `off_error_s` ahead at
            # `off_at_ms` and gains `rate` since.
            rate = s_per_day / DAY_S
            span_s = (parse_instant_ms(edge) - off_at_ms) / 1000
            true_span_s = (span_s - off_error_s) / (1 + rate)
            error_s = span_s - true_span_s
            days = span_s / DAY_S
            print(f"{s_per_day:+} s a day, {days:.1f} days without: {error_s:+.1f} s at the edge")
            assert error_s == pytest.approx(s_per_day * days, abs=16)
            # The display that the error was read from is exact to half a second.
            true_ms = off_at_ms + round(true_span_s * 1000)
            await bench.advance(to=instant(true_ms - 1000))
            assert await enter(bench, NATIVE, code) == before
            await bench.advance(to=instant(true_ms + 1000))
            assert await enter(bench, NATIVE, code) == after


@pytest.mark.parametrize("s_per_day", [DRIFT_S_PER_DAY, -DRIFT_S_PER_DAY])
async def test_clock_is_corrected_at_every_contact_so_edges_are_off_by_a_quarter_minute(
    open_bench: BenchFactory, bench_file: BenchFile, s_per_day: float
) -> None:
    file = drifting(bench_file, s_per_day)
    # At most six hours lie between two contacts: a quarter of what the clock gains in a day; and
    # an error of two seconds is left as it is (policy `clock_tolerance_s`).
    policy = file.policy
    bound_s = DRIFT_S_PER_DAY * policy.status_contact_s / DAY_S + policy.clock_tolerance_s + 1
    assert math.isclose(bound_s, 18.0)
    async with open_bench(file=file) as bench:
        code = await grant_pin(bench, NATIVE, starts_at=STARTS_AT, ends_at=ENDS_AT)
        for edge, before, after in (
            (STARTS_AT, "outside_schedule", "opened"),
            (ENDS_AT, "opened", "outside_schedule"),
        ):
            edge_ms = parse_instant_ms(edge)
            await bench.advance(to=instant(edge_ms - round(bound_s * 1000)))
            assert await enter(bench, NATIVE, code) == before
            assert abs(clock_error_s(bench)) <= bound_s
            await bench.advance(to=instant(edge_ms + round(bound_s * 1000)))
            assert await enter(bench, NATIVE, code) == after


async def test_clock_that_is_right_is_left_alone(bench: SimBench) -> None:
    await bench.advance(seconds=2 * DAY_S)
    log = bench.bench.memory_view(NATIVE)["log"]
    assert [record["event"] for record in log] == []
    assert abs(clock_error_s(bench)) <= 0.5
