from __future__ import annotations

import pytest

from gateway.access import attempts, codes, milestones, outcomes, sessions
from gateway.access.attempts import AttemptError
from gateway.access.requests import CodeChanges, CodeRequest
from gateway.errors import NotFound
from gateway.plan.entry import Phase
from gateway.plan.operations import ClearCredential
from gateway.tests.access.harness import DAY_MS, HOUR_MS, NOON_MS, House, profile_like


def due(house: House, *busy: str) -> list[str]:
    return [one.device_id for one in house.read(sessions.due_devices, busy=busy)]


def next_ms(house: House, *busy: str) -> int | None:
    return house.read(sessions.next_session_ms, busy=busy)


def created(house: House, device_id: str = "native", **changes: int | str) -> str:
    request = CodeRequest(device_id=device_id, **changes)  # type: ignore[arg-type] # by name
    return house.write(codes.create_code, request)


def test_due_devices_when_asked_then_longest_due_first_and_busy_ones_left_out(
    house: House,
) -> None:
    assert due(house) == []
    created(house, "jit")
    house.now_ms += 1000
    created(house, "native")
    assert due(house) == ["jit", "native"]
    assert due(house, "jit") == ["native"]
    assert [one.device_id for one in house.read(sessions.due_devices, limit=1)] == ["jit"]
    (first, _) = house.read(sessions.due_devices)
    assert (first.workspace_id, first.profile_id, first.moniker, first.attempts) == (
        "w1",
        "generic-jit",
        "ble:jit",
        0,
    )


def test_due_device_when_asked_by_id_then_whether_due_or_not(house: House) -> None:
    found = house.read(lambda conn, _ctx: sessions.due_device(conn, "latch"))
    assert found is not None
    assert found.device_id == "latch"
    assert house.read(lambda conn, _ctx: sessions.due_device(conn, "nothing")) is None


def test_next_session_when_nothing_waits_then_the_next_contact(house: House) -> None:
    assert next_ms(house) == NOON_MS + 6 * HOUR_MS
    assert next_ms(house, "native", "jit", "latch") is None
    created(house, starts_at_ms=NOON_MS + 10 * DAY_MS)
    assert next_ms(house, "jit", "latch") == NOON_MS + 6 * HOUR_MS
    created(house, starts_at_ms=NOON_MS + HOUR_MS)
    assert next_ms(house) == NOON_MS


def test_next_session_when_a_device_backs_off_then_not_before_its_next_try(house: House) -> None:
    house.unreachable.add("native")
    created(house)
    house.tick()
    retry_ms = house.device("native").next_try_at_ms
    assert retry_ms > house.now_ms
    assert next_ms(house) == retry_ms
    # What is asked for meanwhile waits with the rest.
    created(house)
    assert due(house) == []
    assert next_ms(house) == retry_ms
    house.now_ms = retry_ms
    assert due(house) == ["native"]
    assert house.read(sessions.due_devices)[0].attempts == 1


def test_next_session_when_only_the_contact_backs_off_then_its_next_try(house: House) -> None:
    house.advance(to_ms=NOON_MS + 6 * HOUR_MS - 1)
    house.now_ms += 1
    house.write(
        outcomes.device_unreachable,
        "native",
        reason="connect_failed",
        retry_at_ms=house.now_ms + 7000,
    )
    assert due(house) == ["jit", "latch"]
    assert next_ms(house, "jit", "latch") == house.now_ms + 7000


def test_action_when_somebody_waits_then_even_a_device_that_backs_off_is_due(
    house: House,
) -> None:
    house.unreachable.add("native")
    created(house)
    house.tick()
    attempt_id = house.write(attempts.begin, "UNLOCK_DOOR", "native")
    assert due(house) == ["native"]
    assert next_ms(house) == NOON_MS
    assert due(house, "native") == []
    plan = house.write(sessions.plan_session, "native")
    (waiting,) = plan.attempts
    assert (waiting.action_attempt_id, waiting.action_type) == (attempt_id, "UNLOCK_DOOR")
    house.write(attempts.finish, attempt_id, error=AttemptError(type="x", message="y"))
    assert due(house) == []


