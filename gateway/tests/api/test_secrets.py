"""PINs and keys: in documented `code` fields, and nowhere else."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from pydantic import BaseModel

from gateway.api.models.access_codes import (
    CreateAccessCode,
    CreateAccessCodes,
    GetAccessCode,
    UpdateAccessCode,
)
from gateway.api.models.access_grants import RequestedAccessMethod
from gateway.api.models.devices import EnterCode
from gateway.tests.api.house import JIT, KEY, NATIVE, House

# Digits that no id, time or count holds by accident.
PIN = "8642097531"
OTHER_PIN = "7531086429"

REFUSED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/access_codes/create", {"device_id": NATIVE, "code": PIN + "x"}),
    ("/access_codes/create", {"device_id": NATIVE, "code": int(PIN)}),
    ("/access_codes/create", {"device_id": NATIVE, "code": [PIN]}),
    ("/access_codes/create", {"device_id": NATIVE, "code": PIN}),  # Too long for the device.
    ("/access_codes/create", {"device_id": "x", "code": "4711"}),
    ("/access_codes/create", {"device_id": JIT, "code": "864209"}),  # It has that one.
    ("/access_codes/create", {"device_id": JIT, "max_time_rounding": PIN}),
    ("/access_codes/get", {"device_id": NATIVE, "code": PIN}),
    ("/access_codes/update", {"access_code_id": "x", "code": "864209"}),
    (
        "/access_grants/create",
        {
            "device_ids": [JIT],
            "user_identity": {"full_name": "Jane"},
            "requested_access_methods": [{"mode": PIN, "code": PIN}],
        },
    ),
    ("/locks/simulate/keypad_code_entry", {"device_id": "x", "code": PIN}),
    ("/locks/simulate/keypad_code_entry", {"device_id": JIT, "code": f"{PIN} "}),
)


@pytest.mark.parametrize(("path", "parameters"), REFUSED)
async def test_refusal_when_the_request_held_a_pin_then_neither_reply_nor_log_holds_it(
    house: House, path: str, parameters: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    await house.call("/access_codes/create", device_id=JIT, code="864209")
    with caplog.at_level(logging.DEBUG):
        response = await house.ask(path, **parameters)
    assert response.status_code in {400, 404, 409}, response.text
    for secret in (PIN, "864209", "4711", KEY):
        assert secret not in response.text
        assert secret not in caplog.text


async def test_success_when_codes_are_handled_then_no_log_holds_them(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        body = await house.call("/access_codes/create", device_id=JIT, code="864209")
        access_code_id = body["access_code"]["access_code_id"]
        await house.call("/access_codes/update", access_code_id=access_code_id, code="753108")
        await house.call("/locks/simulate/keypad_code_entry", device_id=JIT, code="753108")
        await house.client.get(f"/access_codes/get?device_id={JIT}&code=753108")
    # The test's own client logs the addresses that it asks for.
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith("http")]
    for secret in ("864209", "753108", KEY):
        assert not [line for line in ours if secret in line]


async def test_keypad_attempt_when_it_failed_then_it_does_not_repeat_what_was_typed(
    house: House,
) -> None:
    parameters = {"device_id": JIT, "code": OTHER_PIN}
    response = await house.ask("/locks/simulate/keypad_code_entry", **parameters)
    assert response.json()["action_attempt"]["status"] == "error"
    assert OTHER_PIN not in response.text
    events = await house.ask("/events/list", device_id=JIT)
    assert OTHER_PIN not in events.text


async def test_unauthorized_when_the_key_is_wrong_then_it_is_not_repeated(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "seam_test1_wrongsecret"
    with caplog.at_level(logging.DEBUG):
        response = await house.client.get(
            "/devices/list", headers={"authorization": f"Bearer {wrong}"}
        )
    assert response.status_code == 401
    assert wrong not in response.text
    assert wrong not in caplog.text


async def test_authenticator_when_it_remembers_keys_then_it_holds_none_of_them(
    house: House,
) -> None:
    await house.call("/devices/list")
    for route in house.app.routes:
        closure = getattr(getattr(route, "endpoint", None), "__closure__", None) or ()
        for cell in closure:
            remembered = getattr(cell.cell_contents, "_remembered", {})
            assert KEY not in repr(remembered)


@pytest.mark.parametrize(
    "parameters",
    [
        CreateAccessCode(device_id="x", code="864209"),
        CreateAccessCodes(device_ids=["x"], code="864209"),
        UpdateAccessCode(access_code_id="x", code="864209"),
        GetAccessCode(device_id="x", code="864209"),
        RequestedAccessMethod(mode="code", code="864209"),
        EnterCode(device_id="x", code="864209"),
    ],
)
def test_parameters_when_they_hold_a_pin_then_their_repr_does_not(parameters: BaseModel) -> None:
    assert "864209" not in repr(parameters)
    assert "864209" not in str(parameters)
