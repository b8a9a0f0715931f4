"""PINs stay out of what is printed, raised or logged (DESIGN D22)."""

from __future__ import annotations

import logging

import pytest

from gateway.access import codes, facts, grant_codes, grants, pins, sessions
from gateway.access.requests import (
    CodeChanges,
    CodeRequest,
    GrantRequest,
    IdentityRequest,
    MultipleCodesRequest,
    RequestedMethod,
)
from gateway.errors import AccessError
from gateway.tests.access.harness import House

PIN = "864202"


def test_repr_when_a_pin_is_inside_then_it_is_not_shown(house: House) -> None:
    code_id = house.write(codes.create_code, CodeRequest(device_id="native", code=PIN))
    held = house.write(lambda conn, _ctx: facts.find(conn, code_id))
    plan = house.write(sessions.plan_session, "native")
    made = grant_codes.CodesMade(codes={"native": PIN}, warnings=[], missing_device_ids=())
    for thing in (
        CodeRequest(device_id="native", code=PIN),
        MultipleCodesRequest(device_ids=("native",), code=PIN),
        CodeChanges(code=PIN),
        RequestedMethod(mode="code", code=PIN),
        held,
        plan,
        made,
        pins.Door(device_id="native", profile=house.profiles["generic-native"]),
    ):
        assert PIN not in repr(thing)


def test_errors_when_a_pin_is_refused_then_they_do_not_repeat_it(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    house.write(codes.create_code, CodeRequest(device_id="native", code=PIN))
    for request in (
        CodeRequest(device_id="native", code=PIN),
        CodeRequest(device_id="latch", code=PIN),
        CodeRequest(device_id="jit", code=PIN * 3),
    ):
        with pytest.raises(AccessError) as caught:
            house.write(codes.create_code, request)
        assert PIN not in str(caught.value)
        assert PIN not in repr(caught.value)
        assert PIN not in str(getattr(caught.value, "fields", ""))
    house.write(
        grants.create_grant,
        GrantRequest(
            identity=IdentityRequest(full_name="Jane"),
            device_ids=("native", "jit"),
            requested=(RequestedMethod(mode="code", code=PIN),),
        ),
    )
    house.tick()
    assert PIN not in caplog.text
