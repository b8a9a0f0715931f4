from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from gateway.plan.policy import Policy
from gateway.tests.api.house import JIT, LATCH, NATIVE, START_MS, House, open_house
from gateway.tests.api.required import assert_refused

WINDOW = {"starts_at": "2025-07-13T15:00:00Z", "ends_at": "2025-07-16T11:00:00Z"}


async def created(house: House, **parameters: Any) -> dict[str, Any]:
    body = await house.call("/access_codes/create", **{"device_id": NATIVE, **parameters})
    code: dict[str, Any] = body["access_code"]
    return code


async def got(house: House, code: dict[str, Any]) -> dict[str, Any]:
    body = await house.call("/access_codes/get", access_code_id=code["access_code_id"])
    found: dict[str, Any] = body["access_code"]
    return found


async def test_create_when_no_times_are_given_then_it_is_ongoing_and_set(house: House) -> None:
    code = await created(house, code="2468", name="Cleaner")
    assert (code["type"], code["status"], code["code"]) == ("ongoing", "set", "2468")
    assert (code["starts_at"], code["ends_at"]) == (None, None)
    assert (code["name"], code["common_code_key"]) == ("Cleaner", None)
    assert code["created_at"] == "2025-07-10T12:00:00.000Z"
    assert code["pending_mutations"] == code["errors"] == code["warnings"] == []
    assert house.woken == [NATIVE]


async def test_create_when_it_is_time_bound_then_it_waits_for_its_lead(house: House) -> None:
    native = await created(house, **WINDOW)
    jit = await created(house, device_id=JIT, **WINDOW)
    assert native["type"] == jit["type"] == "time_bound"
    scheduled = [code["pending_mutations"][0]["scheduled_at"] for code in (native, jit)]
    assert scheduled == ["2025-07-10T15:00:00.000Z", "2025-07-13T14:30:00.000Z"]
    not_native = await created(house, **WINDOW, prefer_native_scheduling=False)
    assert not_native["pending_mutations"][0]["scheduled_at"] == "2025-07-13T14:30:00.000Z"


async def test_create_when_only_the_end_is_given_then_it_starts_now(house: House) -> None:
    code = await created(house, ends_at="2025-07-16T11:00:00+02:00")
    assert code["starts_at"] == "2025-07-10T12:00:00.000Z"
    assert code["ends_at"] == "2025-07-16T09:00:00.000Z"


async def test_create_when_external_modification_is_spelled_either_way_then_it_counts(
    house: House,
) -> None:
    assert (await created(house))["is_external_modification_allowed"] is False
    newer = await created(house, is_external_modification_allowed=True)
    older = await created(house, allow_external_modification=True)
    both = await created(
        house, is_external_modification_allowed=False, allow_external_modification=True
    )
    shown = [one["is_external_modification_allowed"] for one in (newer, older, both)]
    assert shown == [True, True, False]


@pytest.mark.parametrize(
    ("changed", "status", "error_type"),
    [
        ({"device_id": "nowhere"}, 404, "device_not_found"),
        ({"device_id": ""}, 404, "device_not_found"),
        ({"device_id": "x" * 5000}, 404, "device_not_found"),
        ({"device_id": LATCH, "code": "1234567"}, 400, "invalid_input"),
        ({"code": "1" * 12}, 400, "invalid_input"),
        ({"code": "12"}, 400, "invalid_input"),
        ({"name": "x" * 300}, 400, "invalid_input"),
        ({"common_code_key": ""}, 400, "invalid_input"),
        ({"ends_at": "2025-07-10T12:00:00Z"}, 400, "invalid_input"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, 400, "invalid_input"),
        ({**WINDOW, "ends_at": "2025-07-13T15:00:00Z"}, 400, "invalid_input"),
        ({**WINDOW, "starts_at": "0001-01-01T00:00:00Z"}, 400, "invalid_input"),
        ({**WINDOW, "ends_at": "9999-12-31T23:59:59Z"}, 400, "invalid_input"),
        ({"is_offline_access_code": True}, 400, "invalid_input"),
        ({"use_offline_access_code": True}, 400, "invalid_input"),
        ({"is_one_time_use": True}, 400, "invalid_input"),
        ({"use_backup_access_code_pool": True}, 400, "invalid_input"),
    ],
)
async def test_create_when_something_is_wrong_then_the_documented_error_says_so(
    house: House, changed: dict[str, Any], status: int, error_type: str
) -> None:
    response = await house.ask("/access_codes/create", **{"device_id": NATIVE, **changed})
    assert_refused(response, status, error_type)
    listed = await house.call("/access_codes/list", device_id=NATIVE)
    assert listed["access_codes"] == []


async def test_create_when_the_device_has_that_pin_then_it_is_a_conflict(house: House) -> None:
    await created(house, code="2468")
    for window in ({}, {"starts_at": "2026-07-13T15:00:00Z", "ends_at": "2026-07-16T11:00:00Z"}):
        response = await house.ask("/access_codes/create", device_id=NATIVE, code="2468", **window)
        error = assert_refused(response, 409, "duplicate_access_code")
        assert "2468" not in error["message"]
    await created(house, device_id=JIT, code="2468")


