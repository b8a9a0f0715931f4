"""What comes of an entry at the keypad."""

from __future__ import annotations

import dataclasses

import pytest

from firmware_sim.errors import KeypadKeyUnknown, StateFileError
from firmware_sim.hardware.rtc import ClockOnPowerLoss
from firmware_sim.locks.outcome import EntryReason, KeypadOutcome
from firmware_sim.memory.interface import Change
from firmware_sim.tests.locks.rig import T0_S, Rig
from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    DaysMask,
    LockOperationType,
    LockState,
    LogEvent,
    OperationSource,
    UserStatus,
    UserType,
)
from protocols.strike import messages as m

HOUR_S = 3600


def test_known_code_opens_moves_the_bolt_and_is_logged() -> None:
    rig = Rig("latch-m")
    rig.program(4, "1234567")
    assert rig.firmware.enter("1234567", 60.5) == KeypadOutcome(
        opened=True, reason=EntryReason.OPENED, slot=4
    )
    status = rig.ask(m.GetStatus(), 61.0)
    assert status.lock_state is LockState.UNLOCKED
    assert status.battery_mv < 6000 or rig.memory.state.bolt.operations == 1
    assert rig.events == [
        m.LockOperation(
            log_index=0,
            utc_s=T0_S + 60,
            operation=LockOperationType.UNLOCK,
            source=OperationSource.KEYPAD,
            user_index=4,
            credential_index=4,
        )
    ]
    (record,) = rig.log()
    assert (record.event, record.utc_s, record.credential_index) == (
        LogEvent.LOCK_OPERATION,
        T0_S + 60,
        4,
    )


def test_unknown_code_is_denied_and_logged_without_a_slot() -> None:
    rig = Rig("latch-m")
    assert rig.enter("7654321") == (False, "unknown_code", None)
    assert rig.events == [
        m.AccessDenied(
            log_index=0,
            utc_s=T0_S,
            reason=AccessDeniedReason.UNKNOWN_CODE,
            source=OperationSource.KEYPAD,
            user_index=0,
            credential_index=0,
        )
    ]
    assert rig.ask(m.GetStatus()).lock_state is LockState.LOCKED


def test_disabled_user_is_denied_until_enabled() -> None:
    rig = Rig("generic-jit")
    rig.program(1, "4711", status=UserStatus.OCCUPIED_DISABLED)
    assert rig.enter("4711") == (False, "disabled", 1)
    rig.program(1, "4711", revision=2)
    assert rig.enter("4711") == (True, "opened", 1)


def test_code_outside_its_window_is_denied_and_names_its_slot() -> None:
    rig = Rig()
    rig.program(1, "4711", window=(T0_S + HOUR_S, T0_S + 2 * HOUR_S))
    assert rig.enter("4711") == (False, "outside_schedule", 1)
    assert rig.events[-1] == m.AccessDenied(
        log_index=0,
        utc_s=T0_S,
        reason=AccessDeniedReason.OUTSIDE_SCHEDULE,
        source=OperationSource.KEYPAD,
        user_index=1,
        credential_index=1,
    )


def test_window_of_another_user_admits_nobody_else() -> None:
    rig = Rig()
    rig.program(1, "1111", window=(T0_S + HOUR_S, T0_S + 2 * HOUR_S))
    rig.program(2, "2222", window=(T0_S, T0_S + HOUR_S))
    rig.program(3, "3333", user_type=UserType.WEEK_DAY_SCHEDULE_USER)
    rig.program(4, "4444", user_type=UserType.WEEK_DAY_SCHEDULE_USER)
    rig.ask(
        m.SetWeekDaySchedule(
            week_day_index=1,
            user_index=4,
            revision=1,
            days_mask=int(DaysMask.ALL),
            start_min=0,
            end_min=1440,
        )
    )
    assert [rig.enter(code)[0] for code in ("1111", "2222", "3333", "4444")] == [
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    "user_type",
    [
        UserType.YEAR_DAY_SCHEDULE_USER,
        UserType.WEEK_DAY_SCHEDULE_USER,
        UserType.SCHEDULE_RESTRICTED_USER,
    ],
)
def test_limited_user_without_a_schedule_is_never_admitted(user_type: UserType) -> None:
    rig = Rig()
    rig.program(1, "4711", user_type=user_type)
    assert rig.enter("4711") == (False, "outside_schedule", 1)


