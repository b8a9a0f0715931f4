"""Every request against every reason to refuse it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from firmware_sim.errors import DevicePoweredOff
from firmware_sim.locks.requests import HANDLERS
from firmware_sim.tests.locks.rig import PIN, T0_S, Rig, profile
from protocols.doorlock.constraints import CodeConstraint
from protocols.doorlock.schedule import OPEN_END_S
from protocols.doorlock.vocabulary import (
    CredentialType,
    Status,
    UserStatus,
    UserType,
)
from protocols.strike import messages as m

NATIVE, JIT, LATCH = "generic-native", "generic-jit", "latch-m"

SET_USER = m.SetUser(
    user_index=1,
    revision=5,
    user_status=UserStatus.OCCUPIED_ENABLED,
    user_type=UserType.UNRESTRICTED_USER,
    user_name="Jane Doe",
)
SET_PIN = m.SetCredential(
    credential_type=PIN,
    credential_index=1,
    revision=5,
    user_index=1,
    credential_data=b"48151",
)
CLEAR_PIN = m.ClearCredential(credential_type=PIN, credential_index=1, revision=6)
SET_YEAR = m.SetYearDaySchedule(
    year_day_index=1, user_index=1, revision=5, start_s=T0_S, end_s=T0_S + 600
)
GET_YEAR = m.GetYearDaySchedule(year_day_index=1, user_index=1)
CLEAR_YEAR = m.ClearYearDaySchedule(year_day_index=1, user_index=1, revision=6)
SET_WEEK = m.SetWeekDaySchedule(
    week_day_index=1, user_index=1, revision=5, days_mask=0x3E, start_min=540, end_min=1020
)
GET_WEEK = m.GetWeekDaySchedule(week_day_index=1, user_index=1)
CLEAR_WEEK = m.ClearWeekDaySchedule(week_day_index=1, user_index=1, revision=6)
# Four digits to `str.isdigit`, none to a keypad.
FULL_WIDTH = "\uff11\uff12\uff13\uff14".encode()
GET_PIN = m.GetCredentialStatus(credential_type=PIN, credential_index=1)
SET_TIME = m.SetTime(utc_s=T0_S + 100, utc_offset_min=120)

replace = dataclasses.replace


def test_every_request_of_the_protocol_has_a_handler() -> None:
    assert set(HANDLERS) == set(m.REQUESTS.values())


def test_message_that_is_no_request_is_refused() -> None:
    assert Rig().status(m.StatusReply(status=Status.SUCCESS)) is Status.INVALID_ACTION


def test_request_without_power_is_an_error_of_the_caller() -> None:
    rig = Rig()
    rig.firmware.power(False, 0.0)
    with pytest.raises(DevicePoweredOff, match="SN-1"):
        rig.ask(m.GetStatus())


REFUSALS: list[tuple[str, Any, Status]] = [
    # SetTime
    (NATIVE, replace(SET_TIME, utc_offset_min=841), Status.INVALID_FIELD),
    (NATIVE, replace(SET_TIME, utc_offset_min=-841), Status.INVALID_FIELD),
    # SetUser
    (NATIVE, replace(SET_USER, user_index=0), Status.INVALID_FIELD),
    (NATIVE, replace(SET_USER, user_index=251), Status.INVALID_FIELD),
    (NATIVE, replace(SET_USER, revision=0), Status.INVALID_FIELD),
    (NATIVE, replace(SET_USER, user_status=UserStatus.AVAILABLE), Status.INVALID_FIELD),
    (NATIVE, replace(SET_USER, user_status=UserStatus(2)), Status.INVALID_FIELD),
    (NATIVE, replace(SET_USER, user_name="elevenbytes"), Status.CONSTRAINT_ERROR),
    (NATIVE, replace(SET_USER, user_name="ümlauts" * 2), Status.CONSTRAINT_ERROR),
    *(
        (NATIVE, replace(SET_USER, user_type=UserType(number)), Status.INVALID_FIELD)
        for number in (3, 4, 5, 6, 7, 9, 0x55)
    ),
    *(
        (JIT, replace(SET_USER, user_type=kind), Status.INVALID_FIELD)
        for kind in (
            UserType.YEAR_DAY_SCHEDULE_USER,
            UserType.WEEK_DAY_SCHEDULE_USER,
            UserType.SCHEDULE_RESTRICTED_USER,
        )
    ),
    # SetCredential, of a user that exists
    (NATIVE, replace(SET_PIN, credential_type=CredentialType.RFID), Status.INVALID_FIELD),
    (NATIVE, replace(SET_PIN, credential_type=CredentialType(0x77)), Status.INVALID_FIELD),
    (NATIVE, replace(SET_PIN, credential_index=0), Status.INVALID_FIELD),
    (NATIVE, replace(SET_PIN, credential_index=251), Status.INVALID_FIELD),
    (NATIVE, replace(SET_PIN, revision=0), Status.INVALID_FIELD),
    (NATIVE, replace(SET_PIN, user_index=0), Status.INVALID_FIELD),
    (NATIVE, replace(SET_PIN, user_index=251), Status.INVALID_FIELD),
    (NATIVE, replace(SET_PIN, user_index=2), Status.INVALID_FIELD),
    (NATIVE, replace(SET_PIN, credential_data=b""), Status.CONSTRAINT_ERROR),
    (NATIVE, replace(SET_PIN, credential_data=b"123"), Status.CONSTRAINT_ERROR),
    (NATIVE, replace(SET_PIN, credential_data=b"123456789"), Status.CONSTRAINT_ERROR),
    (NATIVE, replace(SET_PIN, credential_data=b"12a4"), Status.CONSTRAINT_ERROR),
    (NATIVE, replace(SET_PIN, credential_data=b"12\xff4"), Status.CONSTRAINT_ERROR),
    (NATIVE, replace(SET_PIN, credential_data=FULL_WIDTH), Status.CONSTRAINT_ERROR),
    (LATCH, replace(SET_PIN, credential_data=b"123456"), Status.CONSTRAINT_ERROR),
    # ClearCredential
    (NATIVE, replace(CLEAR_PIN, credential_type=CredentialType.FACE), Status.INVALID_FIELD),
    (NATIVE, replace(CLEAR_PIN, credential_index=0), Status.INVALID_FIELD),
    (NATIVE, replace(CLEAR_PIN, credential_index=251), Status.INVALID_FIELD),
    (NATIVE, replace(CLEAR_PIN, revision=0), Status.INVALID_FIELD),
    # GetCredentialStatus
    (NATIVE, replace(GET_PIN, credential_type=CredentialType.RFID), Status.INVALID_FIELD),
    (NATIVE, replace(GET_PIN, credential_index=0), Status.INVALID_FIELD),
    (NATIVE, replace(GET_PIN, credential_index=251), Status.INVALID_FIELD),
    # year-day schedules
    (NATIVE, replace(SET_YEAR, year_day_index=0), Status.INVALID_FIELD),
    (NATIVE, replace(SET_YEAR, year_day_index=2), Status.INVALID_FIELD),
    (NATIVE, replace(SET_YEAR, user_index=0), Status.INVALID_FIELD),
    (NATIVE, replace(SET_YEAR, user_index=251), Status.INVALID_FIELD),
    (NATIVE, replace(SET_YEAR, user_index=2), Status.INVALID_FIELD),
    (NATIVE, replace(SET_YEAR, revision=0), Status.INVALID_FIELD),
    (NATIVE, replace(SET_YEAR, end_s=T0_S), Status.INVALID_FIELD),
    (NATIVE, replace(SET_YEAR, end_s=T0_S - 60), Status.INVALID_FIELD),
    (NATIVE, GET_YEAR, Status.NOT_FOUND),
    (NATIVE, replace(GET_YEAR, user_index=0), Status.INVALID_FIELD),
    (NATIVE, replace(GET_YEAR, year_day_index=2), Status.INVALID_FIELD),
    (NATIVE, replace(CLEAR_YEAR, user_index=251), Status.INVALID_FIELD),
    (NATIVE, replace(CLEAR_YEAR, year_day_index=0), Status.INVALID_FIELD),
    (NATIVE, replace(CLEAR_YEAR, revision=0), Status.INVALID_FIELD),
    # week-day schedules
    (NATIVE, replace(SET_WEEK, week_day_index=0), Status.INVALID_FIELD),
    (NATIVE, replace(SET_WEEK, week_day_index=8), Status.INVALID_FIELD),
    (NATIVE, replace(SET_WEEK, user_index=0), Status.INVALID_FIELD),
    (NATIVE, replace(SET_WEEK, user_index=2), Status.INVALID_FIELD),
    (NATIVE, replace(SET_WEEK, revision=0), Status.INVALID_FIELD),
    (NATIVE, replace(SET_WEEK, days_mask=0), Status.INVALID_FIELD),
    (NATIVE, replace(SET_WEEK, days_mask=0x80), Status.INVALID_FIELD),
    (NATIVE, replace(SET_WEEK, start_min=1020), Status.INVALID_FIELD),
    (NATIVE, replace(SET_WEEK, end_min=1441), Status.INVALID_FIELD),
    (NATIVE, GET_WEEK, Status.NOT_FOUND),
    (NATIVE, replace(GET_WEEK, week_day_index=0), Status.INVALID_FIELD),
    (NATIVE, replace(CLEAR_WEEK, user_index=0), Status.INVALID_FIELD),
    (NATIVE, replace(CLEAR_WEEK, revision=0), Status.INVALID_FIELD),
    # features that a profile does not have
    *(
        (JIT, request, Status.UNSUPPORTED_COMMAND)
        for request in (SET_YEAR, GET_YEAR, CLEAR_YEAR, SET_WEEK, GET_WEEK, CLEAR_WEEK)
    ),
    (LATCH, m.UnlockDoor(), Status.UNSUPPORTED_ACCESS),
    (LATCH, m.LockDoor(), Status.UNSUPPORTED_ACCESS),
]


@pytest.mark.parametrize(
    ("profile_id", "request_", "expected"),
    REFUSALS,
    ids=[f"{i}-{type(request).__name__}" for i, (_, request, _) in enumerate(REFUSALS)],
)
def test_refused_request_answers_its_status_and_changes_nothing(
    profile_id: str, request_: Any, expected: Status
) -> None:
    rig = Rig(profile_id)
    assert rig.status(SET_USER) is Status.SUCCESS
    before = (rig.occupied(), rig.ask(m.GetStatus()), len(rig.journal))
    assert rig.status(request_) is expected
    assert (rig.occupied(), rig.ask(m.GetStatus()), len(rig.journal)) == before


WRITES: list[Any] = [SET_USER, SET_PIN, SET_YEAR, SET_WEEK, CLEAR_PIN, CLEAR_YEAR, CLEAR_WEEK]


def written(request: Any) -> Rig:
    """A lock that holds that write, with what it needs."""
    rig = Rig()
    assert rig.status(SET_USER) is Status.SUCCESS
    if request is CLEAR_PIN:
        assert rig.status(SET_PIN) is Status.SUCCESS
    assert rig.status(request) is Status.SUCCESS
    return rig


def changed(request: Any) -> Any:
    """The same write with other content."""
    match request:
        case m.SetUser():
            return replace(request, user_name="June")
        case m.SetCredential():
            return replace(request, credential_data=b"62342")
        case m.SetYearDaySchedule():
            return replace(request, end_s=request.end_s + 60)
        case m.SetWeekDaySchedule():
            return replace(request, days_mask=0x41)
        case m.ClearCredential():
            return replace(SET_PIN, revision=request.revision)
        case m.ClearYearDaySchedule():
            return replace(SET_YEAR, revision=request.revision)
        case _:
            return replace(SET_WEEK, revision=request.revision)


ids = [type(request).__name__ for request in WRITES]


@pytest.mark.parametrize("request_", WRITES, ids=ids)
def test_same_write_again_succeeds_and_writes_nothing(request_: Any) -> None:
    rig = written(request_)
    journal = list(rig.journal)
    assert rig.ask(request_) == m.StatusReply(status=Status.SUCCESS, revision=request_.revision)
    assert rig.journal == journal


@pytest.mark.parametrize("request_", WRITES, ids=ids)
def test_older_write_is_refused_with_the_revision_held(request_: Any) -> None:
    rig = written(request_)
    digest = rig.ask(m.GetStatus()).memory_digest
    for older in (
        replace(request_, revision=request_.revision - 1),
        replace(request_, revision=1),
    ):
        assert rig.ask(older) == m.StatusReply(
            status=Status.DATA_VERSION_MISMATCH, revision=request_.revision
        )
    assert rig.ask(m.GetStatus()).memory_digest == digest


@pytest.mark.parametrize("request_", WRITES, ids=ids)
def test_same_revision_with_other_content_is_refused_with_the_revision_held(
    request_: Any,
) -> None:
    rig = written(request_)
    digest = rig.ask(m.GetStatus()).memory_digest
    assert rig.ask(changed(request_)) == m.StatusReply(
        status=Status.DATA_VERSION_MISMATCH, revision=request_.revision
    )
    assert rig.ask(m.GetStatus()).memory_digest == digest


@pytest.mark.parametrize("request_", WRITES, ids=ids)
def test_newer_write_is_taken_in_one_unit(request_: Any) -> None:
    rig = written(request_)
    before = len(rig.journal)
    newer = replace(request_, revision=0xFFFF_FFFF)
    assert rig.ask(newer) == m.StatusReply(status=Status.SUCCESS, revision=0xFFFF_FFFF)
    assert len(rig.journal) == before + 1
    rig.crash()
    assert rig.ask(newer).status is Status.SUCCESS
    assert len(rig.journal) == before + 1


def test_refusal_by_content_carries_the_revision_held() -> None:
    rig = written(SET_PIN)
    rig.program(2, "7777")
    duplicate = replace(SET_PIN, revision=9, credential_data=b"7777")
    assert rig.ask(duplicate) == m.StatusReply(status=Status.DUPLICATE, revision=5)
    short = replace(SET_PIN, revision=9, credential_data=b"7")
    assert rig.ask(short) == m.StatusReply(status=Status.CONSTRAINT_ERROR, revision=5)
    stranger = replace(SET_PIN, revision=9, user_index=3)
    assert rig.ask(stranger) == m.StatusReply(status=Status.INVALID_FIELD, revision=5)
    name = replace(SET_USER, revision=9, user_name="far too long")
    assert rig.ask(name) == m.StatusReply(status=Status.CONSTRAINT_ERROR, revision=5)


def test_code_of_a_brand_that_compares_four_digits_is_refused_when_they_are_taken() -> None:
    facts = replace(profile(NATIVE), code_constraints=(CodeConstraint.UNIQUE_FIRST_FOUR_DIGITS,))
    rig = Rig(profile_facts=facts)
    rig.program(1, "48151")
    assert rig.program(2, "481599")[-1].status is Status.CONSTRAINT_ERROR
    assert rig.program(2, "4816")[-1].status is Status.SUCCESS


def test_code_that_breaks_a_rule_of_the_brand_is_refused() -> None:
    facts = replace(profile(NATIVE), code_constraints=(CodeConstraint.NO_ZEROS,))
    rig = Rig(profile_facts=facts)
    assert rig.program(1, "4805")[-1].status is Status.CONSTRAINT_ERROR


def test_window_off_the_grid_of_the_lock_is_refused() -> None:
    facts = replace(profile(NATIVE), time_granularity_s=60)
    rig = Rig(profile_facts=facts)
    rig.ask(SET_USER)
    for off_grid in (
        replace(SET_YEAR, start_s=T0_S + 1),
        replace(SET_YEAR, start_s=T0_S + 59),
        replace(SET_YEAR, end_s=T0_S + 601),
    ):
        assert rig.status(off_grid) is Status.CONSTRAINT_ERROR
    # The mark of an open end is no instant, so it lies on every grid.
    assert rig.status(replace(SET_YEAR, end_s=OPEN_END_S)) is Status.SUCCESS


def test_schedules_are_read_back_as_written() -> None:
    rig = written(SET_USER)
    rig.ask(SET_YEAR)
    rig.ask(SET_WEEK)
    assert rig.ask(GET_YEAR) == m.YearDaySchedule(
        year_day_index=1, user_index=1, revision=5, start_s=T0_S, end_s=T0_S + 600
    )
    assert rig.ask(GET_WEEK) == m.WeekDaySchedule(
        week_day_index=1, user_index=1, revision=5, days_mask=0x3E, start_min=540, end_min=1020
    )
    rig.ask(CLEAR_YEAR)
    rig.ask(CLEAR_WEEK)
    for request in (GET_YEAR, GET_WEEK):
        assert rig.ask(request) == m.StatusReply(status=Status.NOT_FOUND, revision=6)


def test_schedule_of_a_user_that_was_cleared_is_refused() -> None:
    rig = written(CLEAR_PIN)
    assert rig.status(replace(SET_YEAR, revision=9)) is Status.INVALID_FIELD
    assert rig.status(replace(SET_PIN, revision=9)) is Status.INVALID_FIELD


def test_every_request_is_noted_without_its_secrets() -> None:
    rig = Rig()
    rig.program(3, "48151")
    rig.ask(m.GetStatus())
    assert rig.trace.noted == [
        ("request", {"request": "SetUser", "slot": 3, "status": "SUCCESS"}),
        ("request", {"request": "SetCredential", "slot": 3, "status": "SUCCESS"}),
        ("request", {"request": "GetStatus", "slot": None, "status": "SUCCESS"}),
    ]
