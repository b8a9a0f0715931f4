from __future__ import annotations

from typing import Any

import pytest

from gateway.access import codes, outcomes, sessions
from gateway.access.requests import CodeChanges, CodeRequest
from gateway.plan.entry import Phase
from gateway.plan.operations import Difference, WriteCredential, WriteUser
from gateway.plan.policy import Policy
from gateway.tests.access.harness import DAY_MS, HOUR_MS, MINUTE_MS, NOON_MS, House
from protocols.doorlock.vocabulary import UserType


def created(house: House, device_id: str = "native", **changes: Any) -> Any:
    request = CodeRequest(device_id=device_id, **changes)
    return house.code(house.write(codes.create_code, request))


def shown(house: House, code_id: str) -> tuple[list[str], list[str]]:
    code = house.code(code_id)
    return (
        [one["error_code"] for one in code.errors],
        [one["warning_code"] for one in code.warnings],
    )


def fail(house: House, code_id: str, error_code: str, **changes: Any) -> None:
    asked = {"message": None, "retry_at_ms": house.now_ms + MINUTE_MS} | changes
    house.write(outcomes.entry_failed, code_id, error_code=error_code, **asked)


def told(house: House, code_id: str) -> list[str]:
    return [name.removeprefix("access_code.") for name in house.told(access_code_ids=(code_id,))]


# --- setting -----------------------------------------------------------------------------------


def test_failure_when_passing_then_first_a_delay_then_an_error_then_all_clear(
    house: House,
) -> None:
    house.unreachable.add("native")
    code_id = created(house).access_code_id
    house.tick()
    assert shown(house, code_id) == ([], ["delay_in_setting_on_device"])
    house.advance(to_ms=NOON_MS + 59_000)
    assert shown(house, code_id) == (["failed_to_set_on_device"], [])
    assert told(house, code_id) == [
        "created",
        "delay_in_setting_on_device",
        "failed_to_set_on_device",
    ]
    assert house.code(code_id).status == "setting"
    house.seen_again()
    assert shown(house, code_id) == ([], [])
    assert told(house, code_id)[-1] == "set_on_device"


def test_failure_when_told_then_with_the_troubles_around_it(house: House) -> None:
    house.unreachable.add("native")
    code_id = created(house).access_code_id
    house.advance(to_ms=NOON_MS + 59_000)
    event = house.events(event_types=("access_code.failed_to_set_on_device",))[0]
    assert set(event.body) == {
        "access_code_id",
        "connected_account_id",
        "device_id",
        "access_code_errors",
        "access_code_warnings",
        "connected_account_errors",
        "connected_account_warnings",
        "device_errors",
        "device_warnings",
    }
    (error,) = event.body["access_code_errors"]
    assert error["error_code"] == "failed_to_set_on_device"
    assert error["is_access_code_error"]
    assert error["created_at"].endswith("Z")
    assert error["message"]
    assert event.access_code_id == code_id


def test_failure_when_an_update_fails_then_the_error_says_update(house: House) -> None:
    code_id = created(house).access_code_id
    house.tick()
    house.unreachable.add("native")
    house.write(codes.update_code, code_id, CodeChanges(name="Bob"))
    house.advance(to_ms=NOON_MS + 59_000)
    assert shown(house, code_id) == (["failed_to_update"], [])


def test_failure_when_configured_then_another_count(house: House) -> None:
    house.policy = Policy(failures_before_error=1)
    house.unreachable.add("native")
    code_id = created(house).access_code_id
    house.tick()
    assert shown(house, code_id) == (["failed_to_set_on_device"], [])


@pytest.mark.parametrize(
    "error_code",
    ["duplicate_code_on_device", "provider_issue", "insufficient_permissions"],
)
def test_failure_when_the_device_has_a_reason_then_an_error_at_once(
    house: House, error_code: str
) -> None:
    code_id = created(house).access_code_id
    house.write(sessions.plan_session, "native")
    fail(house, code_id, error_code, message="Because of this.")
    (error,) = house.code(code_id).errors
    assert (error["error_code"], error["message"]) == (error_code, "Because of this.")
    assert told(house, code_id)[-1] == "failed_to_set_on_device"
    # A contact for another reason does not hurry it.
    assert house.write(sessions.plan_session, "native").steps == ()
    house.now_ms += MINUTE_MS
    assert len(house.write(sessions.plan_session, "native").steps) == 1


