from __future__ import annotations

from typing import Any

import pytest

from gateway.access import grants
from gateway.tests.api.house import DAY_MS, HOUR_MS, JIT, LATCH, NATIVE, House
from gateway.tests.api.required import assert_refused

# The seed's example, values verbatim.
EXAMPLE: dict[str, Any] = {
    "user_identity": {"full_name": "Jane Doe", "email_address": "jane@example.com"},
    "device_ids": [LATCH],
    "requested_access_methods": [{"mode": "code"}],
    "starts_at": "2025-07-13T15:00:00.000Z",
    "ends_at": "2025-07-16T11:00:00.000Z",
}
START_MS = 1_752_418_800_000
END_MS = 1_752_663_600_000


async def granted(house: House, **changed: Any) -> dict[str, Any]:
    body = await house.call("/access_grants/create", **{**EXAMPLE, **changed})
    grant: dict[str, Any] = body["access_grant"]
    return grant


async def method_of(house: House, grant: dict[str, Any]) -> dict[str, Any]:
    [method_id] = grant["access_method_ids"]
    body = await house.call("/access_methods/get", access_method_id=method_id)
    method: dict[str, Any] = body["access_method"]
    return method


async def code_of(house: House, grant: dict[str, Any]) -> dict[str, Any]:
    body = await house.call("/access_codes/list", access_grant_id=grant["access_grant_id"])
    [code] = body["access_codes"]
    return dict(code)


async def told(house: House, **narrow: Any) -> list[str]:
    body = await house.call("/events/list", since="2000-01-01T00:00:00Z", **narrow)
    return [event["event_type"] for event in body["events"]]


async def test_create_when_it_is_the_seeds_example_then_the_grant_is_as_documented(
    house: House,
) -> None:
    grant = await granted(house)
    assert grant["starts_at"] == EXAMPLE["starts_at"]
    assert grant["ends_at"] == EXAMPLE["ends_at"]
    assert grant["name"] is None
    assert grant["display_name"] == "Access for Jane Doe"
    assert grant["display_status"] == "Upcoming"
    assert "access_grant_key" not in grant
    [requested] = grant["requested_access_methods"]
    assert requested["mode"] == "code"
    assert requested["display_name"] == "PIN code"
    assert requested["created_access_method_ids"] == grant["access_method_ids"]
    assert house.woken == [LATCH]
    assert house.settle_count == 1


async def test_create_when_the_start_is_far_then_the_code_is_there_but_waits(house: House) -> None:
    grant = await granted(house)
    method = await method_of(house, grant)
    assert method["is_issued"] is False
    assert method["issued_at"] is None
    assert method["display_status"] == "Awaiting issuance"
    [pending] = method["pending_mutations"]
    assert pending["mutation_code"] == "provisioning_access"
    assert pending["from"] == {"device_ids": []}
    assert pending["to"] == {"device_ids": [LATCH]}
    code = await code_of(house, grant)
    assert code["code"] == method["code"]
    assert len(code["code"]) == 7
    assert code["type"] == "time_bound"
    assert (code["status"], code["is_scheduled_on_device"]) == ("unset", False)
    assert code["display_status"] == "Upcoming"
    [mutation] = code["pending_mutations"]
    assert mutation["mutation_code"] == "deferring_creation"
    assert mutation["scheduled_at"] == "2025-07-10T15:00:00.000Z"  # 72 h before the start


async def test_grant_when_time_goes_on_then_its_objects_follow_the_documented_states(
    house: House,
) -> None:
    grant = await granted(house)
    await house.at(START_MS - 72 * HOUR_MS)
    code = await code_of(house, grant)
    assert (code["status"], code["is_scheduled_on_device"]) == ("unset", True)
    assert code["display_status"] == "Scheduled on device"
    assert code["pending_mutations"] == []
    method = await method_of(house, grant)
    assert method["is_issued"] is True
    assert method["issued_at"] == "2025-07-10T15:00:00.000Z"
    assert method["display_status"] == "Issued"
    assert method["pending_mutations"] == []

    await house.at(START_MS)
    code = await code_of(house, grant)
    assert (code["status"], code["is_scheduled_on_device"]) == ("set", False)
    assert code["display_status"] == "Active"
    found = await house.call("/access_grants/get", access_grant_id=grant["access_grant_id"])
    assert found["access_grant"]["display_status"] == "Active"

    await house.at(END_MS)
    gone = await house.ask("/access_codes/get", access_code_id=code["access_code_id"])
    assert_refused(gone, 404, "access_code_not_found")
    types = await told(house)
    for expected in (
        "access_grant.created",
        "access_method.created",
        "access_code.created",
        "access_code.scheduled_on_device",
        "access_method.issued",
        "access_grant.access_granted_to_all_doors",
        "access_code.set_on_device",
        "access_code.removed_from_device",
        "access_code.deleted",
    ):
        assert expected in types, expected


