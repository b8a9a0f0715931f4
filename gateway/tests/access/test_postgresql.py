"""The domain on PostgreSQL: the same code, a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.access import codes, devices, events, grants, read, sessions
from gateway.access.filters import DeviceFilter, EventFilter, GrantFilter
from gateway.access.requests import (
    CodeRequest,
    DeviceChanges,
    GrantChanges,
    GrantRequest,
    IdentityRequest,
    RequestedMethod,
)
from gateway.errors import Conflict, NotFound
from gateway.store.retention import Horizons, prune
from gateway.tests.access.harness import DAY_MS, HOUR_MS, NOON_MS, House

pytestmark = pytest.mark.real_servers


@pytest.fixture
def house(postgres_url: str) -> Iterator[House]:
    """An empty PostgreSQL store with three doors."""
    built = House(url=postgres_url)
    for device_id, profile_id in (
        ("native", "generic-native"),
        ("jit", "generic-jit"),
        ("latch", "latch-m"),
    ):
        built.add_device(device_id, profile_id)
    yield built
    built.close()


def test_life_when_on_postgresql_then_as_on_sqlite(house: House) -> None:
    start_ms = NOON_MS + 4 * DAY_MS
    other = House()
    for device_id in ("native", "jit", "latch"):
        other.add_device(device_id, other_profile(device_id))
    for each in (house, other):
        grant_id = each.write(
            grants.create_grant,
            GrantRequest(
                identity=IdentityRequest(full_name="Jane Doe", email_address="j@x.y"),
                device_ids=("native", "jit", "latch"),
                requested=(RequestedMethod(mode="code"),),
                starts_at_ms=start_ms,
                ends_at_ms=start_ms + DAY_MS,
                access_grant_key="stay",
            ),
        )
        each.advance(to_ms=start_ms + HOUR_MS)
        changes = GrantChanges(ends_at_ms=start_ms + 2 * DAY_MS)
        each.unreachable.add("jit")
        each.write(grants.update_grant, grant_id, changes)
        each.advance(to_ms=start_ms + DAY_MS)
        each.seen_again()
        each.advance(to_ms=start_ms + 3 * DAY_MS)
        each.write(grants.delete_grant, grant_id)
    told = [(row.event_type, row.occurred_at_ms, row.body) for row in other.events()]
    assert [(row.event_type, row.occurred_at_ms, row.body) for row in house.events()] == told
    assert house.read(sessions.unfinished) == []
    other.close()


def other_profile(device_id: str) -> str:
    return {"native": "generic-native", "jit": "generic-jit", "latch": "latch-m"}[device_id]


def test_rules_when_on_postgresql_then_as_on_sqlite(house: House) -> None:
    code_id = house.write(codes.create_code, CodeRequest(device_id="native", code="2468"))
    with pytest.raises(Conflict):
        house.write(codes.create_code, CodeRequest(device_id="native", code="2468"))
    metadata = DeviceChanges(custom_metadata={"floor": "1", "is_main": True})
    house.write(devices.update_device, "native", metadata)
    found = house.read(
        read.devices,
        DeviceFilter(custom_metadata_has={"floor": "1", "is_main": True}, search="DOOR NAT"),
        limit=5,
    )
    assert [row.device_id for row in found] == ["native"]
    account = found[0].connected_account_id
    narrow = EventFilter(connected_account_id=account, access_code_ids=(code_id,))
    assert len(house.read(events.events, narrow, limit=5)) == 1
    for odd in ("a\x00b", "\ud800", "x" * 5000):
        with pytest.raises(NotFound):
            house.read(read.access_code, access_code_id=odd)
        assert house.read(read.grants, GrantFilter(search=odd, device_id=odd), limit=5) == []
    with house.engines.writer.begin() as conn:
        later = NOON_MS + DAY_MS
        horizons = Horizons(events_ms=later, log_ms=later, attempts_ms=later)
        assert prune(conn, horizons, rows_max=2).events == 2