def test_week_day_schedule_counts_in_door_local_time() -> None:
    # 2025-07-10 is a Thursday, 12:00 UTC.
    rig = Rig(utc_offset_min=-300)
    rig.program(1, "4711", user_type=UserType.WEEK_DAY_SCHEDULE_USER)
    rig.ask(
        m.SetWeekDaySchedule(
            week_day_index=3,
            user_index=1,
            revision=1,
            days_mask=int(DaysMask.THURSDAY),
            start_min=7 * 60,
            end_min=8 * 60,
        )
    )
    assert rig.enter("4711", -0.001) == (False, "outside_schedule", 1)
    assert rig.enter("4711", 0.0)[0]
    assert rig.enter("4711", HOUR_S - 1.0)[0]
    assert rig.enter("4711", HOUR_S) == (False, "outside_schedule", 1)
    # The door's distance from UTC changes: the same minute is another local one.
    rig.ask(m.SetTime(utc_s=T0_S + HOUR_S, utc_offset_min=-360), HOUR_S)
    assert rig.enter("4711", HOUR_S)[0]


def test_user_restricted_by_both_needs_both() -> None:
    rig = Rig()
    rig.program(
        1,
        "4711",
        window=(T0_S, T0_S + 7 * 24 * HOUR_S),
        user_type=UserType.SCHEDULE_RESTRICTED_USER,
    )
    assert rig.enter("4711")[0]
    rig.ask(
        m.SetWeekDaySchedule(
            week_day_index=1,
            user_index=1,
            revision=1,
            days_mask=int(DaysMask.FRIDAY),
            start_min=0,
            end_min=1440,
        )
    )
    assert rig.enter("4711") == (False, "outside_schedule", 1)
    assert rig.enter("4711", 12.0 * HOUR_S)[0]


def test_lost_clock_admits_nobody_with_a_time_limit() -> None:
    rig = Rig(on_power_loss=ClockOnPowerLoss.LOST)
    # This window would be open at the clock's reset value.
    rig.program(1, "1111", window=(0, T0_S + HOUR_S))
    rig.program(2, "2222")
    assert rig.enter("1111")[0]
    rig.firmware.power(False, 1.0)
    rig.firmware.power(True, 2.0)
    assert rig.enter("1111", 3.0) == (False, "outside_schedule", 1)
    assert rig.enter("2222", 3.0) == (True, "opened", 2)
    rig.ask(m.SetTime(utc_s=T0_S + 4, utc_offset_min=0), 4.0)
    assert rig.enter("1111", 4.0)[0]


@pytest.mark.parametrize("keys", ["", "123456", "1234567*1"])
def test_entry_left_unfinished_is_incomplete(keys: str) -> None:
    rig = Rig("latch-m")
    assert rig.firmware.enter(keys.replace("1234567*", "123456*"), 0.0).reason == "incomplete"
    # Nobody tried anything: the next attempt starts afresh.
    rig.program(1, "1234567")
    assert rig.enter("1234567")[0]


def test_submitted_entry_shorter_than_any_code_is_incomplete_and_counts_for_nothing() -> None:
    rig = Rig()
    for _ in range(20):
        assert rig.enter("123") == (False, "incomplete", None)
    assert rig.enter("1234") == (False, "unknown_code", None)


def test_fixed_length_lock_takes_a_stray_submit_key() -> None:
    rig = Rig("latch-m")
    rig.program(1, "1234567")
    assert rig.firmware.enter("1234567#", 0.0).opened
    assert rig.firmware.enter("12#", 0.0).reason == "incomplete"


def test_variable_length_lock_needs_the_submit_key() -> None:
    rig = Rig()
    rig.program(1, "1234")
    assert rig.firmware.enter("1234", 0.0).reason == "incomplete"
    assert rig.firmware.enter("1234#", 0.0).opened
    assert rig.firmware.enter("12345#", 0.0).reason == "unknown_code"
    assert rig.firmware.enter("99*1234#", 0.0).opened


def test_several_entries_in_one_go_tell_the_one_that_opened() -> None:
    rig = Rig("latch-m")
    rig.program(1, "1234567")
    assert rig.firmware.enter("00000001234567", 0.0).opened
    assert rig.firmware.enter("1234567" + "0000000", 0.0).opened
    assert rig.firmware.enter("0000000" + "1111111", 0.0).reason == "unknown_code"


