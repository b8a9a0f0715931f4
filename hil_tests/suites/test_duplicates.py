"""One PIN twice on a lock: refused by the gateway, refused by the lock, or kept apart in time."""

from __future__ import annotations

import dataclasses
from typing import Final

import pytest

from hil_tests.bench_file import BenchDevice, BenchFile, completed
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import ApiRefused, SimBench
from hil_tests.suites.steps import (
    create_code,
    device_id,
    enter,
    error_codes,
    get_code,
    list_codes,
    slot_of,
)
from protocols.doorlock.vocabulary import CredentialType, Status, UserStatus, UserType
from protocols.strike import messages as m

NATIVE: Final = "gym"
FOREIGN_SLOT: Final = 200


async def test_same_pin_twice_on_one_lock_is_refused_and_on_two_locks_is_fine(
    bench: SimBench,
) -> None:
    await create_code(bench, "gym", code="482915")
    with pytest.raises(ApiRefused) as refused:
        await create_code(bench, "gym", code="482915")
    assert (refused.value.status, refused.value.error_type) == (409, "duplicate_access_code")
    await create_code(bench, "storage", code="482915")
    assert bench.slots("gym") == bench.slots("storage") == {"482915": 1}


async def test_pin_is_free_again_once_the_lock_confirmed_that_it_is_gone(bench: SimBench) -> None:
    code = await create_code(bench, "gym", code="482915")
    await bench.call("/bench/devices/gym/radio", in_range=False)
    await bench.call("/access_codes/delete", access_code_id=code["access_code_id"])
    with pytest.raises(ApiRefused) as refused:
        await create_code(bench, "gym", code="482915")
    assert refused.value.error_type == "duplicate_access_code"
    await bench.call("/bench/devices/gym/radio", in_range=True)
    await create_code(bench, "gym", code="482915")
    assert await enter(bench, "gym", "482915") == "opened"


async def test_changing_a_code_into_another_one_is_refused(bench: SimBench) -> None:
    await create_code(bench, "gym", code="482915")
    other = await create_code(bench, "gym", code="555666")
    with pytest.raises(ApiRefused) as refused:
        await bench.call(
            "/access_codes/update", access_code_id=other["access_code_id"], code="482915"
        )
    assert (refused.value.status, refused.value.error_type) == (409, "duplicate_access_code")
    assert await enter(bench, "gym", "555666") == "opened"


def write_by_hand(bench: SimBench, code: str, slot: int = FOREIGN_SLOT) -> None:
    """Somebody programs a lock past the gateway."""
    firmware = bench.bench.device(NATIVE).firmware
    now = bench.bench.world._now()
    for message in (
        m.SetUser(
            revision=1,
            user_index=slot,
            user_status=UserStatus.OCCUPIED_ENABLED,
            user_type=UserType.UNRESTRICTED_USER,
            user_name="by hand",
        ),
        m.SetCredential(
            revision=1,
            credential_type=CredentialType.PIN,
            credential_index=slot,
            user_index=slot,
            credential_data=code.encode(),
        ),
    ):
        assert firmware.handle(message, now).status is Status.SUCCESS


async def test_pin_that_somebody_else_wrote_into_the_lock_is_told_as_a_duplicate(
    bench: SimBench,
) -> None:
    write_by_hand(bench, "482915")
    code = await create_code(bench, NATIVE, code="482915")
    shown = await get_code(bench, code)
    assert shown["status"] == "setting"
    assert shown["errors"][0]["error_code"] == "duplicate_code_on_device"
    reply = await bench.call("/devices/get", device_id=device_id(bench, NATIVE))
    assert [one["warning_code"] for one in reply["device"]["warnings"]] == [
        "third_party_integration_detected"
    ]
    # Another PIN does it; the foreign one is nobody's business here.
    await bench.call("/access_codes/update", access_code_id=code["access_code_id"], code="555666")
    assert await error_codes(bench, code) == []
    assert bench.slots(NATIVE) == {"482915": FOREIGN_SLOT, "555666": 1}


async def test_duplicate_that_a_lock_swallows_in_silence_is_never_reported_as_set(
    open_bench: BenchFactory, bench_file: BenchFile
) -> None:
    """A lock that answers "done" and stores nothing: the digest of its memory gives it away."""
    device = completed("quirk", BenchDevice(name=NATIVE, profile="hubitat"))
    async with open_bench(file=dataclasses.replace(bench_file, devices=(device,))) as bench:
        write_by_hand(bench, "482915", slot=20)
        code = await create_code(bench, NATIVE, code="482915")
        assert bench.slots(NATIVE) == {"482915": 20}
        assert (await get_code(bench, code))["status"] != "set"
        await bench.advance(seconds=12 * 3600, settle=True)
        assert (await get_code(bench, code))["status"] != "set"


async def test_one_pin_in_two_windows_apart_is_stored_one_after_the_other_where_allowed(
    open_bench: BenchFactory, bench_file: BenchFile
) -> None:
    policy = dataclasses.replace(bench_file.policy, allow_disjoint_duplicates=True)
    async with open_bench(file=dataclasses.replace(bench_file, policy=policy)) as bench:
        first = {"starts_at": "2025-07-10T13:00:00Z", "ends_at": "2025-07-10T14:00:00Z"}
        second = {"starts_at": "2025-07-10T15:00:00Z", "ends_at": "2025-07-10T16:00:00Z"}
        await create_code(bench, NATIVE, code="482915", **second)
        with pytest.raises(ApiRefused):
            await create_code(bench, NATIVE, code="482915", ends_at="2025-07-10T15:30:00Z")
        await create_code(bench, NATIVE, code="482915", **first)
        for at, reason in (
            ("2025-07-10T12:59:59Z", "outside_schedule"),
            ("2025-07-10T13:00:01Z", "opened"),
            ("2025-07-10T13:59:59Z", "opened"),
            ("2025-07-10T14:59:59Z", "outside_schedule"),
            ("2025-07-10T15:00:01Z", "opened"),
            ("2025-07-10T15:59:59Z", "opened"),
            ("2025-07-10T16:00:01Z", "outside_schedule"),
        ):
            await bench.advance(to=at)
            assert await enter(bench, NATIVE, "482915") == reason, at
        assert await list_codes(bench, NATIVE) == []
        assert slot_of(bench, NATIVE, "482915") is None