async def test_grant_when_devices_are_out_of_reach_then_it_awaits_issuance(house: House) -> None:
    house.is_confirming = False
    grant = await granted(house, starts_at="2025-07-10T12:00:00Z", device_ids=[NATIVE])
    code = await code_of(house, grant)
    assert code["status"] == "setting"
    assert code["display_status"] == "Issuing"
    found = await house.call("/access_grants/get", access_grant_id=grant["access_grant_id"])
    assert found["access_grant"]["display_status"] == "Awaiting issuance"


async def test_create_when_its_window_ends_while_devices_settle_then_it_is_shown_all_the_same(
    house: House,
) -> None:
    house.settling_takes_ms = 120_000
    grant = await granted(house, starts_at=..., ends_at="2025-07-10T12:01:00Z")
    assert grant["ends_at"] == "2025-07-10T12:01:00.000Z"
    listed = await house.call("/access_codes/list", access_grant_id=grant["access_grant_id"])
    assert listed["access_codes"] == []


async def test_create_when_somebody_deletes_it_while_devices_settle_then_it_is_shown_as_made(
    house: House,
) -> None:
    class Deleting:
        async def settle(self) -> None:
            [grant] = (await house.call("/access_grants/list"))["access_grants"]
            grant_id, ctx = grant["access_grant_id"], house.context()
            await house.store.write(lambda conn: grants.delete_grant(conn, ctx, grant_id))

    house.rebuild(settling=Deleting())
    grant = await granted(house)
    assert grant["display_status"] == "Upcoming"
    assert (await house.call("/access_grants/list"))["access_grants"] == []


async def test_create_when_the_person_is_known_then_the_identity_is_used_again(
    house: House,
) -> None:
    first, second = await granted(house), await granted(house)
    assert first["user_identity_id"] == second["user_identity_id"]
    third = await granted(house, user_identity=..., user_identity_id=first["user_identity_id"])
    assert third["user_identity_id"] == first["user_identity_id"]


async def test_create_when_a_code_is_asked_for_then_it_is_shown_as_asked(house: House) -> None:
    requested = [{"mode": "code", "code": "2468"}]
    grant = await granted(house, device_ids=[NATIVE, JIT], requested_access_methods=requested)
    assert grant["requested_access_methods"][0]["code"] == "2468"
    assert (await method_of(house, grant))["code"] == "2468"


@pytest.mark.parametrize(
    ("changed", "status", "error_type"),
    [
        ({"device_ids": ["nowhere"]}, 404, "device_not_found"),
        ({"device_ids": [LATCH, ""]}, 404, "device_not_found"),
        ({"space_ids": ["s"]}, 404, "space_not_found"),
        ({"space_keys": ["s"]}, 404, "space_not_found"),
        ({"location_ids": ["s"]}, 404, "space_not_found"),
        ({"acs_entrance_ids": ["e"]}, 404, "acs_entrance_not_found"),
        ({"user_identity": ..., "user_identity_id": "u"}, 404, "user_identity_not_found"),
        ({"user_identity_id": "u"}, 400, "invalid_input"),
        ({"user_identity": {}}, 400, "invalid_input"),
        ({"requested_access_methods": []}, 400, "invalid_input"),
        ({"reservation_key": "r"}, 400, "invalid_input"),
        ({"ends_at": "2025-07-10T11:59:59Z", "starts_at": ...}, 400, "invalid_input"),
        ({"ends_at": "2025-07-13T15:00:00Z"}, 400, "invalid_input"),
        ({"starts_at": "2025-07-13"}, 400, "invalid_input"),
        ({"name": "x" * 256}, 400, "invalid_input"),
        ({"access_grant_key": ""}, 400, "invalid_input"),
    ],
)
async def test_create_when_something_is_wrong_then_the_documented_error_says_so(
    house: House, changed: dict[str, Any], status: int, error_type: str
) -> None:
    response = await house.ask("/access_grants/create", **{**EXAMPLE, **changed})
    error = assert_refused(response, status, error_type)
    assert ("validation_errors" in error) == (status == 400)
    assert house.settle_count == 0
    listed = await house.call("/access_grants/list")
    assert listed["access_grants"] == []


