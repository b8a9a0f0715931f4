from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from gateway.access import devices
from gateway.access.requests import DeviceChanges, DeviceRegistration
from gateway.api.services import Limits
from gateway.store.tables import device
from gateway.tests.api.house import JIT, LATCH, NATIVE, House, open_house
from gateway.tests.api.required import assert_refused


async def got(house: House, device_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await house.call("/devices/get", device_id=device_id))["device"]
    return found


async def contact(house: House) -> None:
    """Every device is due for its first contact: have it."""
    await house.confirm()


async def test_device_when_it_is_a_latch_then_nobody_unlocks_it_remotely(house: House) -> None:
    latch = await got(house, LATCH)
    assert (latch["can_remotely_lock"], latch["can_remotely_unlock"]) == (False, False)
    assert latch["can_program_online_access_codes"] is True
    assert latch["can_unlock_with_code"] is True
    properties = latch["properties"]
    assert properties["supported_code_lengths"] == [7]
    assert properties["code_constraints"] == [{"constraint_type": "cannot_specify_pin_code"}]
    assert properties["max_active_codes_supported"] == 500
    assert properties["name"] == "door-1"
    assert latch["display_name"] == "Door 1"
    assert latch["capabilities_supported"] == ["access_code", "lock", "battery"]


async def test_device_when_its_profile_allows_it_then_it_can_be_unlocked(house: House) -> None:
    assert (await got(house, JIT))["can_remotely_unlock"] is True


async def test_device_when_its_time_zone_is_known_then_it_shows_it_under_both_names(
    house: House,
) -> None:
    assert "location" not in await got(house, LATCH)
    registration = DeviceRegistration(
        device_id=LATCH,
        name="door-1",
        display_name="Door 1",
        profile_id="latch-m",
        moniker="ble:F0:00:00:00:00:01",
        time_zone="Europe/Berlin",
    )
    await house.store.write(lambda conn: devices.register(conn, house.context(), registration))
    zone = "Europe/Berlin"
    assert (await got(house, LATCH))["location"] == {"time_zone": zone, "timezone": zone}


async def test_device_when_never_contacted_then_it_shows_no_state(house: House) -> None:
    properties = (await got(house, NATIVE))["properties"]
    assert properties["online"] is False
    for name in ("locked", "battery", "battery_level", "serial_number", "door_open"):
        assert name not in properties


async def test_device_when_contacted_then_it_shows_what_it_said(house: House) -> None:
    await contact(house)
    properties = (await got(house, NATIVE))["properties"]
    assert properties["online"] is True
    assert properties["locked"] is True
    assert properties["battery"] == {"level": 0.95, "status": "full"}
    assert properties["battery_level"] == 0.95
    assert properties["serial_number"] == "SP-0001"


async def test_device_when_it_told_its_capacity_then_that_wins_over_the_profile(
    house: House,
) -> None:
    def unit(conn: sa.Connection) -> None:
        conn.execute(
            sa.update(device)
            .where(device.c.device_id == LATCH)
            .values(reported={"pin_slot_count": 42, "door_state": 0, "battery_mv": 5000})
        )

    await house.store.write(unit)
    properties = (await got(house, LATCH))["properties"]
    assert properties["max_active_codes_supported"] == 42
    assert "battery" not in properties  # It is offline.


async def test_get_when_asked_by_name_then_either_name_will_do(house: House) -> None:
    for name in ("door-2", "Door 2"):
        body = await house.call("/locks/get", method="GET", name=name)
        assert body["device"]["device_id"] == NATIVE
        assert body["lock"] == body["device"]
    for parameters in ({"name": "x"}, {"device_id": "x"}, {"name": "door-1", "device_id": JIT}):
        for path in ("/devices/get", "/locks/get"):
            response = await house.ask(path, **parameters)
            assert_refused(response, 404, "device_not_found")
    assert_refused(await house.ask("/devices/get"), 400, "invalid_input")


async def test_list_locks_when_asked_then_both_keys_hold_all_locks(house: House) -> None:
    body = await house.call("/locks/list", method="GET")
    assert body["devices"] == body["locks"]
    assert len(body["locks"]) == 3
    assert "pagination" not in body
    assert len((await house.call("/locks/list", limit=2))["devices"]) == 2


@pytest.mark.parametrize(
    ("narrow", "expected"),
    [
        ({}, [NATIVE, JIT, LATCH]),
        ({"device_ids": [JIT, "x"]}, [JIT]),
        ({"device_ids": []}, []),
        ({"device_type": "yale_lock", "device_types": ["schlage_lock"]}, []),
        ({"device_types": []}, []),
        ({"manufacturer": "nobody"}, []),
        ({"include_if": ["can_remotely_unlock"], "device_ids": [JIT, LATCH]}, [JIT]),
        ({"exclude_if": ["can_remotely_unlock"], "device_ids": [JIT, LATCH]}, [LATCH]),
        ({"include_if": ["can_fly"]}, []),
        ({"exclude_if": ["can_unlock_with_code"]}, []),
        ({"include_if": ["can_program_online_access_codes"]}, [NATIVE, JIT, LATCH]),
        ({"created_before": "2025-07-10T12:00:00Z"}, []),
        ({"created_before": "2025-07-10T12:00:00.001Z"}, [NATIVE, JIT, LATCH]),
        ({"search": "DOOR 3"}, [JIT]),
        ({"search": "6ba7"}, [LATCH]),
        ({"connected_account_id": "x"}, []),
        ({"connected_account_ids": ["x"]}, []),
        ({"connect_webview_id": "x"}, []),
        ({"customer_key": "x"}, []),
        ({"space_id": "x"}, []),
        ({"user_identifier_key": "x"}, []),
        ({"limit": 0}, []),
    ],
)
async def test_list_when_narrowed_then_only_what_fits_is_listed(
    house: House, narrow: dict[str, Any], expected: list[str]
) -> None:
    for path in ("/devices/list", "/locks/list"):
        body = await house.call(path, **narrow)
        assert [one["device_id"] for one in body["devices"]] == expected


