"""What a lock does with its bolt, and what it notices of its door, plate and privacy deadbolt."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from firmware_sim.errors import DevicePoweredOff, HardwareMissing
from firmware_sim.hardware.battery import FULL_PPM, STALL_MA
from firmware_sim.hardware.door import AJAR_US
from firmware_sim.tests.locks.rig import Rig, profile
from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    AlarmCode,
    DoorState,
    LockOperationType,
    LockState,
    LogEvent,
    OperatingMode,
    OperationSource,
    Status,
    UserType,
)
from protocols.strike import messages as m

CODE = "4711"
LOCK, UNLOCK = LockOperationType.LOCK, LockOperationType.UNLOCK
AJAR_S = AJAR_US / 1e6


def make(**facts: Any) -> Rig:
    """A lock with every part there is, unless a fact says otherwise."""
    wanted = {"door_sensor": True, "privacy_deadbolt": True, "auto_relock_s": 30, **facts}
    rig = Rig(profile_facts=dataclasses.replace(profile("generic-native"), **wanted))
    rig.program(1, CODE)
    return rig


def log_of(rig: Rig) -> list[tuple[LogEvent, OperationSource, int]]:
    return [(record.event, record.source, record.detail) for record in rig.log()]


def operation(source: OperationSource, kind: LockOperationType) -> tuple[Any, ...]:
    return (LogEvent.LOCK_OPERATION, source, kind)


def alarm(code: AlarmCode, source: OperationSource = OperationSource.UNSPECIFIED) -> Any:
    return (LogEvent.ALARM, source, code)


def door(state: DoorState) -> tuple[Any, ...]:
    return (LogEvent.DOOR, OperationSource.UNSPECIFIED, state)


def status(rig: Rig, now: float) -> m.DeviceStatus:
    reply = rig.ask(m.GetStatus(), now)
    assert isinstance(reply, m.DeviceStatus)
    return reply


# --- jams -----------------------------------------------------------------------------------


def test_jammed_bolt_opens_nothing_raises_the_alarm_and_is_not_fully_locked() -> None:
    rig = make()
    rig.firmware.hardware.jam(True, 0.0)
    assert rig.enter(CODE, 1.0) == (False, "jammed", 1)
    assert status(rig, 9.0).lock_state is LockState.NOT_FULLY_LOCKED
    assert log_of(rig) == [
        (LogEvent.ACCESS_DENIED, OperationSource.KEYPAD, AccessDeniedReason.JAMMED),
        alarm(AlarmCode.LOCK_JAMMED, OperationSource.KEYPAD),
    ]
    assert isinstance(rig.events[-1], m.Alarm)
    # The next success clears it.
    rig.firmware.hardware.jam(False, 10.0)
    assert rig.enter(CODE, 10.0) == (True, "opened", 1)
    assert status(rig, 10.5).lock_state is LockState.UNLOCKED


@pytest.mark.parametrize("request_", [m.UnlockDoor(), m.LockDoor()])
def test_request_to_a_jammed_lock_fails(request_: object) -> None:
    rig = make()
    if isinstance(request_, m.LockDoor):
        rig.firmware.hardware.turn_bolt(LockState.UNLOCKED, 0.0)
    rig.firmware.hardware.jam(True, 0.0)
    assert rig.status(request_, 1.0) is Status.FAILURE
    assert log_of(rig)[-2:] == [
        (LogEvent.ACCESS_DENIED, OperationSource.REMOTE, AccessDeniedReason.JAMMED),
        alarm(AlarmCode.LOCK_JAMMED, OperationSource.REMOTE),
    ]


def test_hand_turns_the_bolt_and_it_is_logged_as_manual() -> None:
    rig = make(auto_relock_s=0)
    hardware = rig.firmware.hardware
    hardware.turn_bolt(LockState.UNLOCKED, 1.0)
    hardware.turn_bolt(LockState.UNLOCKED, 2.0)
    hardware.turn_bolt(LockState.NOT_FULLY_LOCKED, 3.0)
    assert status(rig, 3.0).lock_state is LockState.NOT_FULLY_LOCKED
    hardware.turn_bolt(LockState.LOCKED, 4.0)
    assert log_of(rig) == [
        operation(OperationSource.MANUAL, UNLOCK),
        operation(OperationSource.MANUAL, LOCK),
    ]
    assert rig.memory.state.bolt.operations == 0


def test_bolt_turned_without_power_is_where_it_was_left() -> None:
    rig = make(auto_relock_s=0)
    rig.firmware.power(False, 0.0)
    rig.firmware.hardware.turn_bolt(LockState.UNLOCKED, 1.0)
    rig.firmware.power(True, 2.0)
    assert status(rig, 2.0).lock_state is LockState.UNLOCKED
    assert [record.event for record in rig.log()] == [LogEvent.POWER_ON]


def test_power_cut_on_the_way_leaves_the_bolt_half_thrown() -> None:
    rig = make(auto_relock_s=0)
    assert rig.enter(CODE, 1.0)[0]
    rig.firmware.power(False, 1.2)
    rig.firmware.power(True, 5.0)
    assert status(rig, 6.0).lock_state is LockState.NOT_FULLY_LOCKED


# --- relocking ------------------------------------------------------------------------------


def test_idle_lock_has_no_deadline_and_one_that_was_opened_relocks_by_itself() -> None:
    rig = make()
    assert rig.firmware.next_deadline is None
    rig.enter(CODE, 1.0)
    assert rig.firmware.next_deadline == pytest.approx(31.5)
    rig.firmware.tick(31.4)
    assert len(rig.log()) == 1
    rig.firmware.tick(31.5)
    assert rig.firmware.next_deadline is None
    assert log_of(rig)[-1] == operation(OperationSource.AUTO, LOCK)
    assert status(rig, 32.0).lock_state is LockState.LOCKED


def test_relock_that_nobody_rang_for_happens_at_its_own_instant() -> None:
    rig = make()
    rig.enter(CODE, 1.0)
    assert status(rig, 500.0).lock_state is LockState.LOCKED
    opened, relocked = rig.log()
    assert relocked.utc_s - opened.utc_s == 30


@pytest.mark.parametrize("source", ["keypad", "remote", "manual"])
def test_relock_follows_every_way_of_unlocking(source: str) -> None:
    rig = make()
    if source == "keypad":
        rig.enter(CODE, 0.0)
    elif source == "remote":
        rig.ask(m.UnlockDoor(), 0.0)
    else:
        rig.firmware.hardware.turn_bolt(LockState.UNLOCKED, 0.0)
    rig.firmware.tick(31.0)
    assert log_of(rig)[-1] == operation(OperationSource.AUTO, LOCK)


def test_lock_that_is_locked_again_has_nothing_to_relock() -> None:
    rig = make()
    rig.enter(CODE, 0.0)
    rig.ask(m.LockDoor(), 5.0)
    assert rig.firmware.next_deadline is None


def test_relock_waits_for_the_door_to_be_closed() -> None:
    rig = make()
    rig.enter(CODE, 0.0)
    rig.firmware.hardware.open_door(2.0)
    rig.firmware.tick(50.0)
    assert status(rig, 50.0).lock_state is LockState.UNLOCKED
    rig.firmware.hardware.close_door(55.0)
    assert log_of(rig)[-2:] == [
        door(DoorState.DOOR_CLOSED),
        operation(OperationSource.AUTO, LOCK),
    ]
    assert rig.log()[-1].utc_s == rig.log()[-2].utc_s


def test_door_closed_before_the_relock_is_due_changes_nothing() -> None:
    rig = make()
    rig.enter(CODE, 0.0)
    rig.firmware.hardware.open_door(2.0)
    rig.firmware.hardware.close_door(5.0)
    assert rig.firmware.next_deadline == pytest.approx(30.5)


def test_lock_without_a_door_sensor_relocks_whatever_the_door_does() -> None:
    rig = make(door_sensor=False)
    rig.enter(CODE, 0.0)
    rig.firmware.hardware.open_door(2.0)
    rig.firmware.tick(100.0)
    assert log_of(rig) == [
        operation(OperationSource.KEYPAD, UNLOCK),
        operation(OperationSource.AUTO, LOCK),
    ]
    assert status(rig, 101.0).door_state == 0xFF
    assert rig.firmware.hardware.view(101.0).door == "open"
    assert rig.firmware.hardware.view(101.0).door_state is None


def test_relock_after_a_power_cut_begins_its_time_anew() -> None:
    rig = make()
    rig.enter(CODE, 0.0)
    rig.firmware.power(False, 10.0)
    assert rig.firmware.next_deadline is None
    rig.firmware.power(True, 100.0)
    assert rig.firmware.next_deadline == pytest.approx(130.5)
    rig.crash()
    assert rig.firmware.next_deadline == pytest.approx(130.5)
    rig.firmware.tick(131.0)
    assert log_of(rig)[-1] == operation(OperationSource.AUTO, LOCK)


def test_relock_that_jams_is_tried_once() -> None:
    rig = make()
    rig.enter(CODE, 0.0)
    rig.firmware.hardware.jam(True, 5.0)
    rig.firmware.tick(31.0)
    assert log_of(rig)[1:] == [
        (LogEvent.ACCESS_DENIED, OperationSource.AUTO, AccessDeniedReason.JAMMED),
        alarm(AlarmCode.LOCK_JAMMED, OperationSource.AUTO),
    ]
    assert rig.firmware.next_deadline is None


def test_relock_of_a_bolt_that_is_thrown_already_is_no_event() -> None:
    rig = make()
    rig.firmware.power(False, 0.0)
    rig.firmware.hardware.turn_bolt(LockState.NOT_FULLY_LOCKED, 0.0)
    rig.firmware.power(True, 1.0)
    rig.firmware.hardware.turn_bolt(LockState.LOCKED, 2.0)
    assert rig.firmware.next_deadline is None


# --- the door -------------------------------------------------------------------------------


def test_door_that_opens_and_closes_is_told_and_logged() -> None:
    rig = make(auto_relock_s=0)
    rig.enter(CODE, 0.0)
    rig.firmware.hardware.open_door(3.0)
    assert status(rig, 3.0).door_state is DoorState.DOOR_OPEN
    rig.firmware.hardware.open_door(4.0)
    rig.firmware.hardware.close_door(5.0)
    assert status(rig, 5.0).door_state is DoorState.DOOR_CLOSED
    assert rig.firmware.has_news
    assert log_of(rig)[1:] == [door(DoorState.DOOR_OPEN), door(DoorState.DOOR_CLOSED)]


def test_door_that_stands_open_is_left_ajar_after_its_time() -> None:
    rig = make(auto_relock_s=0)
    rig.enter(CODE, 0.0)
    rig.firmware.hardware.open_door(3.0)
    assert rig.firmware.next_deadline == pytest.approx(3.0 + AJAR_S)
    rig.firmware.tick(3.0 + AJAR_S)
    assert status(rig, 99.0).door_state is DoorState.DOOR_AJAR
    assert log_of(rig)[-2:] == [door(DoorState.DOOR_AJAR), alarm(AlarmCode.DOOR_AJAR)]
    assert rig.firmware.next_deadline is None


def test_door_that_opens_while_its_bolt_is_thrown_was_forced() -> None:
    rig = make()
    rig.firmware.hardware.open_door(3.0)
    assert log_of(rig) == [
        door(DoorState.DOOR_FORCED_OPEN),
        alarm(AlarmCode.DOOR_FORCED_OPEN),
    ]
    rig.firmware.tick(999.0)
    assert status(rig, 999.0).door_state is DoorState.DOOR_FORCED_OPEN
    assert len(rig.log()) == 2
    rig.firmware.hardware.close_door(1000.0)
    assert status(rig, 1000.0).door_state is DoorState.DOOR_CLOSED


def test_door_that_moved_without_power_is_noticed_at_the_boot() -> None:
    rig = make()
    rig.firmware.power(False, 0.0)
    rig.firmware.hardware.open_door(1.0)
    rig.firmware.hardware.remove_escutcheon(True, 1.0)
    rig.firmware.power(True, 2.0)
    assert log_of(rig) == [
        (LogEvent.POWER_ON, OperationSource.UNSPECIFIED, 0),
        door(DoorState.DOOR_FORCED_OPEN),
        alarm(AlarmCode.DOOR_FORCED_OPEN),
        alarm(AlarmCode.FRONT_ESCUTCHEON_REMOVED),
    ]


# --- plate and privacy ----------------------------------------------------------------------


def test_plate_that_comes_off_raises_one_alarm_each_time() -> None:
    rig = make()
    for is_off in (True, True, False, True):
        rig.firmware.hardware.remove_escutcheon(is_off, 0.0)
    assert log_of(rig) == [alarm(AlarmCode.FRONT_ESCUTCHEON_REMOVED)] * 2
    assert rig.firmware.hardware.view(0.0).is_escutcheon_off


def test_privacy_deadbolt_shuts_out_codes_and_remote_unlocking() -> None:
    rig = make()
    rig.firmware.hardware.throw_privacy(True, 0.0)
    assert rig.enter(CODE, 1.0) == (False, "privacy", 1)
    assert rig.status(m.UnlockDoor(), 1.0) is Status.INVALID_IN_STATE
    assert status(rig, 2.0).lock_state is LockState.LOCKED
    manual = OperationSource.MANUAL
    assert log_of(rig) == [
        (LogEvent.OPERATING_MODE, manual, OperatingMode.PRIVACY),
        (LogEvent.ACCESS_DENIED, OperationSource.KEYPAD, AccessDeniedReason.PRIVACY),
        (LogEvent.ACCESS_DENIED, OperationSource.REMOTE, AccessDeniedReason.PRIVACY),
    ]
    # Guesses count all the same.
    for _ in range(5):
        assert rig.enter("9999", 3.0)[1] == "unknown_code"
    assert rig.enter(CODE, 4.0)[1] == "locked_out"
    assert rig.status(m.LockDoor(), 4.0) is Status.SUCCESS


def test_privacy_is_over_when_it_is_withdrawn_or_somebody_leaves() -> None:
    rig = make()
    rig.firmware.hardware.throw_privacy(True, 0.0)
    rig.firmware.hardware.throw_privacy(False, 1.0)
    assert rig.enter(CODE, 1.0)[0]
    rig.firmware.hardware.throw_privacy(True, 2.0)
    rig.firmware.hardware.turn_bolt(LockState.LOCKED, 3.0)
    assert rig.firmware.hardware.view(3.0).is_privacy_thrown
    rig.firmware.hardware.turn_bolt(LockState.UNLOCKED, 3.0)
    assert not rig.firmware.hardware.view(3.0).is_privacy_thrown
    assert log_of(rig)[-1][2] == OperatingMode.NORMAL


def test_programming_code_that_opens_overrides_privacy() -> None:
    facts = profile("generic-native")
    rig = make(
        user_types=(*facts.user_types, UserType.PROGRAMMING_USER),
        keypad=dataclasses.replace(facts.keypad, programming_code_opens=True),
    )
    rig.program(2, "2222", user_type=UserType.PROGRAMMING_USER)
    rig.firmware.hardware.throw_privacy(True, 0.0)
    assert rig.enter("2222", 1.0) == (True, "opened", 2)


def test_lock_without_a_privacy_deadbolt_has_none_to_throw() -> None:
    rig = make(privacy_deadbolt=False)
    with pytest.raises(HardwareMissing, match="this kind of lock has no privacy deadbolt"):
        rig.firmware.hardware.throw_privacy(True, 0.0)


# --- cells ----------------------------------------------------------------------------------


def test_cells_tell_of_each_threshold_once_and_move_no_bolt_below_the_last() -> None:
    rig = make()
    hardware = rig.firmware.hardware
    for mv in (4300, 4150, 4100, 3890, 3790, 3700):
        hardware.set_battery_mv(mv, 0.0)
    battery = [record.detail for record in rig.log() if record.event is LogEvent.BATTERY]
    assert battery == [1, 2, 3]
    assert hardware.view(0.0).battery_level == "too_low"
    assert rig.enter(CODE, 1.0) == (False, "no_power", 1)
    assert rig.status(m.UnlockDoor(), 1.0) is Status.FAILURE
    assert status(rig, 2.0).lock_state is LockState.LOCKED
    assert log_of(rig)[-2:] == [
        (LogEvent.ACCESS_DENIED, OperationSource.KEYPAD, AccessDeniedReason.NO_POWER),
        (LogEvent.ACCESS_DENIED, OperationSource.REMOTE, AccessDeniedReason.NO_POWER),
    ]


def test_jump_battery_opens_a_lock_whose_cells_are_dead() -> None:
    rig = make()
    rig.firmware.hardware.set_charge(0, 0.0)
    rig.firmware.power(False, 1.0)
    assert rig.enter(CODE, 1.0) == (False, "no_power", None)
    rig.firmware.hardware.jump(9000, 2.0)
    assert rig.enter(CODE, 3.0) == (True, "opened", 1)
    rig.firmware.hardware.jump(0, 4.0)
    assert not rig.firmware.is_powered
    rig.firmware.power(True, 5.0)
    assert rig.enter(CODE, 6.0)[1] == "no_power"


def test_jump_battery_keeps_a_lock_alive_while_its_cells_are_changed() -> None:
    rig = make()
    rig.firmware.hardware.jump(9000, 0.0)
    rig.firmware.power(False, 1.0)
    rig.firmware.hardware.set_charge(FULL_PPM, 2.0)
    rig.firmware.power(True, 3.0)
    rig.firmware.hardware.jump(0, 4.0)
    assert rig.firmware.is_powered
    assert LogEvent.POWER_ON not in [record.event for record in rig.log()]


def test_cells_run_down_while_the_lock_sleeps_and_the_next_run_of_the_motor_tells() -> None:
    rig = make(auto_relock_s=0)
    rig.firmware.hardware.set_battery_mv(4203, 0.0)
    year_s = 30 * 86_400.0
    assert rig.enter(CODE, year_s) == (True, "opened", 1)
    assert [record.detail for record in rig.log() if record.event is LogEvent.BATTERY] == [1]
    assert status(rig, year_s).battery_mv < 4200


def test_jam_on_weak_cells_resets_the_processor_before_it_can_tell() -> None:
    rig = make()
    rig.firmware.hardware.set_battery_mv(4000, 0.0)
    rig.firmware.hardware.jam(True, 0.0)
    before = len(rig.log())
    assert rig.enter(CODE, 1.0) == (False, "no_power", 1)
    assert rig.resets == 1
    # It wrote down that it started, and knows nothing of a jam.
    assert [record.event for record in rig.log()[before:]] == [LogEvent.POWER_ON]
    assert status(rig, 2.0).lock_state is LockState.NOT_FULLY_LOCKED
    # A request gets no answer.
    with pytest.raises(DevicePoweredOff, match="reset by its own motor"):
        rig.ask(m.UnlockDoor(), 3.0)
    assert rig.resets == 2
    # It does not try again by itself: it would reset itself for ever.
    assert rig.firmware.next_deadline is None


def test_brown_out_is_told_for_any_load_without_changing_anything() -> None:
    rig = make()
    hardware = rig.firmware.hardware
    hardware.set_battery_mv(4000, 0.0)
    before = rig.memory.state
    assert hardware.browns_out(STALL_MA, 1.0)
    assert not hardware.browns_out(10, 1.0)
    assert rig.memory.state == before


def test_relock_that_resets_the_processor_is_tried_once() -> None:
    rig = make()
    rig.enter(CODE, 0.0)
    rig.firmware.hardware.set_battery_mv(4000, 1.0)
    rig.firmware.hardware.jam(True, 1.0)
    rig.firmware.tick(100.0)
    assert rig.resets == 1
    assert rig.firmware.next_deadline is None


def test_reset_of_the_processor_forgets_what_was_typed_and_starts_the_relock_anew() -> None:
    rig = make()
    rig.enter(CODE, 0.0)
    for at, key in enumerate("*471"):
        rig.firmware.press(key, 10.0 + at)
    rig.firmware.reset(14.0)
    assert rig.firmware.next_deadline == pytest.approx(44.5)
    # There is nothing to submit.
    assert rig.firmware.press("#", 14.5) is None
    assert rig.firmware.press("#", 15.0) is None


def test_dead_cells_keep_a_door_from_relocking_and_the_log_says_so() -> None:
    rig = make()
    rig.enter(CODE, 0.0)
    rig.firmware.hardware.set_charge(0, 1.0)
    rig.firmware.tick(31.0)
    assert log_of(rig)[-1] == (
        LogEvent.ACCESS_DENIED,
        OperationSource.AUTO,
        AccessDeniedReason.NO_POWER,
    )
    assert status(rig, 32.0).lock_state is LockState.UNLOCKED
