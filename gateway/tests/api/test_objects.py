from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.api.objects.access_code import access_code
from gateway.api.objects.access_grant import access_grant
from gateway.api.objects.access_method import access_method
from gateway.api.objects.batch import connected_accounts
from gateway.api.objects.device import device
from gateway.api.objects.problems import mutations, problems, shown
from gateway.profiles import load_profiles
from gateway.tests.api.required import check_object
from protocols.doorlock.constraints import CodeConstraint
from protocols.profiles.parser import NameLength

NOW_MS = 1_752_148_800_000


def code_row(**changed: Any) -> Any:
    row: dict[str, Any] = {
        "access_code_id": "c",
        "code": "1234",
        "common_code_key": None,
        "created_at_ms": NOW_MS,
        "device_id": "d",
        "access_method_id": "m",
        "starts_at_ms": NOW_MS - 1000,
        "ends_at_ms": NOW_MS + 1000,
        "errors": [],
        "warnings": [],
        "pending_mutations": [],
        "is_external_modification_allowed": False,
        "is_scheduled_on_device": False,
        "name": None,
        "status": "set",
        "type": "time_bound",
        "workspace_id": "w",
    }
    return SimpleNamespace(**{**row, **changed})


def method_row(**changed: Any) -> Any:
    row: dict[str, Any] = {
        "access_method_id": "m",
        "created_at_ms": NOW_MS,
        "errors": [],
        "warnings": [],
        "is_issued": False,
        "was_issued": False,
        "issued_at_ms": None,
        "deleting_at_ms": None,
        "mode": "code",
        "code": "1234",
        "workspace_id": "w",
    }
    return SimpleNamespace(**{**row, **changed})


def grant_row(**changed: Any) -> Any:
    row: dict[str, Any] = {
        "access_grant_id": "g",
        "access_grant_key": None,
        "created_at_ms": NOW_MS,
        "starts_at_ms": NOW_MS,
        "ends_at_ms": None,
        "deleting_at_ms": None,
        "errors": [],
        "warnings": [],
        "is_granted_to_all_doors": True,
        "name": None,
        "requested_access_methods": [],
        "user_identity_id": "u",
        "workspace_id": "w",
    }
    return SimpleNamespace(**{**row, **changed})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "Active"),
        ({"status": "setting"}, "Issuing"),
        ({"status": "unset"}, "Upcoming"),
        ({"status": "unset", "is_scheduled_on_device": True}, "Scheduled on device"),
        ({"status": "removing"}, "Removing"),
        ({"status": "unknown"}, "Unknown"),
        ({"status": "removing", "ends_at_ms": NOW_MS}, "Expired"),
        ({"ends_at_ms": None, "starts_at_ms": None}, "Active"),
    ],
)
def test_code_when_shown_then_its_display_status_says_where_it_stands(
    changed: dict[str, Any], expected: str
) -> None:
    code = access_code(code_row(**changed), (), NOW_MS)
    assert code["display_status"] == expected
    check_object("access_code", code)


def test_code_when_its_device_has_errors_then_they_are_copied_in_and_marked() -> None:
    own = {"error_code": "failed_to_set_on_device", "message": "No", "created_at_ms": NOW_MS}
    of_device = {"error_code": "device_offline", "message": "Off", "created_at_ms": NOW_MS}
    code = access_code(code_row(errors=[own]), [of_device], NOW_MS)
    assert code["errors"] == [
        {
            "error_code": "failed_to_set_on_device",
            "message": "No",
            "created_at": "2025-07-10T12:00:00.000Z",
            "is_access_code_error": True,
        },
        {
            "error_code": "device_offline",
            "message": "Off",
            "created_at": "2025-07-10T12:00:00.000Z",
            "is_device_error": True,
        },
    ]
    check_object("access_code", code)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "Active"),
        ({"is_granted_to_all_doors": False}, "Awaiting issuance"),
        ({"starts_at_ms": NOW_MS + 1}, "Upcoming"),
        ({"errors": [{"error_code": "x", "message": "x", "created_at_ms": 0}]}, "Needs attention"),
        ({"ends_at_ms": NOW_MS}, "Ended"),
        ({"deleting_at_ms": NOW_MS}, "Being deleted"),
    ],
)
def test_grant_when_shown_then_its_display_status_says_whether_one_gets_in(
    changed: dict[str, Any], expected: str
) -> None:
    grant = access_grant(grant_row(**changed), [], [], full_name=None, now_ms=NOW_MS)
    assert grant["display_status"] == expected
    assert grant["display_name"] == "Access grant"
    check_object("access_grant", grant)