async def test_create_when_a_door_can_not_do_what_is_asked_then_the_grant_says_so(
    house: House,
) -> None:
    for mode in ("card", "cloud_key", "mobile_key"):
        grant = await granted(house, requested_access_methods=[{"mode": mode}])
        assert grant["access_method_ids"] == []
        assert grant["requested_access_methods"][0]["mode"] == mode
        [error] = grant["errors"]
        assert error["error_code"] == "cannot_create_requested_access_methods"
        assert error["missing_device_ids"] == [LATCH]
        assert grant["display_status"] == "Needs attention"
    grant = await granted(house, starts_at="2200-01-01T00:00:00Z", ends_at=None)
    [warning] = grant["warnings"]
    assert warning["warning_code"] == "device_time_constraints_violated"


async def test_create_when_the_key_is_taken_then_it_is_a_conflict(house: House) -> None:
    grant = await granted(house, access_grant_key="stay-1")
    assert grant["access_grant_key"] == "stay-1"
    response = await house.ask("/access_grants/create", **EXAMPLE, access_grant_key="stay-1")
    assert response.status_code == 409
    assert response.json()["ok"] is False


async def test_get_when_asked_by_key_then_it_is_the_same_grant(house: House) -> None:
    grant = await granted(house, access_grant_key="stay-1")
    found = await house.call("/access_grants/get", access_grant_key="stay-1")
    assert found["access_grant"]["access_grant_id"] == grant["access_grant_id"]
    for parameters in ({"access_grant_key": "stay-2"}, {"access_grant_id": "'; drop table"}):
        response = await house.ask("/access_grants/get", **parameters)
        assert_refused(response, 404, "access_grant_not_found")


async def test_update_when_the_end_moves_then_the_codes_are_programmed_anew(house: House) -> None:
    grant = await granted(house)
    await house.at(START_MS - DAY_MS)
    before = await method_of(house, grant)
    body = await house.call(
        "/access_grants/update",
        method="PATCH",
        access_grant_id=grant["access_grant_id"],
        ends_at="2025-07-17T11:00:00Z",
    )
    assert body == {"ok": True}
    after = await method_of(house, grant)
    assert after["code"] == before["code"]
    assert after["is_issued"] is True
    assert (await code_of(house, grant))["ends_at"] == "2025-07-17T11:00:00.000Z"
    types = await told(house)
    assert types.index("access_method.revoked") < types.index("access_method.reissued")


async def test_update_when_the_devices_are_out_of_reach_then_the_change_is_pending(
    house: House,
) -> None:
    grant = await granted(house)
    await house.at(START_MS - DAY_MS)
    house.is_confirming = False
    await house.call(
        "/access_grants/update",
        access_grant_id=grant["access_grant_id"],
        ends_at="2025-07-17T11:00:00Z",
    )
    found = await house.call("/access_grants/get", access_grant_id=grant["access_grant_id"])
    [mutation] = found["access_grant"]["pending_mutations"]
    assert mutation["mutation_code"] == "updating_access_times"
    assert mutation["access_method_ids"] == grant["access_method_ids"]
    assert mutation["from"]["ends_at"] == "2025-07-16T11:00:00.000Z"
    assert mutation["to"]["ends_at"] == "2025-07-17T11:00:00.000Z"
    method = await method_of(house, grant)
    assert method["display_status"] == "Awaiting reissuance"
    [pending] = method["pending_mutations"]
    assert pending["mutation_code"] == "updating_access_times"


