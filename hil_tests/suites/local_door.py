"""A bench with one door whose lock stores windows in local time, and what people do there."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from typing import Any, Final

from gateway.profiles import load_profiles
from gateway.zones import zone_info
from hil_tests.bench_file import BenchDevice, BenchFile, completed
from hil_tests.oracles.time import changes_of, offset_min, utc
from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import device_id, enter
from protocols.profiles.parser import Profile, ZoneAwareness

DOOR: Final = "door"
HOUR: Final = dt.timedelta(hours=1)
DAY: Final = dt.timedelta(days=1)
SECOND: Final = dt.timedelta(seconds=1)


def local_profile(zone: ZoneAwareness, **facts: Any) -> Profile:
    """A lock that keeps the windows of its codes, in door-local time."""
    plain = load_profiles()["generic-native"]
    clock = dataclasses.replace(plain.clock, zone=zone)
    return dataclasses.replace(
        plain, profile_id=f"local-{zone}", local_year_day=True, clock=clock, **facts
    )


def door_file(profile: Profile, **device: Any) -> BenchFile:
    """A bench with that door alone."""
    door = BenchDevice(name=DOOR, profile=profile.profile_id, **device)
    is_ours = profile.profile_id in load_profiles()
    return BenchFile(devices=(completed("bench", door),), profiles=() if is_ours else (profile,))


def told_zone(bench: SimBench, time_zone: str | None) -> None:
    """Write another zone into the configuration of the gateway; it reads that when it starts."""
    file = bench.bench.file
    [door] = file.devices
    changed = dataclasses.replace(door, time_zone=time_zone)
    bench.bench.file = dataclasses.replace(file, devices=(changed,))


async def restart_gateway(bench: SimBench, time_zone: str | None) -> None:
    """Give the gateway another zone of the door, and start it anew."""
    await bench.call("/bench/gateway", on=False)
    told_zone(bench, time_zone)
    await bench.call("/bench/gateway", on=True)
    await bench.advance(seconds=60, settle=True)


def change_of(name: str, year: int, *, back: bool) -> dt.datetime:
    """When clocks go back in a year, or forward."""
    zone = zone_info(name)
    [found] = [
        change_s
        for change_s in changes_of(zone, year, year)
        if (offset_min(zone, change_s) < offset_min(zone, change_s - 1)) is back
    ]
    return utc(found)


def device_s(instant: dt.datetime) -> int:
    """As the protocol counts it: seconds since 2000."""
    return round((instant - utc(0)).total_seconds())


def iso(instant: dt.datetime) -> str:
    """As the API takes it."""
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def wall(instant: dt.datetime, name: str) -> str:
    """As a lock of that zone shows it."""
    return instant.astimezone(zone_info(name)).strftime("%Y-%m-%dT%H:%M:%S")


async def opened_at(bench: SimBench, code: str, instants: Iterable[dt.datetime]) -> list[str]:
    """Stand at the door at these instants; those at which a code opened."""
    found = []
    for instant in sorted(instants):
        await bench.advance(to=iso(instant))
        if await enter(bench, DOOR, code) == "opened":
            found.append(iso(instant))
    return found


def around(*edges: dt.datetime) -> list[dt.datetime]:
    """The seconds next to some edges, and an hour away from them."""
    steps = (-HOUR, -SECOND, dt.timedelta(), HOUR)
    return sorted({edge + step for edge in edges for step in steps})


def within(
    instants: Iterable[dt.datetime], starts_at: dt.datetime, ends_at: dt.datetime
) -> list[str]:
    """Those of some instants that lie in a window."""
    return [iso(each) for each in sorted(instants) if starts_at <= each < ends_at]


async def shown_device(bench: SimBench) -> dict[str, Any]:
    """The door's device, as the API shows it."""
    reply = await bench.call("/devices/get", device_id=device_id(bench, DOOR))
    return dict(reply["device"])


async def warning_codes(bench: SimBench) -> list[str]:
    """The warnings of the door's device."""
    return [warning["warning_code"] for warning in (await shown_device(bench))["warnings"]]