async def test_list_when_narrowed_by_type_or_account_then_the_devices_own_values_find_them(
    house: House,
) -> None:
    latch = await got(house, LATCH)
    account = latch["connected_account_id"]
    maker = latch["device_manufacturer"]["manufacturer"]
    for narrow in (
        {"device_type": latch["device_type"]},
        {"device_types": [latch["device_type"], "x"]},
        {"manufacturer": maker},
        {"connected_account_id": account},
        {"connected_account_ids": [account, "x"]},
        {"connected_account_id": account, "connected_account_ids": [account]},
    ):
        body = await house.call("/devices/list", **narrow)
        assert LATCH in [one["device_id"] for one in body["devices"]], narrow
    body = await house.call(
        "/devices/list", connected_account_id=account, connected_account_ids=["x"]
    )
    assert body["devices"] == []


async def test_list_when_narrowed_by_metadata_then_both_dialects_find_it(house: House) -> None:
    changes = DeviceChanges(custom_metadata={"floor": "2", "is_main": True})
    await house.store.write(
        lambda conn: devices.update_device(conn, house.context(), JIT, changes)
    )
    for narrow in ({"floor": "2"}, {"is_main": True}, {"floor": "2", "is_main": True}):
        body = await house.call("/devices/list", custom_metadata_has=narrow)
        assert [one["device_id"] for one in body["devices"]] == [JIT]
        assert body["devices"][0]["custom_metadata"] == {"floor": "2", "is_main": True}
    assert (await house.call("/devices/list", custom_metadata_has={"floor": "3"}))["devices"] == []
    response = await house.client.get("/devices/list?custom_metadata_has.floor=2&_strict=true")
    assert [one["device_id"] for one in response.json()["devices"]] == [JIT]


async def _many(house: House, count: int) -> list[str]:
    """More devices, some of them made at the same instant."""
    ids = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(count)]
    for number, device_id in enumerate(ids):
        house.clock.ms += number % 2
        registration = DeviceRegistration(
            device_id=device_id,
            name=f"extra-{number}",
            display_name="Extra",
            profile_id="generic-jit",
            moniker="ble:F0:00:00:00:00:FF",
        )
        await house.store.write(
            lambda conn, one=registration: devices.register(  # type: ignore[misc] # bound early.
                conn, house.context(), one
            )
        )
    return ids


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 9])
async def test_pages_when_walked_then_every_device_comes_once_and_in_order(
    house: House, limit: int
) -> None:
    await _many(house, 4)
    whole = (await house.call("/devices/list"))["devices"]
    assert len(whole) == 7
    walked: list[dict[str, Any]] = []
    cursor = None
    while True:
        body = await house.call("/devices/list", limit=limit, page_cursor=cursor)
        assert len(body["devices"]) <= limit
        walked += body["devices"]
        cursor = body["pagination"]["next_page_cursor"]
        if not body["pagination"]["has_next_page"]:
            break
    assert cursor is None
    assert [one["device_id"] for one in walked] == [one["device_id"] for one in whole]


async def test_pages_when_the_next_url_is_followed_then_it_leads_to_the_end(house: House) -> None:
    response = await house.client.get("/devices/list?limit=2&device_types=x&search=door")
    assert response.json()["pagination"]["next_page_url"] is None
    response = await house.client.get("/devices/list?limit=2&search=door&_strict=true")
    url = response.json()["pagination"]["next_page_url"]
    assert url.startswith("http://gateway.test/devices/list?limit=2&search=door&page_cursor=")
    last = (await house.client.get(url)).json()
    assert len(last["devices"]) == 1
    assert last["pagination"]["next_page_url"] is None


async def test_pages_when_a_parameter_changes_between_them_then_it_is_refused(
    house: House,
) -> None:
    first = await house.call("/devices/list", limit=2)
    cursor = first["pagination"]["next_page_cursor"]
    response = await house.ask("/devices/list", limit=3, page_cursor=cursor)
    assert_refused(response, 400, "mismatched_page_parameters")
    response = await house.ask("/devices/list", limit=2, page_cursor="x" + cursor)
    assert_refused(response, 400, "invalid_input")


async def test_pages_when_more_is_asked_than_one_holds_then_a_cursor_comes() -> None:
    async with open_house(limits=Limits(page_size=2, list_size=2)) as house:
        body = await house.call("/devices/list", limit=5000)
        assert len(body["devices"]) == 3  # The documented default is always allowed.
        body = await house.call("/user_identities/list", limit=10**9)
        assert body["pagination"]["has_next_page"] is False
        assert len((await house.call("/locks/list", limit=5000))["devices"]) == 2


@pytest.mark.parametrize("host", ["evil host", "a" * 300, "x/../y", 'x"><script>'])
async def test_next_url_when_the_host_header_is_no_host_then_the_servers_name_stands(
    house: House, host: str
) -> None:
    response = await house.client.get("/devices/list?limit=1", headers={"host": host})
    url = response.json()["pagination"]["next_page_url"]
    assert url.startswith("http://gateway.test")