async def test_create_when_disjoint_windows_are_allowed_then_the_pin_may_be_used_twice() -> None:
    async with open_house(policy=Policy(allow_disjoint_duplicates=True)) as house:
        await created(house, code="2468", **WINDOW)
        later = {"starts_at": "2026-07-13T15:00:00Z", "ends_at": "2026-07-16T11:00:00Z"}
        await created(house, code="2468", **later)


async def test_create_when_its_window_ends_while_devices_settle_then_it_is_shown_as_made(
    house: House,
) -> None:
    house.settling_takes_ms = 120_000
    code = await created(house, ends_at="2025-07-10T12:01:00Z")
    assert code["ends_at"] == "2025-07-10T12:01:00.000Z"
    response = await house.ask("/access_codes/get", access_code_id=code["access_code_id"])
    assert_refused(response, 404, "access_code_not_found")


async def test_create_multiple_when_no_code_is_given_then_the_codes_are_linked(
    house: House,
) -> None:
    body = await house.call(
        "/access_codes/create_multiple", method="PUT", device_ids=[NATIVE, JIT, NATIVE]
    )
    first, second = body["access_codes"]
    assert (first["device_id"], second["device_id"]) == (NATIVE, JIT)
    assert first["code"] == second["code"]
    assert first["common_code_key"] == second["common_code_key"]
    assert first["common_code_key"].startswith("auto_set_by_create_multiple_")
    assert house.woken == [NATIVE, JIT]


async def test_create_multiple_when_one_device_has_the_code_then_all_or_none_or_another(
    house: House,
) -> None:
    await created(house, device_id=JIT, code="2468")
    parameters: dict[str, Any] = {"device_ids": [NATIVE, JIT], "code": "2468"}
    response = await house.ask("/access_codes/create_multiple", **parameters)
    assert_refused(response, 409, "duplicate_access_code")
    assert (await house.call("/access_codes/list", device_id=NATIVE))["access_codes"] == []
    body = await house.call(
        "/access_codes/create_multiple",
        **parameters,
        behavior_when_code_cannot_be_shared="create_random_code",
    )
    first, second = body["access_codes"]
    assert first["code"] == "2468" != second["code"]
    assert first["common_code_key"] is None


async def test_get_when_asked_by_device_and_code_then_it_is_the_same(house: House) -> None:
    code = await created(house, code="2468")
    found = await house.call("/access_codes/get", method="GET", device_id=NATIVE, code="2468")
    assert found["access_code"]["access_code_id"] == code["access_code_id"]
    for parameters in (
        {"access_code_id": "nothing"},
        {"device_id": NATIVE, "code": "1357"},
        {"device_id": JIT, "code": "2468"},
        {"access_code_id": code["access_code_id"], "device_id": JIT},
    ):
        response = await house.ask("/access_codes/get", **parameters)
        error = assert_refused(response, 404, "access_code_not_found")
        assert "1357" not in error["message"]
        assert "2468" not in error["message"]


async def test_list_when_narrowed_then_only_what_fits_is_listed(house: House) -> None:
    first = await created(house, code="2468", name="Cleaner")
    second = await created(house, device_id=JIT, code="1357")

    async def ids(**narrow: Any) -> list[str]:
        body = await house.call("/access_codes/list", **narrow)
        return [code["access_code_id"] for code in body["access_codes"]]

    one, two = first["access_code_id"], second["access_code_id"]
    assert await ids(device_id=NATIVE) == [one]
    assert sorted(await ids(access_code_ids=[one, two, "x"])) == sorted([one, two])
    assert await ids(access_code_ids=[]) == []
    assert await ids(search="clean") == [one]
    assert await ids(search="135") == [two]
    assert await ids(search=two[:8]) == [two]
    for nothing in (
        {"device_id": "x"},
        {"access_grant_id": "x"},
        {"access_grant_key": "x"},
        {"access_method_id": "x"},
        {"customer_key": "x"},
        {"user_identifier_key": "x"},
        {"search": "%"},
    ):
        assert await ids(**nothing) == []
    error = assert_refused(await house.ask("/access_codes/list", limit=5), 400, "invalid_input")
    assert error["validation_errors"]["_errors"]


