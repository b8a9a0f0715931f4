"""A lock of every profile behind the gateway: a code opens inside its window and not outside.

No test here names a brand's rule: what is right for a lock is read off its profile.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import pytest
import pytest_asyncio

from gateway.profiles import load_profiles
from hil_tests.bench_file import BenchDevice, BenchFile, completed
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import ApiRefused, SimBench
from hil_tests.suites.steps import create_code, device_id, enter, grant_pin, slot_of
from protocols.doorlock.constraints import violations
from protocols.profiles.parser import Profile

DOOR: Final = "door"
STARTS_AT: Final = "2025-07-13T15:00:00Z"
ENDS_AT: Final = "2025-07-16T11:00:00Z"

PROFILES: Final = load_profiles()
WITH_CODES: Final = [name for name, profile in PROFILES.items() if profile.online_codes]
# One of each kind in every run; all of them take minutes.
_IN_EVERY_RUN: Final = ("generic-hashed", "hubitat", "igloohome", "latch-m", "nuki", "schlage")
IN_TURN: Final = [
    pytest.param(name, marks=[] if name in _IN_EVERY_RUN else pytest.mark.real_servers)
    for name in WITH_CODES
]
WITHOUT_CODES: Final = [name for name in PROFILES if name not in WITH_CODES]
CHOSEN: Final = [name for name in WITH_CODES if not PROFILES[name].vendor_made_codes]
ONE_LENGTH: Final = [
    name for name in CHOSEN if PROFILES[name].same_length and len(PROFILES[name].code_lengths) > 1
]


@pytest_asyncio.fixture
async def door(
    request: pytest.FixtureRequest, bench_file: BenchFile, open_bench: BenchFactory
) -> AsyncIterator[SimBench]:
    """A bench with one lock, of the profile that the test is given."""
    device = completed("profiles", BenchDevice(name=DOOR, profile=request.param))
    async with open_bench(file=dataclasses.replace(bench_file, devices=(device,))) as running:
        yield running


@pytest_asyncio.fixture
async def street(bench_file: BenchFile, open_bench: BenchFactory) -> AsyncIterator[SimBench]:
    """A bench with a lock of every profile, each named like it."""
    devices = tuple(
        completed("profiles", BenchDevice(name=each, profile=each)) for each in PROFILES
    )
    async with open_bench(file=dataclasses.replace(bench_file, devices=devices)) as running:
        yield running


def profile_of(bench: SimBench) -> Profile:
    return bench.bench.device(DOOR).spec.profile


async def refusal(bench: SimBench, route: str, **parameters: Any) -> Mapping[str, Any]:
    with pytest.raises(ApiRefused) as caught:
        await bench.call(route, **parameters)
    return caught.value.error


async def shown(bench: SimBench, name: str) -> dict[str, Any]:
    reply = await bench.call("/devices/get", device_id=device_id(bench, name))
    return dict(reply["device"])


def code_like(profile: Profile, length: int, start: int = 0) -> str:
    """The first code of a length, from a number on, that the brand's rules let pass."""
    for number in range(start, 10**length):
        code = f"{number:0{length}d}"
        if not violations(code, (length,), profile.code_constraints):
            return code
    raise AssertionError(f"{profile.profile_id} takes no code of {length} digits")


@pytest.mark.parametrize("door", IN_TURN, indirect=True)
async def test_granted_code_of_every_profile_opens_inside_its_window_and_not_outside(
    door: SimBench,
) -> None:
    profile = profile_of(door)
    code = await grant_pin(door, DOOR, starts_at=STARTS_AT, ends_at=ENDS_AT)
    assert violations(code, profile.code_lengths, profile.code_constraints) == ()
    for at, opens in (
        ("2025-07-13T14:45:00Z", False),
        ("2025-07-13T14:59:58Z", False),
        ("2025-07-13T15:00:02Z", True),
        ("2025-07-15T03:00:00Z", True),
        ("2025-07-16T10:59:58Z", True),
        ("2025-07-16T11:00:02Z", False),
    ):
        await door.advance(to=at)
        assert (await enter(door, DOOR, code) == "opened") is opens, at
    # It leaves the memory too: at its end just in time, else at the next contact.
    await door.advance(seconds=6 * 3600, settle=True)
    assert slot_of(door, DOOR, code) is None
    assert await enter(door, DOOR, code) == "unknown_code"


