"""What the gateway knows of the local time at a door, and what becomes of the codes there."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.access import codes, devices, door_time, retiming
from gateway.access.grants import create_grant
from gateway.access.requests import (
    CodeChanges,
    CodeRequest,
    DeviceRegistration,
    GrantRequest,
    IdentityRequest,
    RequestedMethod,
)
from gateway.errors import InvalidInput
from gateway.tests.access.harness import DAY_MS, HOUR_MS, House, profile_like
from protocols.doorlock.window import to_ms
from protocols.profiles.parser import DstQuirk, Profile, ZoneAwareness

FOLLOWS, IS_TOLD, KNOWS_NOTHING = ZoneAwareness.ZONE, ZoneAwareness.OFFSET, ZoneAwareness.NONE
BERLIN = "Europe/Berlin"


def ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


# When clocks in Berlin go back in 2026.
CHANGE_MS = ms("2026-10-25T01:00Z")


def kind(zone: ZoneAwareness, *, quirk: DstQuirk | None = None) -> Profile:
    clock = dataclasses.replace(
        profile_like("generic-native").clock, zone=zone, dst_quirk=quirk or DstQuirk.NONE
    )
    return profile_like("generic-native", local_year_day=quirk is None, clock=clock)


@pytest.fixture
def house() -> Iterator[House]:
    """A house a day before clocks go back, without a door yet."""
    built = House(
        profiles={
            "follows": kind(FOLLOWS),
            "told": kind(IS_TOLD),
            "blind": kind(KNOWS_NOTHING),
            "quirky": kind(FOLLOWS, quirk=DstQuirk.OFFSET_AT_WRITE),
            "plain": profile_like("generic-native"),
        }
    )
    built.now_ms = CHANGE_MS - DAY_MS
    yield built
    built.close()


def add_door(house: House, profile_id: str, time_zone: str | None) -> None:
    house.add_device("door", profile_id)
    tell_zone(house, profile_id, time_zone)
    house.tick()


def tell_zone(house: House, profile_id: str, time_zone: str | None) -> bool:
    """Register the door again, as a start of the gateway does."""
    registration = DeviceRegistration(
        device_id="door",
        name="door",
        display_name="Door",
        profile_id=profile_id,
        moniker="ble:door",
        time_zone=time_zone,
    )
    is_to_be_planned = house.write(devices.register, registration)
    if is_to_be_planned:
        house.write(retiming.plan_anew, "door")
    return is_to_be_planned


def create(house: House, starts_ms: int, ends_ms: int | None, **changes: Any) -> str:
    code_id = house.write(
        codes.create_code,
        CodeRequest(device_id="door", starts_at_ms=starts_ms, ends_at_ms=ends_ms, **changes),
    )
    house.tick()
    return code_id


def warning_codes(house: House) -> list[str]:
    return [one["warning_code"] for one in house.device("door").warnings]


def window(house: House) -> tuple[str, str] | None:
    """The one window on the lock, as the clock on the wall shows it."""
    contents = [
        record.content
        for key, record in house.locks["door"].records.items()
        if key.kind.name == "YEAR_DAY_SCHEDULE" and record.content is not None
    ]
    if not contents:
        return None
    [(start_s, end_s)] = contents
    shown = [
        dt.datetime.fromtimestamp(to_ms(bound) / 1000, dt.UTC).strftime("%d %H:%M")
        for bound in (int(str(start_s)), int(str(end_s)))
    ]
    return shown[0], shown[1]


@pytest.mark.parametrize(
    ("profile_id", "time_zone", "told"),
    [
        ("follows", None, ["time_zone_unknown"]),
        ("told", None, ["time_zone_unknown"]),
        ("quirky", None, ["time_zone_unknown"]),
        ("follows", BERLIN, []),
        ("quirky", BERLIN, []),
        # Its local time is UTC; and instants need no zone.
        ("blind", None, []),
        ("plain", None, []),
    ],
)
def test_zone_that_the_windows_of_a_lock_need_is_asked_for(
    house: House, profile_id: str, time_zone: str | None, told: list[str]
) -> None:
    add_door(house, profile_id, time_zone)
    assert warning_codes(house) == told
    tell_zone(house, profile_id, BERLIN)
    assert warning_codes(house) == []
    assert house.device("door").time_zone == BERLIN


def test_zone_without_a_yearly_rule_is_as_good_as_none(house: House) -> None:
    house.now_ms = ms("2026-02-10T12:00Z")
    add_door(house, "follows", "Africa/Casablanca")
    assert warning_codes(house) == ["time_zone_unknown"]


def test_new_device_is_warned_about_at_once(house: House) -> None:
    house.add_device("door", "follows")
    [warning] = house.device("door").warnings
    assert (warning["warning_code"], warning["created_at_ms"]) == (
        "time_zone_unknown",
        house.now_ms,
    )


def test_window_over_a_change_is_stored_by_the_time_of_both_its_ends(house: House) -> None:
    add_door(house, "follows", BERLIN)
    create(house, CHANGE_MS - 5 * HOUR_MS, CHANGE_MS + 5 * HOUR_MS)
    assert window(house) == ("24 22:00", "25 07:00")


def test_lock_without_local_time_stores_its_windows_in_utc(house: House) -> None:
    add_door(house, "blind", None)
    create(house, CHANGE_MS - 5 * HOUR_MS, CHANGE_MS + 5 * HOUR_MS)
    assert window(house) == ("24 20:00", "25 06:00")


def test_window_that_local_time_can_not_tell_is_refused_or_narrowed_with_a_warning(
    house: House,
) -> None:
    add_door(house, "follows", BERLIN)
    with pytest.raises(InvalidInput, match="nothing of the window is left"):
        create(house, CHANGE_MS + 60_000, CHANGE_MS + 120_000)
    code_id = create(house, CHANGE_MS + 60_000, CHANGE_MS + DAY_MS)
    [warning] = house.code(code_id).warnings
    assert warning["message"] == "the lock starts the window 3540 s later than asked"
    # Somebody moves it away from there.
    changes = CodeChanges(starts_at_ms=CHANGE_MS + 2 * HOUR_MS)
    house.write(codes.update_code, code_id, changes)
    assert house.code(code_id).warnings == []


def test_grant_is_warned_of_a_door_that_opens_for_less(house: House) -> None:
    add_door(house, "follows", BERLIN)
    grant_id = house.write(
        create_grant,
        GrantRequest(
            identity=IdentityRequest(full_name="Jane Doe"),
            device_ids=("door",),
            requested=(RequestedMethod(mode="code"),),
            starts_at_ms=CHANGE_MS + 60_000,
            ends_at_ms=CHANGE_MS + DAY_MS,
        ),
    )
    [warning] = house.grant(grant_id).warnings
    assert warning["reason"] == "the lock starts the window 3540 s later than asked"
    house.tick()
    # Clocks in New York go back a week later.
    tell_zone(house, "follows", "America/New_York")
    house.tick()
    assert window(house) == ("24 21:01", "25 21:00")
    [code_id] = {event.access_code_id for event in house.events()} - {None}
    assert house.code(code_id).warnings == []


def test_zone_that_becomes_known_has_codes_loaded_and_one_that_is_not_any_more_cleared(
    house: House,
) -> None:
    add_door(house, "follows", None)
    starts_ms = CHANGE_MS - 22 * HOUR_MS
    code_id = create(house, starts_ms, CHANGE_MS + DAY_MS)
    assert house.locks["door"].codes() == {}
    assert tell_zone(house, "follows", BERLIN)
    house.tick()
    assert window(house) == ("24 05:00", "26 02:00")
    assert house.code(code_id).is_scheduled_on_device
    # A start that changes nothing writes nothing.
    writes = house.locks["door"].write_count
    assert tell_zone(house, "follows", BERLIN)
    house.tick()
    assert house.locks["door"].write_count == writes
    tell_zone(house, "follows", None)
    house.tick()
    assert house.locks["door"].codes() == {}
    house.advance(to_ms=starts_ms)
    assert house.locks["door"].opens(house.code(code_id).code, house.now_ms)


def test_lock_of_instants_is_not_looked_at_again(house: House) -> None:
    add_door(house, "plain", None)
    assert not tell_zone(house, "plain", None)
    assert tell_zone(house, "plain", BERLIN)


@pytest.mark.parametrize("is_right", [True, False])
def test_lock_that_shows_another_local_time_is_programmed_just_in_time_until_it_does_not(
    house: House, *, is_right: bool
) -> None:
    add_door(house, "follows", BERLIN)
    create(house, CHANGE_MS + DAY_MS, CHANGE_MS + 2 * DAY_MS)
    house.write(retiming.local_time_shown, "door", is_right=is_right)
    house.tick()
    assert warning_codes(house) == ([] if is_right else ["time_zone_mismatch"])
    assert (window(house) is None) is not is_right
    house.write(retiming.local_time_shown, "door", is_right=True)
    house.tick()
    assert warning_codes(house) == []
    assert window(house) == ("26 02:00", "27 02:00")


def test_code_that_is_there_for_good_stays_and_one_that_was_to_begin_needs_no_window_any_more(
    house: House,
) -> None:
    add_door(house, "follows", BERLIN)
    create(house, house.now_ms, None, code="111222")
    create(house, house.now_ms + HOUR_MS, None, code="333444")
    house.advance(to_ms=house.now_ms + 2 * HOUR_MS)
    before = dict(house.locks["door"].records)
    tell_zone(house, "follows", "America/New_York")
    house.tick()
    changed = {
        key.index for key, record in house.locks["door"].records.items() if before[key] != record
    }
    # The second one's slot alone was written anew: its start, by another clock, is yet to come.
    assert changed == {2}
    assert window(house) is None
    assert house.locks["door"].opens("333444", house.now_ms)


def test_code_on_its_way_out_is_left_to_go(house: House) -> None:
    add_door(house, "follows", BERLIN)
    code_id = create(house, CHANGE_MS + DAY_MS, CHANGE_MS + 2 * DAY_MS)
    house.unreachable.add("door")
    house.write(codes.delete_code, code_id)
    tell_zone(house, "follows", None)
    house.seen_again()
    assert house.locks["door"].codes() == {}


def test_window_that_another_zone_can_not_tell_is_kept_by_the_gateway(house: House) -> None:
    add_door(house, "follows", "Etc/UTC")
    starts_ms = CHANGE_MS + 60_000
    code_id = create(house, starts_ms, starts_ms + 60_000)
    assert window(house) == ("25 01:01", "25 01:02")
    tell_zone(house, "follows", BERLIN)
    house.tick()
    assert (window(house), house.code(code_id).errors) == (None, [])
    house.advance(to_ms=starts_ms)
    assert house.locks["door"].opens(house.code(code_id).code, house.now_ms)


@pytest.mark.parametrize(
    ("starts_ms", "ends_ms", "is_native"),
    [
        (CHANGE_MS - 5 * HOUR_MS, CHANGE_MS - HOUR_MS, True),
        (CHANGE_MS - 5 * HOUR_MS, CHANGE_MS + HOUR_MS, False),
        (CHANGE_MS + HOUR_MS, None, False),
    ],
)
def test_lock_that_converts_when_written_keeps_only_windows_without_a_change(
    house: House, starts_ms: int, ends_ms: int | None, *, is_native: bool
) -> None:
    add_door(house, "quirky", BERLIN)
    code_id = create(house, starts_ms, ends_ms)
    assert house.code(code_id).is_scheduled_on_device is is_native
    # Without a zone nobody knows of a change.
    tell_zone(house, "quirky", None)
    house.tick()
    assert house.code(code_id).is_scheduled_on_device


@pytest.mark.parametrize(
    ("profile_id", "time_zone", "next_ms"),
    [
        ("follows", BERLIN, CHANGE_MS),
        ("told", BERLIN, CHANGE_MS),
        ("quirky", BERLIN, CHANGE_MS),
        ("follows", "Etc/UTC", None),
        ("follows", None, None),
        ("blind", BERLIN, None),
        ("plain", BERLIN, None),
    ],
)
def test_lock_of_local_windows_is_looked_after_when_clocks_are_changed(
    house: House, profile_id: str, time_zone: str | None, next_ms: int | None
) -> None:
    profile = house.profiles[profile_id]
    assert door_time.next_change_ms(profile, time_zone, house.now_ms) == next_ms
    house.now_ms = CHANGE_MS - HOUR_MS
    add_door(house, profile_id, time_zone)
    contact_ms = CHANGE_MS + 5 * HOUR_MS if next_ms is None else next_ms
    assert house.device("door").next_contact_at_ms == contact_ms
    later_ms = door_time.next_change_ms(profile, time_zone, CHANGE_MS)
    assert later_ms is None or later_ms > CHANGE_MS + 100 * DAY_MS