def test_plan_session_when_nothing_is_due_then_nothing_to_do(house: House) -> None:
    created(house, starts_at_ms=NOON_MS + DAY_MS, ends_at_ms=NOON_MS + 2 * DAY_MS)
    house.tick()
    plan = house.write(sessions.plan_session, "native")
    assert (plan.steps, plan.attempts, plan.log_next_index) == ((), (), 0)
    with pytest.raises(NotFound):
        house.write(sessions.plan_session, "nothing")


def test_plan_session_when_codes_leave_and_come_then_what_clears_comes_first(
    house: House,
) -> None:
    leaving = created(house)
    house.tick()
    coming = created(house)
    house.write(codes.delete_code, leaving)
    plan = house.write(sessions.plan_session, "native")
    assert [step.entry.entry_id for step in plan.steps] == [leaving, coming]
    assert [step.to_phase for step in plan.steps] == [Phase.ABSENT, Phase.ENABLED]
    assert isinstance(plan.steps[0].operations[0], ClearCredential)
    # The slot that is being cleared is not given away before that is confirmed.
    assert plan.steps[1].entry.slot == 2


def test_plan_session_when_repeated_before_an_outcome_then_the_same_writes(house: House) -> None:
    created(house)
    first = house.write(sessions.plan_session, "native")
    assert house.write(sessions.plan_session, "native") == first


def test_plan_session_when_the_outcome_was_lost_then_it_is_found_and_repeated(
    house: House,
) -> None:
    """The gateway died between the writes and their report."""
    code_id = created(house, ends_at_ms=NOON_MS + DAY_MS)
    plan = house.write(sessions.plan_session, "native")
    house.apply_quietly("native", plan.steps[0].operations)
    writes = house.locks["native"].write_count
    house.tick()
    assert house.locks["native"].write_count == writes
    assert house.code(code_id).status == "set"


def test_plan_session_when_changed_meanwhile_then_the_old_confirmation_is_not_enough(
    house: House,
) -> None:
    code_id = created(house, code="2468")
    plan = house.write(sessions.plan_session, "native")
    house.write(codes.update_code, code_id, CodeChanges(code="9753"))
    (step,) = plan.steps
    house.apply_quietly("native", step.operations)
    house.write(outcomes.entry_confirmed, code_id, step.to_phase, step.entry.revision)
    assert house.code(code_id).status == "setting"
    assert due(house) == ["native"]
    house.tick()
    assert house.locks["native"].codes() == {1: "9753"}
    assert house.code(code_id).pending_mutations == []


def test_plan_session_when_deleted_meanwhile_then_it_is_cleared_next(house: House) -> None:
    code_id = created(house, code="2468")
    plan = house.write(sessions.plan_session, "native")
    house.write(codes.delete_code, code_id)
    assert house.code(code_id).status == "removing"
    (step,) = plan.steps
    house.apply_quietly("native", step.operations)
    house.write(outcomes.entry_confirmed, code_id, step.to_phase, step.entry.revision)
    house.tick()
    assert house.locks["native"].codes() == {}
    assert house.told(access_code_ids=(code_id,))[-1] == "access_code.deleted"


def test_unfinished_when_things_are_due_then_each_with_its_reason(house: House) -> None:
    assert house.read(sessions.unfinished) == []
    code_id = created(house)
    (waiting,) = house.read(sessions.unfinished)
    assert (waiting.device_id, waiting.entry_id) == ("native", code_id)
    assert (waiting.reason, waiting.next_try_ms) == ("due", NOON_MS)
    house.unreachable.add("native")
    house.tick()
    (waiting,) = house.read(sessions.unfinished)
    assert waiting.reason == "connect_failed"
    assert waiting.next_try_ms == house.device("native").next_try_at_ms
    house.seen_again()
    assert house.read(sessions.unfinished) == []