async def test_update_when_only_the_name_is_given_then_nothing_else_changes(house: House) -> None:
    grant = await granted(house)
    grant_id = grant["access_grant_id"]
    await house.call("/access_grants/update", access_grant_id=grant_id, name="Summer")
    found = (await house.call("/access_grants/get", access_grant_id=grant_id))["access_grant"]
    assert (found["name"], found["display_name"]) == ("Summer", "Summer")
    assert found["ends_at"] == grant["ends_at"]
    await house.call("/access_grants/update", access_grant_id=grant_id, name=None)
    found = (await house.call("/access_grants/get", access_grant_id=grant_id))["access_grant"]
    assert found["name"] is None


async def test_update_when_the_end_is_null_then_the_grant_is_open_ended(house: House) -> None:
    grant = await granted(house, access_grant_key="stay-1")
    await house.call("/access_grants/update", access_grant_key="stay-1", ends_at=None)
    found = await house.call("/access_grants/get", access_grant_key="stay-1")
    assert found["access_grant"]["ends_at"] is None
    assert (await code_of(house, grant))["type"] == "ongoing"


async def test_delete_when_nothing_is_on_a_device_then_it_is_gone_at_once(house: House) -> None:
    grant = await granted(house)
    grant_id = grant["access_grant_id"]
    assert await house.call("/access_grants/delete", access_grant_id=grant_id) == {"ok": True}
    for _ in range(2):
        response = await house.ask("/access_grants/get", access_grant_id=grant_id)
        assert_refused(response, 404, "access_grant_not_found")
    again = await house.ask("/access_grants/delete", access_grant_id=grant_id)
    assert_refused(again, 404, "access_grant_not_found")
    assert "access_grant.deleted" in await told(house, access_grant_id=grant_id)


async def test_delete_when_the_device_is_out_of_reach_then_it_stays_listed_as_leaving(
    house: House,
) -> None:
    grant = await granted(house, starts_at="2025-07-10T12:00:00Z")
    house.is_confirming = False
    await house.call("/access_grants/delete", access_grant_id=grant["access_grant_id"])
    found = await house.call("/access_grants/get", access_grant_id=grant["access_grant_id"])
    assert found["access_grant"]["display_status"] == "Being deleted"
    [warning] = found["access_grant"]["warnings"]
    assert warning["warning_code"] == "being_deleted"
    method = await method_of(house, grant)
    assert method["display_status"] == "Being deleted"
    [pending] = method["pending_mutations"]
    assert pending["mutation_code"] == "revoking_access"
    assert (await code_of(house, grant))["display_status"] == "Removing"


async def test_list_when_narrowed_then_only_what_fits_is_listed(house: House) -> None:
    first = await granted(house, name="Ground floor", access_grant_key="a")
    second = await granted(
        house,
        user_identity={"full_name": "John"},
        device_ids=[NATIVE],
        access_grant_key="b",
    )
    code = await code_of(house, second)

    async def ids(**narrow: Any) -> list[str]:
        body = await house.call("/access_grants/list", **narrow)
        return [grant["access_grant_id"] for grant in body["access_grants"]]

    both = [first["access_grant_id"], second["access_grant_id"]]
    assert sorted(await ids()) == sorted(both)
    assert await ids(device_id=NATIVE) == both[1:]
    assert await ids(access_grant_ids=[both[0], "x"]) == both[:1]
    assert await ids(access_grant_key="b") == both[1:]
    assert await ids(access_grant_key=None) == []
    keyless = await granted(house, device_ids=[JIT])
    assert await ids(access_grant_key=None) == [keyless["access_grant_id"]]
    query = "access_grant_key=&_strict=true"
    response = await house.client.get(f"/access_grants/list?{query}")
    assert len(response.json()["access_grants"]) == 1
    await house.call("/access_grants/delete", access_grant_id=keyless["access_grant_id"])
    assert await ids(user_identity_id=first["user_identity_id"]) == both[:1]
    assert await ids(access_code_id=code["access_code_id"]) == both[1:]
    assert await ids(search="ground") == both[:1]
    assert await ids(search="JANE@EX") == both[:1]
    assert await ids(search="john") == both[1:]
    for nobodys in (
        "acs_entrance_id",
        "acs_system_id",
        "customer_key",
        "location_id",
        "reservation_key",
        "space_id",
    ):
        assert await ids(**{nobodys: "x"}) == []


