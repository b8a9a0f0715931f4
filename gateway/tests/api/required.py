"""What every object of the API must hold, as data of our own: the schema's required lists.

Checked on every successful reply of every test (`House.call`), so no test has to repeat it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

# A field's type as the reference writes it: `?` nullable, `[]` a list, `a/b` one of these words.
# A field in brackets may be missing.
ACCESS_CODE = {
    "access_code_id": "str",
    "code": "str?",
    "common_code_key": "str?",
    "created_at": "dt",
    "device_id": "str",
    "display_status": "str",
    "[ends_at]": "dt?",
    "errors": "problem[]",
    "[is_backup]": "bool",
    "is_backup_access_code_available": "bool",
    "is_external_modification_allowed": "bool",
    "is_managed": "bool",
    "is_offline_access_code": "bool",
    "is_one_time_use": "bool",
    "is_scheduled_on_device": "bool",
    "[is_waiting_for_code_assignment]": "bool",
    "name": "str?",
    "pending_mutations": "mutation[]",
    "[pulled_backup_access_code_id]": "str?",
    "[starts_at]": "dt?",
    "status": "setting/set/unset/removing/unknown",
    "type": "time_bound/ongoing",
    "warnings": "problem[]",
    "workspace_id": "str",
}
ACCESS_GRANT = {
    "access_grant_id": "str",
    "[access_grant_key]": "str",
    "access_method_ids": "str[]",
    "created_at": "dt",
    "display_name": "str",
    "display_status": "str",
    "ends_at": "dt?",
    "errors": "problem[]",
    "location_ids": "str[]",
    "name": "str?",
    "pending_mutations": "mutation[]",
    "requested_access_methods": "requested[]",
    "space_ids": "str[]",
    "starts_at": "dt",
    "user_identity_id": "str",
    "warnings": "problem[]",
    "workspace_id": "str",
}
REQUESTED = {
    "[code]": "str",
    "created_access_method_ids": "str[]",
    "created_at": "dt",
    "display_name": "str",
    "[instant_key_max_use_count]": "num",
    "mode": "code/card/mobile_key/cloud_key",
}
ACCESS_METHOD = {
    "access_method_id": "str",
    "[code]": "str?",
    "created_at": "dt",
    "display_name": "str",
    "display_status": "str",
    "errors": "problem[]",
    "[is_assignment_required]": "bool",
    "[is_encoding_required]": "bool",
    "is_issued": "bool",
    "[is_ready_for_assignment]": "bool",
    "[is_ready_for_encoding]": "bool",
    "issued_at": "dt?",
    "mode": "code/card/mobile_key/cloud_key",
    "pending_mutations": "mutation[]",
    "warnings": "problem[]",
    "workspace_id": "str",
}
DEVICE = {
    **dict.fromkeys(
        (
            "can_configure_auto_lock",
            "can_program_offline_access_codes",
            "can_program_online_access_codes",
            "can_remotely_lock",
            "can_remotely_unlock",
            "can_simulate_connection",
            "can_simulate_disconnection",
            "can_simulate_hub_connection",
            "can_simulate_hub_disconnection",
            "can_simulate_paid_subscription",
            "can_simulate_removal",
            "can_unlock_with_code",
        ),
        "bool",
    ),
    "capabilities_supported": "str[]",
    "connected_account_id": "str",
    "created_at": "dt",
    "custom_metadata": "obj",
    "device_id": "str",
    "[device_manufacturer]": "obj",
    "[device_provider]": "obj",
    "device_type": "yale_lock/salto_lock/schlage_lock/ttlock_lock/smartthings_lock/lockly_lock/"
    "nuki_lock/kwikset_lock/august_lock/igloohome_lock/tedee_lock",
    "display_name": "str",
    "errors": "problem[]",
    "is_managed": "bool",
    "[location]": "obj",
    "properties": "properties",
    "space_ids": "str[]",
    "warnings": "problem[]",
    "workspace_id": "str",
}
PROPERTIES = {
    "appearance": "obj",
    "[backup_access_code_pool_enabled]": "bool",
    "[battery]": "obj",
    "[battery_level]": "num",
    "[code_constraints]": "obj[]",
    "[door_open]": "bool",
    "[has_direct_power]": "bool",
    "[has_native_entry_events]": "bool",
    "[locked]": "bool",
    "[manufacturer]": "str",
    "[max_active_codes_supported]": "num",
    "model": "obj",
    "name": "str",
    "[offline_access_codes_enabled]": "bool",
    "online": "bool",
    "[online_access_codes_enabled]": "bool",
    "[serial_number]": "str",
    "[supported_code_lengths]": "num[]",
    "[supports_accessory_keypad]": "bool",
    "[supports_backup_access_code_pool]": "bool",
    "[supports_offline_access_codes]": "bool",
}
USER_IDENTITY = {
    "acs_user_ids": "str[]",
    "created_at": "dt",
    "display_name": "str",
    "email_address": "str?",
    "errors": "problem[]",
    "full_name": "str?",
    "[merged_user_identity_ids]": "str[]",
    "[merged_user_identity_keys]": "str[]",
    "phone_number": "str?",
    "user_identity_id": "str",
    "user_identity_key": "str?",
    "warnings": "problem[]",
    "workspace_id": "str",
}
ACTION_ATTEMPT = {
    "action_attempt_id": "str",
    "action_type": "str",
    "status": "pending/success/error",
    "result": "obj?",
    "error": "obj?",
}
WORKSPACE = {
    "company_name": "str",
    "[connect_partner_name]": "str",
    "connect_webview_customization": "obj",
    "is_publishable_key_auth_enabled": "bool",
    "is_sandbox": "bool",
    "is_suspended": "bool",
    "name": "str",
    "organization_id": "str?",
    "workspace_id": "str",
}
PAGINATION = {"has_next_page": "bool", "next_page_cursor": "str?", "next_page_url": "str?"}
GENERATED_CODE = {"code": "str", "device_id": "str"}
CONNECTED_ACCOUNT = {
    "accepted_capabilities": "str[]",
    "[account_type]": "str",
    "account_type_display_name": "str",
    "automatically_manage_new_devices": "bool",
    "connected_account_id": "str",
    "[created_at]": "dt",
    "custom_metadata": "obj",
    "display_name": "str",
    "errors": "problem[]",
    "warnings": "problem[]",
}

# Own fields of the events that this gateway tells; `[...]` may be missing.
_CODE_EVENT = ("access_code_id", "connected_account_id", "device_id")
_TROUBLED = (
    *_CODE_EVENT,
    "access_code_errors",
    "access_code_warnings",
    "connected_account_errors",
    "connected_account_warnings",
    "device_errors",
    "device_warnings",
)
_METHOD_EVENT = ("access_grant_ids", "[access_grant_keys]", "access_method_id")
_ATTEMPT = ("action_attempt_id", "action_type", "[connected_account_id]", "[device_id]", "status")
_DOOR = (
    "[access_code_id]",
    "[access_code_is_managed]",
    "[action_attempt_id]",
    "[code]",
    "connected_account_id",
    "device_id",
    "[is_via_bluetooth]",
    "[is_via_nfc]",
    "method",
    "[user_identity_id]",
)
EVENTS: Mapping[str, tuple[str, ...]] = {
    "access_code.created": _CODE_EVENT,
    "access_code.changed": (*_CODE_EVENT, "[change_reason]", "[changed_properties]"),
    "access_code.name_changed": (*_CODE_EVENT, "description", "from", "to"),
    "access_code.code_changed": (*_CODE_EVENT, "description", "from", "to"),
    "access_code.time_frame_changed": (*_CODE_EVENT, "description", "from", "to"),
    "access_code.mutations_requested": (*_CODE_EVENT, "requested_mutations"),
    "access_code.scheduled_on_device": (*_CODE_EVENT, "code"),
    "access_code.set_on_device": (*_CODE_EVENT, "code"),
    "access_code.removed_from_device": _CODE_EVENT,
    "access_code.delay_in_setting_on_device": _TROUBLED,
    "access_code.failed_to_set_on_device": _TROUBLED,
    "access_code.deleted": (*_CODE_EVENT, "code"),
    "access_code.delay_in_removing_from_device": _TROUBLED,
    "access_code.failed_to_remove_from_device": _TROUBLED,
    "access_grant.created": ("access_grant_id",),
    "access_grant.deleted": ("access_grant_id",),
    "access_grant.access_granted_to_all_doors": ("access_grant_id",),
    "access_grant.access_times_changed": (
        "access_grant_id",
        "[access_grant_key]",
        "[ends_at]",
        "[starts_at]",
    ),
    "access_method.created": _METHOD_EVENT,
    "access_method.issued": (*_METHOD_EVENT, "[code]", "[is_backup_code]"),
    "access_method.revoked": _METHOD_EVENT,
    "access_method.reissued": (*_METHOD_EVENT, "[code]", "[is_backup_code]"),
    "access_method.deleted": _METHOD_EVENT,
    "access_method.delay_in_issuing": _METHOD_EVENT,
    "access_method.failed_to_issue": _METHOD_EVENT,
    "action_attempt.lock_door.succeeded": _ATTEMPT,
    "action_attempt.lock_door.failed": _ATTEMPT,
    "action_attempt.unlock_door.succeeded": _ATTEMPT,
    "action_attempt.unlock_door.failed": _ATTEMPT,
    "action_attempt.simulate_keypad_code_entry.succeeded": _ATTEMPT,
    "action_attempt.simulate_keypad_code_entry.failed": _ATTEMPT,
    "device.added": ("connected_account_id", "device_id"),
    "device.connected": ("connected_account_id", "device_id"),
    "device.disconnected": (
        "connected_account_errors",
        "connected_account_id",
        "connected_account_warnings",
        "device_errors",
        "device_id",
        "device_warnings",
        "error_code",
    ),
    "device.battery_status_changed": (
        "battery_level",
        "battery_status",
        "connected_account_id",
        "device_id",
    ),
    "device.low_battery": ("battery_level", "connected_account_id", "device_id"),
    "lock.locked": _DOOR,
    "lock.unlocked": _DOOR,
    "lock.access_denied": ("[access_code_id]", "connected_account_id", "device_id", "[reason]"),
}

_OBJECTS: Mapping[str, Mapping[str, str]] = {
    "access_code": ACCESS_CODE,
    "access_grant": ACCESS_GRANT,
    "access_method": ACCESS_METHOD,
    "device": DEVICE,
    "lock": DEVICE,
    "user_identity": USER_IDENTITY,
    "action_attempt": ACTION_ATTEMPT,
    "workspace": WORKSPACE,
    "generated_code": GENERATED_CODE,
    "connected_account": CONNECTED_ACCOUNT,
    "properties": PROPERTIES,
    "requested": REQUESTED,
    "pagination": PAGINATION,
}
_PLURALS = {"user_identities": "user_identity"}


def check_reply(body: Mapping[str, Any]) -> None:
    """Check every object of a successful reply against the tables."""
    for key, value in body.items():
        if key == "batch":
            check_reply(value)
        elif key in {"event", "events"}:
            for event in value if isinstance(value, list) else [value]:
                check_event(event)
        elif key in _OBJECTS:
            check_object(key, value)
        elif isinstance(value, list):
            for item in value:
                check_object(_PLURALS.get(key, key.removesuffix("s")), item)
        else:
            assert (key, value) == ("ok", True)


def check_object(kind: str, value: Mapping[str, Any]) -> None:
    """Check one object: everything required is there, nothing undocumented is, all fits."""
    table = _OBJECTS[kind]
    known = {name.strip("[]") for name in table}
    assert set(value) <= known, (kind, set(value) - known)
    for name, wanted in table.items():
        if name.startswith("["):
            if name.strip("[]") in value:
                _check(wanted, value[name.strip("[]")], f"{kind}.{name}")
        else:
            assert name in value, (kind, name)
            _check(wanted, value[name], f"{kind}.{name}")


def check_event(event: Mapping[str, Any]) -> None:
    """Check an event: what all share, and its own fields."""
    own = EVENTS[event["event_type"]]
    for name in ("created_at", "occurred_at"):
        _check("dt", event[name], name)
    common = {"event_id", "event_type", "created_at", "occurred_at", "workspace_id"}
    required = {name for name in own if not name.startswith("[")}
    assert required | common <= set(event), (event["event_type"], required - set(event))
    known = {name.strip("[]") for name in own} | common | {"event_description"}
    assert set(event) <= known, (event["event_type"], set(event) - known)
    assert not [name for name in event if name.endswith("_ms")]


def _check(wanted: str, value: Any, where: str) -> None:
    if wanted.endswith("?"):
        if value is not None:
            _check(wanted[:-1], value, where)
    elif wanted.endswith("[]"):
        assert isinstance(value, list), where
        for item in value:
            _check(wanted[:-2], item, where)
    elif wanted in _OBJECTS:
        check_object(wanted, value)
    elif wanted in {"problem", "mutation"}:
        _check_problem(wanted, value, where)
    elif "/" in wanted:
        assert value in wanted.split("/"), (where, value)
    else:
        assert _is_of(wanted, value), (where, value)


def _check_problem(wanted: str, value: Any, where: str) -> None:
    code = "mutation_code" if wanted == "mutation" else where.rpartition(".")[2][:-1] + "_code"
    assert isinstance(value[code], str), (where, value)
    assert value["message"], (where, value)
    _check("dt", value["created_at"], where)
    assert not [name for name in value if name.endswith("_ms")], (where, value)


def _is_of(wanted: str, value: Any) -> bool:
    if wanted == "dt":
        return isinstance(value, str) and _INSTANT.fullmatch(value) is not None
    if wanted == "num":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, {"str": str, "bool": bool, "obj": dict}[wanted])


def assert_refused(response: httpx.Response, status: int, error_type: str) -> dict[str, Any]:
    """The documented form of an error, whatever the route."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/json")
    assert response.headers["seam-request-id"].startswith("request")
    body = response.json()
    assert set(body) == {"error", "ok"}
    assert body["ok"] is False
    error: dict[str, Any] = body["error"]
    assert error["type"] == error_type
    assert isinstance(error["message"], str)
    assert error["message"]
    assert set(error) <= {"type", "message", "validation_errors"}
    return error
