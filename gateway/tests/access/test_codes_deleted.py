from __future__ import annotations

from typing import Any

import pytest

from gateway.access import codes, sessions
from gateway.access.requests import CodeRequest
from gateway.errors import NotFound
from gateway.plan.policy import Policy
from gateway.tests.access.harness import DAY_MS, HOUR_MS, NOON_MS, House


def ask(device_id: str = "native", **changes: Any) -> CodeRequest:
    return CodeRequest(device_id=device_id, **changes)


def created(house: House, device_id: str = "native", **changes: Any) -> Any:
    return house.code(house.write(codes.create_code, ask(device_id, **changes)))


def mutations(house: House, code_id: str) -> list[str]:
    return [one["mutation_code"] for one in house.code(code_id).pending_mutations]


def disjoint_house() -> House:
    house = House(policy=Policy(allow_disjoint_duplicates=True))
    house.add_device("native", "generic-native")
    house.add_device("jit", "generic-jit")
    return house


def test_delete_code_when_it_was_never_handed_out_then_gone_at_once(house: House) -> None:
    code = created(house, starts_at_ms=NOON_MS + 10 * DAY_MS)
    assert house.write(codes.delete_code, code.access_code_id) == "native"
    with pytest.raises(NotFound):
        house.code(code.access_code_id)
    assert house.told(access_code_ids=(code.access_code_id,)) == [
        "access_code.created",
        "access_code.deleted",
    ]
    assert house.locks["native"].write_count == 0


def test_delete_code_when_it_is_on_the_device_then_listed_until_that_confirmed(
    house: House,
) -> None:
    code = created(house)
    house.tick()
    house.now_ms += 1000
    house.write(codes.delete_code, code.access_code_id)
    leaving = house.code(code.access_code_id)
    assert leaving.status == "removing"
    assert leaving.deleting_at_ms == house.now_ms
    assert [one["warning_code"] for one in leaving.warnings] == ["being_deleted"]
    assert mutations(house, code.access_code_id) == ["deleting"]
    # Deletes are replayed by the SDKs.
    house.write(codes.delete_code, code.access_code_id)
    house.tick()
    assert house.locks["native"].codes() == {}
    assert house.told(access_code_ids=(code.access_code_id,))[-2:] == [
        "access_code.removed_from_device",
        "access_code.deleted",
    ]
    with pytest.raises(NotFound):
        house.write(codes.delete_code, code.access_code_id)


def test_delete_code_when_a_session_was_cut_then_the_device_is_cleared_first(
    house: House,
) -> None:
    """Writes were handed out and never confirmed: the lock may hold the PIN."""
    code = created(house)
    plan = house.write(sessions.plan_session, "native")
    house.apply_quietly("native", plan.steps[0].operations)
    assert house.locks["native"].codes() == {1: code.code}
    house.write(codes.delete_code, code.access_code_id)
    assert house.code(code.access_code_id).status == "removing"
    house.seen_again()
    assert house.locks["native"].codes() == {}
    told = house.told(access_code_ids=(code.access_code_id,))
    assert told[-1] == "access_code.deleted"
    assert "access_code.removed_from_device" not in told


def test_create_code_when_a_later_one_is_not_due_yet_then_its_plan_stays() -> None:
    house = disjoint_house()
    later = created(
        house, "jit", code="2468", starts_at_ms=NOON_MS + DAY_MS, ends_at_ms=NOON_MS + 2 * DAY_MS
    )
    created(house, "jit", code="2468", ends_at_ms=NOON_MS + HOUR_MS)
    (waiting,) = house.code(later.access_code_id).pending_mutations
    assert waiting["scheduled_at_ms"] == NOON_MS + DAY_MS - HOUR_MS // 2
    house.close()
