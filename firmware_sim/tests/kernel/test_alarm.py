"""An alarm keeps at most one timer, and none while nothing is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from firmware_sim.kernel.alarm import Alarms


class Sleeper:
    """Something with deadlines."""

    def __init__(self, *deadlines: float) -> None:
        self.deadlines = list(deadlines)
        self.rung: list[float] = []

    @property
    def next_deadline(self) -> float | None:
        return self.deadlines[0] if self.deadlines else None

    def tick(self, now: float) -> None:
        self.rung.append(now)
        del self.deadlines[0]


def alarms_here() -> tuple[Alarms, Callable[[], float]]:
    loop = asyncio.get_running_loop()
    return Alarms(loop), loop.time


async def test_alarm_rings_at_every_deadline_and_is_off_after_the_last() -> None:
    sleeper = Sleeper()
    alarms, now = alarms_here()
    start = now()
    sleeper.deadlines = [start + 1.0, start + 3.0]
    alarms.set(sleeper)
    await asyncio.sleep(10.0)
    assert sleeper.rung == [start + 1.0, start + 3.0]
    assert not alarms.is_set(sleeper)


async def test_alarm_without_a_deadline_sets_no_timer() -> None:
    sleeper = Sleeper()
    alarms, _ = alarms_here()
    alarms.set(sleeper)
    assert not alarms.is_set(sleeper)


async def test_alarm_follows_a_deadline_that_moves_or_goes() -> None:
    sleeper = Sleeper()
    alarms, now = alarms_here()
    start = now()
    sleeper.deadlines = [start + 1.0]
    alarms.set(sleeper)
    alarms.set(sleeper)
    sleeper.deadlines = [start + 5.0]
    alarms.set(sleeper)
    await asyncio.sleep(2.0)
    assert sleeper.rung == []
    await asyncio.sleep(4.0)
    assert sleeper.rung == [start + 5.0]
    sleeper.deadlines = [start + 20.0]
    alarms.set(sleeper)
    sleeper.deadlines = []
    alarms.set(sleeper)
    assert not alarms.is_set(sleeper)
    sleeper.deadlines = [start + 30.0]
    alarms.set(sleeper)
    alarms.cancel(sleeper)
    await asyncio.sleep(60.0)
    assert len(sleeper.rung) == 1