def test_failure_when_the_reason_changes_then_the_newer_one_is_shown(house: House) -> None:
    code_id = created(house).access_code_id
    fail(house, code_id, "provider_issue")
    fail(house, code_id, "duplicate_code_on_device")
    assert shown(house, code_id)[0] == ["duplicate_code_on_device"]
    assert told(house, code_id).count("failed_to_set_on_device") == 2


def test_failure_when_a_rule_of_the_device_is_broken_then_it_is_tried_again_rarely(
    house: House,
) -> None:
    code_id = created(house).access_code_id
    house.write(sessions.plan_session, "native")
    fail(house, code_id, "code_constraints_violated")
    failed_at_ms = house.now_ms
    house.now_ms += 6 * HOUR_MS - 1
    assert house.write(sessions.plan_session, "native").steps == ()
    (waiting,) = house.read(sessions.unfinished)
    assert waiting.reason == "code_constraints_violated"
    assert waiting.next_try_ms == failed_at_ms + 6 * HOUR_MS
    house.now_ms += 1
    assert len(house.write(sessions.plan_session, "native").steps) == 1
    fail(house, code_id, "code_constraints_violated")
    # Somebody changes it: at once.
    house.write(codes.update_code, code_id, CodeChanges(code="98989"))
    house.tick()
    assert shown(house, code_id) == ([], [])
    assert house.code(code_id).status == "set"


def test_failure_when_the_entry_is_gone_then_no_error(house: House) -> None:
    fail(house, "nothing", "provider_issue")
    house.write(outcomes.entry_confirmed, "nothing", Phase.STORED, 1)


def test_failure_when_the_device_is_untouched_then_a_deletion_needs_no_session(
    house: House,
) -> None:
    code_id = created(house).access_code_id
    house.write(sessions.plan_session, "native")
    fail(house, code_id, "connect_failed", is_untouched=True)
    house.write(codes.delete_code, code_id)
    assert told(house, code_id)[-1] == "deleted"


# --- removing ----------------------------------------------------------------------------------


def test_removal_when_it_fails_then_a_delay_then_an_error_until_it_is_done(house: House) -> None:
    code_id = created(house).access_code_id
    house.tick()
    house.unreachable.add("native")
    house.write(codes.delete_code, code_id)
    house.tick()
    assert shown(house, code_id) == ([], ["being_deleted", "delay_in_removing_from_device"])
    house.advance(to_ms=NOON_MS + HOUR_MS)
    assert shown(house, code_id)[0] == ["failed_to_remove_from_device"]
    house.seen_again()
    assert told(house, code_id)[-4:] == [
        "delay_in_removing_from_device",
        "failed_to_remove_from_device",
        "removed_from_device",
        "deleted",
    ]


# --- a full table ------------------------------------------------------------------------------


def full_house(slot_count: int = 2) -> House:
    house = House()
    house.add_device("native", "generic-native", slot_count=slot_count)
    return house


def test_slots_when_all_are_taken_then_an_error_until_one_is_free() -> None:
    house = full_house()
    held = [created(house).access_code_id for _ in range(2)]
    house.tick()
    late = created(house).access_code_id
    house.tick()
    assert shown(house, late)[0] == ["no_space_for_access_code_on_device"]
    (waiting,) = house.read(sessions.unfinished)
    assert (waiting.entry_id, waiting.next_try_ms) == (late, None)
    assert house.next_instants()[-1] > house.now_ms
    house.write(codes.delete_code, held[0])
    house.tick()
    assert shown(house, late)[0] == []
    assert house.code(late).status == "set"
    assert sorted(house.locks["native"].codes()) == [1, 2]
    house.close()