def test_unknown_key_is_refused_before_anything_is_typed() -> None:
    rig = Rig("latch-m")
    with pytest.raises(KeypadKeyUnknown):
        rig.firmware.enter("1234567A", 0.0)
    with pytest.raises(KeypadKeyUnknown):
        rig.firmware.press("12", 0.0)
    assert rig.events == []


def test_keys_one_by_one_open_like_an_entry() -> None:
    rig = Rig("latch-m")
    rig.program(1, "1234567")
    assert rig.firmware.press("*", 10.0) is None  # wakes it
    outcomes = [rig.firmware.press(key, 10.0 + at) for at, key in enumerate("1234567")]
    assert outcomes[:-1] == [None] * 6
    assert outcomes[-1] == KeypadOutcome(opened=True, reason=EntryReason.OPENED, slot=1)


def test_pause_of_more_than_five_seconds_drops_the_entry() -> None:
    rig = Rig("latch-m")
    rig.program(1, "1234567")
    rig.firmware.press("*", 0.0)
    for key in "123":
        assert rig.firmware.press(key, 1.0) is None
    outcome = rig.firmware.press("4", 6.1)
    assert outcome == KeypadOutcome(opened=False, reason=EntryReason.INCOMPLETE)
    for key in "567":
        assert rig.firmware.press(key, 6.2) is None


def test_somebody_new_does_not_type_on_where_another_stopped() -> None:
    rig = Rig("latch-m")
    rig.program(1, "1234567")
    rig.firmware.press("*", 0.0)
    rig.firmware.press("1", 0.0)
    assert rig.firmware.enter("1234567", 0.0).opened
    assert [record.detail for record in rig.log()] == [
        AccessDeniedReason.INCOMPLETE,
        LockOperationType.UNLOCK,
    ]


def test_lock_without_power_does_nothing() -> None:
    rig = Rig("latch-m")
    rig.program(1, "1234567")
    rig.firmware.power(False, 0.0)
    assert rig.firmware.enter("1234567", 1.0) == KeypadOutcome(
        opened=False, reason=EntryReason.NO_POWER
    )
    assert rig.firmware.press("1", 1.0) == KeypadOutcome(opened=False, reason=EntryReason.NO_POWER)
    assert rig.events == []
    assert rig.trace.noted[-1] == (
        "keypad",
        {"code": "pin#0001", "reason": "no_power", "slot": None},
    )


def test_power_cut_forgets_a_half_typed_entry() -> None:
    rig = Rig("latch-m")
    rig.program(1, "1234567")
    rig.firmware.press("*", 0.0)
    for key in "1234":
        rig.firmware.press(key, 0.0)
    rig.firmware.power(False, 0.0)
    rig.firmware.power(True, 0.0)
    assert [rig.firmware.press(key, 0.1) for key in "567"] == [None] * 3
    assert not any(isinstance(event, m.AccessDenied) for event in rig.events)


def test_entries_are_noted_with_a_tag_in_place_of_the_pin() -> None:
    rig = Rig("latch-m")
    rig.program(1, "1234567")
    rig.enter("1234567")
    rig.enter("7654321")
    assert [data for kind, data in rig.trace.noted if kind == "keypad"] == [
        {"code": "pin#0007", "reason": "opened", "slot": 1},
        {"code": "pin#0007", "reason": "unknown_code", "slot": None},
    ]
    assert "1234567" not in repr(rig.trace.noted)


def test_door_stays_shut_when_the_log_can_not_be_written() -> None:
    rig = Rig("latch-m")
    rig.program(1, "1234567")

    before = rig.memory.state
    rig.is_disk_full = True
    with pytest.raises(StateFileError):
        rig.enter("1234567")
    rig.is_disk_full = False
    assert rig.memory.state == before
    assert rig.events == []
    assert rig.enter("1234567")[0]


def test_credential_whose_user_is_gone_is_unknown() -> None:
    rig = Rig()
    rig.program(1, "4711")
    user = next(rig.memory.records())
    # No sequence of requests gets here; a damaged memory might.
    rig.memory.commit(Change(records=(dataclasses.replace(user, content=None),)))
    assert rig.enter("4711") == (False, "unknown_code", None)
