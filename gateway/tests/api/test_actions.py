from __future__ import annotations

import asyncio
from typing import Any

from gateway.access import attempts
from gateway.access.attempts import AttemptError
from gateway.api.services import Limits
from gateway.ports import NoSettling
from gateway.tests.api.house import JIT, LATCH, House
from gateway.tests.api.required import assert_refused


async def attempted(house: House, path: str = "/locks/unlock_door", **more: Any) -> dict[str, Any]:
    body = await house.call(path, **{"device_id": JIT, **more})
    attempt: dict[str, Any] = body["action_attempt"]
    return attempt


async def test_unlock_when_the_device_settles_then_the_attempt_comes_back_finished(
    house: House,
) -> None:
    attempt = await attempted(house)
    assert attempt["action_type"] == "UNLOCK_DOOR"
    assert (attempt["status"], attempt["error"]) == ("success", None)
    assert attempt["result"] == {"was_confirmed_by_device": True}
    assert house.woken == [JIT]
    again = await house.call(
        "/action_attempts/get", method="GET", action_attempt_id=attempt["action_attempt_id"]
    )
    assert again["action_attempt"] == attempt


async def test_lock_when_the_device_settles_then_the_attempt_comes_back_finished(
    house: House,
) -> None:
    attempt = await attempted(house, "/locks/lock_door")
    assert (attempt["action_type"], attempt["status"]) == ("LOCK_DOOR", "success")


async def test_unlock_when_the_device_says_nothing_then_the_attempt_is_pending(
    house: House,
) -> None:
    house.is_confirming = False
    attempt = await attempted(house, sync=True)
    assert attempt["status"] == "pending"
    assert attempt["result"] is attempt["error"] is None


async def test_unlock_when_the_attempt_expires_then_it_is_an_error(house: House) -> None:
    house.is_confirming = False
    attempt = await attempted(house)
    house.clock.ms += house.policy.action_attempt_timeout_s * 1000
    await house.confirm()
    body = await house.call("/action_attempts/get", action_attempt_id=attempt["action_attempt_id"])
    assert body["action_attempt"]["status"] == "error"
    assert body["action_attempt"]["error"]["type"] == "action_attempt_expired"
    assert body["action_attempt"]["result"] is None


async def test_unlock_when_the_kind_of_lock_never_does_then_it_is_refused(house: House) -> None:
    for path in ("/locks/unlock_door", "/locks/lock_door"):
        response = await house.ask(path, device_id=LATCH)
        error = assert_refused(response, 400, "invalid_input")
        assert error["validation_errors"]["device_id"]["_errors"]
    assert house.woken == []
    assert_refused(await house.ask("/locks/unlock_door", device_id="x"), 404, "device_not_found")
    assert_refused(await house.ask("/locks/lock_door"), 400, "invalid_input")


async def test_sync_when_time_goes_on_by_itself_then_the_request_waits_for_the_end(
    house: House,
) -> None:
    house.rebuild(settling=NoSettling())

    async def confirm_later() -> None:
        await asyncio.sleep(3)  # Virtual time.
        await house.confirm()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(confirm_later(), name="device")
        attempt = await attempted(house, sync=True)
    assert attempt["status"] == "success"


async def test_sync_when_the_device_never_answers_then_the_wait_has_an_end(house: House) -> None:
    house.rebuild(settling=NoSettling(), limits=Limits(sync_wait_s=10))
    before = asyncio.get_running_loop().time()
    assert (await attempted(house, sync=True))["status"] == "pending"
    assert 10 <= asyncio.get_running_loop().time() - before < 11


async def test_unlock_when_nothing_settles_then_it_answers_at_once(house: House) -> None:
    house.rebuild(settling=NoSettling())
    before = asyncio.get_running_loop().time()
    assert (await attempted(house))["status"] == "pending"
    assert asyncio.get_running_loop().time() == before


async def test_keypad_when_the_code_opens_then_the_attempt_succeeds(house: House) -> None:
    house.keypad.opens_for.add((JIT, "2468"))
    attempt = await attempted(house, "/locks/simulate/keypad_code_entry", code="2468")
    assert attempt["action_type"] == "SIMULATE_KEYPAD_CODE_ENTRY"
    assert (attempt["status"], attempt["result"]) == ("success", {})
    assert house.woken == [JIT]


async def test_keypad_when_the_code_does_not_open_then_the_attempt_fails(house: House) -> None:
    attempt = await attempted(house, "/locks/simulate/keypad_code_entry", code="1357#")
    assert attempt["status"] == "error"
    assert attempt["error"] == {
        "type": "code_not_accepted",
        "message": "The lock did not open for this code",
    }


async def test_keypad_when_the_device_is_a_real_one_then_it_is_told(house: House) -> None:
    house.keypad.device_ids.clear()
    attempt = await attempted(house, "/locks/simulate/keypad_code_entry", code="1357")
    assert attempt["error"]["type"] == "device_not_simulated"
    house.rebuild(keypad=None)
    response = await house.ask("/locks/simulate/keypad_code_entry", device_id=JIT, code="1357")
    assert_refused(response, 400, "invalid_input")


async def test_keypad_when_the_parameters_are_at_fault_then_it_is_refused(house: House) -> None:
    path = "/locks/simulate/keypad_code_entry"
    assert_refused(await house.ask(path, device_id="x", code="1"), 404, "device_not_found")
    for code in ("", "12 34", "abcd", "1" * 65, 1234):
        response = await house.ask(path, device_id=JIT, code=code)
        error = assert_refused(response, 400, "invalid_input")
        assert error["validation_errors"]["code"]["_errors"]


async def test_attempts_when_listed_then_they_are_narrowed_and_paged(house: House) -> None:
    made = [(await attempted(house))["action_attempt_id"] for _ in range(3)]
    house.clock.ms += 1
    other = await house.store.write(
        lambda conn: attempts.begin(conn, house.context(), "LOCK_DOOR", LATCH)
    )
    failed = AttemptError(type="device_offline", message="Out of reach")
    await house.store.write(
        lambda conn: attempts.finish(conn, house.context(), other, error=failed)
    )

    async def ids(**narrow: Any) -> list[str]:
        body = await house.call("/action_attempts/list", **narrow)
        return [one["action_attempt_id"] for one in body["action_attempts"]]

    assert await ids() == [*sorted(made), other]
    assert await ids(device_id=LATCH) == [other]
    assert await ids(action_attempt_ids=[made[0], "x"]) == [made[0]]
    assert await ids(device_id="x") == []
    body = await house.call("/action_attempts/list", limit=3)
    assert body["pagination"]["has_next_page"] is True
    response = await house.ask("/action_attempts/get", action_attempt_id="x")
    assert_refused(response, 404, "action_attempt_not_found")
