from __future__ import annotations

from typing import Any

import pytest

from gateway.access import codes, identities, read
from gateway.access.requests import (
    CodeRequest,
    IdentityRequest,
    RequestedMethod,
)
from gateway.errors import Conflict, InvalidInput, NotFound
from gateway.tests.access.granting import (
    CODE,
    END_MS,
    JANE,
    START_MS,
    codes_of,
    created,
    grant_of,
    methods_of,
)
from gateway.tests.access.harness import DAY_MS, HOUR_MS, NOON_MS, House, profile_like
from protocols.doorlock.constraints import CodeConstraint
from protocols.profiles.parser import NameLength

# --- creation ----------------------------------------------------------------------------------


def test_create_grant_when_the_seed_example_then_one_call_makes_it_all(house: House) -> None:
    grant = created(house, "latch")
    assert (grant.starts_at_ms, grant.ends_at_ms) == (START_MS, END_MS)
    (requested,) = grant.requested_access_methods
    (method,) = methods_of(house, grant)
    assert requested["created_access_method_ids"] == [method.access_method_id]
    assert requested["mode"] == "code"
    assert requested["created_at_ms"] == NOON_MS
    (code,) = codes_of(house, grant).values()
    assert method.code == code.code
    assert len(code.code) == 7
    assert code.name == "Jane Doe"
    assert (method.is_issued, method.issued_at_ms) == (False, None)
    identity = house.read(read.identity, user_identity_id=grant.user_identity_id)
    assert identity.email_address == "jane@example.com"
    assert house.told()[-3:] == [
        "access_grant.created",
        "access_method.created",
        "access_code.created",
    ]


def test_create_grant_when_several_doors_then_one_pin_and_issued_when_all_confirmed(
    house: House,
) -> None:
    grant = created(house, "latch", "native", "jit", access_grant_key="stay-1")
    pins = {code.code for code in codes_of(house, grant).values()}
    assert len(pins) == 1
    (method,) = methods_of(house, grant)
    assert {method.code} == pins
    house.advance(to_ms=START_MS - 1)
    assert not methods_of(house, grant)[0].is_issued
    house.advance(to_ms=START_MS)
    (method,) = methods_of(house, grant)
    assert (method.is_issued, method.issued_at_ms) == (True, START_MS)
    assert grant_of(house, grant.access_grant_id).is_granted_to_all_doors
    rows = house.events(access_grant_ids=(grant.access_grant_id,))
    assert [(row.event_type, row.occurred_at_ms) for row in rows] == [
        ("access_grant.created", NOON_MS),
        ("access_method.created", NOON_MS),
        ("access_method.issued", START_MS),
        ("access_grant.access_granted_to_all_doors", START_MS),
    ]
    assert rows[2].body == {
        "access_method_id": method.access_method_id,
        "access_grant_ids": [grant.access_grant_id],
        "access_grant_keys": ["stay-1"],
        "code": method.code,
    }


def test_create_grant_when_open_ended_from_now_then_ongoing_codes(house: House) -> None:
    grant = created(house, "jit", starts_at_ms=None, ends_at_ms=None)
    assert (grant.starts_at_ms, grant.ends_at_ms) == (NOON_MS, None)
    code = codes_of(house, grant)["jit"]
    assert (code.type, code.starts_at_ms) == ("ongoing", None)
    house.tick()
    assert methods_of(house, grant)[0].is_issued


def test_create_grant_when_a_code_is_requested_then_it_is_a_preference(house: House) -> None:
    house.write(codes.create_code, CodeRequest(device_id="native", code="246810"))
    wanted = RequestedMethod(mode="code", code="246810")
    grant = created(house, "native", "jit", "latch", requested=(wanted,))
    held = codes_of(house, grant)
    assert held["jit"].code == "246810"
    assert held["native"].code != "246810"
    assert held["latch"].code != "246810"
    assert methods_of(house, grant)[0].code == held["native"].code
    assert held["latch"].code == held["native"].code
    shown = [
        (one["warning_code"], one["device_id"], one["original_code"], one["new_code"])
        for one in grant.warnings
    ]
    assert shown == [
        ("requested_code_unavailable", device_id, "246810", held[device_id].code)
        for device_id in ("native", "latch")
    ]


