"""Rates of a plan: so many occasions a day, by one timer, and none without a rate."""

from __future__ import annotations

import random
from collections import Counter

from firmware_sim.faults.plan import FaultPlan
from firmware_sim.faults.points import FaultPoint
from firmware_sim.faults.rates import FaultRates
from firmware_sim.kernel.loop import SimLoop
from firmware_sim.kernel.run import Simulation, run_sim

DAY_S = 86_400.0


def count(plan: FaultPlan, days: float, seed: int = 1) -> tuple[Counter[FaultPoint], SimLoop]:
    happened: Counter[FaultPoint] = Counter()

    async def main(simulation: Simulation) -> None:
        rates = FaultRates(
            simulation.loop,
            random.Random(seed),
            {
                point: lambda point=point: happened.update([point])  # type: ignore[misc]
                for point in (
                    FaultPoint.OUTSIDE_CHANGE,
                    FaultPoint.CLOCK_STEP,
                    FaultPoint.POWER_CUT,
                )
            },
        )
        rates.follow(plan)
        loops.append(simulation.loop)
        await simulation.loop.run_to(days * DAY_S)
        rates.stop()
        await simulation.loop.run_to(2 * days * DAY_S)

    loops: list[SimLoop] = []
    run_sim(main)
    return happened, loops[0]


def test_rates_happen_as_often_as_the_plan_says_and_stop_when_stopped() -> None:
    plan = FaultPlan(clock_steps_per_day=10, power_cuts_per_day=2)
    happened, _ = count(plan, days=100)
    assert 900 < happened[FaultPoint.CLOCK_STEP] < 1100
    assert 150 < happened[FaultPoint.POWER_CUT] < 250
    assert FaultPoint.OUTSIDE_CHANGE not in happened


def test_plan_without_a_rate_has_no_timer() -> None:
    happened, loop = count(FaultPlan(device_reset=1.0), days=100)
    idle, other = count(FaultPlan(), days=100)
    assert happened == idle == Counter()
    assert loop.callbacks_run == other.callbacks_run < 20


def test_new_plan_replaces_the_timer_of_the_old_one() -> None:
    happened: list[FaultPoint] = []

    async def main(simulation: Simulation) -> None:
        rates = FaultRates(
            simulation.loop,
            random.Random(1),
            {FaultPoint.CLOCK_STEP: lambda: happened.append(FaultPoint.CLOCK_STEP)},
        )
        rates.follow(FaultPlan(clock_steps_per_day=1000))
        rates.follow(FaultPlan())
        await simulation.loop.run_to(DAY_S)

    run_sim(main)
    assert happened == []
