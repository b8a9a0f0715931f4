from __future__ import annotations

from typing import Any

import pytest

from gateway.access import codes, read
from gateway.access.filters import AccessCodeFilter
from gateway.access.requests import CodeChanges, CodeRequest, MultipleCodesRequest
from gateway.errors import Conflict, InvalidInput, NotFound
from gateway.plan.policy import Policy
from gateway.tests.access.harness import DAY_MS, HOUR_MS, NOON_MS, House, profile_like
from protocols.doorlock.constraints import CodeConstraint
from protocols.profiles.parser import NameLength


def ask(device_id: str = "native", **changes: Any) -> CodeRequest:
    return CodeRequest(device_id=device_id, **changes)


def created(house: House, device_id: str = "native", **changes: Any) -> Any:
    return house.code(house.write(codes.create_code, ask(device_id, **changes)))


def test_create_code_when_nothing_is_said_then_ongoing_with_a_made_pin(house: House) -> None:
    code = created(house)
    assert code.type == "ongoing"
    assert (code.starts_at_ms, code.ends_at_ms) == (None, None)
    assert len(code.code) == 6
    assert code.code.isdigit()
    assert code.status == "setting"
    assert [one["mutation_code"] for one in code.pending_mutations] == ["creating"]
    assert house.told(access_code_ids=(code.access_code_id,)) == ["access_code.created"]


def test_create_code_when_both_times_are_given_then_time_bound(house: House) -> None:
    code = created(house, starts_at_ms=NOON_MS + DAY_MS, ends_at_ms=NOON_MS + 2 * DAY_MS)
    assert code.type == "time_bound"
    assert code.status == "unset"


def test_create_code_when_only_an_end_is_given_then_it_starts_now(house: House) -> None:
    code = created(house, ends_at_ms=NOON_MS + DAY_MS)
    assert code.type == "time_bound"
    assert code.starts_at_ms == NOON_MS


