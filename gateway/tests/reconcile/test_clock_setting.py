"""The clock of a lock in a session: its time, its distance from UTC, and what both are to show."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.access import devices
from gateway.access.requests import DeviceRegistration
from gateway.profiles import load_profiles
from gateway.tests.reconcile.rig import DAY_S, HOUR_S, Rig, make_rig
from protocols.doorlock.vocabulary import ClockQuality, Status
from protocols.profiles.parser import ZoneAwareness
from protocols.strike import messages as m

BERLIN, LAGOS = "Europe/Berlin", "Africa/Lagos"
SUMMER_MIN, WINTER_MIN = 120, 60


@contextlib.asynccontextmanager
async def at_door(
    zone: ZoneAwareness, time_zone: str | None, *, is_local: bool = False
) -> AsyncIterator[Rig]:
    """One lock of a kind, an hour ahead of UTC, whose door is in a zone; no session yet."""
    facts = load_profiles()["generic-native"]
    kind = dataclasses.replace(
        facts,
        profile_id="kind",
        local_year_day=is_local,
        clock=dataclasses.replace(facts.clock, zone=zone),
    )
    async with make_rig(profiles={"kind": kind}, profile_id="kind") as rig:
        registration = DeviceRegistration(
            device_id="d-0",
            name="d-0",
            display_name="d-0",
            profile_id="kind",
            moniker="ble:F0:00:00:00:00:00",
            time_zone=time_zone,
        )
        await rig.write(functools.partial(devices.register, registration=registration))
        async with rig.running():
            yield rig


def settings(rig: Rig) -> list[int]:
    """Distances from UTC that the lock was told."""
    return [each.utc_offset_min for each in rig.locks["d-0"].requests if type(each) is m.SetTime]


async def warning_codes(rig: Rig) -> list[str]:
    return [one["warning_code"] for one in (await rig.device()).warnings]


@pytest.mark.parametrize(
    ("zone", "time_zone", "told"),
    [
        (ZoneAwareness.OFFSET, BERLIN, [SUMMER_MIN]),
        (ZoneAwareness.OFFSET, LAGOS, []),
        (ZoneAwareness.OFFSET, None, []),
        # It goes by a rule of its own, or has no place for a distance.
        (ZoneAwareness.ZONE, BERLIN, []),
        (ZoneAwareness.NONE, BERLIN, []),
    ],
)
async def test_lock_that_wants_to_be_told_its_distance_from_utc_is_told_it(
    zone: ZoneAwareness, time_zone: str | None, told: list[int]
) -> None:
    async with at_door(zone, time_zone) as rig:
        await rig.settle()
        assert settings(rig) == told
        assert rig.locks["d-0"].utc_offset_min == (told or [WINTER_MIN])[0]
        is_wrong = zone is ZoneAwareness.ZONE
        assert await warning_codes(rig) == (["time_zone_mismatch"] if is_wrong else [])
        assert (await rig.device()).reported["utc_offset_min"] == (told or [WINTER_MIN])[0]
        # Told once, it is left alone.
        await asyncio.sleep(DAY_S)
        assert settings(rig) == told


async def test_lock_without_a_trusted_clock_is_given_time_and_distance_in_one() -> None:
    async with at_door(ZoneAwareness.OFFSET, BERLIN) as rig:
        lock = rig.locks["d-0"]
        lock.clock_error_ms, lock.clock_quality = -HOUR_S * 1000, ClockQuality.LOST
        await rig.settle()
        assert settings(rig) == [SUMMER_MIN]
        assert abs(lock.clock_error_ms) < 1000


@pytest.mark.parametrize("is_off", [True, False])
async def test_lock_that_takes_no_other_distance_is_set_by_its_own(*, is_off: bool) -> None:
    """The device wins over its profile; what it shows is told."""

    def stubborn(_: int, message: object) -> Status | None:
        is_other = isinstance(message, m.SetTime) and message.utc_offset_min != WINTER_MIN
        return Status.CONSTRAINT_ERROR if is_other else None

    async with at_door(ZoneAwareness.OFFSET, BERLIN) as rig:
        lock = rig.locks["d-0"]
        lock.fault = stubborn
        lock.clock_error_ms = 60_000 if is_off else 0
        await rig.settle()
        assert settings(rig) == [SUMMER_MIN, *([WINTER_MIN] if is_off else [])]
        assert abs(lock.clock_error_ms) < 1000
        assert await warning_codes(rig) == ["time_zone_mismatch"]
        assert (await rig.device()).is_online


async def test_lock_that_lets_nobody_set_its_clock_fails_its_session() -> None:
    async with at_door(ZoneAwareness.OFFSET, None) as rig:
        lock = rig.locks["d-0"]
        lock.fault = lambda _, message: (
            Status.INVALID_IN_STATE if isinstance(message, m.SetTime) else None
        )
        lock.clock_error_ms = 60_000
        await rig.settle(limit_s=20)
        assert (await rig.device()).attempts > 0


async def test_local_time_is_seen_to_before_anything_is_written_by_it() -> None:
    async with at_door(ZoneAwareness.OFFSET, BERLIN, is_local=True) as rig:
        lock = rig.locks["d-0"]
        await rig.settle()
        await rig.add_code(starts_in_s=HOUR_S, ends_in_s=DAY_S)
        await rig.settle()
        kinds = [type(each) for each in lock.requests]
        assert kinds.index(m.SetTime) < kinds.index(m.SetYearDaySchedule)
        assert lock.user(1) is not None
        # Somebody with another gateway tells it another distance: told anew, before the digest is
        # taken for that of the memory.
        lock.utc_offset_min = 0
        before = lock.window(1)
        await asyncio.sleep(DAY_S / 4 + 1)
        assert settings(rig)[-1] == SUMMER_MIN
        assert lock.window(1) == before
        assert await warning_codes(rig) == []


async def test_mismatch_is_told_once_and_taken_back_when_it_is_over() -> None:
    async with at_door(ZoneAwareness.ZONE, BERLIN, is_local=True) as rig:
        lock = rig.locks["d-0"]
        await rig.settle()
        assert await warning_codes(rig) == ["time_zone_mismatch"]
        code_id = await rig.add_code(starts_in_s=HOUR_S, ends_in_s=DAY_S)
        await rig.settle()
        assert (await rig.entry(code_id)).scheduling == "just_in_time"
        [told] = (await rig.device()).warnings
        await asyncio.sleep(DAY_S / 4 + 1)
        assert (await rig.device()).warnings == [told]
        lock.utc_offset_min = SUMMER_MIN
        await asyncio.sleep(DAY_S / 4 + 1)
        await rig.settle()
        assert await warning_codes(rig) == []
        entry: Any = await rig.entry(code_id)
        assert (entry.scheduling, entry.confirmed_phase) == ("native", "stored")
        assert entry.local_end_s - entry.local_start_s == pytest.approx(23 * HOUR_S, abs=2)
