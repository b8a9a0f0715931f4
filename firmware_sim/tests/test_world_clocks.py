"""Clocks of the world's devices: zones, rules, temperature, what power takes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import pytest

from firmware_sim.device import DeviceSpec
from firmware_sim.errors import UnknownDevice
from firmware_sim.kernel.clock import WorldClock
from firmware_sim.kernel.streams import Streams
from firmware_sim.kernel.trace import Trace
from firmware_sim.tests.locks.rig import profile
from firmware_sim.world import World
from protocols.doorlock.zone import parse_zone
from protocols.profiles.vocabulary import ClockOnPowerLoss, ZoneAwareness

# 2025-07-10T12:00:00Z.
EPOCH_MS = 1_752_148_800_000
DAY_S = 86_400
BERLIN = parse_zone("CET-1CEST,M3.5.0,M10.5.0/3")
GYM = DeviceSpec(
    name="gym",
    device_id="gym-1",
    display_name="Gym",
    address="C0:FF:EE:00:00:02",
    profile=profile("generic-native"),
)


def spec_of(**clock: object) -> DeviceSpec:
    facts = GYM.profile
    changed = dataclasses.replace(facts.clock, **clock)  # type: ignore[arg-type] # by name
    return dataclasses.replace(GYM, profile=dataclasses.replace(facts, clock=changed))


@contextlib.asynccontextmanager
async def running(spec: DeviceSpec) -> AsyncIterator[World]:
    loop = asyncio.get_running_loop()
    clock = WorldClock(loop, EPOCH_MS)
    world = World(loop, Streams(7), Trace(None, 7, clock), clock)
    world.add(spec)
    async with world:
        yield world


@pytest.mark.parametrize(
    ("zone", "dst_rule", "profile_rule", "july_min", "december_min"),
    [
        # Its door's zone; its maker's rule; this very lock's rule, before that of its maker.
        ("zone", None, "none", 120, 60),
        ("zone", None, "M8.1.0,M11.1.0", 60, 60),
        ("zone", "M3.5.0,M10.5.0/3", "M8.1.0,M11.1.0", 120, 60),
        ("zone", "none", "M3.5.0,M10.5.0/3", 60, 60),
        # What it was told on the day it was set up; unless it was given a rule.
        ("offset", None, "none", 120, 120),
        ("offset", "M3.5.0,M10.5.0/3", "none", 120, 60),
        ("none", "M3.5.0,M10.5.0/3", "none", 0, 0),
    ],
)
async def test_local_time_is_what_profile_and_device_make_of_the_door_s(
    zone: str, dst_rule: str | None, profile_rule: str, july_min: int, december_min: int
) -> None:
    kind = spec_of(zone=ZoneAwareness(zone), dst_rule=profile_rule)
    async with running(dataclasses.replace(kind, zone=BERLIN, dst_rule=dst_rule)) as world:
        assert world.memory("gym").clock.utc_offset_min == july_min
        await asyncio.sleep(150 * DAY_S)
        assert world.memory("gym").clock.utc_offset_min == december_min


async def test_device_that_is_cooled_loses_time() -> None:
    async with running(GYM) as world:
        world.warm("gym", -15.0)
        await asyncio.sleep(30 * DAY_S)
        # 54.4 ppm of thirty days are 141 s.
        assert world.memory("gym").clock.now == "2025-08-09T11:57:38Z"
        with pytest.raises(UnknownDevice):
            world.warm("attic", 0.0)


async def test_device_that_is_new_and_cold_loses_time_from_the_start() -> None:
    async with running(dataclasses.replace(GYM, temperature_c=-15.0)) as world:
        await asyncio.sleep(30 * DAY_S)
        assert world.memory("gym").clock.now == "2025-08-09T11:57:38Z"


@pytest.mark.parametrize(
    ("own", "quality"),
    [(None, "lost"), (ClockOnPowerLoss.KEEPS, "holdover"), (ClockOnPowerLoss.LOST, "lost")],
)
async def test_power_takes_from_a_clock_what_profile_or_device_says(
    own: ClockOnPowerLoss | None, quality: str
) -> None:
    kind = spec_of(on_power_loss=ClockOnPowerLoss.LOST)
    async with running(dataclasses.replace(kind, clock_on_power_loss=own)) as world:
        await world.power("gym", False)
        await asyncio.sleep(60)
        await world.power("gym", True)
        assert world.memory("gym").clock.quality == quality