def test_slots_when_a_closed_code_holds_one_then_it_is_cleaned_for_the_next() -> None:
    house = full_house(1)
    created(house, ends_at_ms=NOON_MS + HOUR_MS)
    house.advance(to_ms=NOON_MS + 2 * HOUR_MS)
    assert len(house.locks["native"].codes()) == 1
    code = created(house)
    house.tick()
    assert shown(house, code.access_code_id) == ([], [])
    assert house.locks["native"].codes() == {1: code.code}
    house.close()


def test_slots_when_one_waits_then_a_code_that_closes_itself_is_cleaned_at_once() -> None:
    house = full_house(1)
    created(house, ends_at_ms=NOON_MS + HOUR_MS)
    house.tick()
    late = created(house)
    house.tick()
    assert shown(house, late.access_code_id)[0] == ["no_space_for_access_code_on_device"]
    house.advance(to_ms=NOON_MS + HOUR_MS)
    assert shown(house, late.access_code_id) == ([], [])
    assert house.locks["native"].codes() == {1: late.code}
    house.close()


def test_slots_when_given_then_the_lowest_free_one_and_rising_revisions() -> None:
    house = full_house(3)
    first, second = created(house), created(house)
    house.tick()
    assert house.locks["native"].codes() == {1: first.code, 2: second.code}
    house.write(codes.delete_code, first.access_code_id)
    house.tick()
    third = created(house)
    plan = house.write(sessions.plan_session, "native")
    (step,) = plan.steps
    assert step.entry.slot == 1
    # 1 wrote, 2 cleared: the next content begins at 4 and leaves one to clear with.
    assert [operation.revision for operation in step.operations] == [4, 4]
    assert isinstance(step.operations[0], WriteUser)
    assert step.operations[0].user_type is UserType.UNRESTRICTED_USER
    assert isinstance(step.operations[1], WriteCredential)
    assert step.operations[1].code == third.code
    house.close()


def test_slots_when_the_device_has_fewer_than_its_profile_then_the_device_wins() -> None:
    house = full_house(1)
    created(house)
    late = created(house).access_code_id
    house.tick()
    assert shown(house, late)[0] == ["no_space_for_access_code_on_device"]
    house.close()


# --- memory ------------------------------------------------------------------------------------


def test_memory_when_a_record_is_gone_then_written_again_above_and_told(house: House) -> None:
    code = created(house, "latch", ends_at_ms=NOON_MS + DAY_MS)
    house.tick()
    lock = house.locks["latch"]
    lock.records.clear()
    house.write(outcomes.memory_differs, "latch", Difference(missing_slots=(1,)))
    after = house.code(code.access_code_id)
    assert after.status == "setting"
    (error,) = after.errors
    assert error["error_code"] == "conflicting_external_modification"
    assert (error["change_type"], error["modified_fields"]) == ("modified", [])
    assert told(house, code.access_code_id)[-1] == "modified_external_to_seam"
    house.tick()
    assert lock.opens(code.code, house.now_ms)
    assert house.code(code.access_code_id).errors == []
    assert min(record.revision for record in lock.records.values()) > 1


def test_memory_when_the_lock_is_further_than_the_store_then_it_goes_on_from_there(
    house: House,
) -> None:
    """A store restored from a backup: slot 1 is at revision 40 on the lock."""
    code = created(house, ends_at_ms=NOON_MS + DAY_MS)
    house.tick()
    for record in house.locks["native"].records.values():
        record.revision = 40
    found = Difference(missing_slots=(1,), newer={1: 40}, unknown_slots=(7,))
    house.write(outcomes.memory_differs, "native", found)
    house.write(outcomes.memory_differs, "native", found)
    row = house.device("native")
    assert [one["warning_code"] for one in row.warnings] == ["third_party_integration_detected"]
    assert house.told(device_ids=("native",)).count("device.third_party_integration_detected") == 1
    house.tick()
    assert house.locks["native"].opens(code.code, house.now_ms)
    assert min(one.revision for one in house.locks["native"].records.values()) > 40
    house.write(outcomes.memory_differs, "native", Difference())
    assert house.device("native").warnings == []
    assert house.told()[-1] == "device.third_party_integration_no_longer_detected"