@pytest.mark.parametrize("door", CHOSEN, indirect=True)
async def test_chosen_code_of_every_length_opens_and_one_too_long_is_refused(
    door: SimBench,
) -> None:
    profile = profile_of(door)
    # The lengths that the API's own bounds let through: 4 to 12 digits.
    lengths = [length for length in profile.code_lengths if 4 <= length <= 12]
    length = lengths[-1]
    code = code_like(profile, length, start=10**length // 3)
    created = await create_code(door, DOOR, code=code)
    assert created["status"] == "set"
    assert await enter(door, DOOR, code) == "opened"
    other = (
        next(each for each in range(4, 13) if each not in lengths) if len(lengths) < 9 else None
    )
    if other is not None:
        reply = await refusal(
            door,
            "/access_codes/create",
            device_id=device_id(door, DOOR),
            code="7" + "3" * (other - 1),
        )
        assert reply["type"] == "invalid_input"


@pytest.mark.parametrize("door", WITHOUT_CODES, indirect=True)
async def test_door_without_codes_refuses_them_by_name(door: SimBench) -> None:
    device = await shown(door, DOOR)
    assert device["can_program_online_access_codes"] is False
    assert device["can_unlock_with_code"] is False
    reply = await refusal(door, "/access_codes/create", device_id=device_id(door, DOOR))
    assert reply["type"] == "invalid_input"
    granted = await door.call(
        "/access_grants/create",
        user_identity={"full_name": "Jane Doe"},
        device_ids=[device_id(door, DOOR)],
        requested_access_methods=[{"mode": "code"}],
    )
    [error] = granted["access_grant"]["errors"]
    assert error["error_code"] == "cannot_create_requested_access_methods"
    assert error["missing_device_ids"] == [device_id(door, DOOR)]
    pressed = await refusal(door, f"/bench/devices/{DOOR}/keypad", digits="1234")
    assert "has no keypad" in pressed["message"]


async def test_devices_in_the_api_show_what_their_profiles_say(street: SimBench) -> None:
    for name, profile in PROFILES.items():
        device = await shown(street, name)
        properties = device["properties"]
        assert device["device_type"] == profile.device_type
        assert device["can_program_online_access_codes"] is profile.online_codes
        assert device["can_remotely_unlock"] is profile.remote_unlock
        assert device["can_remotely_lock"] is profile.remote_lock
        assert device["can_unlock_with_code"] is profile.has_keypad
        assert ("access_code" in device["capabilities_supported"]) is profile.online_codes
        assert properties["supported_code_lengths"] == list(profile.code_lengths)
        # What the lock itself told of its capacity.
        assert properties["max_active_codes_supported"] == profile.pin_slot_count
        assert [each["constraint_type"] for each in properties["code_constraints"]] == [
            each.value for each in profile.code_constraints
        ]
        assert properties["model"]["offline_access_codes_supported"] is bool(profile.offline_codes)
        assert properties["has_direct_power"] is profile.has_direct_power
        assert ("battery" in properties) is not profile.has_direct_power


@pytest.mark.parametrize("door", ONE_LENGTH, indirect=True)
async def test_codes_of_a_lock_with_one_length_follow_the_first(door: SimBench) -> None:
    profile = profile_of(door)
    shortest, longer = profile.code_lengths[:2]
    first = await create_code(door, DOOR, code=code_like(profile, shortest, start=2468))
    made = await create_code(door, DOOR)
    assert len(made["code"]) == shortest
    refused = await refusal(
        door,
        "/access_codes/create",
        device_id=device_id(door, DOOR),
        code=code_like(profile, longer, start=24680),
    )
    assert "as many digits" in str(refused)
    # With the others gone, the last one may change.
    await door.call("/access_codes/delete", access_code_id=made["access_code_id"])
    await door.call(
        "/access_codes/update",
        access_code_id=first["access_code_id"],
        code=code_like(profile, longer, start=24680),
    )
    assert await enter(door, DOOR, code_like(profile, longer, start=24680)) == "opened"
