"""Suite `grants`: the whole chain, from API calls to doors, at three doors of three kinds."""

from __future__ import annotations

import dataclasses
from typing import Final

from hil_tests.explore.guests import Guests, drawn_drift_ppm
from hil_tests.explore.plans import random_plan
from hil_tests.explore.stage import Stage, bench_of

_BENCH: Final = bench_of(
    """
[bench]
name = "explore"
[[devices]]
name = "gym"
profile = "generic-native"
[[devices]]
name = "bike-room"
profile = "generic-jit"
[[devices]]
name = "front-door"
profile = "latch-m"
"""
)
# The first door has schedules of its own: of a kind that shows its codes, one that keeps hashes of
# them, or one that has more types of users.
_FIRST: Final = ("generic-native", "generic-hashed", "yale")
# Deeds of one run: some days of a small house.
_DEEDS: Final = 40


async def grants(stage: Stage) -> None:
    """Run it.

    Raises:
        Violation: When a rule of the oracle is broken.
    """
    draw = stage.stream("house")
    first, *others = _BENCH.devices
    first = dataclasses.replace(first, profile=draw.choice(_FIRST))
    devices = tuple(
        dataclasses.replace(device, drift_ppm=drawn_drift_ppm(draw)) for device in (first, *others)
    )
    async with stage.bench(dataclasses.replace(_BENCH, devices=devices)) as (bench, oracle):
        for door in oracle.devices:
            await bench.set_faults(door, **random_plan(draw, at_most=2))
        await Guests(bench, oracle, stage).live(_DEEDS)
        await oracle.heal_and_judge()
        stage.counts["opened at the end"] = await oracle.try_all_codes()