def test_create_code_when_only_a_start_is_given_then_ongoing_from_then_on(house: House) -> None:
    code = created(house, "jit", starts_at_ms=NOON_MS + DAY_MS)
    assert code.type == "ongoing"
    assert code.starts_at_ms == NOON_MS + DAY_MS
    (mutation,) = code.pending_mutations
    assert mutation["mutation_code"] == "deferring_creation"
    assert mutation["scheduled_at_ms"] == NOON_MS + DAY_MS - HOUR_MS // 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ends_at_ms": NOON_MS}, "ends_at"),
        ({"ends_at_ms": NOON_MS - DAY_MS}, "ends_at"),
        ({"starts_at_ms": NOON_MS + DAY_MS, "ends_at_ms": NOON_MS + DAY_MS}, "ends_at"),
        ({"starts_at_ms": NOON_MS + DAY_MS, "ends_at_ms": NOON_MS + HOUR_MS}, "ends_at"),
        ({"starts_at_ms": 0, "ends_at_ms": NOON_MS + HOUR_MS}, "starts_at"),
        ({"ends_at_ms": 99_999_999_999_999}, "starts_at"),
        ({"code": "123"}, "code"),
        ({"code": "123456789"}, "code"),
        ({"code": "12a4"}, "code"),
        ({"code": "١٢٣٤"}, "code"),
        ({"code": ""}, "code"),
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"common_code_key": ""}, "common_code_key"),
    ],
)
def test_create_code_when_a_parameter_is_at_fault_then_it_is_named(
    house: House, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        created(house, **changes)
    assert list(caught.value.fields) == [field]
    assert house.told(device_ids=("native",))[-1] == "device.connected"


@pytest.mark.parametrize("device_id", ["nothing", "", "a\x00b", "\ud800", "x" * 1000])
def test_create_code_when_there_is_no_such_device_then_not_found(
    house: House, device_id: str
) -> None:
    with pytest.raises(NotFound) as caught:
        created(house, device_id)
    assert caught.value.error_type == "device_not_found"


def test_create_code_when_the_vendor_makes_the_codes_then_a_chosen_one_is_refused(
    house: House,
) -> None:
    with pytest.raises(InvalidInput) as caught:
        created(house, "latch", code="2468135")
    assert "vendor makes" in caught.value.fields["code"]
    assert len(created(house, "latch").code) == 7


def test_create_code_when_the_pin_is_there_at_any_time_then_409(house: House) -> None:
    created(house, code="2468", ends_at_ms=NOON_MS + DAY_MS)
    with pytest.raises(Conflict) as caught:
        created(house, code="2468", starts_at_ms=NOON_MS + 5 * DAY_MS)
    assert caught.value.error_type == "duplicate_access_code"
    assert "2468" not in str(caught.value)
    assert created(house, "jit", code="2468").code == "2468"


def test_create_code_when_it_is_on_its_way_out_then_its_pin_is_still_taken(house: House) -> None:
    code = created(house, code="2468")
    house.tick()
    house.unreachable.add("native")
    house.write(codes.delete_code, code.access_code_id)
    with pytest.raises(Conflict):
        created(house, code="2468")
    house.seen_again()
    assert created(house, code="2468").code == "2468"


def test_create_code_when_a_closed_one_lies_on_the_lock_then_its_pin_may_come_again(
    house: House,
) -> None:
    """The slot of an expired native code is cleaned in the session that writes the next one."""
    created(house, code="2468", ends_at_ms=NOON_MS + HOUR_MS)
    house.advance(to_ms=NOON_MS + 2 * HOUR_MS)
    assert house.locks["native"].codes() == {1: "2468"}
    code = created(house, code="2468")
    house.tick()
    assert house.code(code.access_code_id).status == "set"
    assert list(house.locks["native"].codes().values()) == ["2468"]


def disjoint_house() -> House:
    house = House(policy=Policy(allow_disjoint_duplicates=True))
    house.add_device("native", "generic-native")
    house.add_device("jit", "generic-jit")
    return house


@pytest.mark.parametrize("device_id", ["native", "jit"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_create_code_when_disjoint_windows_are_allowed_then_one_pin_serves_both(
    device_id: str, order: tuple[int, int]
) -> None:
    house = disjoint_house()
    asked = [
        ask(device_id, code="2468", starts_at_ms=NOON_MS + begin, ends_at_ms=NOON_MS + end)
        for begin, end in ((HOUR_MS, 2 * HOUR_MS), (2 * HOUR_MS, 3 * HOUR_MS))
    ]
    for which in order:
        house.write(codes.create_code, asked[which])
        house.tick()
    with pytest.raises(Conflict):
        house.write(codes.create_code, asked[0])
    lock = house.locks[device_id]
    for at_ms, is_open in (
        (HOUR_MS - 1000, False),
        (HOUR_MS, True),
        (2 * HOUR_MS - 1000, True),
        (2 * HOUR_MS, True),
        (3 * HOUR_MS - 1000, True),
        (3 * HOUR_MS, False),
    ):
        house.advance(to_ms=NOON_MS + at_ms)
        assert lock.opens("2468", house.now_ms) == is_open
    house.close()


@pytest.mark.parametrize(
    ("begin", "end"),
    [(None, None), (HOUR_MS, None), (None, 2 * HOUR_MS), (HOUR_MS + 1, HOUR_MS + 2000)],
)
def test_create_code_when_windows_overlap_then_409_even_if_disjoint_ones_are_allowed(
    begin: int | None, end: int | None
) -> None:
    house = disjoint_house()
    created(house, "jit", code="2468", starts_at_ms=NOON_MS + HOUR_MS, ends_at_ms=NOON_MS + DAY_MS)
    with pytest.raises(Conflict):
        created(
            house,
            "jit",
            code="2468",
            starts_at_ms=None if begin is None else NOON_MS + begin,
            ends_at_ms=None if end is None else NOON_MS + end,
        )
    house.close()


def test_create_code_when_a_length_is_preferred_then_taken_where_the_device_has_it(
    house: House,
) -> None:
    assert len(created(house, preferred_code_length=4).code) == 4
    assert len(created(house, preferred_code_length=9).code) == 6


def test_create_code_when_the_brand_limits_names_then_the_name_is_named() -> None:
    profile = profile_like(
        "generic-native",
        code_constraints=(CodeConstraint.NAME_LENGTH, CodeConstraint.NAME_MUST_BE_UNIQUE),
        name_length=NameLength(min_length=2, max_length=5),
    )
    house = House(profiles={"generic-native": profile})
    house.add_device("native", "generic-native")
    created(house, name="Jane")
    for name in ("Jane", "J", "Jane Doe"):
        with pytest.raises(InvalidInput) as caught:
            created(house, name=name)
        assert list(caught.value.fields) == ["name"]
    other = created(house, name="Bob", code="2468")
    with pytest.raises(InvalidInput):
        house.write(codes.update_code, other.access_code_id, CodeChanges(name="Jane"))
    house.write(codes.update_code, other.access_code_id, CodeChanges(name="Bobby"))
    house.close()


def test_create_code_when_windows_are_coarse_then_the_narrowing_is_a_warning() -> None:
    profile = profile_like("generic-native", time_granularity_s=60)
    house = House(profiles={"generic-native": profile})
    house.add_device("native", "generic-native")
    code = created(house, starts_at_ms=NOON_MS + 30_000, ends_at_ms=NOON_MS + DAY_MS)
    (warning,) = code.warnings
    assert warning["warning_code"] == "unknown_issue_with_access_code"
    assert warning["message"] == "the lock starts the window 30 s later than asked"
    exact = CodeChanges(starts_at_ms=NOON_MS + 60_000)
    house.write(codes.update_code, code.access_code_id, exact)
    assert house.code(code.access_code_id).warnings == []
    coarse = CodeChanges(ends_at_ms=NOON_MS + DAY_MS + 45_000)
    house.write(codes.update_code, code.access_code_id, coarse)
    (warning,) = house.code(code.access_code_id).warnings
    assert warning["message"] == "the lock ends the window 45 s earlier than asked"
    house.close()


def test_generate_code_when_asked_then_a_pin_that_can_be_created(house: House) -> None:
    pin = house.write(codes.generate_code, "native")
    assert created(house, code=pin).code == pin
    with pytest.raises(NotFound):
        house.write(codes.generate_code, "nothing")


def test_generate_code_when_nearly_none_is_left_then_a_clear_conflict() -> None:
    profile = profile_like("generic-native", code_lengths=(1,))
    house = House(profiles={"generic-native": profile})
    house.add_device("native", "generic-native")
    assert len({created(house).code for _ in range(10)}) == 10
    with pytest.raises(Conflict) as caught:
        created(house)
    assert caught.value.error_type == "no_code_available"
    house.close()


# --- several at once -------------------------------------------------------------------------


def several(house: House, *device_ids: str, **changes: Any) -> list[Any]:
    request = MultipleCodesRequest(device_ids=device_ids, **changes)
    return [house.code(code_id) for code_id in house.write(codes.create_multiple, request)]


def test_create_multiple_when_made_then_one_pin_linked_by_a_key(house: House) -> None:
    made = several(house, "native", "jit", "native", name="Crew")
    assert [code.device_id for code in made] == ["native", "jit"]
    assert made[0].code == made[1].code
    assert made[0].common_code_key == made[1].common_code_key
    assert made[0].common_code_key.startswith("auto_set_by_create_multiple_")
    assert made[0].name == "Crew"


def test_create_multiple_when_chosen_then_not_linked(house: House) -> None:
    made = several(house, "native", "jit", code="2468")
    assert [code.code for code in made] == ["2468", "2468"]
    assert [code.common_code_key for code in made] == [None, None]


def test_create_multiple_when_one_device_can_not_share_then_all_or_its_own(house: House) -> None:
    created(house, "jit", code="2468")
    with pytest.raises(Conflict) as caught:
        several(house, "native", "jit", code="2468")
    assert caught.value.error_type == "duplicate_access_code"
    assert len(house.read(read.access_codes, AccessCodeFilter(), limit=10)) == 1
    made = several(house, "native", "jit", code="2468", is_sharing_required=False)
    assert made[0].code == "2468"
    assert made[1].code != "2468"


def test_create_multiple_when_no_length_is_shared_then_refused_or_each_its_own() -> None:
    profiles = {
        "four": profile_like("generic-native", profile_id="four", code_lengths=(4,)),
        "six": profile_like("generic-native", profile_id="six", code_lengths=(6,)),
    }
    house = House(profiles=profiles)
    house.add_device("d4", "four")
    house.add_device("d6", "six")
    with pytest.raises(Conflict) as caught:
        several(house, "d4", "d6")
    assert caught.value.error_type == "code_cannot_be_shared"
    made = several(house, "d4", "d6", is_sharing_required=False)
    assert [len(code.code) for code in made] == [4, 6]
    house.close()


def test_create_multiple_when_it_names_nothing_then_refused(house: House) -> None:
    with pytest.raises(InvalidInput) as caught:
        several(house)
    assert list(caught.value.fields) == ["device_ids"]
    with pytest.raises(NotFound):
        several(house, "native", "nothing")


def test_create_code_when_a_later_one_is_not_due_yet_then_its_plan_stays() -> None:
    house = disjoint_house()
    later = created(
        house, "jit", code="2468", starts_at_ms=NOON_MS + DAY_MS, ends_at_ms=NOON_MS + 2 * DAY_MS
    )
    created(house, "jit", code="2468", ends_at_ms=NOON_MS + HOUR_MS)
    (waiting,) = house.code(later.access_code_id).pending_mutations
    assert waiting["scheduled_at_ms"] == NOON_MS + DAY_MS - HOUR_MS // 2
    house.close()