def test_grant_when_a_method_was_requested_with_details_then_they_are_shown() -> None:
    requested = [
        {"mode": "mobile_key", "instant_key_max_use_count": 2},
        {"mode": "code", "code": "1234", "created_access_method_ids": ["m"], "created_at_ms": 0},
    ]
    row = grant_row(requested_access_methods=requested)
    grant = access_grant(row, [], [], full_name="Jane", now_ms=NOW_MS)
    first, second = grant["requested_access_methods"]
    assert first["instant_key_max_use_count"] == 2
    assert "code" not in first
    assert (second["code"], second["created_at"]) == ("1234", "1970-01-01T00:00:00.000Z")
    check_object("access_grant", grant)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "Awaiting issuance"),
        ({"was_issued": True}, "Awaiting reissuance"),
        ({"is_issued": True, "issued_at_ms": NOW_MS}, "Issued"),
        ({"errors": [{"error_code": "x", "message": "x", "created_at_ms": 0}]}, "Needs attention"),
        ({"deleting_at_ms": NOW_MS}, "Being deleted"),
    ],
)
def test_method_when_shown_then_its_display_status_says_where_it_stands(
    changed: dict[str, Any], expected: str
) -> None:
    method = access_method(method_row(**changed), [])
    assert method["display_status"] == expected
    check_object("access_method", method)


def test_method_when_it_is_no_code_then_it_shows_none() -> None:
    method = access_method(method_row(mode="card", code=None), [])
    assert "code" not in method
    assert method["display_name"] == "Key card"


def test_method_when_one_door_of_two_waits_then_the_mutation_tells_from_and_to() -> None:
    creating = [{"mutation_code": "creating", "created_at_ms": NOW_MS}]
    codes = [code_row(device_id="a"), code_row(device_id="b", pending_mutations=creating)]
    [pending] = access_method(method_row(), codes)["pending_mutations"]
    assert pending["mutation_code"] == "provisioning_access"
    assert pending["from"] == {"device_ids": ["a"]}
    assert pending["to"] == {"device_ids": ["a", "b"]}
    assert pending["message"]


def test_device_when_its_profile_bounds_names_then_the_constraint_shows_them() -> None:
    profiles = load_profiles()
    values = {
        name: getattr(profiles["generic-jit"], name)
        for name in type(profiles["generic-jit"]).__slots__
    }
    values["code_constraints"] = (CodeConstraint.NAME_LENGTH, CodeConstraint.NO_ZEROS)
    values["name_length"] = NameLength(min_length=2, max_length=9)
    values["door_sensor"] = True
    profile = type(profiles["generic-jit"])(**values)
    row = SimpleNamespace(
        connected_account_id="a",
        created_at_ms=NOW_MS,
        custom_metadata={},
        device_id="d",
        display_name="Door",
        errors=[],
        is_online=True,
        name="door",
        reported={"door_state": 0, "lock_state": 2},
        time_zone=None,
        warnings=[],
        workspace_id="w",
    )
    found = device(row, profile)
    check_object("device", found)
    assert found["properties"]["code_constraints"] == [
        {"constraint_type": "name_length", "min_length": 2, "max_length": 9},
        {"constraint_type": "no_zeros"},
    ]
    assert found["properties"]["door_open"] is True
    assert found["properties"]["locked"] is False


def test_problems_when_stored_then_instants_are_text_at_any_depth() -> None:
    stored = {"created_at_ms": 0, "from": {"ends_at_ms": None, "starts_at_ms": 1}, "count": 3}
    assert shown(stored) == {
        "created_at": "1970-01-01T00:00:00.000Z",
        "from": {"ends_at": None, "starts_at": "1970-01-01T00:00:00.001Z"},
        "count": 3,
    }
    assert problems([{"created_at_ms": 0}], is_device_error=True) == [
        {"created_at": "1970-01-01T00:00:00.000Z", "is_device_error": True}
    ]


def test_mutations_when_shown_then_each_has_a_sentence_unless_it_brought_one() -> None:
    for code in (
        "creating",
        "deferring_creation",
        "deleting",
        "updating_code",
        "updating_name",
        "updating_time_frame",
        "provisioning_access",
        "revoking_access",
        "updating_access_times",
    ):
        [mutation] = mutations([{"mutation_code": code, "created_at_ms": 0}])
        assert mutation["message"]
    [own] = mutations([{"mutation_code": "creating", "message": "Mine", "created_at_ms": 0}])
    assert own["message"] == "Mine"


def test_accounts_when_devices_share_one_then_it_comes_once_with_the_oldest_instant() -> None:
    rows = [
        SimpleNamespace(connected_account_id=account, created_at_ms=created_at_ms)
        for account, created_at_ms in (("a", 5), ("b", 7), ("a", 3))
    ]
    found = connected_accounts(rows)
    assert [one["connected_account_id"] for one in found] == ["a", "b"]
    assert found[0]["created_at"] == "1970-01-01T00:00:00.003Z"
    for one in found:
        check_object("connected_account", one)