def test_memory_when_a_cleared_or_foreign_slot_differs_then_no_code_is_told(
    house: House,
) -> None:
    code = created(house)
    house.tick()
    house.write(codes.delete_code, code.access_code_id)
    house.write(outcomes.memory_differs, "native", Difference(missing_slots=(1, 5)))
    house.tick()
    assert "modified_external_to_seam" not in told(house, code.access_code_id)
    assert told(house, code.access_code_id)[-1] == "deleted"


def test_memory_when_a_closed_codes_record_is_gone_then_its_slot_is_cleared(house: House) -> None:
    created(house, ends_at_ms=NOON_MS + HOUR_MS)
    house.advance(to_ms=NOON_MS + 2 * HOUR_MS)
    house.write(outcomes.memory_differs, "native", Difference(missing_slots=(1,)))
    house.tick()
    assert house.locks["native"].codes() == {}
    assert house.read(sessions.unfinished) == []


# --- devices -----------------------------------------------------------------------------------


def test_device_when_it_fails_thrice_then_offline_and_back_again(house: House) -> None:
    house.unreachable.add("native")
    created(house)
    house.tick()
    assert house.device("native").is_online
    house.advance(to_ms=NOON_MS + 59_000)
    row = house.device("native")
    assert not row.is_online
    assert [one["error_code"] for one in row.errors] == ["device_offline"]
    event = house.events(event_types=("device.disconnected",))[0]
    assert event.body["error_code"] == "device_offline"
    assert event.body["device_errors"][0]["is_device_error"]
    house.seen_again()
    row = house.device("native")
    assert (row.is_online, row.errors, row.attempts, row.next_try_at_ms) == (True, [], 0, None)
    assert house.told(device_ids=("native",)).count("device.connected") == 2
    assert house.told(device_ids=("native",)).count("device.disconnected") == 1


def test_device_when_it_was_never_there_then_its_errors_say_offline_without_an_event() -> None:
    house = House()
    house.add_device("native", "generic-native")
    house.write(lambda conn, _ctx: conn.exec_driver_sql("UPDATE device SET is_online = 0"))
    house.unreachable.add("native")
    created(house)
    house.advance(to_ms=NOON_MS + 59_000)
    assert [one["error_code"] for one in house.device("native").errors] == ["device_offline"]
    assert "device.disconnected" not in house.told()
    house.close()


@pytest.mark.parametrize(
    ("voltages", "expected"),
    [
        ([6000], []),
        ([5000], [("battery_status_changed", "good")]),
        ([4200, 4100], [("battery_status_changed", "low"), ("low_battery", None)]),
        (
            [4200, 3900],
            [
                ("battery_status_changed", "low"),
                ("low_battery", None),
                ("battery_status_changed", "critical"),
            ],
        ),
        ([3000], [("battery_status_changed", "critical"), ("low_battery", None)]),
    ],
)
def test_battery_when_it_falls_then_told_once_a_status(
    house: House, voltages: list[int], expected: list[tuple[str, str | None]]
) -> None:
    before = len(house.events())
    for battery_mv in voltages:
        house.write(outcomes.device_contacted, "native", {"battery_mv": battery_mv})
    new = house.events()[before:]
    assert [
        (row.event_type.removeprefix("device."), row.body.get("battery_status")) for row in new
    ] == expected
    assert all(0 <= row.body["battery_level"] <= 1 for row in new)
    assert house.device("native").reported["battery_mv"] == voltages[-1]


def test_contact_when_due_then_not_before_six_hours(house: House) -> None:
    (contact, *_) = sorted(house.next_instants())
    assert contact == NOON_MS + 6 * HOUR_MS
    house.advance(to_ms=NOON_MS + 6 * HOUR_MS)
    assert house.device("native").last_contact_at_ms == NOON_MS + 6 * HOUR_MS
