from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from gateway.access import devices, events, grants, identities, read
from gateway.access.filters import (
    AccessCodeFilter,
    AttemptFilter,
    DeviceFilter,
    EventFilter,
    GrantFilter,
    IdentityFilter,
    MethodFilter,
)
from gateway.access.requests import (
    DeviceChanges,
    GrantRequest,
    IdentityRequest,
    RequestedMethod,
)
from gateway.errors import NotFound
from gateway.tests.access.harness import DAY_MS, NOON_MS, House

ODD = ["nothing", "", "a\x00b", "\ud800", "%", "x" * 5000, "'; DROP TABLE entry; --"]


def a_grant(house: House, name: str, *device_ids: str, **changes: Any) -> str:
    request = GrantRequest(
        identity=IdentityRequest(full_name=name, email_address=f"{name}@x.y"),
        device_ids=device_ids,
        requested=(RequestedMethod(mode="code"),),
        name=name,
        **changes,
    )
    return house.write(grants.create_grant, request)


@pytest.fixture
def filled(house: House) -> tuple[House, list[str]]:
    ids = []
    for number, device_ids in enumerate((("native",), ("native", "jit"), ("latch",))):
        house.now_ms = NOON_MS + number * 1000
        ids.append(a_grant(house, f"guest{number}", *device_ids, access_grant_key=f"key{number}"))
    return house, ids


def test_lists_when_read_in_pages_then_everything_once_in_order(
    filled: tuple[House, list[str]],
) -> None:
    house, _ = filled
    for query, narrow, id_name in (
        (read.access_codes, AccessCodeFilter(), "access_code_id"),
        (read.grants, GrantFilter(), "access_grant_id"),
        (read.methods, MethodFilter(), "access_method_id"),
        (read.devices, DeviceFilter(), "device_id"),
        (read.identities, IdentityFilter(), "user_identity_id"),
    ):
        whole = house.read(query, narrow, limit=100)
        places = [(row.created_at_ms, getattr(row, id_name)) for row in whole]
        assert places == sorted(places)
        paged: list[Any] = []
        after = None
        while page := house.read(query, narrow, limit=2, after=after):
            paged += page
            after = (page[-1].created_at_ms, getattr(page[-1], id_name))
        assert paged == whole


def test_access_codes_when_narrowed_then_only_those(filled: tuple[House, list[str]]) -> None:
    house, grant_ids = filled

    def found(**narrow: Any) -> list[str]:
        rows = house.read(read.access_codes, AccessCodeFilter(**narrow), limit=100)
        return [row.device_id for row in rows]

    codes = house.read(read.access_codes, AccessCodeFilter(), limit=100)
    assert sorted(found()) == ["jit", "latch", "native", "native"]
    assert found(device_id="jit") == ["jit"]
    assert sorted(found(access_grant_id=grant_ids[1])) == ["jit", "native"]
    assert sorted(found(access_grant_key="key1")) == ["jit", "native"]
    assert found(access_method_id=codes[0].access_method_id) == [codes[0].device_id]
    assert found(access_code_ids=(codes[0].access_code_id, "x")) == [codes[0].device_id]
    assert found(search="GUEST2") == ["latch"]
    assert found(search=codes[0].code) == [codes[0].device_id]
    assert found(search="%") == []
    assert found(access_grant_id=grant_ids[0], device_id="jit") == []


def test_access_code_when_looked_up_then_by_id_or_device_and_code(
    filled: tuple[House, list[str]],
) -> None:
    house, _ = filled
    (code,) = house.read(read.access_codes, AccessCodeFilter(device_id="jit"), limit=1)
    assert house.read(read.access_code, access_code_id=code.access_code_id) == code
    assert house.read(read.access_code, device_id="jit", code=code.code) == code
    with pytest.raises(NotFound) as caught:
        house.read(read.access_code, device_id="latch", code=code.code)
    assert code.code not in str(caught.value)


def test_grants_when_narrowed_then_only_those(filled: tuple[House, list[str]]) -> None:
    house, ids = filled

    def found(**narrow: Any) -> list[str]:
        rows = house.read(read.grants, GrantFilter(**narrow), limit=100)
        return [row.access_grant_id for row in rows]

    person = house.read(read.grant, access_grant_key="key2").user_identity_id
    (code,) = house.read(read.access_codes, AccessCodeFilter(device_id="latch"), limit=1)
    assert found() == ids
    assert found(device_id="native") == ids[:2]
    assert found(user_identity_id=person) == [ids[2]]
    assert found(access_code_id=code.access_code_id) == [ids[2]]
    assert found(access_grant_ids=(ids[0], ids[2])) == [ids[0], ids[2]]
    assert found(access_grant_keys=("key1", "other")) == [ids[1]]
    assert found(search="guest1") == [ids[1]]
    assert found(search="KEY0") == [ids[0]]


