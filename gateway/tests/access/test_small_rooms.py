"""Identities, keys, devices, attempts, workspaces, texts: the smaller parts of the domain."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.access import attempts, devices, identities, keys, workspaces
from gateway.access.attempts import AttemptError
from gateway.access.battery import charge_of
from gateway.access.requests import DeviceChanges, DeviceRegistration, IdentityRequest
from gateway.access.text import check_text, iso_utc, iso_utc_or_none, known
from gateway.access.troubles import added, has, removed
from gateway.errors import ConfigError, Conflict, InvalidInput, NotFound, StoreError
from gateway.store.tables import api_key
from gateway.tests.access.harness import NOON_MS, PROFILES, House

# --- identities --------------------------------------------------------------------------------


def test_identity_when_any_attribute_is_taken_then_409(house: House) -> None:
    full = IdentityRequest(
        user_identity_key="jane", full_name="Jane", email_address="j@x.y", phone_number="+15551"
    )
    house.write(identities.create_identity, full)
    for changes in (
        {"user_identity_key": "jane"},
        {"email_address": "j@x.y"},
        {"phone_number": "+15551"},
    ):
        with pytest.raises(Conflict) as caught:
            house.write(identities.create_identity, IdentityRequest(**changes))
        assert caught.value.error_type == "user_identity_already_exists"
    house.write(identities.create_identity, IdentityRequest(full_name="Jane"))


def test_find_or_create_when_described_inline_then_the_same_person_is_found(house: House) -> None:
    first = house.write(identities.find_or_create, IdentityRequest(email_address="j@x.y"))
    again = IdentityRequest(full_name="Jane", email_address="j@x.y", phone_number="+15551")
    assert house.write(identities.find_or_create, again) == first
    nameless = IdentityRequest(full_name="Jane")
    assert house.write(identities.find_or_create, nameless) != house.write(
        identities.find_or_create, nameless
    )


def test_find_or_create_when_the_description_fits_several_then_409(house: House) -> None:
    house.write(identities.find_or_create, IdentityRequest(email_address="j@x.y"))
    house.write(identities.find_or_create, IdentityRequest(phone_number="+15551"))
    both = IdentityRequest(email_address="j@x.y", phone_number="+15551")
    with pytest.raises(Conflict) as caught:
        house.write(identities.find_or_create, both)
    assert caught.value.error_type == "user_identity_ambiguous"


# --- keys --------------------------------------------------------------------------------------


def test_key_when_added_then_it_opens_its_workspace_and_only_its_hash_is_kept(
    house: House,
) -> None:
    key = keys.make_key(house.ctx)
    assert key.startswith("seam_test1_")
    house.write(keys.add_api_key, key, "first")
    house.write(keys.add_api_key, key, "again")
    with house.engines.reader.begin() as conn:
        assert keys.workspace_of(conn, key) == "w1"
        assert keys.workspace_of(conn, key + "x") is None
        assert keys.workspace_of(conn, "\ud800") is None
        (row,) = conn.execute(api_key.select()).all()
    assert key not in str(row)
    assert len(row.key_hash) == 64
    assert keys.make_key(house.ctx) != key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "seam_",
        "token",
        "ey.jwt",
        "seam_at1_x",
        "seam_cst1_x",
        "seam_pk1_x",
        "seam_a b",
        "seam_ü",
    ],
)
def test_key_when_the_sdks_would_not_send_it_then_refused_without_repeating_it(
    house: House, key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        house.write(keys.add_api_key, key, "bad")
    assert not key or key in {"seam_", "token"} or key not in str(caught.value)


@pytest.mark.parametrize("key", ["seam_apikey1_token", "seam_x", "seam_test1_0123"])
def test_key_when_the_sdks_send_it_then_accepted(key: str) -> None:
    keys.check_key(key)


# --- devices -----------------------------------------------------------------------------------


def registration(**changes: Any) -> DeviceRegistration:
    fields = {
        "device_id": "native",
        "name": "native",
        "display_name": "Door native",
        "profile_id": "generic-native",
        "moniker": "ble:native",
    } | changes
    return DeviceRegistration(**fields)


def test_register_when_again_then_what_people_called_it_stays(house: House) -> None:
    house.write(devices.update_device, "native", DeviceChanges(display_name="Front door"))
    before = house.device("native")
    house.write(devices.register, registration())
    assert house.device("native") == before
    house.write(devices.register, registration(name="front", display_name="other"))
    after = house.device("native")
    assert (after.name, after.display_name) == ("front", "Front door")
    assert after.next_contact_at_ms == before.next_contact_at_ms
    house.write(devices.register, registration(name="front", moniker="ble:other"))
    assert house.device("native").next_contact_at_ms == NOON_MS


def test_register_when_it_can_not_be_then_refused(house: House) -> None:
    with pytest.raises(StoreError, match="unknown profile"):
        house.write(devices.register, registration(profile_id="nothing"))
    house.workspace_id = "w2"
    with pytest.raises(Conflict) as caught:
        house.write(devices.register, registration())
    assert caught.value.error_type == "device_already_exists"


def test_devices_when_added_then_one_account_for_all_of_a_workspace(house: House) -> None:
    accounts = {house.device(one).connected_account_id for one in ("native", "jit", "latch")}
    assert len(accounts) == 1
    (event, *_) = house.events(event_types=("device.added",))
    assert event.body == {"connected_account_id": accounts.pop(), "device_id": "native"}


def test_update_device_when_renamed_then_told_once(house: House) -> None:
    for _ in range(2):
        house.write(devices.update_device, "native", DeviceChanges(display_name="Front door"))
    (event,) = house.events(event_types=("device.name_changed",))
    assert event.body["device_name"] == "Front door"
    with pytest.raises(InvalidInput):
        house.write(devices.update_device, "native", DeviceChanges(display_name=""))
    with pytest.raises(NotFound):
        house.write(devices.update_device, "nothing", DeviceChanges())


def test_update_device_when_metadata_is_given_then_merged(house: House) -> None:
    first = DeviceChanges(custom_metadata={"a": "1", "b": True})
    house.write(devices.update_device, "native", first)
    second = DeviceChanges(custom_metadata={"a": None, "c": "3"})
    house.write(devices.update_device, "native", second)
    assert house.device("native").custom_metadata == {"b": True, "c": "3"}


@pytest.mark.parametrize(
    "metadata",
    [
        {"": "1"},
        {"k" * 41: "1"},
        {"k": "v" * 501},
        {"k": "\x00"},
        {"\ud800": True},
        {f"k{number}": "1" for number in range(51)},
    ],
)
def test_update_device_when_metadata_is_out_of_bounds_then_refused(
    house: House, metadata: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        house.write(devices.update_device, "native", DeviceChanges(custom_metadata=metadata))
    assert list(caught.value.fields) == ["custom_metadata"]


# --- attempts ----------------------------------------------------------------------------------


def test_attempt_when_it_succeeds_then_its_result_and_an_event(house: House) -> None:
    attempt_id = house.write(attempts.begin, "UNLOCK_DOOR", "native")
    row = house.attempt(attempt_id)
    assert (row.status, row.result, row.error) == ("pending", None, None)
    assert house.write(attempts.finish, attempt_id, result={"was_confirmed_by_device": True})
    assert not house.write(attempts.finish, attempt_id)
    row = house.attempt(attempt_id)
    assert (row.status, row.error) == ("success", None)
    assert row.result == {"was_confirmed_by_device": True}
    event = house.events()[-1]
    assert event.event_type == "action_attempt.unlock_door.succeeded"
    assert event.body["status"] == "success"
    assert event.body["action_type"] == "UNLOCK_DOOR"
    assert event.device_id == "native"


def test_attempt_when_it_fails_then_its_error_and_an_event(house: House) -> None:
    attempt_id = house.write(attempts.begin, "LOCK_DOOR", "native")
    error = AttemptError(type="device_unreachable", message="No answer.")
    house.write(attempts.finish, attempt_id, error=error)
    row = house.attempt(attempt_id)
    assert (row.status, row.result) == ("error", None)
    assert row.error == {"type": "device_unreachable", "message": "No answer."}
    assert house.told()[-1] == "action_attempt.lock_door.failed"


def test_attempt_when_of_another_kind_then_no_session_and_no_event(house: House) -> None:
    attempt_id = house.write(attempts.begin, "RESET_SANDBOX_WORKSPACE", "native")
    assert house.read(attempts.pending, "native") == []
    before = house.told()
    house.write(attempts.finish, attempt_id)
    assert house.attempt(attempt_id).result == {}
    assert house.told() == before
    assert not house.write(attempts.finish, "nothing")


# --- workspaces --------------------------------------------------------------------------------


def test_workspace_when_ensured_again_then_there_is_one(house: House) -> None:
    house.write(workspaces.ensure_workspace, name="X", company_name="Y", is_sandbox=False)
    with house.engines.reader.begin() as conn:
        assert workspaces.workspace_ids(conn) == ["w1"]


# --- texts, troubles, batteries ----------------------------------------------------------------


def test_check_text_when_sound_then_silent() -> None:
    check_text("name", None)
    check_text("name", "ä" * 255)


def test_iso_when_written_then_milliseconds_and_z() -> None:
    assert iso_utc(NOON_MS) == "2025-07-10T12:00:00.000Z"
    assert iso_utc(NOON_MS + 7) == "2025-07-10T12:00:00.007Z"
    assert iso_utc_or_none(None) is None
    assert iso_utc_or_none(0) == "1970-01-01T00:00:00.000Z"


def test_known_when_no_database_could_hold_it_then_nothing() -> None:
    assert (known("a"), known("a\x00"), known("\udc00")) == ("a", "", "")


def test_troubles_when_added_again_then_the_first_instant_stays() -> None:
    once = added([], "error_code", "provider_issue", 5, message="one")
    twice = added(once, "error_code", "provider_issue", 9, message="two", extra=1)
    assert twice == [
        {"error_code": "provider_issue", "message": "two", "created_at_ms": 5, "extra": 1}
    ]
    both = added(twice, "error_code", "failed_to_issue", 9)
    assert has(both, "error_code", "failed_to_issue")
    assert both[1]["message"]
    assert removed(both, "error_code", ("provider_issue",)) == both[1:]


@pytest.mark.parametrize(
    ("battery_mv", "level", "status"),
    [
        (7000, 1.0, "full"),
        (6000, 1.0, "full"),
        (5000, 0.55, "good"),
        (4200, 0.18, "low"),
        (3900, 0.05, "critical"),
        (1, 0.0, "critical"),
    ],
)
def test_charge_when_measured_then_level_and_status(
    battery_mv: int, level: float, status: str
) -> None:
    charge = charge_of(battery_mv, PROFILES["latch-m"].battery)
    assert (charge.level, charge.status) == (level, status)
