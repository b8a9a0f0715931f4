from __future__ import annotations

from typing import Any

import pytest

from gateway.tests.api.house import WORKSPACE_ID, House
from gateway.tests.api.required import assert_refused


async def created(house: House, **parameters: Any) -> dict[str, Any]:
    body = await house.call("/user_identities/create", **parameters)
    identity: dict[str, Any] = body["user_identity"]
    return identity


@pytest.mark.parametrize(
    ("parameters", "display_name"),
    [
        ({"full_name": "Jane Doe", "email_address": "jane@example.com"}, "Jane Doe"),
        ({"email_address": "jane@example.com", "full_name": None}, "jane@example.com"),
        ({"phone_number": "+15551234567"}, "+15551234567"),
        ({"user_identity_key": "jane"}, "jane"),
    ],
)
async def test_create_when_a_person_is_described_then_she_is_shown_as_documented(
    house: House, parameters: dict[str, Any], display_name: str
) -> None:
    identity = await created(house, **parameters)
    assert identity["display_name"] == display_name
    assert identity["workspace_id"] == WORKSPACE_ID
    found = await house.call(
        "/user_identities/get", method="GET", user_identity_id=identity["user_identity_id"]
    )
    assert found["user_identity"] == identity


async def test_create_when_a_key_is_taken_then_it_is_a_conflict(house: House) -> None:
    await created(house, user_identity_key="jane", email_address="jane@example.com")
    for taken in ({"user_identity_key": "jane"}, {"email_address": "jane@example.com"}):
        response = await house.ask("/user_identities/create", **taken)
        assert_refused(response, 409, "user_identity_already_exists")


@pytest.mark.parametrize(
    ("parameters", "status", "error_type"),
    [
        ({}, 400, "invalid_input"),
        ({"full_name": ""}, 400, "invalid_input"),
        ({"full_name": "x" * 256}, 400, "invalid_input"),
        ({"email_address": "x" * 320 + "@example.com"}, 400, "invalid_input"),
        ({"acs_system_ids": ["x"], "full_name": "Jane"}, 404, "acs_system_not_found"),
    ],
)
async def test_create_when_something_is_wrong_then_the_documented_error_says_so(
    house: House, parameters: dict[str, Any], status: int, error_type: str
) -> None:
    response = await house.ask("/user_identities/create", **parameters)
    assert_refused(response, status, error_type)


async def test_get_when_asked_by_key_then_it_is_the_same_person(house: House) -> None:
    identity = await created(house, user_identity_key="jane")
    found = await house.call("/user_identities/get", user_identity_key="jane")
    assert found["user_identity"] == identity
    response = await house.ask("/user_identities/get", user_identity_key="john")
    assert_refused(response, 404, "user_identity_not_found")
    assert_refused(await house.ask("/user_identities/get"), 400, "invalid_input")


async def test_list_when_narrowed_then_only_who_fits_is_listed(house: House) -> None:
    jane = await created(house, full_name="Jane Doe", email_address="jane@example.com")
    house.clock.ms += 1
    john = await created(house, full_name="John Roe")

    async def names(**narrow: Any) -> list[str]:
        body = await house.call("/user_identities/list", **narrow)
        return [one["full_name"] for one in body["user_identities"]]

    assert await names() == ["Jane Doe", "John Roe"]
    assert await names(search="") == ["Jane Doe", "John Roe"]
    assert await names(search="DOE") == ["Jane Doe"]
    assert await names(search="example") == ["Jane Doe"]
    assert await names(user_identity_ids=[john["user_identity_id"]]) == ["John Roe"]
    assert await names(created_before="2025-07-10T12:00:00.001Z") == [jane["full_name"]]
    assert await names(credential_manager_acs_system_id="x") == []
    body = await house.call("/user_identities/list", limit=1)
    assert body["pagination"]["has_next_page"] is True


async def test_workspace_when_asked_for_then_it_is_the_keys_own(house: House) -> None:
    for method in ("GET", "POST"):
        body = await house.call("/workspaces/get", method=method)
        assert body["workspace"]["workspace_id"] == WORKSPACE_ID
        assert body["workspace"]["is_sandbox"] is True
