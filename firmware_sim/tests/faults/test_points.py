"""Fault points: they fire by the plan, from the device's own stream, and say so in the trace."""

from __future__ import annotations

import random
from typing import Any

import pytest

from firmware_sim.errors import ProcessorDown
from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.faults.points import (
    BOOT_S,
    QUIET,
    DeviceFaults,
    FaultPoint,
)


class Noted:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def record(self, kind: str, **data: Any) -> None:
        self.events.append((kind, data))


class CountedRandom(random.Random):
    """Counts the numbers that are drawn."""

    draws = 0

    def random(self) -> float:
        self.draws += 1
        return super().random()


def faults(**knobs: Any) -> tuple[DeviceFaults, CountedRandom, Noted]:
    stream, noted = CountedRandom(1), Noted()
    return DeviceFaults(FaultPlan(**knobs), stream, noted), stream, noted


@pytest.mark.parametrize("point", FaultPoint)
def test_every_point_is_named_as_a_knob_of_the_plan(point: FaultPoint) -> None:
    assert getattr(NO_FAULTS, point) == 0


@pytest.mark.parametrize("point", FaultPoint)
def test_point_without_its_knob_never_fires_and_draws_nothing(point: FaultPoint) -> None:
    subject, stream, noted = faults(device_hang_s=3.0)
    assert not any(subject.fires(point) for _ in range(20))
    assert (stream.draws, noted.events) == (0, [])
    assert not QUIET.fires(point)


def test_probability_fires_about_as_often_as_it_says_and_is_noted_each_time() -> None:
    subject, stream, noted = faults(device_event_loss=0.25)
    fired = sum(subject.fires(FaultPoint.EVENT_LOSS) for _ in range(4000))
    assert 900 < fired < 1100
    assert stream.draws == 4000
    assert noted.events == [("fault", {"knob": "device_event_loss"})] * fired


def test_condition_fires_every_time_without_a_draw() -> None:
    subject, stream, _ = faults(device_memory_full=True)
    assert all(subject.fires(FaultPoint.MEMORY_FULL) for _ in range(5))
    assert stream.draws == 0


def test_plan_is_replaced_while_the_device_runs() -> None:
    subject, _, _ = faults(device_memory_full=True)
    subject.plan = FaultPlan()
    assert subject.plan is NO_FAULTS
    assert not subject.fires(FaultPoint.MEMORY_FULL)
    subject.plan = FaultPlan(device_event_loss=1.0)
    assert subject.fires(FaultPoint.EVENT_LOSS)


def test_reset_comes_before_or_after_the_change_and_nobody_answers() -> None:
    subject, _, _ = faults(device_reset=1.0)
    broken: list[tuple[float, bool]] = []
    subject.on_breakdown = lambda down_s, is_cold: broken.append((down_s, is_cold))
    late = early = 0
    for _ in range(40):
        try:
            late += subject.before_request()
        except ProcessorDown:
            early += 1
    assert late + early == 40
    assert late > 5 < early
    assert broken == [(BOOT_S, False)] * early


def test_hang_lasts_as_long_as_the_plan_says_and_then_the_watchdog_resets() -> None:
    subject, _, _ = faults(device_hang=1.0, device_hang_s=30.0)
    broken: list[tuple[float, bool]] = []
    subject.on_breakdown = lambda down_s, is_cold: broken.append((down_s, is_cold))
    with pytest.raises(ProcessorDown):
        subject.before_request()
    assert broken == [(30.0 + BOOT_S, False)]


def test_processor_that_is_down_takes_no_request_and_fires_nothing() -> None:
    subject, stream, _ = faults(device_reset=1.0, power_brown_out=1.0)
    subject.is_down = True
    with pytest.raises(ProcessorDown):
        subject.before_request()
    assert not subject.fires(FaultPoint.BROWN_OUT)
    assert stream.draws == 0


def test_breakdown_that_nobody_listens_to_still_stops_the_request() -> None:
    subject, _, _ = faults()
    with pytest.raises(ProcessorDown):
        subject.break_down(1.0)


def test_device_made_without_a_stream_says_so_when_a_plan_needs_one() -> None:
    subject = DeviceFaults(FaultPlan(device_reset=0.5), None, None)
    with pytest.raises(RuntimeError, match="no random stream"):
        subject.fires(FaultPoint.RESET)