def test_methods_when_narrowed_then_only_those(filled: tuple[House, list[str]]) -> None:
    house, ids = filled

    def found(**narrow: Any) -> list[str]:
        rows = house.read(read.methods, MethodFilter(**narrow), limit=100)
        return [row.access_grant_id for row in rows]

    (code,) = house.read(read.access_codes, AccessCodeFilter(device_id="latch"), limit=1)
    assert found(access_grant_id=ids[1]) == [ids[1]]
    assert found(access_grant_key="key1") == [ids[1]]
    assert found(access_code_id=code.access_code_id) == [ids[2]]
    assert found(device_id="native") == ids[:2]
    method_id = str(code.access_method_id)
    assert found(access_method_ids=(method_id,)) == [ids[2]]
    assert house.read(read.method, method_id).access_grant_id == ids[2]


def test_devices_when_narrowed_then_only_those(house: House) -> None:
    house.write(
        devices.update_device,
        "native",
        DeviceChanges(display_name="Front", custom_metadata={"floor": "1", "is_main": True}),
    )
    account = house.device("jit").connected_account_id

    def found(**narrow: Any) -> list[str]:
        rows = house.read(read.devices, DeviceFilter(**narrow), limit=100)
        return [row.device_id for row in rows]

    everything = ["jit", "latch", "native"]
    assert found() == everything
    assert found(device_ids=("latch", "jit")) == ["jit", "latch"]
    assert found(connected_account_ids=(account,)) == everything
    assert found(connected_account_ids=("other",)) == []
    assert found(profile_ids=("latch-m",)) == ["latch"]
    assert found(profile_ids=()) == []
    assert found(created_before_ms=NOON_MS) == []
    assert found(created_before_ms=NOON_MS + 1) == everything
    assert found(custom_metadata_has={"floor": "1"}) == ["native"]
    assert found(custom_metadata_has={"is_main": True, "floor": "1"}) == ["native"]
    assert found(custom_metadata_has={"is_main": False}) == []
    assert found(custom_metadata_has={"floor": "2"}) == []
    assert found(custom_metadata_has={"\ud800": "2"}) == []
    assert found(search="fron") == ["native"]
    assert house.read(read.device_of, name="Front").device_id == "native"
    assert house.read(read.device_of, name="latch").device_id == "latch"
    errors = house.read(read.device_errors, ["native", "nothing"])
    assert errors == {"native": []}


def test_identities_when_narrowed_then_only_those(house: House) -> None:
    jane = house.write(
        identities.create_identity,
        IdentityRequest(user_identity_key="k1", full_name="Jane", phone_number="+15551"),
    )
    house.now_ms += 1000
    john = house.write(identities.create_identity, IdentityRequest(email_address="john@x.y"))

    def found(**narrow: Any) -> list[str]:
        rows = house.read(read.identities, IdentityFilter(**narrow), limit=100)
        return [row.user_identity_id for row in rows]

    assert found() == [jane, john]
    assert found(user_identity_ids=(john, "x")) == [john]
    assert found(created_before_ms=NOON_MS + 1000) == [jane]
    assert found(search="JOHN@") == [john]
    assert found(search="+1555") == [jane]
    assert house.read(read.identity, user_identity_key="k1").user_identity_id == jane


def test_relations_when_read_for_many_then_one_query_each(
    filled: tuple[House, list[str]],
) -> None:
    house, ids = filled
    queries: list[str] = []

    def note(*args: Any) -> None:
        queries.append(args[2])

    sa.event.listen(house.engines.reader, "before_cursor_execute", note)
    methods = house.read(read.methods_of_grants, ids)
    codes = house.read(read.codes_of_grants, ids)
    by_method = house.read(
        read.codes_of_methods, [rows[0].access_method_id for rows in methods.values()]
    )
    places = house.read(read.device_ids_of_grants, [*ids, "nothing"])
    sa.event.remove(house.engines.reader, "before_cursor_execute", note)
    assert sum("SELECT" in query for query in queries) == 4
    assert [len(rows) for rows in methods.values()] == [1, 1, 1]
    assert [len(rows) for rows in codes.values()] == [1, 2, 1]
    assert sum(len(rows) for rows in by_method.values()) == 4
    assert places == {
        ids[0]: ["native"],
        ids[1]: ["jit", "native"],
        ids[2]: ["latch"],
        "nothing": [],
    }


