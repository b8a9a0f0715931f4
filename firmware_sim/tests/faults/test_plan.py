"""The fault plan: zero by default, every knob bounded and described."""

from __future__ import annotations

import dataclasses
import re

import pytest

from firmware_sim.errors import FaultPlanInvalid
from firmware_sim.faults.plan import NO_FAULTS, FaultPlan


def test_every_knob_is_zero_by_default() -> None:
    assert FaultPlan() == NO_FAULTS
    assert [field.name for field in dataclasses.fields(FaultPlan) if field.default] == []


def test_every_knob_is_described() -> None:
    described = re.findall(r"^        (\w+):", FaultPlan.__doc__ or "", re.MULTILINE)
    assert described == [field.name for field in dataclasses.fields(FaultPlan)]


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        ({"ble_loss": 1.01}, "the fault plan's ble_loss is above 1"),
        ({"ble_loss": -0.1}, "the fault plan's ble_loss is below 0"),
        ({"ble_loss": float("nan")}, "the fault plan's ble_loss is not a number"),
        ({"ble_loss": True}, "the fault plan's ble_loss is no number"),
        ({"ble_loss": "much"}, "the fault plan's ble_loss is no number"),
        ({"ble_mtu_max": 22}, "the fault plan's ble_mtu_max is below 23, the least there is"),
        ({"ble_mtu_max": 23.0}, "the fault plan's ble_mtu_max is no whole number"),
        ({"ble_slots_full": 1}, "the fault plan's ble_slots_full is no true or false"),
    ],
)
def test_a_value_out_of_bounds_is_refused(knobs: dict[str, object], sentence: str) -> None:
    with pytest.raises(FaultPlanInvalid) as refused:
        FaultPlan(**knobs)  # type: ignore[arg-type]  # What a bench file may hold.
    assert str(refused.value) == sentence


def test_a_whole_number_is_a_number() -> None:
    assert FaultPlan(ble_loss=1, device_hang_s=30).device_hang_s == 30
