"""What a brand asks of codes, word by word, as the gateway holds its callers to it."""

from __future__ import annotations

import pytest

from gateway.access import codes
from gateway.access.grants import create_grant
from gateway.access.requests import (
    CodeChanges,
    CodeRequest,
    GrantRequest,
    IdentityRequest,
    RequestedMethod,
)
from gateway.errors import InvalidInput
from gateway.tests.access.harness import HOUR_MS, NOON_MS, House, profile_like
from protocols.doorlock.constraints import CodeConstraint
from protocols.profiles.parser import NameLength, Profile

C = CodeConstraint


def house_of(profile: Profile) -> House:
    """A house with two doors of a kind, on one account."""
    house = House(profiles={"generic-native": profile})
    house.add_device("door", "generic-native")
    house.add_device("other", "generic-native")
    return house


def create(house: House, code: str | None, *, device_id: str = "door", **changes: object) -> str:
    request = CodeRequest(device_id=device_id, code=code, **changes)  # type: ignore[arg-type] # by name
    return house.write(codes.create_code, request)


@pytest.mark.parametrize(
    ("constraint", "kept", "broken"),
    [
        (C.NO_ZEROS, "246813", "240813"),
        (C.CANNOT_START_WITH_12, "246813", "124681"),
        (C.NO_TRIPLE_CONSECUTIVE_INTS, "246813", "123681"),
        (C.CANNOT_SPECIFY_PIN_CODE, None, "246813"),
        (C.PIN_CODE_MATCHES_EXISTING_SET, "975312", "246813"),
        (C.NO_ASCENDING_OR_DESCENDING_SEQUENCE, "246813", "345678"),
        (C.AT_LEAST_THREE_UNIQUE_DIGITS, "246813", "242424"),
        (C.NO_ALL_SAME_DIGITS, "246813", "444444"),
        (C.UNIQUE_FIRST_FOUR_DIGITS, "246813", "244813"),
        (C.CANNOT_CONTAIN_089, "246713", "246813"),
        (C.CANNOT_CONTAIN_0789, "246513", "246713"),
    ],
)
def test_create_code_when_digits_break_a_rule_then_the_code_is_named(
    constraint: CodeConstraint, kept: str | None, broken: str
) -> None:
    house = house_of(profile_like("generic-native", code_constraints=(constraint,)))
    if constraint is C.PIN_CODE_MATCHES_EXISTING_SET:
        # Somebody of the account has it on another door: a made code is free of the rule.
        kept = house.code(create(house, None, device_id="other")).code
    create(house, kept)
    with pytest.raises(InvalidInput) as caught:
        create(house, broken)
    assert list(caught.value.fields) == ["code"]
    house.close()


def test_create_code_when_the_start_must_lie_ahead_then_a_past_one_is_named() -> None:
    house = house_of(profile_like("generic-native", code_constraints=(C.START_DATE_IN_FUTURE,)))
    ends = NOON_MS + 2 * HOUR_MS
    create(house, "246813", starts_at_ms=NOON_MS + HOUR_MS, ends_at_ms=ends)
    with pytest.raises(InvalidInput) as caught:
        create(house, "135792", starts_at_ms=NOON_MS, ends_at_ms=ends)
    assert list(caught.value.fields) == ["starts_at"]
    house.close()


@pytest.mark.parametrize("name", ["J", "Jane of the Moor", "Jane"])
def test_create_code_when_a_name_breaks_a_rule_then_it_is_named(name: str) -> None:
    house = house_of(
        profile_like(
            "generic-native",
            code_constraints=(C.NAME_LENGTH, C.NAME_MUST_BE_UNIQUE),
            name_length=NameLength(min_length=2, max_length=8),
        )
    )
    create(house, "246813", name="Jane")
    with pytest.raises(InvalidInput) as caught:
        create(house, "135792", name=name)
    assert list(caught.value.fields) == ["name"]
    house.close()


def test_codes_of_a_lock_with_one_length_follow_the_first_until_it_is_gone() -> None:
    house = house_of(profile_like("generic-native", same_length=True))
    first = create(house, "2468")
    assert len(house.write(codes.generate_code, "door")) == 4
    assert len(house.write(codes.generate_code, "other")) == 6
    with pytest.raises(InvalidInput) as caught:
        create(house, "13579")
    assert "as many digits" in caught.value.fields["code"]
    # Alone, it may become longer; then the others follow that.
    house.write(codes.update_code, first, CodeChanges(code="24681"))
    create(house, "13579")
    with pytest.raises(InvalidInput):
        house.write(codes.update_code, first, CodeChanges(code="2468"))
    house.close()


def test_length_of_a_lock_counts_while_a_code_is_on_its_way_out() -> None:
    house = house_of(profile_like("generic-native", same_length=True))
    first = create(house, "2468")
    house.tick()
    house.unreachable.add("door")
    house.write(codes.delete_code, first)
    with pytest.raises(InvalidInput):
        create(house, "13579")
    house.unreachable.clear()
    house.seen_again()
    create(house, "13579")
    house.close()


def test_door_without_codes_takes_none_by_any_route() -> None:
    house = House()
    house.add_device("hotel", "visionline")
    with pytest.raises(InvalidInput) as caught:
        create(house, None, device_id="hotel")
    assert list(caught.value.fields) == ["device_id"]
    with pytest.raises(InvalidInput):
        house.write(codes.generate_code, "hotel")
    grant_id = house.write(
        create_grant,
        GrantRequest(
            identity=IdentityRequest(full_name="Jane Doe"),
            device_ids=("hotel",),
            requested=(RequestedMethod(mode="code"),),
        ),
    )
    [error] = house.grant(grant_id).errors
    assert error["missing_device_ids"] == ["hotel"]
    [warning] = house.grant(grant_id).warnings
    assert warning["reason"] == "The device can't program online access codes"
    house.close()