def test_unfinished_when_a_code_closed_itself_then_it_does_not_count(house: House) -> None:
    created(house, ends_at_ms=NOON_MS + HOUR_MS)
    house.tick()
    house.unreachable.add("native")
    house.now_ms = NOON_MS + 2 * HOUR_MS
    house.tick()
    assert house.read(sessions.unfinished) == []
    assert due(house) == []


def test_milestones_when_many_are_due_then_in_the_order_of_time_and_in_parts(
    house: House,
) -> None:
    for hours in (3, 1, 2):
        created(house, ends_at_ms=NOON_MS + hours * HOUR_MS)
    house.tick()
    house.now_ms = NOON_MS + DAY_MS
    before = len(house.events())
    assert house.write(milestones.apply, rows_max=2) == 2
    assert house.write(milestones.apply, rows_max=2) == 1
    assert house.write(milestones.apply, rows_max=2) == 0
    ends = [row.occurred_at_ms for row in house.events()[before:]]
    assert sorted(ends) == ends
    assert len(ends) == 6


def test_milestones_when_one_code_has_several_behind_it_then_it_lives_through_all(
    house: House,
) -> None:
    first = created(house, starts_at_ms=NOON_MS + HOUR_MS, ends_at_ms=NOON_MS + 2 * HOUR_MS)
    second = created(house, starts_at_ms=NOON_MS + HOUR_MS, ends_at_ms=NOON_MS + 3 * HOUR_MS)
    house.tick()
    before = len(house.events())
    house.now_ms = NOON_MS + DAY_MS
    house.write(milestones.apply)
    told = [
        (row.event_type.removeprefix("access_code."), row.access_code_id)
        for row in house.events()[before:]
    ]
    starts = [("set_on_device", code_id) for code_id in sorted((first, second))]
    assert told[:2] == starts
    assert told[2:] == [
        ("removed_from_device", first),
        ("deleted", first),
        ("removed_from_device", second),
        ("deleted", second),
    ]


def test_milestones_when_an_attempt_waits_too_long_then_it_fails(house: House) -> None:
    attempt_id = house.write(attempts.begin, "LOCK_DOOR", "native")
    with house.engines.reader.begin() as conn:
        assert milestones.next_milestone_ms(conn) == NOON_MS + 30_000
    house.now_ms = NOON_MS + 30_000
    assert house.write(milestones.apply) == 1
    assert house.attempt(attempt_id).status == "error"


def test_outcome_when_a_start_passed_during_the_session_then_it_is_told_at_its_instant(
    house: House,
) -> None:
    start_ms = NOON_MS + HOUR_MS
    code_id = created(house, starts_at_ms=start_ms, ends_at_ms=NOON_MS + DAY_MS)
    house.advance(to_ms=start_ms - 1000)
    house.write(codes.update_code, code_id, CodeChanges(name="Bob"))
    plan = house.write(sessions.plan_session, "native")
    house.now_ms = start_ms + 1000
    (step,) = plan.steps
    house.write(outcomes.entry_confirmed, code_id, step.to_phase, step.entry.revision)
    assert house.code(code_id).status == "set"
    (event,) = house.events(event_types=("access_code.set_on_device",))
    assert event.occurred_at_ms == start_ms + 1000


def test_outcome_when_the_code_closed_during_the_session_then_only_the_slot_is_known(
    house: House,
) -> None:
    end_ms = NOON_MS + HOUR_MS
    code_id = created(house, ends_at_ms=end_ms)
    plan = house.write(sessions.plan_session, "native")
    (step,) = plan.steps
    house.apply_quietly("native", step.operations)
    house.now_ms = end_ms + 1000
    house.write(outcomes.entry_confirmed, code_id, step.to_phase, step.entry.revision)
    told = house.events(access_code_ids=(code_id,))
    assert [row.event_type for row in told] == ["access_code.created", "access_code.deleted"]
    assert told[-1].occurred_at_ms == end_ms
    assert due(house) == []
    house.session("native")
    assert house.locks["native"].codes() == {}


