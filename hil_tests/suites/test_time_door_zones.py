"""Locks that store windows in local time, through the whole chain: API, gateway, lock, keypad.

The gateway is told the time zone of the door; what the lock makes of its own is another matter.
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any, Final

import pytest

from gateway.zones import zone_info
from hil_tests.fixtures import BenchFactory
from hil_tests.oracles.time import offset_min
from hil_tests.sim_bench import ApiRefused, SimBench
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
    local_profile,
    opened_at,
    restart_gateway,
    shown_device,
    wall,
    warning_codes,
    within,
)
from hil_tests.suites.steps import create_code, enter, get_code, list_codes, slot_of
from protocols.profiles.parser import ZoneAwareness

BERLIN, SYDNEY, LORD_HOWE = "Europe/Berlin", "Australia/Sydney", "Australia/Lord_Howe"
FOLLOWS, IS_TOLD = ZoneAwareness.ZONE, ZoneAwareness.OFFSET
# Both changes of both hemispheres, by an hour and by half of one, on locks of both kinds.
_IN_EVERY_RUN: Final = ((BERLIN, True, FOLLOWS), (SYDNEY, False, IS_TOLD))
CHANGES: Final = [
    pytest.param(*case, marks=[] if case in _IN_EVERY_RUN else pytest.mark.real_servers)
    for case in itertools.product((BERLIN, SYDNEY, LORD_HOWE), (False, True), (FOLLOWS, IS_TOLD))
]
CODE: Final = "482915"


def held(bench: SimBench, code: str = CODE) -> dict[str, Any]:
    """The one window that the lock stores for a code."""
    slot = slot_of(bench, DOOR, code)
    assert slot is not None
    [window] = slot["year_day"]
    return dict(window)


async def ask(
    bench: SimBench, starts_at: dt.datetime, ends_at: dt.datetime, code: str = CODE
) -> dict[str, Any]:
    return await create_code(
        bench, DOOR, code=code, starts_at=iso(starts_at), ends_at=iso(ends_at)
    )


@pytest.mark.parametrize(("name", "back", "zone"), CHANGES)
async def test_stay_over_a_change_opens_inside_its_window_only(
    open_bench: BenchFactory, name: str, back: bool, zone: ZoneAwareness
) -> None:
    change = change_of(name, 2026, back=back)
    starts_at, ends_at = change - 9 * HOUR, change + 10 * HOUR
    file = door_file(local_profile(zone), time_zone=name)
    async with open_bench(file=file, now=iso(starts_at - 3 * DAY - HOUR)) as bench:
        created = await ask(bench, starts_at, ends_at)
        await bench.advance(to=iso(starts_at - 3 * DAY - SECOND), settle=True)
        assert slot_of(bench, DOOR, CODE) is None
        await bench.advance(to=iso(starts_at - 3 * DAY), settle=True)
        [shown] = await list_codes(bench, DOOR)
        assert (shown["is_scheduled_on_device"], shown["errors"]) == (True, [])
        assert held(bench)["starts_at"] == wall(starts_at, name)
        # From here on the lock is alone; whether it follows the change is its own affair.
        await bench.call("/bench/gateway", on=False)
        probes = around(starts_at, change, ends_at)
        opened = await opened_at(bench, CODE, probes)
    asked = within(probes, starts_at, ends_at)
    if zone is FOLLOWS:
        assert (opened, created["warnings"]) == (asked, [])
        return
    # A lock with a stale hour may open for less; never for more.
    assert set(opened) <= set(asked)
    assert opened
    # When it shows the new hour, it loses some of the window where clocks went forward.
    lost = [] if back else ["the lock ends the window 3600 s earlier than asked"]
    if name == LORD_HOWE:
        lost = [sentence.replace("3600", "1800") for sentence in lost]
    assert [warning["message"] for warning in created["warnings"]] == lost


@pytest.mark.real_servers
async def test_window_in_the_hour_that_comes_twice_is_refused_and_one_beside_it_narrowed(
    open_bench: BenchFactory,
) -> None:
    change = change_of(BERLIN, 2026, back=True)
    minutes = dt.timedelta(minutes=1)
    file = door_file(local_profile(FOLLOWS), time_zone=BERLIN)
    async with open_bench(file=file, now=iso(change - 2 * DAY)) as bench:
        with pytest.raises(ApiRefused, match="nothing of the window is left"):
            await ask(bench, change + 10 * minutes, change + 15 * minutes)
        # It waits until the repeated hour is over.
        late = await ask(bench, change + 10 * minutes, change + 5 * HOUR)
        [warning] = late["warnings"]
        assert warning["message"] == "the lock starts the window 3000 s later than asked"
        # Its lock shows these seconds of the wall once more.
        broken = await ask(bench, change - 30 * minutes, change + 5 * HOUR, code="739204")
        [warning] = broken["warnings"]
        assert "interrupts the window for 1800 s when clocks go back" in warning["message"]
        await bench.call("/bench/gateway", on=False)
        for at, opens in (
            (change - 31 * minutes, (False, False)),
            (change - 30 * minutes, (False, True)),
            (change - SECOND, (False, True)),
            (change, (False, False)),
            (change + 30 * minutes - SECOND, (False, False)),
            (change + 30 * minutes, (False, True)),
            (change + 60 * minutes - SECOND, (False, True)),
            (change + 60 * minutes, (True, True)),
            (change + 5 * HOUR - SECOND, (True, True)),
            (change + 5 * HOUR, (False, False)),
        ):
            await bench.advance(to=iso(at))
            seen = [await enter(bench, DOOR, code) == "opened" for code in (CODE, "739204")]
            assert tuple(seen) == opens, at


@pytest.mark.real_servers
@pytest.mark.parametrize("zone", [FOLLOWS, IS_TOLD])
@pytest.mark.parametrize(("name", "back"), [(BERLIN, True), (BERLIN, False), (SYDNEY, True)])
async def test_memory_is_what_was_written_however_often_it_is_compared(
    open_bench: BenchFactory, name: str, back: bool, zone: ZoneAwareness
) -> None:
    """Over a change with the gateway on: a lock that is told its hour is made exact again."""
    change = change_of(name, 2026, back=back)
    starts_at, ends_at = change - DAY, change + DAY
    file = door_file(local_profile(zone), time_zone=name)
    async with open_bench(file=file, now=iso(starts_at - HOUR)) as bench:
        await ask(bench, starts_at, ends_at)
        before = held(bench)
        await bench.advance(to=iso(change - SECOND), settle=True)
        # A gateway that was killed knows nothing of the memory for sure, and compares.
        await bench.call("/bench/gateway", crash=True)
        await bench.call("/bench/gateway", on=True)
        await bench.advance(seconds=0, settle=True)
        assert held(bench) == before
        await bench.advance(to=iso(change + SECOND), settle=True)
        after = held(bench)
        assert (after["starts_at"], after["ends_at"]) == (
            before["starts_at"],
            wall(ends_at, name),
        )
        assert (after == before) is (zone is FOLLOWS or back)
        told_min = bench.bench.memory_view(DOOR)["clock"]["utc_offset_min"]
        assert told_min == offset_min(zone_info(name), device_s(change))
        await bench.advance(seconds=7 * HOUR.total_seconds(), settle=True)
        assert held(bench) == after
        [shown] = await list_codes(bench, DOOR)
        assert (shown["status"], shown["errors"], shown["warnings"]) == ("set", [], [])
        assert await bench.events("access_code.modified_external_to_seam") == []
        # Whoever sets a clock does so within a second.
        probes = [ends_at + step for step in (-HOUR, -2 * SECOND, SECOND, HOUR)]
        assert await opened_at(bench, CODE, probes) == within(probes, starts_at, ends_at)


@pytest.mark.real_servers
async def test_zone_of_the_door_is_what_makes_the_lock_keep_its_windows(
    open_bench: BenchFactory,
) -> None:
    """Just in time without it; loaded at once when it is told, and taken away when it is not."""
    change = change_of(BERLIN, 2026, back=True)
    starts_at, ends_at = change + DAY, change + 2 * DAY
    file = door_file(local_profile(FOLLOWS), lock_time_zone=BERLIN)
    async with open_bench(file=file, now=iso(change - DAY)) as bench:
        code = await ask(bench, starts_at, ends_at)
        assert slot_of(bench, DOOR, CODE) is None
        assert "location" not in await shown_device(bench)
        assert await warning_codes(bench) == ["time_zone_unknown"]
        await restart_gateway(bench, BERLIN)
        assert held(bench)["ends_at"] == wall(ends_at, BERLIN)
        assert (await shown_device(bench))["location"] == {
            "time_zone": BERLIN,
            "timezone": BERLIN,
        }
        assert await warning_codes(bench) == []
        assert (await get_code(bench, code))["is_scheduled_on_device"] is True
        await restart_gateway(bench, None)
        assert slot_of(bench, DOOR, CODE) is None
        await bench.advance(to=iso(starts_at - SECOND), settle=True)
        slot = slot_of(bench, DOOR, CODE)
        assert slot is not None
        assert (slot["user"]["status"], slot["year_day"]) == ("occupied_disabled", ())
        await bench.advance(to=iso(starts_at), settle=True)
        assert await enter(bench, DOOR, CODE) == "opened"
        await bench.advance(to=iso(ends_at), settle=True)
        assert await enter(bench, DOOR, CODE) == "unknown_code"


@pytest.mark.real_servers
async def test_zone_that_was_wrong_is_put_right_and_what_was_written_for_it_rewritten(
    open_bench: BenchFactory,
) -> None:
    """Lagos and Berlin have one time in winter, so nothing shows before clocks are changed."""
    change = change_of(BERLIN, 2026, back=False)
    starts_at, ends_at = change + 12 * HOUR, change + 36 * HOUR
    file = door_file(local_profile(FOLLOWS), time_zone="Africa/Lagos", lock_time_zone=BERLIN)
    async with open_bench(file=file, now=iso(change - DAY)) as bench:
        code = await ask(bench, starts_at, ends_at)
        assert held(bench)["starts_at"] == wall(starts_at, "Africa/Lagos")
        assert await warning_codes(bench) == []
        await restart_gateway(bench, BERLIN)
        assert held(bench)["starts_at"] == wall(starts_at, BERLIN)
        shown = await get_code(bench, code)
        assert (shown["errors"], shown["warnings"], shown["pending_mutations"]) == ([], [], [])
        assert await bench.events("access_code.modified_external_to_seam") == []
        await bench.call("/bench/gateway", on=False)
        probes = around(starts_at, ends_at)
        assert await opened_at(bench, CODE, probes) == within(probes, starts_at, ends_at)


@pytest.mark.real_servers
@pytest.mark.parametrize(
    ("zone", "time_zone", "lock_time_zone"),
    [
        # The installer set it up for another country.
        (FOLLOWS, BERLIN, "Europe/London"),
        # Alike until clocks are changed: found out at the next contact.
        (FOLLOWS, "Africa/Lagos", BERLIN),
        # It goes by a rule that the law has left (see `dst_rule`).
        (FOLLOWS, BERLIN, "Africa/Lagos"),
    ],
)
async def test_lock_that_shows_another_local_time_is_programmed_just_in_time(
    open_bench: BenchFactory, zone: ZoneAwareness, time_zone: str, lock_time_zone: str
) -> None:
    change = change_of(BERLIN, 2026, back=False)
    starts_at, ends_at = change + 12 * HOUR, change + 36 * HOUR
    file = door_file(local_profile(zone), time_zone=time_zone, lock_time_zone=lock_time_zone)
    async with open_bench(file=file, now=iso(change - DAY)) as bench:
        await ask(bench, starts_at, ends_at)
        await bench.advance(to=iso(change + 6 * HOUR), settle=True)
        assert await warning_codes(bench) == ["time_zone_mismatch"]
        # Nothing stays that would open by the other time.
        assert slot_of(bench, DOOR, CODE) is None
        await bench.advance(to=iso(starts_at - SECOND), settle=True)
        assert await enter(bench, DOOR, CODE) == "disabled"
        await bench.advance(to=iso(starts_at), settle=True)
        assert await enter(bench, DOOR, CODE) == "opened"
        await bench.advance(to=iso(ends_at), settle=True)
        assert await enter(bench, DOOR, CODE) == "unknown_code"
        # The zone of the door is put right: the lock keeps windows again.
        await restart_gateway(bench, lock_time_zone)
        assert await warning_codes(bench) == []
        await ask(bench, ends_at + DAY, ends_at + 2 * DAY, code="739204")
        assert held(bench, "739204")["starts_at"] == wall(ends_at + DAY, lock_time_zone)


@pytest.mark.real_servers
async def test_lock_that_is_told_its_distance_from_utc_is_told_that_of_its_door(
    open_bench: BenchFactory,
) -> None:
    """Set up in another country, and with a lock's memory that somebody else wrote to."""
    change = change_of(SYDNEY, 2026, back=False)
    starts_at, ends_at = change - 2 * DAY, change - DAY
    file = door_file(local_profile(IS_TOLD), time_zone=SYDNEY, lock_time_zone=BERLIN)
    async with open_bench(file=file, now=iso(starts_at - DAY)) as bench:
        assert await warning_codes(bench) == []
        assert bench.bench.memory_view(DOOR)["clock"]["utc_offset_min"] == 600
        await ask(bench, starts_at, ends_at)
        assert held(bench)["starts_at"] == wall(starts_at, SYDNEY)