async def test_list_methods_when_narrowed_then_only_what_fits_is_listed(house: House) -> None:
    first = await granted(house, access_grant_key="a")
    second = await granted(house, device_ids=[NATIVE], access_grant_key="b")
    code = await code_of(house, second)

    async def ids(**narrow: Any) -> list[str]:
        body = await house.call("/access_methods/list", **narrow)
        return [method["access_method_id"] for method in body["access_methods"]]

    assert await ids(access_grant_id=first["access_grant_id"]) == first["access_method_ids"]
    assert await ids(access_grant_key="b") == second["access_method_ids"]
    assert await ids(device_id=NATIVE) == second["access_method_ids"]
    assert await ids(access_code_id=code["access_code_id"]) == second["access_method_ids"]
    assert await ids(space_id="x") == []
    assert await ids(acs_entrance_id="x") == []
    assert await ids(access_grant_id="x") == []
    response = await house.ask("/access_methods/list")
    assert_refused(response, 400, "invalid_input")
    unknown = await house.ask("/access_methods/get", access_method_id="x")
    assert_refused(unknown, 404, "access_method_not_found")


async def test_related_when_asked_of_a_grant_then_everything_around_it_comes(
    house: House,
) -> None:
    grant = await granted(house, device_ids=[LATCH, NATIVE], access_grant_key="a")
    for narrow in (
        {"access_grant_ids": [grant["access_grant_id"]]},
        {"access_grant_keys": ["a"]},
        {"access_grant_ids": [grant["access_grant_id"]], "access_grant_keys": ["a", "x"]},
    ):
        batch = (await house.call("/access_grants/get_related", **narrow))["batch"]
        assert sorted(one["device_id"] for one in batch["devices"]) == [NATIVE, LATCH]
        [method] = batch["access_methods"]
        assert [method["access_method_id"]] == grant["access_method_ids"]
        [identity] = batch["user_identities"]
        assert identity["full_name"] == "Jane Doe"
        [account] = batch["connected_accounts"]
        assert account["connected_account_id"] == batch["devices"][0]["connected_account_id"]
        assert batch["spaces"] == batch["acs_entrances"] == batch["acs_systems"] == []
        assert batch["acs_access_groups"] == []


async def test_related_when_kinds_are_chosen_then_only_they_come(house: House) -> None:
    grant = await granted(house)
    ids = [grant["access_grant_id"]]
    body = await house.call(
        "/access_grants/get_related", access_grant_ids=ids, include=["devices", "spaces"]
    )
    assert set(body["batch"]) == {"devices", "spaces"}
    body = await house.call(
        "/access_grants/get_related",
        method="GET",
        access_grant_ids=ids,
        include=["devices"],
        exclude=["devices"],
    )
    assert body["batch"] == {}
    response = await house.ask("/access_grants/get_related", access_grant_ids=ids, include=["x"])
    assert_refused(response, 400, "invalid_input")
    response = await house.ask("/access_grants/get_related", include=["devices"])
    assert_refused(response, 400, "invalid_input")


async def test_related_when_asked_of_a_method_then_everything_around_it_comes(
    house: House,
) -> None:
    grant = await granted(house)
    body = await house.call(
        "/access_methods/get_related", access_method_ids=grant["access_method_ids"]
    )
    batch = body["batch"]
    assert [one["access_grant_id"] for one in batch["access_grants"]] == [grant["access_grant_id"]]
    assert [one["access_method_id"] for one in batch["access_methods"]] == grant[
        "access_method_ids"
    ]
    assert [one["device_id"] for one in batch["devices"]] == [LATCH]
    assert batch["instant_keys"] == batch["client_sessions"] == batch["acs_credentials"] == []
    nothing = await house.call("/access_methods/get_related", access_method_ids=["x"])
    assert nothing["batch"]["access_methods"] == []
