"""Asking for grants, and looking at what came of them."""

from __future__ import annotations

from typing import Any

from gateway.access import grants, read
from gateway.access.filters import MethodFilter
from gateway.access.requests import GrantRequest, IdentityRequest, RequestedMethod
from gateway.tests.access.harness import DAY_MS, HOUR_MS, NOON_MS, House

JANE = IdentityRequest(full_name="Jane Doe", email_address="jane@example.com")
CODE = RequestedMethod(mode="code")
START_MS = NOON_MS + 3 * DAY_MS + 3 * HOUR_MS
END_MS = START_MS + 2 * DAY_MS


def ask(*device_ids: str, **changes: Any) -> GrantRequest:
    asked: dict[str, Any] = {
        "identity": JANE,
        "device_ids": device_ids,
        "requested": (CODE,),
        "starts_at_ms": START_MS,
        "ends_at_ms": END_MS,
    } | changes
    return GrantRequest(**asked)


def created(house: House, *device_ids: str, **changes: Any) -> Any:
    return grant_of(house, house.write(grants.create_grant, ask(*device_ids, **changes)))


def grant_of(house: House, grant_id: str) -> Any:
    return house.read(read.grant, access_grant_id=grant_id)


def methods_of(house: House, grant: Any) -> list[Any]:
    return house.read(read.methods, MethodFilter(access_grant_id=grant.access_grant_id), limit=9)


def codes_of(house: House, grant: Any) -> dict[str, Any]:
    found = house.read(read.codes_of_grants, [grant.access_grant_id])[grant.access_grant_id]
    return {code.device_id: code for code in found}


def warnings_of(row: Any) -> list[str]:
    return [one["warning_code"] for one in row.warnings]


def told_of(house: House, grant: Any) -> list[str]:
    return house.told(access_grant_ids=(grant.access_grant_id,))
