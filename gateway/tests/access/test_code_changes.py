from __future__ import annotations

from typing import Any

import pytest

from gateway.access import codes, sessions
from gateway.access.requests import CodeChanges, CodeRequest
from gateway.errors import Conflict, InvalidInput, NotFound
from gateway.plan.policy import Policy
from gateway.tests.access.harness import DAY_MS, HOUR_MS, NOON_MS, House


def ask(device_id: str = "native", **changes: Any) -> CodeRequest:
    return CodeRequest(device_id=device_id, **changes)


def created(house: House, device_id: str = "native", **changes: Any) -> Any:
    return house.code(house.write(codes.create_code, ask(device_id, **changes)))


def disjoint_house() -> House:
    house = House(policy=Policy(allow_disjoint_duplicates=True))
    house.add_device("native", "generic-native")
    house.add_device("jit", "generic-jit")
    return house


def test_update_code_when_its_window_moves_onto_the_other_then_409() -> None:
    house = disjoint_house()
    first = created(house, code="2468", ends_at_ms=NOON_MS + HOUR_MS)
    created(house, code="2468", starts_at_ms=NOON_MS + HOUR_MS, ends_at_ms=NOON_MS + 2 * HOUR_MS)
    with pytest.raises(Conflict):
        house.write(
            codes.update_code,
            first.access_code_id,
            CodeChanges(ends_at_ms=NOON_MS + HOUR_MS + 1),
        )
    house.close()


# --- changes ---------------------------------------------------------------------------------


def mutations(house: House, code_id: str) -> list[str]:
    return [one["mutation_code"] for one in house.code(code_id).pending_mutations]


def test_update_code_when_nothing_is_on_the_device_then_it_takes_effect_at_once(
    house: House,
) -> None:
    code = created(house, starts_at_ms=NOON_MS + 10 * DAY_MS, ends_at_ms=NOON_MS + 11 * DAY_MS)
    changes = CodeChanges(code="9753", name="Bob", starts_at_ms=NOON_MS + 9 * DAY_MS)
    assert house.write(codes.update_code, code.access_code_id, changes) == "native"
    after = house.code(code.access_code_id)
    assert (after.code, after.name, after.starts_at_ms) == ("9753", "Bob", NOON_MS + 9 * DAY_MS)
    assert mutations(house, code.access_code_id) == ["deferring_creation"]
    (waiting,) = after.pending_mutations
    assert waiting["scheduled_at_ms"] == NOON_MS + 6 * DAY_MS
    assert house.told(access_code_ids=(code.access_code_id,)) == [
        "access_code.created",
        "access_code.mutations_requested",
        "access_code.name_changed",
        "access_code.code_changed",
        "access_code.time_frame_changed",
        "access_code.changed",
    ]


def test_update_code_when_it_is_on_the_device_then_pending_until_confirmed(house: House) -> None:
    code = created(house, code="2468", name="Jane", ends_at_ms=NOON_MS + DAY_MS)
    house.tick()
    changes = CodeChanges(code="9753", name="Bob", ends_at_ms=NOON_MS + 2 * DAY_MS)
    house.write(codes.update_code, code.access_code_id, changes)
    after = house.code(code.access_code_id)
    assert after.code == "9753"
    assert after.status == "setting"
    assert mutations(house, code.access_code_id) == [
        "updating_name",
        "updating_code",
        "updating_time_frame",
    ]
    told = house.events(access_code_ids=(code.access_code_id,))
    requested = told[-1].body["requested_mutations"]
    assert requested[0] == {
        "mutation_code": "updating_name",
        "from": {"name": "Jane"},
        "to": {"name": "Bob"},
    }
    assert requested[2]["to"] == {
        "starts_at": "2025-07-10T12:00:00.000Z",
        "ends_at": "2025-07-12T12:00:00.000Z",
    }
    lock = house.locks["native"]
    assert lock.opens("2468", house.now_ms)
    house.tick()
    assert mutations(house, code.access_code_id) == []
    assert house.code(code.access_code_id).status == "set"
    assert lock.codes() == {1: "9753"}
    assert lock.opens("9753", NOON_MS + 2 * DAY_MS - 1000)
    new = house.events(access_code_ids=(code.access_code_id,))[len(told) :]
    assert [row.event_type for row in new] == [
        "access_code.name_changed",
        "access_code.code_changed",
        "access_code.time_frame_changed",
        "access_code.changed",
        "access_code.set_on_device",
    ]
    assert new[1].body["from"] == {"code": "2468"}
    assert new[1].body["to"] == {"code": "9753"}
    assert new[1].body["description"]


