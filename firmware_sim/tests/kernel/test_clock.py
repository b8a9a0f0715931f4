from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.kernel.clock import EPOCH_2000_MS, WorldClock
from firmware_sim.kernel.wall import SystemWall

# 2025-07-10T12:00:00.123Z: an epoch off the whole second, as a wall clock gives it.
EPOCH_MS = 1_752_148_800_123


class StandingLoop:
    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def time(self) -> float:
        return self.now_s


async def test_clock_follows_its_loop() -> None:
    clock = WorldClock(asyncio.get_running_loop(), EPOCH_MS)
    assert clock.now_ms() == EPOCH_MS
    await asyncio.sleep(1.5)
    assert clock.now_ms() == EPOCH_MS + 1_500
    assert clock.now_us() == (EPOCH_MS + 1_500) * 1_000
    assert clock.now_s2000() == (EPOCH_MS + 1_500 - EPOCH_2000_MS) / 1000


# A hundred years of milliseconds, and epochs from 1970 to 2100.
@given(st.integers(0, 3_155_760_000_000), st.integers(0, 4_102_444_800_000))
def test_timer_set_for_an_instant_reads_that_very_millisecond(span_ms: int, epoch_ms: int) -> None:
    utc_ms = epoch_ms + span_ms
    loop = StandingLoop(0.0)
    clock = WorldClock(loop, epoch_ms)
    loop.now_s = clock.loop_s(utc_ms)
    assert clock.now_ms() == utc_ms
    assert clock.utc_ms(loop.now_s) == utc_ms
    assert clock.now_us() == utc_ms * 1_000


@given(st.integers(0, 10**9), st.integers(0, 999))
def test_devices_clock_at_a_whole_second_reads_that_second(at_s: int, epoch_ms: int) -> None:
    loop = StandingLoop(0.0)
    clock = WorldClock(loop, EPOCH_2000_MS + epoch_ms)
    loop.now_s = clock.loop_s(EPOCH_2000_MS + at_s * 1_000)
    assert clock.now_s2000() == float(at_s)


def test_clock_just_before_an_instant_has_not_reached_it() -> None:
    clock = WorldClock(StandingLoop(9.999_999), 0)
    assert clock.now_ms() == 9_999
    assert int(clock.now_s2000() + EPOCH_2000_MS / 1000) == 9


def test_system_wall_reads_the_hosts_clocks() -> None:
    wall = SystemWall()
    first_s, first_ms = wall.monotonic_s(), wall.utc_ms()
    assert wall.monotonic_s() >= first_s
    # Later than this project's first day, 2025-07-10.
    assert first_ms > EPOCH_MS
