"""Suite `fleet`: twenty doors of one house, with a guest for many of them."""

from __future__ import annotations

import dataclasses
from typing import Final

from hil_tests.bench_file import BenchDevice, BenchFile
from hil_tests.explore.guests import Guests, drawn_drift_ppm
from hil_tests.explore.plans import random_plan
from hil_tests.explore.stage import Stage, bench_of

_PROFILES: Final = ("generic-native", "generic-jit", "latch-m", "generic-native")
_DOORS: Final = 20
# One door in four has trouble: the others must not suffer for it.
_TROUBLED: Final = 5
_DEEDS: Final = 25


def _house() -> BenchFile:
    tables = "".join(
        f'[[devices]]\nname = "door-{number:02}"\nprofile = "{_PROFILES[number % 4]}"\n'
        for number in range(_DOORS)
    )
    return bench_of(f'[bench]\nname = "fleet"\n{tables}')


async def fleet(stage: Stage) -> None:
    """Run it.

    Raises:
        Violation: When a rule of the oracle is broken.
    """
    draw = stage.stream("house")
    house = _house()
    devices: tuple[BenchDevice, ...] = tuple(
        dataclasses.replace(device, drift_ppm=drawn_drift_ppm(draw)) for device in house.devices
    )
    async with stage.bench(dataclasses.replace(house, devices=devices)) as (bench, oracle):
        for door in draw.sample(oracle.devices, _TROUBLED):
            await bench.set_faults(door, **random_plan(draw))
        await Guests(bench, oracle, stage).live(_DEEDS)
        await oracle.heal_and_judge()
        stage.counts["opened at the end"] = await oracle.try_all_codes()