@pytest.mark.real_servers
async def test_zone_without_a_yearly_rule_is_as_good_as_unknown(open_bench: BenchFactory) -> None:
    """Morocco's clocks follow the moon: no lock keeps that, and nobody foresees what it does.

    Locks that want to be told their distance from UTC are told it all the same.
    """
    file = door_file(local_profile(FOLLOWS), time_zone="Africa/Casablanca")
    async with open_bench(file=file, now="2026-02-10T12:00:00Z") as bench:
        assert await warning_codes(bench) == ["time_zone_unknown"]
        await create_code(
            bench, DOOR, starts_at="2026-02-11T12:00:00Z", ends_at="2026-02-12T12:00:00Z"
        )
        assert bench.slots(DOOR) == {}
    file = door_file(local_profile(IS_TOLD), time_zone="Africa/Casablanca")
    async with open_bench(file=file, now="2026-02-10T12:00:00Z") as bench:
        assert bench.bench.memory_view(DOOR)["clock"]["utc_offset_min"] == 60
        # Ramadan begins on 2026-02-18, and clocks go back on the Sunday before.
        await bench.advance(to="2026-02-15T12:00:00Z", settle=True)
        assert bench.bench.memory_view(DOOR)["clock"]["utc_offset_min"] == 0
        assert await warning_codes(bench) == ["time_zone_unknown"]
