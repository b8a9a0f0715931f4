"""Locks that convert instants by the distance from UTC of the day on which they are written.

A window that is stored before a change of clocks and lies beyond it opens and closes off by the
shift (`clock.dst_quirk`). The lock tells what it holds, so whoever looks after it can find out.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import pytest

from firmware_sim.memory.view import YearDayView
from gateway.profiles import load_profiles
from gateway.zones import posix_zone
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import SimBench
from hil_tests.suites.local_door import (
    DAY,
    DOOR,
    HOUR,
    SECOND,
    around,
    change_of,
    device_s,
    door_file,
    iso,
    opened_at,
    warning_codes,
    within,
)
from hil_tests.suites.steps import create_code, enter, get_code, slot_of
from hil_tests.suites.timed_lock import TimedLock, roomy_profile
from protocols.doorlock.vocabulary import RecordKind
from protocols.doorlock.zone import parse_zone
from protocols.profiles.parser import DstQuirk
from protocols.strike import messages as m

BERLIN: Final = "Europe/Berlin"
CODE: Final = "482915"
QUIRKY: Final = roomy_profile(zone="zone", dst_quirk=DstQuirk.OFFSET_AT_WRITE)
FROM_THE_START: Final = m.ListOccupied(after_kind=RecordKind(0), after_index=0, after_sub_index=0)
# The first window of the first user.
FIRST: Final[dict[str, Any]] = {"year_day_index": 1, "user_index": 1}


def lock_before(change: dt.datetime, **facts: Any) -> tuple[TimedLock, str]:
    """A lock two days before a change, with a window of the day after it; and its code."""
    lock = TimedLock(device_s(change - 2 * DAY), zone=parse_zone(posix_zone(BERLIN)), **facts)
    code = lock.admit_year(device_s(change + DAY), device_s(change + 2 * DAY))
    return lock, code


def hours_open(lock: TimedLock, code: str, change: dt.datetime) -> list[int]:
    """The hours after a change in whose middle a code opens."""
    found = []
    for hour in range(22, 51):
        lock.go(device_s(change + hour * HOUR) + 1800)
        if lock.opens(code):
            found.append(hour)
    return found


@pytest.mark.parametrize(("back", "first"), [(True, 25), (False, 23)])
def test_window_beyond_a_change_is_off_by_the_shift(back: bool, first: int) -> None:
    change = change_of(BERLIN, 2026, back=back)
    lock, code = lock_before(change, profile=QUIRKY)
    assert hours_open(lock, code, change) == list(range(first, first + 24))
    plain, code = lock_before(change, profile=roomy_profile(zone="zone"))
    assert hours_open(plain, code, change) == list(range(24, 48))


def test_lock_tells_the_window_that_it_keeps_and_has_another_digest_after_a_change() -> None:
    change = change_of(BERLIN, 2026, back=True)
    lock, code = lock_before(change, profile=QUIRKY)
    starts_s = device_s(change + DAY)
    written = lock.ask_for(m.GetYearDaySchedule(**FIRST))
    assert (written.start_s, written.end_s) == (starts_s, starts_s + 86_400)
    digest, listed = lock.status.memory_digest, lock.ask_for(FROM_THE_START)
    lock.go(device_s(change) + 60)
    shifted = lock.ask_for(m.GetYearDaySchedule(**FIRST))
    assert (shifted.start_s, shifted.end_s) == (starts_s + 3600, starts_s + 90_000)
    assert lock.status.memory_digest != digest
    changed = set(lock.ask_for(FROM_THE_START).records) ^ set(listed.records)
    assert {record.kind.name for record in changed} == {"YEAR_DAY_SCHEDULE"}
    [slot] = lock.firmware.view(60.0 + 2 * 86_400).slots
    assert slot.year_day == (
        YearDayView(
            index=1,
            starts_at=iso(change + DAY + HOUR),
            ends_at=iso(change + 2 * DAY + HOUR),
            revision=1,
        ),
    )
    # Written anew it is right: this change lies behind it.
    again = m.SetYearDaySchedule(**FIRST, revision=2, start_s=starts_s, end_s=starts_s + 86_400)
    assert lock.ask(again).name == "SUCCESS"
    assert hours_open(lock, code, change) == list(range(24, 48))


def test_window_without_an_end_never_closes_and_no_bound_leaves_what_a_lock_counts() -> None:
    change = change_of(BERLIN, 2026, back=True)
    lock = TimedLock(device_s(change - DAY), zone=parse_zone("PST8"), profile=QUIRKY)
    code = lock.admit_year(0, 2**32 - 1)
    told = lock.ask_for(m.GetYearDaySchedule(**FIRST))
    # Eight hours before the first second that it can count.
    assert (told.start_s, told.end_s) == (8 * 3600, 2**32 - 1)
    lock.go(device_s(change) + 5000 * 86_400)
    assert lock.opens(code)


def schlage(**device: Any) -> Any:
    return door_file(load_profiles()["schlage"], **device)


async def ask(bench: SimBench, starts_at: dt.datetime, ends_at: dt.datetime) -> dict[str, Any]:
    return await create_code(
        bench, DOOR, code=CODE, starts_at=iso(starts_at), ends_at=iso(ends_at)
    )


@pytest.mark.real_servers
@pytest.mark.parametrize("back", [True, False])
async def test_gateway_that_knows_the_zone_keeps_windows_over_a_change_itself(
    open_bench: BenchFactory, back: bool
) -> None:
    change = change_of(BERLIN, 2026, back=back)
    starts_at, ends_at = change + 8 * HOUR, change + 20 * HOUR
    file = schlage(time_zone=BERLIN)
    async with open_bench(file=file, now=iso(change - DAY)) as bench:
        assert await warning_codes(bench) == []
        await ask(bench, starts_at, ends_at)
        assert slot_of(bench, DOOR, CODE) is None
        for at, reason in (
            (starts_at - SECOND, "disabled"),
            (starts_at + SECOND, "opened"),
            (ends_at - SECOND, "opened"),
            (ends_at + SECOND, "unknown_code"),
        ):
            await bench.advance(to=iso(at))
            assert await enter(bench, DOOR, CODE) == reason, at
        # With no change in sight the lock keeps the window as any other does.
        starts_at, ends_at = ends_at + DAY, ends_at + 2 * DAY
        code = await ask(bench, starts_at, ends_at)
        assert (await get_code(bench, code))["is_scheduled_on_device"] is True
        await bench.call("/bench/gateway", on=False)
        probes = around(starts_at, ends_at)
        assert await opened_at(bench, CODE, probes) == within(probes, starts_at, ends_at)


@pytest.mark.real_servers
async def test_gateway_without_a_zone_finds_the_moved_window_at_its_next_contact(
    open_bench: BenchFactory,
) -> None:
    change = change_of(BERLIN, 2026, back=True)
    starts_at, ends_at = change + 8 * HOUR, change + 20 * HOUR
    file = schlage(lock_time_zone=BERLIN)
    async with open_bench(file=file, now=iso(change - DAY - 2 * HOUR)) as bench:
        assert await warning_codes(bench) == ["time_zone_unknown"]
        code = await ask(bench, starts_at, ends_at)
        await bench.advance(to=iso(change + SECOND))
        slot = slot_of(bench, DOOR, CODE)
        assert slot is not None
        assert slot["year_day"][0]["ends_at"] == iso(ends_at + HOUR)
        await bench.advance(to=iso(change + 7 * HOUR), settle=True)
        slot = slot_of(bench, DOOR, CODE)
        assert slot is not None
        assert slot["year_day"][0]["ends_at"] == iso(ends_at)
        assert len(await bench.events("access_code.modified_external_to_seam")) == 1
        assert (await get_code(bench, code))["errors"] == []
        await bench.call("/bench/gateway", on=False)
        probes = around(starts_at, ends_at)
        assert await opened_at(bench, CODE, probes) == within(probes, starts_at, ends_at)
