"""An alarm keeps at most one timer, and none while nothing is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from firmware_sim.kernel.alarm import Alarm


class Sleeper:
    """Something with deadlines."""

    def __init__(self, *deadlines: float) -> None:
        self.deadlines = list(deadlines)
        self.rung: list[float] = []

    def next_deadline(self) -> float | None:
        return self.deadlines[0] if self.deadlines else None

    def ring(self, now: float) -> None:
        self.rung.append(now)
        del self.deadlines[0]


def alarm_of(sleeper: Sleeper) -> tuple[Alarm, Callable[[], float]]:
    loop = asyncio.get_running_loop()
    return Alarm(loop, sleeper.next_deadline, sleeper.ring), loop.time


async def test_alarm_rings_at_every_deadline_and_is_off_after_the_last() -> None:
    sleeper = Sleeper()
    alarm, now = alarm_of(sleeper)
    start = now()
    sleeper.deadlines = [start + 1.0, start + 3.0]
    alarm.set()
    await asyncio.sleep(10.0)
    assert sleeper.rung == [start + 1.0, start + 3.0]
    assert not alarm.is_set


async def test_alarm_without_a_deadline_sets_no_timer() -> None:
    alarm, _ = alarm_of(Sleeper())
    alarm.set()
    assert not alarm.is_set


async def test_alarm_follows_a_deadline_that_moves_or_goes() -> None:
    sleeper = Sleeper()
    alarm, now = alarm_of(sleeper)
    start = now()
    sleeper.deadlines = [start + 1.0]
    alarm.set()
    alarm.set()
    sleeper.deadlines = [start + 5.0]
    alarm.set()
    await asyncio.sleep(2.0)
    assert sleeper.rung == []
    await asyncio.sleep(4.0)
    assert sleeper.rung == [start + 5.0]
    sleeper.deadlines = [start + 20.0]
    alarm.set()
    sleeper.deadlines = []
    alarm.set()
    assert not alarm.is_set
    sleeper.deadlines = [start + 30.0]
    alarm.set()
    alarm.cancel()
    await asyncio.sleep(60.0)
    assert len(sleeper.rung) == 1
