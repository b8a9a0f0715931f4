"""Codes reach the lock when they shall, and the lock's memory stays what it shall be."""

from __future__ import annotations

import asyncio
import functools

import pytest

from gateway.access.code_changes import update_code
from gateway.access.requests import CodeChanges
from gateway.tests.peer import Fault
from gateway.tests.reconcile.rig import DAY_S, HOUR_S, START_MS, Rig, make_rig
from protocols.doorlock.digest import TOMBSTONE_DIGEST, RecordKey
from protocols.doorlock.vocabulary import (
    ClockQuality,
    CredentialType,
    RecordKind,
    Status,
    UserStatus,
)
from protocols.strike import messages as m


async def test_native_code_is_loaded_exactly_72_hours_ahead() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        before = asyncio.get_running_loop().time()
        code_id = await rig.add_code(starts_in_s=5 * DAY_S, ends_in_s=6 * DAY_S)
        await rig.settle()
        assert lock.pins() == {}
        await asyncio.sleep(2 * DAY_S - 1)
        assert lock.pins() == {}
        await asyncio.sleep(2)
        assert lock.pins() == {1: "123456"}
        assert lock.connect_times_s[-1] == pytest.approx(before + 2 * DAY_S, abs=0.002)
        start_ms = START_MS + round(before * 1000) + 5 * DAY_S * 1000
        window = lock.window(1)
        assert window is not None
        # Never wider than asked: to the second, start up and end down.
        assert 0 <= window[0] - start_ms < 1000
        assert 0 <= start_ms + DAY_S * 1000 - window[1] < 1000
        code = await rig.code(code_id)
        assert (code.status, code.is_scheduled_on_device) == ("unset", True)
        assert not lock.opens("123456")
        await asyncio.sleep(3 * DAY_S)
        assert lock.opens("123456")
        assert (await rig.code(code_id)).status == "set"


async def test_just_in_time_code_is_disabled_then_live_then_gone() -> None:
    async with make_rig(profile_id="generic-jit") as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        before = asyncio.get_running_loop().time()
        code_id = await rig.add_code(starts_in_s=2 * HOUR_S, ends_in_s=3 * HOUR_S)
        await asyncio.sleep(1.5 * HOUR_S + 1)
        assert lock.connect_times_s[-1] == pytest.approx(before + 1.5 * HOUR_S, abs=0.002)
        user = lock.user(1)
        assert user is not None
        assert user.user_status is UserStatus.OCCUPIED_DISABLED
        assert not lock.opens("123456")
        await asyncio.sleep(0.5 * HOUR_S)
        assert lock.connect_times_s[-1] == pytest.approx(before + 2 * HOUR_S, abs=0.002)
        assert lock.opens("123456")
        assert (await rig.code(code_id)).status == "set"
        await asyncio.sleep(HOUR_S)
        assert lock.connect_times_s[-1] == pytest.approx(before + 3 * HOUR_S, abs=0.002)
        assert lock.pins() == {}
        assert await rig.code(code_id) is None


async def test_ongoing_code_is_live_within_a_second() -> None:
    async with make_rig() as rig, rig.running():
        await rig.settle()
        before = asyncio.get_running_loop().time()
        await rig.add_code()
        await rig.settle()
        assert asyncio.get_running_loop().time() - before < 1
        assert rig.locks["d-0"].opens("123456")


async def test_deleted_code_leaves_a_tombstone() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        code_id = await rig.add_code()
        await rig.settle()
        await rig.delete_code(code_id)
        await rig.settle()
        assert lock.pins() == {}
        assert lock.records[RecordKey(RecordKind.CREDENTIAL, 1, CredentialType.PIN)][1] == (
            TOMBSTONE_DIGEST
        )
        assert await rig.code(code_id) is None
        # The slot is used again, with higher revisions.
        await rig.add_code(code="654321")
        await rig.settle()
        assert lock.pins() == {1: "654321"}


