"""Fault plans as the bench routes take them: a JSON object of knobs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from firmware_sim.errors import FaultPlanInvalid
from firmware_sim.faults.plan import FaultPlan
from gateway.config_schema import nearest
from hil_tests.errors import BenchError


def plan_of(knobs: Mapping[str, Any]) -> FaultPlan:
    """The plan with these knobs, all others zero.

    Raises:
        BenchError: When there is no such knob, or it has no such value.
    """
    known = [field.name for field in dataclasses.fields(FaultPlan)]
    for knob in knobs:
        if knob not in known:
            raise BenchError(
                f"{knob[:64]!r} is no knob of a fault plan{nearest(knob[:64], known)}"
            )
    try:
        return FaultPlan(**knobs)
    except FaultPlanInvalid as error:
        raise BenchError(str(error)) from None