def test_update_code_when_a_pending_change_is_changed_then_from_is_what_the_device_has(
    house: House,
) -> None:
    code = created(house, code="2468")
    house.tick()
    for pin in ("9753", "8642"):
        house.now_ms += 1000
        house.write(codes.update_code, code.access_code_id, CodeChanges(code=pin))
    (pending,) = house.code(code.access_code_id).pending_mutations
    assert pending["from"] == {"code": "2468"}
    assert pending["to"] == {"code": "8642"}
    assert pending["created_at_ms"] == NOON_MS + 1000


def test_update_code_when_nothing_changes_then_nothing_is_told(house: House) -> None:
    code = created(house, code="2468", name="Jane")
    before = house.told()
    house.write(codes.update_code, code.access_code_id, CodeChanges(code="2468", name="Jane"))
    assert house.told() == before


def test_update_code_when_only_the_wish_changes_then_no_session_is_needed(house: House) -> None:
    code = created(house)
    house.tick()
    writes = house.locks["native"].write_count
    changes = CodeChanges(is_external_modification_allowed=True)
    house.write(codes.update_code, code.access_code_id, changes)
    house.tick()
    assert house.locks["native"].write_count == writes
    after = house.code(code.access_code_id)
    assert after.is_external_modification_allowed
    assert after.status == "set"


def test_update_code_when_the_name_on_the_lock_stays_the_same_then_it_is_not_written(
    house: House,
) -> None:
    """The lock keeps ten bytes of a name; the rest is ours."""
    code = created(house, name="Jane Jane Jane")
    house.tick()
    writes = house.locks["native"].write_count
    house.write(codes.update_code, code.access_code_id, CodeChanges(name="Jane Jane John"))
    assert mutations(house, code.access_code_id) == []
    assert "access_code.name_changed" in house.told(access_code_ids=(code.access_code_id,))
    house.tick()
    assert house.locks["native"].write_count == writes


def test_update_code_when_its_type_changes_then_the_times_follow(house: House) -> None:
    code = created(house, "jit", ends_at_ms=NOON_MS + DAY_MS)
    house.tick()
    house.write(codes.update_code, code.access_code_id, CodeChanges(type="ongoing"))
    after = house.code(code.access_code_id)
    assert (after.type, after.starts_at_ms, after.ends_at_ms) == ("ongoing", None, None)
    house.advance(to_ms=NOON_MS + 3 * DAY_MS)
    assert house.locks["jit"].opens(code.code, house.now_ms)
    with pytest.raises(InvalidInput):
        house.write(codes.update_code, code.access_code_id, CodeChanges(type="time_bound"))
    bound = CodeChanges(type="time_bound", ends_at_ms=house.now_ms + HOUR_MS)
    house.write(codes.update_code, code.access_code_id, bound)
    after = house.code(code.access_code_id)
    assert (after.type, after.starts_at_ms) == ("time_bound", house.now_ms)
    house.advance(to_ms=house.now_ms + HOUR_MS)
    assert not house.locks["jit"].opens(code.code, house.now_ms)


def test_update_code_when_a_later_start_is_kept_for_an_ongoing_one_then_it_stays(
    house: House,
) -> None:
    code = created(house, starts_at_ms=NOON_MS + DAY_MS, ends_at_ms=NOON_MS + 2 * DAY_MS)
    house.write(codes.update_code, code.access_code_id, CodeChanges(type="ongoing"))
    after = house.code(code.access_code_id)
    assert (after.type, after.starts_at_ms) == ("ongoing", NOON_MS + DAY_MS)


@pytest.mark.parametrize("device_id", ["native", "jit"])
def test_update_code_when_the_start_moves_away_then_the_lock_is_cleared_and_set_again(
    house: House, device_id: str
) -> None:
    code = created(house, device_id, ends_at_ms=NOON_MS + DAY_MS)
    house.tick()
    lock = house.locks[device_id]
    assert lock.opens(code.code, NOON_MS)
    later = CodeChanges(starts_at_ms=NOON_MS + 9 * DAY_MS, ends_at_ms=NOON_MS + 10 * DAY_MS)
    house.write(codes.update_code, code.access_code_id, later)
    assert house.code(code.access_code_id).status == "unset"
    house.tick()
    assert lock.codes() == {}
    assert mutations(house, code.access_code_id) == ["deferring_creation"]
    told = house.told(access_code_ids=(code.access_code_id,))
    assert told[-3:] == [
        "access_code.time_frame_changed",
        "access_code.changed",
        "access_code.removed_from_device",
    ]
    house.advance(to_ms=NOON_MS + 9 * DAY_MS)
    assert lock.opens(code.code, house.now_ms)
    assert house.code(code.access_code_id).status == "set"