def test_create_grant_when_the_person_has_a_pin_elsewhere_then_it_is_reused(
    house: House,
) -> None:
    house.add_device("second", "generic-native")
    first = codes_of(house, created(house, "native"))["native"].code
    again = created(house, "jit", "second")
    assert {code.code for code in codes_of(house, again).values()} == {first}
    # On a lock that has it already another one is made, and the vendor's lock makes its own.
    assert codes_of(house, created(house, "native"))["native"].code != first
    assert codes_of(house, created(house, "latch"))["latch"].code != first
    other = IdentityRequest(full_name="John Roe")
    assert codes_of(house, created(house, "jit", identity=other))["jit"].code != first


def test_create_grant_when_the_persons_other_grants_are_over_then_a_new_pin(house: House) -> None:
    first = codes_of(house, created(house, "native"))["native"].code
    house.advance(to_ms=END_MS)
    later = created(house, "jit", starts_at_ms=END_MS + DAY_MS, ends_at_ms=END_MS + 2 * DAY_MS)
    assert codes_of(house, later)["jit"].code != first


def test_create_grant_when_no_pin_fits_all_doors_then_each_its_own() -> None:
    profiles = {
        "four": profile_like("generic-native", profile_id="four", code_lengths=(4,)),
        "six": profile_like("generic-native", profile_id="six", code_lengths=(6,)),
    }
    house = House(profiles=profiles)
    for device_id, profile_id in (("d4", "four"), ("d6", "six")):
        house.add_device(device_id, profile_id)
    held = codes_of(house, created(house, "d4", "d6"))
    assert [len(held[device_id].code) for device_id in ("d4", "d6")] == [4, 6]
    house.close()


def test_create_grant_when_a_mode_has_no_device_then_an_error_names_what_is_missing(
    house: House,
) -> None:
    grant = created(
        house,
        "native",
        requested=(CODE, RequestedMethod(mode="mobile_key", instant_key_max_use_count=2)),
    )
    (error,) = grant.errors
    assert error["error_code"] == "cannot_create_requested_access_methods"
    assert error["missing_device_ids"] == ["native"]
    assert [len(one["created_access_method_ids"]) for one in grant.requested_access_methods] == [
        1,
        0,
    ]
    assert grant.requested_access_methods[1]["instant_key_max_use_count"] == 2
    (event,) = house.events(
        event_types=("access_grant.could_not_create_requested_access_methods",)
    )
    assert event.body["missing_device_ids"] == ["native"]
    assert event.body["error_message"]
    house.advance(to_ms=START_MS)
    assert methods_of(house, grant)[0].is_issued
    assert not grant_of(house, grant.access_grant_id).is_granted_to_all_doors


def test_create_grant_when_one_device_can_not_hold_the_window_then_a_warning_says_so(
    house: House,
) -> None:
    far_ms = 5_000_000_000_000  # 2128: fine for us
    grant = created(house, "native", "jit", starts_at_ms=far_ms, ends_at_ms=far_ms * 2)
    assert list(codes_of(house, grant)) == ["jit"]
    (warning,) = grant.warnings
    assert warning["warning_code"] == "device_time_constraints_violated"
    assert warning["device_id"] == "native"
    assert "2136" in warning["reason"]
    assert grant.errors[0]["missing_device_ids"] == ["native"]


def test_create_grant_when_a_window_is_narrowed_then_a_warning_says_by_how_much() -> None:
    coarse = profile_like("generic-native", time_granularity_s=3600)
    house = House(profiles={"generic-native": coarse})
    house.add_device("native", "generic-native")
    grant = created(house, "native", ends_at_ms=END_MS + 60_000)
    (warning,) = grant.warnings
    assert warning["reason"] == "the lock ends the window 60 s earlier than asked"
    house.close()


