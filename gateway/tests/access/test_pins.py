from __future__ import annotations

import collections
import dataclasses

import pytest

from gateway.access import pins
from gateway.access.context import Context
from gateway.access.pins import Door, is_weak, shared_length
from gateway.tests.access.harness import House, profile_like
from protocols.doorlock.constraints import CodeConstraint, violations


@pytest.mark.parametrize(
    "code",
    [
        "1111", "0000", "1234", "4321", "8901", "2109", "1212", "123123", "1122", "7777777",
        "11", "12", "123456", "987654", "5555553",
    ],
)  # fmt: skip
def test_is_weak_when_somebody_would_try_it_first_then_yes(code: str) -> None:
    assert is_weak(code)


@pytest.mark.parametrize(
    "code", ["2468", "1357", "0071", "13579", "123457", "120120130", "7", "70"]
)
def test_is_weak_when_ordinary_then_no(code: str) -> None:
    assert not is_weak(code)


@pytest.mark.parametrize(
    ("lengths", "preferred", "expected"),
    [
        ([(4, 5, 6, 7, 8)], None, 6),
        ([(4, 5, 6, 7, 8)], 4, 4),
        ([(4, 5, 6, 7, 8)], 9, 6),
        ([(7,)], None, 7),
        ([(7,)], 4, 7),
        ([(4, 5)], None, 5),
        ([(4, 5, 6, 7, 8), (7,)], None, 7),
        ([(4, 5), (5, 6)], None, 5),
        ([(4,), (6,)], 4, None),
    ],
)
def test_shared_length_when_devices_differ_then_one_that_all_take(
    lengths: list[tuple[int, ...]], preferred: int | None, expected: int | None
) -> None:
    assert shared_length(lengths, preferred) == expected


def draw_many(house: House, door: Door, count: int) -> list[str]:
    def unit(conn: object, ctx: Context) -> list[str]:
        found = [pins.generate(conn, ctx, [door]) for _ in range(count)]  # type: ignore[arg-type] # a connection
        return [code for code in found if code is not None]

    return house.write(unit)


def test_generate_when_drawn_often_then_every_digit_is_as_likely_as_any_other(
    house: House,
) -> None:
    door = Door(device_id="native", profile=house.profiles["generic-native"])
    drawn = draw_many(house, door, 1500)
    assert len(drawn) == 1500
    for place in range(6):
        counts = collections.Counter(code[place] for code in drawn)
        # 150 expected, standard deviation 12: five of them either way.
        assert min(counts.values()) > 90
        assert max(counts.values()) < 210


@pytest.mark.parametrize(
    "rule",
    [
        CodeConstraint.NO_ZEROS,
        CodeConstraint.CANNOT_START_WITH_12,
        CodeConstraint.NO_TRIPLE_CONSECUTIVE_INTS,
        CodeConstraint.AT_LEAST_THREE_UNIQUE_DIGITS,
        CodeConstraint.CANNOT_CONTAIN_089,
        CodeConstraint.CANNOT_CONTAIN_0789,
        CodeConstraint.NO_ASCENDING_OR_DESCENDING_SEQUENCE,
        CodeConstraint.NO_ALL_SAME_DIGITS,
    ],
)
def test_generate_when_the_brand_has_a_rule_then_it_is_kept(
    house: House, rule: CodeConstraint
) -> None:
    profile = profile_like("generic-native", code_constraints=(rule,), code_lengths=(5,))
    drawn = draw_many(house, Door(device_id="native", profile=profile), 60)
    assert len(drawn) == 60
    for code in drawn:
        assert violations(code, (5,), (rule,)) == ()
        assert not is_weak(code)


def test_generate_when_only_four_digits_differ_then_the_first_four_are_unique(
    house: House,
) -> None:
    profile = profile_like(
        "generic-native",
        profile_id="generic-native",
        code_constraints=(CodeConstraint.UNIQUE_FIRST_FOUR_DIGITS,),
    )
    house.profiles = {**house.profiles, "generic-native": profile}
    held = house.write(house.create, "native", code="246813")
    door = Door(device_id="native", profile=profile)

    def takes(code: str) -> bool:
        return house.write(lambda conn, ctx: pins.takes(conn, ctx, door, code, is_specified=True))

    assert not takes("246899")
    assert takes("246799")
    own = dataclasses.replace(door, own_code_id=held)
    assert house.write(lambda conn, ctx: pins.takes(conn, ctx, own, "246899", is_specified=True))


def test_generate_when_seeded_alike_then_alike(house: House) -> None:
    other = House()
    door = Door(device_id="native", profile=house.profiles["generic-native"])
    assert draw_many(house, door, 20) == draw_many(other, door, 20)
    other.close()
