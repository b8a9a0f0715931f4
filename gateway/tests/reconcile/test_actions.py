"""Lock and unlock while somebody waits."""

from __future__ import annotations

import asyncio

import pytest

from gateway.plan.policy import Policy
from gateway.reconcile.actions import end_interrupted
from gateway.tests.peer import Fault
from gateway.tests.reconcile.rig import HOUR_S, make_rig
from protocols.doorlock.vocabulary import LockState, Status
from protocols.strike import messages as m

# The official Python SDK stops polling after this.
SDK_WAIT_S = 5.0


def opened(lock_requests: list[object]) -> int:
    return sum(isinstance(request, m.UnlockDoor) for request in lock_requests)


@pytest.mark.parametrize(
    ("action_type", "state"),
    [("UNLOCK_DOOR", LockState.UNLOCKED), ("LOCK_DOOR", LockState.LOCKED)],
)
async def test_action_is_done_while_the_sdk_waits(action_type: str, state: LockState) -> None:
    async with make_rig(profile_id="generic-jit") as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        before = asyncio.get_running_loop().time()
        attempt_id = await rig.begin(action_type)
        await rig.settle()
        attempt = await rig.attempt(attempt_id)
        assert attempt.status == "success"
        assert attempt.result == {"was_confirmed_by_device": True}
        assert asyncio.get_running_loop().time() - before < SDK_WAIT_S
        assert lock.lock_state is state
        # What the lock says after it acted, and its own record of it.
        assert (await rig.device()).reported["lock_state"] == int(state)
        assert await rig.logged() == [0]


async def test_action_that_the_profile_does_not_allow_is_refused_without_asking() -> None:
    async with make_rig(profile_id="latch-m") as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        attempt_id = await rig.begin("UNLOCK_DOOR")
        await rig.settle()
        attempt = await rig.attempt(attempt_id)
        assert attempt.status == "error"
        assert attempt.error["type"] == "action_not_supported"
        assert opened(lock.requests) == 0


async def test_action_that_the_device_does_not_allow_is_refused() -> None:
    async with make_rig(profile_id="generic-jit") as rig, rig.running():
        rig.locks["d-0"].can_unlock = False
        attempt_id = await rig.begin("UNLOCK_DOOR")
        await rig.settle()
        assert (await rig.attempt(attempt_id)).error["type"] == "action_not_supported"


async def test_action_that_the_device_refuses_names_its_answer() -> None:
    async with make_rig(profile_id="generic-jit") as rig, rig.running():
        rig.locks["d-0"].fault = lambda _, message: (
            Status.INVALID_IN_STATE if isinstance(message, m.UnlockDoor) else None
        )
        attempt_id = await rig.begin("UNLOCK_DOOR")
        await rig.settle()
        error = (await rig.attempt(attempt_id)).error
        assert error["type"] == "action_refused"
        assert "INVALID_IN_STATE" in error["message"]


@pytest.mark.parametrize(
    ("fault", "error_type"),
    [
        (Fault.LOSE_REQUEST, "device_timeout"),
        (Fault.LOSE_REPLY, "device_timeout"),
        (Fault.DROP_BEFORE, "device_disconnected"),
        (Fault.DROP_AFTER, "device_disconnected"),
    ],
)
async def test_unlock_that_is_lost_ends_with_an_error_and_is_never_repeated(
    fault: Fault, error_type: str
) -> None:
    async with make_rig(profile_id="generic-jit") as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        lock.fault = lambda _, message: fault if isinstance(message, m.UnlockDoor) else None
        attempt_id = await rig.begin("UNLOCK_DOOR")
        await asyncio.sleep(SDK_WAIT_S)
        attempt = await rig.attempt(attempt_id)
        assert (attempt.status, attempt.error["type"]) == ("error", error_type)
        await asyncio.sleep(HOUR_S)
        assert opened(lock.requests) == 1


async def test_unlock_of_a_device_out_of_reach_never_happens_later() -> None:
    async with make_rig(profile_id="generic-jit") as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        lock.is_reachable = False
        attempt_id = await rig.begin("UNLOCK_DOOR")
        await asyncio.sleep(11)
        attempt = await rig.attempt(attempt_id)
        assert (attempt.status, attempt.error["type"]) == ("error", "device_unreachable")
        lock.is_reachable = True
        await asyncio.sleep(HOUR_S)
        assert opened(lock.requests) == 0


async def test_action_of_a_device_in_back_off_is_tried_at_once() -> None:
    async with make_rig(profile_id="generic-jit") as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        lock.is_reachable = False
        await rig.add_code()
        await asyncio.sleep(3 * HOUR_S)
        await rig.quiet()
        lock.is_reachable = True
        attempt_id = await rig.begin("UNLOCK_DOOR")
        await asyncio.sleep(SDK_WAIT_S)
        assert (await rig.attempt(attempt_id)).status == "success"


async def test_action_during_a_long_session_is_done_between_two_steps() -> None:
    async with make_rig(profile_id="generic-jit") as rig, rig.running():
        lock = rig.locks["d-0"]
        lock.slot_count = 30
        await rig.settle()
        lock.latency_s = 0.25  # Half a second a request.
        for number in range(30):
            await rig.add_code(code=f"1234{number:02}")
        await asyncio.sleep(5)
        attempt_id = await rig.begin("UNLOCK_DOOR")
        await asyncio.sleep(SDK_WAIT_S)
        assert (await rig.attempt(attempt_id)).status == "success"
        assert lock.session_count == 2  # Still the same one.
        await rig.settle()
        assert len(lock.pins()) == 30


async def test_action_that_was_pending_at_a_restart_is_ended_and_not_done() -> None:
    async with make_rig(profile_id="generic-jit") as rig:
        lock = rig.locks["d-0"]
        attempt_id = await rig.begin("UNLOCK_DOOR")
        count = await rig.store.write(lambda conn: end_interrupted(conn, rig.services.context))
        assert count == 1
        async with rig.running():
            await rig.settle()
            attempt = await rig.attempt(attempt_id)
            assert (attempt.status, attempt.error["type"]) == ("error", "gateway_restarted")
            assert opened(lock.requests) == 0


async def test_action_that_expires_while_connecting_is_not_done() -> None:
    policy = Policy(action_attempt_timeout_s=2)
    async with make_rig(profile_id="generic-jit", policy=policy) as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        lock.connect_s = 5
        attempt_id = await rig.begin("UNLOCK_DOOR")
        await asyncio.sleep(10)
        assert (await rig.attempt(attempt_id)).status == "error"
        assert lock.session_count == 2
        assert opened(lock.requests) == 0


async def test_two_actions_are_done_in_order() -> None:
    async with make_rig(profile_id="generic-jit") as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        first = await rig.begin("UNLOCK_DOOR")
        await asyncio.sleep(0.001)
        second = await rig.begin("LOCK_DOOR")
        await rig.settle()
        done = [message for message in lock.changes if not isinstance(message, m.SetTime)]
        assert [type(message) for message in done] == [m.UnlockDoor, m.LockDoor]
        assert {(await rig.attempt(each)).status for each in (first, second)} == {"success"}