def test_create_grant_when_the_brand_has_rules_about_names_and_starts_then_kept() -> None:
    profile = profile_like(
        "generic-native",
        code_constraints=(CodeConstraint.NAME_LENGTH, CodeConstraint.START_DATE_IN_FUTURE),
        name_length=NameLength(min_length=1, max_length=3),
    )
    house = House(profiles={"generic-native": profile})
    house.add_device("native", "generic-native")
    grant = created(house, "native")
    # A name that does not fit is left out rather than refused.
    assert codes_of(house, grant)["native"].name is None
    begun = created(house, "native", starts_at_ms=NOON_MS - HOUR_MS)
    assert codes_of(house, begun) == {}
    assert begun.warnings[0]["reason"] == "Must be in the future"
    house.close()


def test_create_grant_when_no_pin_is_left_then_that_device_is_missing() -> None:
    profile = profile_like("generic-native", code_lengths=(1,))
    house = House(profiles={"generic-native": profile})
    house.add_device("native", "generic-native")
    for _ in range(10):
        assert created(house, "native", identity=IdentityRequest(full_name="A")).errors == []
    grant = created(house, "native")
    assert grant.errors[0]["missing_device_ids"] == ["native"]
    assert methods_of(house, grant)[0].code is None
    house.close()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"device_ids": ()}, "device_ids"),
        ({"requested": ()}, "requested_access_methods"),
        ({"requested": (RequestedMethod(mode="telepathy"),)}, "requested_access_methods"),
        ({"requested": (RequestedMethod(mode="card", code="1234"),)}, "requested_access_methods"),
        ({"requested": (RequestedMethod(mode="code", code="12"),)}, "requested_access_methods"),
        ({"requested": (RequestedMethod(mode="code", code="12a4"),)}, "requested_access_methods"),
        ({"identity": None}, "user_identity_id"),
        ({"user_identity_id": "x"}, "user_identity_id"),
        ({"identity": IdentityRequest()}, "user_identity"),
        ({"identity": IdentityRequest(full_name="")}, "full_name"),
        ({"ends_at_ms": NOON_MS}, "ends_at"),
        ({"ends_at_ms": START_MS}, "ends_at"),
        ({"name": "x" * 300}, "name"),
        ({"access_grant_key": ""}, "access_grant_key"),
    ],
)
def test_create_grant_when_a_parameter_is_at_fault_then_it_is_named(
    house: House, changes: dict[str, Any], field: str
) -> None:
    before = house.told()
    with pytest.raises(InvalidInput) as caught:
        created(house, "native", **changes)
    assert list(caught.value.fields) == [field]
    assert house.told() == before


def test_create_grant_when_something_named_does_not_exist_then_not_found(house: House) -> None:
    with pytest.raises(NotFound) as caught:
        created(house, "native", "nothing")
    assert caught.value.error_type == "device_not_found"
    with pytest.raises(NotFound) as caught:
        created(house, "native", identity=None, user_identity_id="\ud800")
    assert caught.value.error_type == "user_identity_not_found"


def test_create_grant_when_its_key_is_taken_then_409(house: House) -> None:
    created(house, "native", access_grant_key="stay-1")
    with pytest.raises(Conflict) as caught:
        created(house, "jit", access_grant_key="stay-1")
    assert caught.value.error_type == "access_grant_key_already_exists"


def test_create_grant_when_the_person_is_known_then_no_second_one(house: House) -> None:
    known = house.write(identities.create_identity, JANE)
    assert created(house, "native").user_identity_id == known
    by_id = created(house, "jit", identity=None, user_identity_id=known, name="Stay")
    assert codes_of(house, by_id)["jit"].name == "Stay"