async def test_expired_native_slot_is_cleaned_in_a_session_that_happens_anyway() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.add_code(starts_in_s=10, ends_in_s=HOUR_S)
        await rig.settle()
        contacts = lock.session_count
        await asyncio.sleep(HOUR_S + 60)
        assert lock.session_count == contacts  # Nobody comes just to clean up.
        assert lock.pins() == {1: "123456"}
        assert not lock.opens("123456")
        await asyncio.sleep(6 * HOUR_S)
        assert lock.session_count == contacts + 1
        assert lock.pins() == {}


@pytest.mark.parametrize("profile_id", ["generic-native", "generic-jit"])
@pytest.mark.parametrize("fault", list(Fault))
async def test_fault_at_every_request_leaves_the_lock_as_it_shall_be(
    profile_id: str, fault: Fault
) -> None:
    number = 0
    while True:
        async with make_rig(profile_id=profile_id) as rig, rig.running():
            lock = rig.locks["d-0"]
            lock.fault = lambda seen, _, number=number: fault if seen == number else None
            await rig.add_code(starts_in_s=60, ends_in_s=HOUR_S)
            await rig.add_code(code="654321")
            await rig.settle()
            await asyncio.sleep(120)
            assert lock.pins() == {1: "123456", 2: "654321"}
            assert lock.opens("123456")
            assert lock.opens("654321")
            _assert_nothing_twice(lock.changes)
            if len(lock.requests) <= number:
                break
        number += 1
    assert number > 8


@pytest.mark.parametrize("fault", list(Fault))
async def test_fault_at_every_request_of_a_change_of_scheduling_is_made_up_for(
    fault: Fault,
) -> None:
    """The clear that makes room can't be repeated once what follows it was written."""
    number = 0
    while True:
        async with make_rig() as rig, rig.running():
            lock = rig.locks["d-0"]
            code_id = await rig.add_code(starts_in_s=60, ends_in_s=HOUR_S)
            await rig.settle()
            begun = len(lock.requests)
            lock.fault = lambda seen, _, at=begun + number: fault if seen == at else None
            await rig.write(
                functools.partial(
                    update_code,
                    access_code_id=code_id,
                    changes=CodeChanges(prefer_native_scheduling=False),
                )
            )
            rig.reconciler.wake("d-0")
            await asyncio.sleep(240)
            assert lock.pins() == {1: "123456"}
            assert lock.opens("123456")
            assert (await rig.code(code_id)).errors == []
            _assert_nothing_twice(lock.changes)
            if len(lock.requests) <= begun + number:
                break
        number += 1
    assert number > 4


def _assert_nothing_twice(changes: list[object]) -> None:
    """No write was made twice in effect: each is another key or another revision."""
    assert len({repr(change) for change in changes}) == len(changes)


@pytest.mark.parametrize(
    ("status", "error_code"),
    [
        (Status.DUPLICATE, "duplicate_code_on_device"),
        (Status.RESOURCE_EXHAUSTED, "no_space_for_access_code_on_device"),
        (Status.CONSTRAINT_ERROR, "code_constraints_violated"),
        (Status.INVALID_FIELD, "provider_issue"),
        (Status.UNSUPPORTED_COMMAND, "provider_issue"),
        (Status.UNSUPPORTED_ACCESS, "provider_issue"),
        (Status.BUSY, None),
        (Status.FAILURE, None),
        (Status.OCCUPIED, None),
        (Status.INVALID_IN_STATE, None),
        (Status.TIMEOUT, None),
        (Status(0xEE), None),
    ],
)
async def test_refused_code_tells_why_and_does_not_hold_up_the_others(
    status: Status, error_code: str | None
) -> None:
    def refuse(_: int, message: object) -> Status | None:
        is_bad = isinstance(message, m.SetCredential) and message.credential_data == b"123456"
        return status if is_bad else None

    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        lock.fault = refuse
        bad = await rig.add_code()
        good = await rig.add_code(code="654321")
        await asyncio.sleep(2)
        assert "654321" in lock.pins().values()
        assert (await rig.code(good)).status == "set"
        assert (await rig.device()).is_online
        code = await rig.code(bad)
        told = [error["error_code"] for error in code.errors]
        assert told == ([] if error_code is None else [error_code])
        # What passes is over once the lock takes it.
        if error_code is None:
            lock.fault = None
            await asyncio.sleep(60)
            assert (await rig.code(bad)).status == "set"