def test_update_code_when_just_in_time_goes_back_before_its_start_then_disabled_again(
    house: House,
) -> None:
    code = created(house, "jit", ends_at_ms=NOON_MS + DAY_MS)
    house.tick()
    assert house.locks["jit"].opens(code.code, NOON_MS)
    later = CodeChanges(starts_at_ms=NOON_MS + 600_000)
    house.write(codes.update_code, code.access_code_id, later)
    house.tick()
    assert not house.locks["jit"].opens(code.code, NOON_MS)
    assert house.locks["jit"].codes() == {1: code.code}
    house.advance(to_ms=NOON_MS + 600_000)
    assert house.locks["jit"].opens(code.code, house.now_ms)


def test_update_code_when_just_in_time_is_extended_then_the_lock_is_not_written(
    house: House,
) -> None:
    code = created(house, "jit", ends_at_ms=NOON_MS + HOUR_MS)
    house.tick()
    writes = house.locks["jit"].write_count
    longer = CodeChanges(ends_at_ms=NOON_MS + 2 * HOUR_MS)
    house.write(codes.update_code, code.access_code_id, longer)
    assert house.code(code.access_code_id).status == "set"
    house.advance(to_ms=NOON_MS + HOUR_MS)
    assert house.locks["jit"].opens(code.code, house.now_ms)
    assert house.locks["jit"].write_count == writes
    house.advance(to_ms=NOON_MS + 2 * HOUR_MS)
    assert not house.locks["jit"].opens(code.code, house.now_ms)


def test_update_code_when_scheduling_changes_sides_then_no_schedule_is_left_over(
    house: House,
) -> None:
    code = created(house, ends_at_ms=NOON_MS + DAY_MS)
    house.tick()
    mine = CodeChanges(prefer_native_scheduling=False)
    house.write(codes.update_code, code.access_code_id, mine)
    house.tick()
    lock = house.locks["native"]
    live = [key.kind.name for key, record in lock.records.items() if record.content is not None]
    assert sorted(live) == ["CREDENTIAL", "USER"]
    assert lock.opens(code.code, NOON_MS)
    house.advance(to_ms=NOON_MS + DAY_MS)
    assert not lock.opens(code.code, house.now_ms)


@pytest.mark.parametrize(
    "changes",
    [
        CodeChanges(ends_at_ms=NOON_MS - 1),
        CodeChanges(starts_at_ms=NOON_MS + 3 * DAY_MS),
        CodeChanges(code="12"),
        CodeChanges(name=""),
        CodeChanges(starts_at_ms=0),
    ],
)
def test_update_code_when_a_change_is_at_fault_then_nothing_changes(
    house: House, changes: CodeChanges
) -> None:
    code = created(house, ends_at_ms=NOON_MS + DAY_MS)
    with pytest.raises(InvalidInput):
        house.write(codes.update_code, code.access_code_id, changes)
    assert house.code(code.access_code_id) == code


def test_update_code_when_the_new_pin_is_taken_then_409(house: House) -> None:
    created(house, code="2468")
    code = created(house, code="9753")
    with pytest.raises(Conflict) as caught:
        house.write(codes.update_code, code.access_code_id, CodeChanges(code="2468"))
    assert caught.value.error_type == "duplicate_access_code"


def test_update_code_when_it_is_being_deleted_then_409(house: House) -> None:
    code = created(house)
    house.tick()
    house.write(codes.delete_code, code.access_code_id)
    with pytest.raises(Conflict) as caught:
        house.write(codes.update_code, code.access_code_id, CodeChanges(name="Bob"))
    assert caught.value.error_type == "access_code_being_deleted"


@pytest.mark.parametrize("code_id", ["nothing", "", "\x00", "\udfff"])
def test_code_when_there_is_none_then_not_found(house: House, code_id: str) -> None:
    with pytest.raises(NotFound) as caught:
        house.write(codes.delete_code, code_id)
    assert caught.value.error_type == "access_code_not_found"
    with pytest.raises(NotFound):
        house.write(codes.update_code, code_id, CodeChanges())


# --- deletion --------------------------------------------------------------------------------


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