def test_outcome_when_the_code_ended_before_it_failed_then_nothing_is_left_to_tell(
    house: House,
) -> None:
    code_id = created(house, "jit", ends_at_ms=NOON_MS + HOUR_MS)
    house.now_ms = NOON_MS + HOUR_MS
    house.write(
        outcomes.device_unreachable, "jit", reason="connect_failed", retry_at_ms=NOON_MS + DAY_MS
    )
    assert house.told(access_code_ids=(code_id,)) == ["access_code.created", "access_code.deleted"]


def test_outcome_when_an_older_clear_is_confirmed_then_newer_writes_stay_in_doubt(
    house: House,
) -> None:
    code_id = created(house)
    house.tick()
    house.write(codes.update_code, code_id, CodeChanges(code="975310"))
    plan = house.write(sessions.plan_session, "native")
    (step,) = plan.steps
    house.write(outcomes.entry_confirmed, code_id, Phase.ABSENT, step.entry.revision - 1)
    assert house.code(code_id).status == "setting"
    house.write(codes.delete_code, code_id)
    assert house.code(code_id).status == "removing"
    house.tick()
    assert house.locks["native"].codes() == {}


def test_plan_session_when_the_device_can_no_longer_hold_a_window_then_it_is_an_error(
    house: House,
) -> None:
    """The lock was exchanged for one that counts in days."""
    code_id = created(house, starts_at_ms=NOON_MS + HOUR_MS, ends_at_ms=NOON_MS + 2 * HOUR_MS)
    coarse = profile_like("generic-native", time_granularity_s=86_400)
    house.profiles = {**house.profiles, "generic-native": coarse}
    assert house.write(sessions.plan_session, "native").steps == ()
    (error,) = house.code(code_id).errors
    assert error["error_code"] == "code_constraints_violated"
    assert "nothing of the window is left" in error["message"]


def test_slots_when_a_code_that_found_none_is_moved_away_then_it_does_not_wake_early() -> None:
    """Found by the machine: it was due for ever, and never needed anything."""
    house = House()
    house.add_device("native", "generic-native", slot_count=1)
    held = created(house)
    house.tick()
    waiting = created(house)
    house.tick()
    later = CodeChanges(starts_at_ms=NOON_MS + 9 * DAY_MS)
    house.write(codes.update_code, waiting, later)
    house.write(codes.delete_code, held)
    house.tick()
    assert due(house) == []
    house.advance(to_ms=NOON_MS + 9 * DAY_MS)
    assert house.code(waiting).status == "set"
    house.close()


def test_plan_session_when_some_have_slots_and_some_not_then_both_are_planned(
    house: House,
) -> None:
    old = created(house, code="2468")
    house.tick()
    new = created(house)
    house.write(codes.update_code, old, CodeChanges(code="9753"))
    plan = house.write(sessions.plan_session, "native")
    assert {step.entry.entry_id: step.entry.slot for step in plan.steps} == {old: 1, new: 2}


def test_unfinished_when_a_code_that_failed_was_moved_away_then_it_does_not_count(
    house: House,
) -> None:
    house.unreachable.add("jit")
    code_id = created(house, "jit", ends_at_ms=NOON_MS + DAY_MS)
    house.tick()
    later = CodeChanges(starts_at_ms=NOON_MS + DAY_MS, ends_at_ms=NOON_MS + 2 * DAY_MS)
    house.write(codes.update_code, code_id, later)
    assert house.read(sessions.unfinished) == []
    assert house.write(sessions.plan_session, "jit").steps == ()
    assert house.code(code_id).warnings == []


def test_failure_when_a_closed_codes_slot_can_not_be_cleared_then_nobody_is_troubled(
    house: House,
) -> None:
    code_id = created(house, ends_at_ms=NOON_MS + HOUR_MS)
    house.advance(to_ms=NOON_MS + 2 * HOUR_MS)
    house.write(sessions.plan_session, "native")
    house.write(
        outcomes.entry_failed,
        code_id,
        error_code="provider_issue",
        retry_at_ms=NOON_MS + DAY_MS,
    )
    assert house.read(sessions.unfinished) == []
    house.advance(to_ms=NOON_MS + DAY_MS)
    assert house.locks["native"].codes() == {}