async def test_update_when_a_stored_code_changes_then_events_tell_from_and_to(
    house: House,
) -> None:
    code = await created(house, code="2468", name="Cleaner")
    body = await house.call(
        "/access_codes/update",
        method="PUT",
        access_code_id=code["access_code_id"],
        code="1357",
        name="Gardener",
        is_external_modification_allowed=True,
    )
    assert body == {"ok": True}
    found = await got(house, code)
    assert (found["code"], found["name"], found["status"]) == ("1357", "Gardener", "set")
    assert found["is_external_modification_allowed"] is True
    events = await house.call(
        "/events/list", access_code_id=code["access_code_id"], since="2000-01-01T00:00:00Z"
    )
    by_type = {event["event_type"]: event for event in events["events"]}
    assert by_type["access_code.code_changed"]["from"] == {"code": "2468"}
    assert by_type["access_code.code_changed"]["to"] == {"code": "1357"}
    assert by_type["access_code.name_changed"]["to"] == {"name": "Gardener"}
    assert by_type["access_code.mutations_requested"]["requested_mutations"]


async def test_update_when_the_type_changes_then_so_do_the_times(house: House) -> None:
    code = await created(house)
    access_code_id = code["access_code_id"]
    await house.call("/access_codes/update", access_code_id=access_code_id, **WINDOW)
    assert (await got(house, code))["type"] == "time_bound"
    await house.call("/access_codes/update", access_code_id=access_code_id, type="ongoing")
    found = await got(house, code)
    assert (found["type"], found["ends_at"]) == ("ongoing", None)


async def test_update_when_the_device_is_out_of_reach_then_the_change_is_pending(
    house: House,
) -> None:
    code = await created(house, code="2468")
    house.is_confirming = False
    await house.call(
        "/access_codes/update", access_code_id=code["access_code_id"], ends_at=WINDOW["ends_at"]
    )
    [mutation] = (await got(house, code))["pending_mutations"]
    assert mutation["mutation_code"] == "updating_time_frame"
    assert mutation["to"]["ends_at"] == "2025-07-16T11:00:00.000Z"
    assert mutation["from"]["ends_at"] is None


@pytest.mark.parametrize(
    ("changed", "status", "error_type"),
    [
        ({"access_code_id": "x"}, 404, "access_code_not_found"),
        ({"device_id": JIT}, 404, "access_code_not_found"),
        ({"is_managed": False}, 400, "invalid_input"),
        ({"is_offline_access_code": True}, 400, "invalid_input"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, 400, "invalid_input"),
        ({"type": "forever"}, 400, "invalid_input"),
        ({"type": "time_bound"}, 400, "invalid_input"),
        ({"code": "999"}, 400, "invalid_input"),
    ],
)
async def test_update_when_something_is_wrong_then_nothing_changes(
    house: House, changed: dict[str, Any], status: int, error_type: str
) -> None:
    code = await created(house, name="Cleaner")
    parameters = {"access_code_id": code["access_code_id"], "name": "Changed", **changed}
    assert_refused(await house.ask("/access_codes/update", **parameters), status, error_type)
    assert (await got(house, code))["name"] == "Cleaner"


async def test_delete_when_the_device_confirms_then_it_is_gone(house: House) -> None:
    code = await created(house)
    parameters = {"access_code_id": code["access_code_id"], "device_id": NATIVE}
    assert await house.call("/access_codes/delete", method="DELETE", **parameters) == {"ok": True}
    for path in ("/access_codes/delete", "/access_codes/get"):
        response = await house.ask(path, access_code_id=code["access_code_id"])
        assert_refused(response, 404, "access_code_not_found")


async def test_delete_when_the_device_is_out_of_reach_then_it_stays_listed(house: House) -> None:
    code = await created(house)
    other = {"access_code_id": code["access_code_id"], "device_id": JIT}
    response = await house.ask("/access_codes/delete", **other)
    assert_refused(response, 404, "access_code_not_found")
    house.is_confirming = False
    await house.call("/access_codes/delete", access_code_id=code["access_code_id"])
    found = await got(house, code)
    assert (found["status"], found["display_status"]) == ("removing", "Removing")
    assert found["warnings"][0]["warning_code"] == "being_deleted"
    assert found["pending_mutations"][0]["mutation_code"] == "deleting"


async def test_generate_when_asked_then_the_code_fits_the_device_and_is_not_kept(
    house: House,
) -> None:
    body = await house.call("/access_codes/generate_code", method="GET", device_id=LATCH)
    assert body["generated_code"]["device_id"] == LATCH
    assert len(body["generated_code"]["code"]) == 7
    listed = await house.call("/access_codes/list", device_id=LATCH)
    assert listed["access_codes"] == []
    response = await house.ask("/access_codes/generate_code", device_id="x")
    assert_refused(response, 404, "device_not_found")


async def test_list_when_a_device_has_500_codes_then_it_takes_a_few_queries(house: House) -> None:
    house.is_confirming = False
    for number in range(500):
        await house.call("/access_codes/create", device_id=JIT, code=f"{number * 7 + 100000}")
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    engine = house.store._engines.reader
    sa.event.listen(engine, "before_cursor_execute", counted)
    body = await house.call("/access_codes/list", device_id=JIT)
    sa.event.remove(engine, "before_cursor_execute", counted)
    assert len(body["access_codes"]) == 500
    assert body["pagination"]["has_next_page"] is False
    assert count <= 3
    assert house.clock.ms == START_MS
