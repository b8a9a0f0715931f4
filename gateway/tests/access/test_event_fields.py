"""Every event that the domain tells has the documented fields: all of them, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.access import attempts, codes, devices, grants, logs, outcomes
from gateway.access.attempts import AttemptError
from gateway.access.requests import (
    CodeChanges,
    DeviceChanges,
    GrantChanges,
    GrantRequest,
    IdentityRequest,
    RequestedMethod,
)
from gateway.plan.operations import Difference
from gateway.tests.access.harness import DAY_MS, HOUR_MS, NOON_MS, House
from gateway.tests.access.test_logs import record
from protocols.doorlock.vocabulary import AccessDeniedReason, AlarmCode, LogEvent

# Source: Seam's API reference, events: own fields of each type; `?` marks optional ones.
CODE = "access_code_id connected_account_id device_id"
CHANGED = f"{CODE} description from to"
TROUBLE = (
    f"{CODE} access_code_errors access_code_warnings connected_account_errors"
    " connected_account_warnings device_errors device_warnings"
)
METHOD = "access_grant_ids access_grant_keys? access_method_id"
ISSUED = f"{METHOD} code? is_backup_code?"
ATTEMPT = "action_attempt_id action_type connected_account_id? device_id? status"
DEVICE = "connected_account_id device_id"
DOOR = (
    "access_code_id? acs_entrance_id? acs_system_id? acs_user_id? connected_account_id device_id"
    " user_identity_id?"
)
MOVED = (
    f"{DOOR} access_code_is_managed? action_attempt_id? code? is_via_bluetooth? is_via_nfc? method"
)
DOCUMENTED = {
    "access_code.created": CODE,
    "access_code.changed": f"{CODE} change_reason? changed_properties?",
    "access_code.name_changed": CHANGED,
    "access_code.code_changed": CHANGED,
    "access_code.time_frame_changed": CHANGED,
    "access_code.mutations_requested": f"{CODE} requested_mutations",
    "access_code.scheduled_on_device": f"{CODE} code",
    "access_code.set_on_device": f"{CODE} code",
    "access_code.removed_from_device": CODE,
    "access_code.delay_in_setting_on_device": TROUBLE,
    "access_code.failed_to_set_on_device": TROUBLE,
    "access_code.deleted": f"{CODE} code",
    "access_code.delay_in_removing_from_device": TROUBLE,
    "access_code.failed_to_remove_from_device": TROUBLE,
    "access_code.modified_external_to_seam": CODE,
    "access_grant.created": "access_grant_id",
    "access_grant.deleted": "access_grant_id",
    "access_grant.access_granted_to_all_doors": "access_grant_id",
    "access_grant.access_times_changed": "access_grant_id access_grant_key? ends_at? starts_at?",
    "access_grant.could_not_create_requested_access_methods": (
        "access_grant_id error_message missing_device_ids?"
    ),
    "access_method.created": METHOD,
    "access_method.issued": ISSUED,
    "access_method.reissued": ISSUED,
    "access_method.revoked": METHOD,
    "access_method.deleted": METHOD,
    "access_method.delay_in_issuing": METHOD,
    "access_method.failed_to_issue": METHOD,
    "action_attempt.lock_door.succeeded": ATTEMPT,
    "action_attempt.unlock_door.failed": ATTEMPT,
    "device.added": DEVICE,
    "device.connected": DEVICE,
    "device.disconnected": (
        f"{DEVICE} connected_account_errors connected_account_warnings device_errors"
        " device_warnings error_code"
    ),
    "device.tampered": DEVICE,
    "device.low_battery": f"{DEVICE} battery_level",
    "device.battery_status_changed": f"{DEVICE} battery_level battery_status",
    "device.name_changed": f"{DEVICE} device_name",
    "device.third_party_integration_detected": DEVICE,
    "device.third_party_integration_no_longer_detected": DEVICE,
    "lock.locked": MOVED,
    "lock.unlocked": MOVED,
    "lock.access_denied": f"{DOOR} reason?",
}


def live(house: House) -> None:
    """A house in which everything happens at least once."""
    jane = IdentityRequest(full_name="Jane", email_address="j@x.y")
    grant_id = house.write(
        grants.create_grant,
        GrantRequest(
            identity=jane,
            device_ids=("native", "latch"),
            requested=(RequestedMethod(mode="code"), RequestedMethod(mode="card")),
            starts_at_ms=NOON_MS + 2 * HOUR_MS,
            ends_at_ms=NOON_MS + DAY_MS,
            access_grant_key="stay",
        ),
    )
    house.unreachable.add("latch")
    house.advance(to_ms=NOON_MS + 3 * HOUR_MS)
    house.seen_again()
    longer = GrantChanges(ends_at_ms=NOON_MS + 2 * DAY_MS)
    house.write(grants.update_grant, grant_id, longer)
    house.tick()
    code_id = house.write(house.create, "jit", code="2468", name="Bob")
    house.tick()
    changes = CodeChanges(code="9753", name="Eve", ends_at_ms=house.now_ms + DAY_MS)
    house.write(codes.update_code, code_id, changes)
    house.tick()
    lose_and_find(house)
    remove_late(house, code_id)
    happen_at_the_door(house)
    house.write(grants.delete_grant, grant_id)
    house.tick()
    granted = GrantRequest(
        identity=jane,
        device_ids=("jit",),
        requested=(RequestedMethod(mode="code"),),
    )
    house.write(grants.create_grant, granted)
    house.tick()


def lose_and_find(house: House) -> None:
    house.write(outcomes.memory_differs, "jit", Difference(missing_slots=(1,), newer={1: 50}))
    house.write(outcomes.memory_differs, "jit", Difference())
    house.tick()


def remove_late(house: House, code_id: str) -> None:
    house.unreachable.add("jit")
    house.write(codes.delete_code, code_id)
    house.advance(to_ms=house.now_ms + HOUR_MS)
    house.seen_again()


def happen_at_the_door(house: House) -> None:
    at_ms = house.now_ms
    records = [
        record(0, at_ms, credential_index=1),
        record(1, at_ms, detail=0),
        record(
            2,
            at_ms,
            event=LogEvent.ACCESS_DENIED,
            detail=int(AccessDeniedReason.UNKNOWN_CODE),
        ),
        record(3, at_ms, event=LogEvent.ALARM, detail=int(AlarmCode.DOOR_FORCED_OPEN)),
    ]
    house.write(logs.log_records, "native", records, next_index=4)
    house.write(outcomes.device_contacted, "native", {"battery_mv": 3850})
    house.write(devices.update_device, "native", DeviceChanges(display_name="Front"))
    locking = house.write(attempts.begin, "LOCK_DOOR", "native")
    house.write(attempts.finish, locking)
    unlocking = house.write(attempts.begin, "UNLOCK_DOOR", "native")
    error = AttemptError(type="device_timeout", message="No answer.")
    house.write(attempts.finish, unlocking, error=error)


@pytest.fixture
def told(house: House) -> list[Any]:
    live(house)
    return house.events()


def test_events_when_everything_happens_then_each_documented_type_is_among_them(
    told: list[Any],
) -> None:
    assert {row.event_type for row in told} == set(DOCUMENTED)


def test_events_when_told_then_exactly_the_documented_fields(told: list[Any]) -> None:
    for row in told:
        fields = DOCUMENTED[row.event_type].split()
        needed = {name for name in fields if not name.endswith("?")}
        allowed = {name.removesuffix("?") for name in fields}
        assert needed <= set(row.body) <= allowed, row.event_type


def test_events_when_they_hold_instants_then_as_text(told: list[Any]) -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                assert not name.endswith("_ms")
                if name.endswith("_at") and item is not None:
                    assert item.endswith("Z")
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    for row in told:
        walk(row.body)


def test_codes_when_all_has_happened_then_ids_are_unique(told: list[Any]) -> None:
    ids = [row.event_id for row in told]
    assert len(ids) == len(set(ids))