@pytest.mark.parametrize("odd", ODD)
def test_lookups_when_any_string_comes_then_not_found_or_empty(house: House, odd: str) -> None:
    for lookup in (
        lambda: house.read(read.access_code, access_code_id=odd),
        lambda: house.read(read.access_code, device_id=odd, code=odd),
        lambda: house.read(read.grant, access_grant_id=odd),
        lambda: house.read(read.grant, access_grant_key=odd),
        lambda: house.read(read.method, odd),
        lambda: house.read(read.device_of, device_id=odd),
        lambda: house.read(read.device_of, name=odd),
        lambda: house.read(read.identity, user_identity_id=odd),
        lambda: house.read(read.identity, user_identity_key=odd),
        lambda: house.read(read.attempt, odd),
        lambda: house.read(events.event_of, odd),
    ):
        with pytest.raises(NotFound):
            lookup()  # type: ignore[no-untyped-call] # a lookup
    for query, narrow in (
        (read.access_codes, AccessCodeFilter(access_grant_key=odd, access_method_id=odd)),
        (read.grants, GrantFilter(device_id=odd, access_code_id=odd)),
        (read.methods, MethodFilter(device_id=odd, access_code_id=odd, access_grant_key=odd)),
        (read.attempts, AttemptFilter(device_id=odd, action_attempt_ids=(odd,))),
        (read.devices, DeviceFilter(custom_metadata_has={"a": odd})),
        (events.events, EventFilter(device_ids=(odd,), connected_account_id=odd)),
    ):
        assert house.read(query, narrow, limit=10) == []
    if odd:
        assert house.read(read.devices, DeviceFilter(search=odd), limit=10) == []


def test_everything_when_another_workspace_asks_then_it_sees_nothing(
    filled: tuple[House, list[str]],
) -> None:
    house, ids = filled
    house.workspace_id = "w2"
    for query, narrow in (
        (read.access_codes, AccessCodeFilter()),
        (read.grants, GrantFilter()),
        (read.methods, MethodFilter()),
        (read.devices, DeviceFilter()),
        (read.identities, IdentityFilter()),
        (events.events, EventFilter()),
    ):
        assert house.read(query, narrow, limit=10) == []
    assert house.read(read.methods_of_grants, ids) == {grant_id: [] for grant_id in ids}
    assert house.read(read.device_ids_of_grants, ids) == {grant_id: [] for grant_id in ids}
    for unit, argument in (
        (grants.delete_grant, ids[0]),
        (devices.get_device, "native"),
        (read.workspace, None),
    ):
        with pytest.raises(NotFound):
            house.write(unit, *([] if argument is None else [argument]))


def test_workspace_when_read_then_its_row(house: House) -> None:
    assert house.read(read.workspace).name == "Home"


def test_events_when_narrowed_then_only_those(filled: tuple[House, list[str]]) -> None:
    house, ids = filled
    everything = house.events()

    def found(**narrow: Any) -> int:
        return len(house.events(**narrow))

    one = everything[-1]
    assert found() == len(everything)
    assert found(event_ids=(one.event_id,)) == 1
    assert found(event_types=("access_grant.created",)) == 3
    assert found(access_grant_ids=(ids[0],)) == 2
    assert found(access_code_ids=(one.access_code_id,)) == 1
    method = house.events(event_types=("access_method.created",))[0]
    assert found(access_method_ids=(method.access_method_id,)) == 1
    assert found(user_identity_ids=("nobody",)) == 0
    assert found(device_ids=("jit",)) == 3
    assert found(connected_account_id=one.body["connected_account_id"]) == 10
    assert found(since_ms=NOON_MS + 1999) == 3
    assert found(between_ms=(NOON_MS, NOON_MS + 2000)) == 4
    first, second = (
        house.read(events.events, EventFilter(), limit=2, offset=offset) for offset in (0, 2)
    )
    assert [*first, *second] == everything[:4]
    assert house.read(events.event_of, one.event_id) == one


def test_events_when_told_late_then_in_the_order_in_which_they_happened(house: House) -> None:
    house.write(events.emit, "device.added", occurred_at_ms=NOON_MS - DAY_MS, device_id="native")
    assert house.events()[0].occurred_at_ms == NOON_MS - DAY_MS
    assert house.events()[0].created_at_ms == NOON_MS


def test_grants_when_searched_by_person_or_key_then_found(
    filled: tuple[House, list[str]],
) -> None:
    house, ids = filled
    keyless = a_grant(house, "nobody", "latch")

    def found(**narrow: Any) -> list[str]:
        rows = house.read(read.grants, GrantFilter(**narrow), limit=100)
        return [row.access_grant_id for row in rows]

    assert found(search="GUEST1@X") == [ids[1]]
    assert found(has_key=False) == [keyless]
    assert found(has_key=True) == ids
