"""The wire dialects of the official SDKs: requests as captured from them, replies alike.

New: Python seam 3.18 and JS @seamapi/http 2.32 (reads as GET with a query, updates as PATCH or
PUT, deletes as DELETE with a query). Old: JS @seamapi/http 1.102 (JSON bodies nearly everywhere).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.tests.api.house import LATCH, House, open_house
from gateway.tests.api.required import check_reply

NEW_HEADERS = {"seam-sdk-name": "seamapi/python", "seam-sdk-version": "3.18.0"}
OLD_HEADERS = {
    "seam-sdk-name": "seamapi/javascript-http",
    "seam-sdk-version": "1.102.0",
    "seam-lts-version": "1.0.0",
}
GRANT: dict[str, Any] = {
    "user_identity": {"full_name": "Jane Doe", "email_address": "jane@example.com"},
    "device_ids": [LATCH],
    "requested_access_methods": [{"mode": "code"}],
    "starts_at": "2025-07-13T15:00:00.000Z",
    "ends_at": "2025-07-16T11:00:00.000Z",
}

# What each dialect sends: method, target and body; `{g}`, `{m}` and `{c}` are the ids of the
# grant, its method and its code. Then the keys of the reply.
Sent = tuple[str, str, Mapping[str, Any] | None]
READS: tuple[tuple[Sent, Sent, set[str]], ...] = (
    (
        ("GET", "/access_methods/list?access_grant_id={g}&_strict=true", None),
        ("POST", "/access_methods/list", {"access_grant_id": "{g}"}),
        {"access_methods", "pagination", "ok"},
    ),
    (
        ("GET", "/access_methods/get?access_method_id={m}&_strict=true", None),
        ("POST", "/access_methods/get", {"access_method_id": "{m}"}),
        {"access_method", "ok"},
    ),
    (
        (
            "GET",
            f"/devices/list?custom_metadata_has.a=1&device_ids={LATCH}&device_ids=b&_strict=true",
            None,
        ),
        ("POST", "/devices/list", {"device_ids": [LATCH, "b"], "custom_metadata_has": {"a": "1"}}),
        {"devices", "pagination", "ok"},
    ),
    (
        ("GET", "/devices/list", None),
        ("POST", "/devices/list", {}),
        {"devices", "pagination", "ok"},
    ),
    (
        ("GET", f"/access_codes/list?device_id={LATCH}&_strict=true", None),
        ("POST", "/access_codes/list", {"device_id": LATCH}),
        {"access_codes", "pagination", "ok"},
    ),
    (
        ("GET", "/access_codes/get?access_code_id={c}&_strict=true", None),
        ("POST", "/access_codes/get", {"access_code_id": "{c}"}),
        {"access_code", "ok"},
    ),
    (
        ("GET", "/access_grants/get?access_grant_id={g}&_strict=true", None),
        ("GET", "/access_grants/get?access_grant_id={g}", None),
        {"access_grant", "ok"},
    ),
    (
        ("GET", "/access_grants/get_related?access_grant_ids={g}&_strict=true", None),
        ("POST", "/access_grants/get_related", {"access_grant_ids": ["{g}"]}),
        {"batch", "ok"},
    ),
    (
        ("GET", "/events/list?since=2025-07-10T00%3A00%3A00.000Z&_strict=true", None),
        ("POST", "/events/list", {"since": "2025-07-10T00:00:00.000Z"}),
        {"events", "ok"},
    ),
    (
        ("GET", f"/locks/get?device_id={LATCH}&_strict=true", None),
        ("POST", "/locks/get", {"device_id": LATCH}),
        {"device", "lock", "ok"},
    ),
    (
        ("GET", "/workspaces/get", None),
        ("GET", "/workspaces/get", None),
        {"workspace", "ok"},
    ),
)
CHANGES: tuple[tuple[Sent, Sent], ...] = (
    (
        (
            "PATCH",
            "/access_grants/update",
            {"access_grant_id": "{g}", "ends_at": "2025-07-17T11:00:00Z"},
        ),
        (
            "POST",
            "/access_grants/update",
            {"access_grant_id": "{g}", "ends_at": "2025-07-17T11:00:00Z"},
        ),
    ),
    (
        ("PATCH", "/access_codes/update", {"access_code_id": "{c}", "name": "n"}),
        ("PUT", "/access_codes/update", {"access_code_id": "{c}", "name": "n"}),
    ),
    (
        ("DELETE", "/access_codes/delete?access_code_id={c}&_strict=true", None),
        ("POST", "/access_codes/delete", {"access_code_id": "{c}"}),
    ),
    (
        ("DELETE", "/access_grants/delete?access_grant_id={g}&_strict=true", None),
        ("POST", "/access_grants/delete", {"access_grant_id": "{g}"}),
    ),
)


async def furnished(house: House) -> dict[str, str]:
    grant = (await house.call("/access_grants/create", **GRANT))["access_grant"]
    listed = await house.call("/access_codes/list", access_grant_id=grant["access_grant_id"])
    return {
        "{g}": grant["access_grant_id"],
        "{m}": grant["access_method_ids"][0],
        "{c}": listed["access_codes"][0]["access_code_id"],
    }


def filled(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {name: filled(item, ids) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, ids) for item in value]
    if isinstance(value, str):
        for name, one in ids.items():
            value = value.replace(name, one)
    return value


async def sent(
    house: House, what: Sent, ids: Mapping[str, str], headers: Mapping[str, str]
) -> dict[str, Any]:
    method, target, body = what
    response = await house.client.request(
        method, filled(target, ids), json=filled(body, ids), headers=dict(headers)
    )
    assert response.status_code == 200, response.text
    reply: dict[str, Any] = response.json()
    check_reply(reply)
    return reply


@pytest.mark.parametrize(("new", "old", "keys"), READS)
async def test_read_when_each_dialect_asks_then_the_replies_are_the_same(
    house: House, new: Sent, old: Sent, keys: set[str]
) -> None:
    ids = await furnished(house)
    reply = await sent(house, new, ids, NEW_HEADERS)
    assert set(reply) == keys
    assert await sent(house, old, ids, OLD_HEADERS) == reply


@pytest.mark.parametrize(("new", "old"), CHANGES)
async def test_change_when_each_dialect_asks_then_it_is_the_same_change(
    new: Sent, old: Sent
) -> None:
    after = []
    for what, headers in ((new, NEW_HEADERS), (old, OLD_HEADERS)):
        async with open_house() as house:
            ids = await furnished(house)
            assert await sent(house, what, ids, headers) == {"ok": True}
            grants = await house.call("/access_grants/list")
            codes = await house.call("/access_codes/list", device_id=LATCH)
            after.append((grants["access_grants"], codes["access_codes"]))
    assert after[0] == after[1]


async def test_refusal_when_a_parameter_is_missing_then_its_body_is_the_captured_one(
    house: House,
) -> None:
    response = await house.ask("/access_codes/create")
    assert response.status_code == 400
    assert response.json() == {
        "error": {
            "type": "invalid_input",
            "message": "`device_id` is required",
            "validation_errors": {"_errors": [], "device_id": {"_errors": ["Required"]}},
        },
        "ok": False,
    }