async def test_full_table_is_told_and_the_code_follows_when_a_slot_is_free() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        lock.slot_count = 3
        await rig.settle()
        ids = [await rig.add_code(code=f"12345{number}") for number in range(3)]
        await rig.settle()
        slot = (await rig.entry(ids[1])).slot
        late = await rig.add_code(code="999999")
        await rig.settle()
        assert sorted(lock.pins()) == [1, 2, 3]
        code = await rig.code(late)
        assert [error["error_code"] for error in code.errors] == [
            "no_space_for_access_code_on_device"
        ]
        await rig.delete_code(ids[1])
        await rig.settle()
        await asyncio.sleep(60)
        assert lock.pins()[slot] == "999999"
        assert (await rig.code(late)).errors == []


async def test_capacity_of_the_device_wins_over_the_profile_in_the_first_session() -> None:
    async with make_rig() as rig:
        lock = rig.locks["d-0"]
        lock.slot_count = 2
        ids = [await rig.add_code(code=f"12345{number}") for number in range(3)]
        async with rig.running():
            await rig.settle()
            assert sorted(lock.pins()) == [1, 2]
            told = [
                error["error_code"]
                for code_id in ids
                for error in (await rig.code(code_id)).errors
            ]
            assert told == ["no_space_for_access_code_on_device"]


async def test_device_of_another_profile_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with make_rig() as rig:
        rig.locks["d-0"].profile_id = "generic-jit"
        async with rig.running():
            await rig.settle()
            assert "says it is a 'generic-jit'" in caplog.text


@pytest.mark.parametrize(
    ("error_ms", "quality", "is_set"),
    [
        (0, ClockQuality.TRUSTED, False),
        (1_400, ClockQuality.TRUSTED, False),
        (-1_400, ClockQuality.TRUSTED, False),
        (3_000, ClockQuality.TRUSTED, True),
        (-60_000, ClockQuality.TRUSTED, True),
        (0, ClockQuality.LOST, True),
        (0, ClockQuality.HOLDOVER, True),
    ],
)
async def test_clock_is_set_when_it_is_off_or_not_trusted(
    error_ms: int, quality: ClockQuality, *, is_set: bool
) -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        lock.clock_error_ms, lock.clock_quality = error_ms, quality
        await rig.settle()
        was_set = any(isinstance(request, m.SetTime) for request in lock.requests)
        assert was_set == is_set
        if is_set:
            assert abs(lock.clock_error_ms) < 100
            assert lock.clock_quality is ClockQuality.TRUSTED
        # What the device's clock was is kept, not what it is after we set it.
        assert abs((await rig.device()).reported["clock_error_s"] - error_ms / 1000) <= 1


async def contacts(rig: Rig) -> int:
    return rig.locks["d-0"].session_count


async def test_healthy_idle_device_is_contacted_every_six_hours_only() -> None:
    async with make_rig() as rig, rig.running():
        await rig.settle()
        assert await contacts(rig) == 1
        await asyncio.sleep(6 * HOUR_S - 60)
        assert await contacts(rig) == 1
        await asyncio.sleep(18 * HOUR_S + 120)
        assert await contacts(rig) == 5
        found = (await rig.device()).reported
        assert found["serial_number"] == "SN1"
        assert found["battery_mv"] == 5800
        # Info once, status each time.
        kinds = [type(request) for request in rig.locks["d-0"].requests]
        assert kinds.count(m.GetInfo) == 1
        assert kinds.count(m.GetStatus) == 5
