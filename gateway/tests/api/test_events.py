from __future__ import annotations

from typing import Any

import pytest

from gateway.access import events
from gateway.tests.api.house import JIT, NATIVE, START_MS, House
from gateway.tests.api.required import assert_refused

ACCOUNT = "acc"


async def tell(house: House, event_type: str, at_ms: int, **fields: Any) -> None:
    await house.store.write(
        lambda conn: events.emit(conn, house.context(), event_type, occurred_at_ms=at_ms, **fields)
    )


async def furnish(house: House) -> None:
    """Four events, told in another order than they happened in."""
    common = {"connected_account_id": ACCOUNT, "device_id": JIT}
    await tell(house, "access_grant.created", START_MS + 1000, access_grant_id="g1")
    await tell(
        house,
        "access_code.set_on_device",
        START_MS + 3000,
        access_code_id="c1",
        code="1",
        **common,
    )
    await tell(
        house, "lock.unlocked", START_MS + 2000, method="keycode", user_identity_id="u1", **common
    )
    await tell(
        house,
        "access_method.issued",
        START_MS + 4000,
        access_grant_ids=["g1"],
        access_method_id="m1",
    )


async def types(house: House, **narrow: Any) -> list[str]:
    body = await house.call("/events/list", **narrow)
    return [
        event["event_type"] for event in body["events"] if event["event_type"] != "device.added"
    ]


SINCE = {"since": "2025-07-10T12:00:00Z"}
ALL = [
    "access_grant.created",
    "lock.unlocked",
    "access_code.set_on_device",
    "access_method.issued",
]


@pytest.mark.parametrize(
    ("narrow", "expected"),
    [
        (SINCE, ALL),
        ({"since": "2025-07-10T12:00:00.001Z"}, []),
        ({"between": ["2025-07-10T12:00:01Z", "2025-07-10T12:00:04Z"]}, ALL[1:3]),
        ({"event_type": "lock.unlocked"}, ALL[1:2]),
        ({"event_types": ["lock.unlocked", "access_grant.created", "x"]}, ALL[:2]),
        ({"event_type": "lock.unlocked", "event_types": ["access_grant.created"]}, []),
        ({"event_type": "no.such_event"}, []),
        ({"device_id": JIT}, ALL[1:3]),
        ({"device_ids": [JIT, NATIVE]}, ALL[1:3]),
        ({"device_id": NATIVE}, []),
        ({"access_code_id": "c1"}, ALL[2:3]),
        ({"access_code_ids": ["c1"]}, ALL[2:3]),
        ({"access_grant_id": "g1"}, [ALL[0], ALL[3]]),
        ({"access_grant_ids": ["g1"]}, [ALL[0], ALL[3]]),
        ({"access_method_id": "m1"}, ALL[3:]),
        ({"access_method_ids": ["m1"]}, ALL[3:]),
        ({"user_identity_id": "u1"}, ALL[1:2]),
        ({"connected_account_id": ACCOUNT}, ALL[1:3]),
        ({"event_types": ALL, "limit": 2}, ALL[:2]),
        ({"event_types": ALL, "limit": 2, "unstable_offset": 1}, ALL[1:3]),
        ({**SINCE, "limit": 0}, []),
        ({"event_ids": ["x"]}, []),
        ({"acs_system_id": "x"}, []),
        ({"acs_user_id": "x"}, []),
        ({"space_ids": ["x"]}, []),
        ({"customer_key": "x"}, []),
    ],
)
async def test_list_when_narrowed_then_only_what_fits_comes_in_the_order_it_happened(
    house: House, narrow: dict[str, Any], expected: list[str]
) -> None:
    await furnish(house)
    assert await types(house, **narrow) == expected


async def test_list_when_a_lock_told_late_then_who_asks_since_the_last_time_hears_of_it(
    house: House,
) -> None:
    await furnish(house)
    house.clock.ms = START_MS + 60_000
    common = {"connected_account_id": ACCOUNT, "device_id": JIT}
    await tell(house, "lock.locked", START_MS + 5000, method="manual", **common)
    # The fetch is later than what is told, and its own instant is not lost either.
    assert await types(house, since="2025-07-10T12:01:00Z") == ["lock.locked"]
    assert await types(house, since="2025-07-10T12:01:00.001Z") == []
    between = ["2025-07-10T12:00:04.500Z", "2025-07-10T12:00:06Z"]
    assert await types(house, between=between) == ["lock.locked"]


async def test_list_when_the_query_holds_the_filter_then_both_dialects_agree(
    house: House,
) -> None:
    await furnish(house)
    for query in (
        "between=2025-07-10T12:00:01Z&between=2025-07-10T12:00:04Z&_strict=true",
        "between=2025-07-10T12:00:01Z,2025-07-10T12:00:04Z",
    ):
        response = await house.client.get(f"/events/list?{query}")
        assert [one["event_type"] for one in response.json()["events"]] == ALL[1:3]


@pytest.mark.parametrize(
    "narrow",
    [
        {},
        {"limit": 5, "unstable_offset": 1},
        {"since": "yesterday"},
        {"between": []},
        {"between": ["2025-07-10T12:00:01Z"] * 3},
        {"access_grant_ids": ["x"] * 101},
        {"unstable_offset": -1},
    ],
)
async def test_list_when_the_filter_is_at_fault_then_it_is_refused(
    house: House, narrow: dict[str, Any]
) -> None:
    assert_refused(await house.ask("/events/list", **narrow), 400, "invalid_input")


async def test_get_when_asked_by_id_then_it_is_the_same_event(house: House) -> None:
    await furnish(house)
    [listed] = (await house.call("/events/list", event_type="lock.unlocked"))["events"]
    assert listed["occurred_at"] == "2025-07-10T12:00:02.000Z"
    assert listed["created_at"] == "2025-07-10T12:00:00.000Z"
    parameters = {"event_id": listed["event_id"], "device_id": JIT}
    assert (await house.call("/events/get", method="GET", **parameters))["event"] == listed
    for unknown in ({"event_id": "x"}, {**parameters, "device_id": NATIVE}):
        assert_refused(await house.ask("/events/get", **unknown), 404, "event_not_found")
