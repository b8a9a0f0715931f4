"""The lockout ladder, and what a power cut can't do about it."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.hardware.rtc import ClockOnPowerLoss
from firmware_sim.locks import lockout
from firmware_sim.memory.records import DeviceState
from firmware_sim.tests.locks.rig import DAY_S, T0_S, Rig
from protocols.doorlock.vocabulary import AccessDeniedReason, AlarmCode, Status
from protocols.profiles.parser import LockoutRules
from protocols.strike import messages as m

RIGHT, WRONG = "1234567", "7654321"
# Of latch-m: 5 wrong codes, 60 s doubling to 900 s.
LADDER_S = (60, 120, 240, 480, 900, 900)


def make(**options: object) -> Rig:
    rig = Rig("latch-m", **options)  # type: ignore[arg-type] # passed on
    rig.program(1, RIGHT)
    return rig


def lock_out(rig: Rig, now: float) -> None:
    """Enter wrong codes up to the limit."""
    for _ in range(5):
        assert rig.enter(WRONG, now) == (False, "unknown_code", None)
    assert rig.enter(RIGHT, now) == (False, "locked_out", None)


def test_fifth_wrong_code_locks_out_and_raises_the_alarm() -> None:
    rig = make()
    for _ in range(4):
        rig.enter(WRONG)
    assert not any(isinstance(event, m.Alarm) for event in rig.events)
    rig.enter(WRONG)
    assert rig.events[-2:] == [
        dataclasses.replace(rig.events[0], log_index=4),
        m.Alarm(log_index=5, utc_s=T0_S, alarm=AlarmCode.WRONG_CODE_ENTRY_LIMIT),
    ]
    assert rig.enter(RIGHT) == (False, "locked_out", None)
    assert isinstance(rig.events[-1], m.AccessDenied)
    assert rig.events[-1].reason is AccessDeniedReason.LOCKED_OUT


def test_every_lockout_is_twice_as_long_up_to_the_maximum() -> None:
    rig = make()
    now, wrong_codes = 0.0, 5
    for length_s in LADDER_S:
        for _ in range(wrong_codes):
            assert rig.enter(WRONG, now) == (False, "unknown_code", None)
        now += length_s
        assert rig.enter(RIGHT, now - 0.001) == (False, "locked_out", None)
        # At its end entries count again: this is the first wrong code of the next round.
        assert rig.enter(WRONG, now) == (False, "unknown_code", None)
        wrong_codes = 4


def test_success_forgives_the_wrong_codes_before_it() -> None:
    rig = make()
    for _ in range(3):
        for _ in range(4):
            assert rig.enter(WRONG)[1] == "unknown_code"
        assert rig.enter(RIGHT) == (True, "opened", 1)
    assert rig.memory.state.wrong_codes == 0


def test_success_forgives_no_more_than_four_rounds_a_day() -> None:
    """Whoever holds a code can't use it to wash out guesses at the others."""
    rig = make()
    guesses = 0
    while rig.enter(WRONG, guesses)[1] == "unknown_code":
        guesses += 1
        if guesses % 4 == 0:
            rig.enter(RIGHT, guesses)
    # 20 were forgiven, the next five are the lockout.
    assert guesses == 25
    assert rig.memory.state.forgiven_codes == 20


def test_success_leaves_the_length_of_lockouts_within_a_day_of_the_last() -> None:
    rig = make()
    lock_out(rig, 0.0)
    assert rig.enter(RIGHT, 60.0) == (True, "opened", 1)
    lock_out(rig, 60.0)
    assert rig.enter(RIGHT, 60.0 + 119.9)[1] == "locked_out"
    assert rig.enter(RIGHT, 60.0 + 120.0)[0]
    # A day without a lockout, and a code that opens: all is as new.
    quiet = 180.0 + DAY_S
    assert rig.enter(RIGHT, quiet)[0]
    lock_out(rig, quiet)
    assert rig.enter(RIGHT, quiet + 59.9)[1] == "locked_out"
    assert rig.enter(RIGHT, quiet + 60.0)[0]


def test_time_alone_sets_nothing_back() -> None:
    rig = make()
    lock_out(rig, 0.0)
    for _ in range(4):
        rig.enter(WRONG, 10.0 * DAY_S)
    rig.enter(WRONG, 10.0 * DAY_S)
    assert rig.enter(RIGHT, 10.0 * DAY_S + 119.9)[1] == "locked_out"


@pytest.mark.parametrize("holds_a_code", [False, True])
def test_guesses_of_a_day_are_bounded_with_and_without_a_code(*, holds_a_code: bool) -> None:
    """T8: measured on the ladder of latch-m, guessing at every instant that is allowed."""
    rig = make()
    now, guesses = 0.0, 0
    while now < DAY_S:
        reason = rig.enter(WRONG, now)[1]
        guesses += reason == "unknown_code"
        if holds_a_code and guesses % 4 == 0:
            rig.enter(RIGHT, now)
        if reason == "locked_out":
            until_us = rig.memory.state.lockout_until_us
            now = until_us / 1e6 - T0_S
    # 60 + 120 + 240 + 480 s, then five guesses every 900 s.
    ladder = 5 * (4 + -(-(DAY_S - 900) // 900))
    assert guesses == ladder + (20 if holds_a_code else 0)


def test_locked_out_keypad_leaves_requests_alone() -> None:
    """T9: a vandal at the keypad shuts out nobody who needs no code."""
    rig = Rig("generic-native")
    rig.program(1, "1234")
    for _ in range(5):
        rig.enter("9999")
    assert rig.enter("1234")[1] == "locked_out"
    assert rig.status(m.UnlockDoor()) is Status.SUCCESS
    assert rig.status(m.LockDoor(), 1.0) is Status.SUCCESS
    assert rig.memory.state.lockout_until_us > 0


def test_known_code_that_does_not_open_counts_for_nothing_either_way() -> None:
    rig = make()
    rig.program(2, "2222222", window=(T0_S + 9000, T0_S + 9001))
    for _ in range(4):
        rig.enter(WRONG)
    for _ in range(10):
        assert rig.enter("2222222") == (False, "outside_schedule", 2)
    assert rig.enter(WRONG)[1] == "unknown_code"
    assert rig.enter(RIGHT)[1] == "locked_out"


def test_entries_while_locked_out_neither_count_nor_prolong() -> None:
    rig = make()
    lock_out(rig, 0.0)
    for at in range(1, 60):
        assert rig.enter(WRONG, float(at))[1] == "locked_out"
        assert rig.firmware.enter("12", float(at)).reason == "locked_out"
    assert rig.enter(RIGHT, 60.0)[0]


def test_lockout_is_persisted_before_the_entry_is_answered() -> None:
    rig = make()
    for _ in range(4):
        rig.enter(WRONG)
    rig.crash()
    assert rig.enter(WRONG)[1] == "unknown_code"
    rig.crash()
    assert rig.enter(RIGHT, 59.9)[1] == "locked_out"
    assert rig.enter(RIGHT, 60.0)[0]


@pytest.mark.parametrize("on_power_loss", list(ClockOnPowerLoss))
def test_power_cycle_never_ends_a_lockout_early(on_power_loss: ClockOnPowerLoss) -> None:
    rig = make(on_power_loss=on_power_loss)
    lock_out(rig, 0.0)
    for at in (1.0, 20.0, 40.0):
        rig.firmware.power(False, at)
        rig.firmware.power(True, at + 5.0)
        rig.crash()
    ends_at = {
        # The clock ran on: nothing changes.
        ClockOnPowerLoss.KEEPS: 60.0,
        # A capacitor carried it through.
        ClockOnPowerLoss.LAST_FULL_HOUR: 60.0,
        ClockOnPowerLoss.EPOCH_2009: 60.0,
        # It stood still for three times five seconds.
        ClockOnPowerLoss.RESUMES: 75.0,
        # Nobody knows what was left: the whole length anew, from the last power cycle.
        ClockOnPowerLoss.LOST: 45.0 + 60.0,
    }[on_power_loss]
    assert rig.enter(RIGHT, ends_at - 0.1)[1] == "locked_out"
    assert rig.enter(RIGHT, ends_at)[0]


@pytest.mark.parametrize(
    "on_power_loss", [ClockOnPowerLoss.LAST_FULL_HOUR, ClockOnPowerLoss.EPOCH_2009]
)
def test_clock_that_fell_back_begins_a_lockout_anew_and_no_longer(
    on_power_loss: ClockOnPowerLoss,
) -> None:
    # Ten minutes past the hour, so that the last full hour lies before the lockout.
    rig = make(on_power_loss=on_power_loss)
    lock_out(rig, 600.0)
    rig.firmware.power(False, 610.0)
    rig.firmware.power(True, 3610.0)
    rig.crash()
    assert rig.enter(RIGHT, 3669.9)[1] == "locked_out"
    assert rig.enter(RIGHT, 3670.0)[0]


def test_clock_that_fell_back_by_years_keeps_a_term_of_a_day() -> None:
    rig = make(on_power_loss=ClockOnPowerLoss.EPOCH_2009)
    lock_out(rig, 600.0)
    # The lockout ended at 660, the term lasts until a day after that.
    rig.firmware.power(False, 700.0)
    rig.firmware.power(True, 4000.0)
    assert rig.memory.state.lockout_until_us == 0
    # Setting the clock moves the term by sixteen years with it.
    rig.ask(m.SetTime(utc_s=T0_S + 4100, utc_offset_min=0), 4100.0)
    assert rig.enter(RIGHT, 4100.0 + DAY_S)[0]
    assert rig.memory.state.lockouts == 0


def test_lost_clock_begins_no_lockout_that_had_ended_before_the_cut() -> None:
    rig = make(on_power_loss=ClockOnPowerLoss.LOST)
    lock_out(rig, 0.0)
    # It ends at 60 s, and nobody has entered anything since.
    rig.firmware.power(False, 61.0)
    rig.firmware.power(True, 62.0)
    assert rig.memory.state.lockout_until_us == 0
    assert rig.enter(RIGHT, 62.0)[0]


def test_lost_clock_begins_the_term_anew_but_none_that_was_over() -> None:
    rig = make(on_power_loss=ClockOnPowerLoss.LOST)
    lock_out(rig, 0.0)
    rig.firmware.power(False, 61.0)
    rig.firmware.power(True, 62.0)
    assert rig.enter(RIGHT, 62.0 + DAY_S - 1)[0]
    assert rig.memory.state.lockouts == 1
    rig.firmware.power(False, 63.0 + DAY_S)
    rig.firmware.power(True, 64.0 + DAY_S)
    assert rig.enter(RIGHT, 65.0 + DAY_S)[0]
    assert rig.memory.state.lockouts == 0


def test_lost_clock_without_a_lockout_begins_none() -> None:
    rig = make(on_power_loss=ClockOnPowerLoss.LOST)
    rig.firmware.power(False, 0.0)
    rig.firmware.power(True, 1.0)
    assert rig.enter(RIGHT, 1.0)[0]


@pytest.mark.parametrize("shift_s", [-3600, -30, 30, 3600, 90_000])
def test_setting_the_clock_moves_the_end_of_a_lockout_with_it(shift_s: int) -> None:
    rig = make()
    lock_out(rig, 0.0)
    rig.ask(m.SetTime(utc_s=T0_S + 10 + shift_s, utc_offset_min=0), 10.0)
    assert rig.enter(RIGHT, 59.9)[1] == "locked_out"
    assert rig.enter(RIGHT, 60.0)[0]


def test_clock_set_back_before_2000_ends_an_old_lockout() -> None:
    state = DeviceState(clock=make().rtc.state, lockout_until_us=5, lockouts=1)
    assert lockout.after_clock_set(state, -10).lockout_until_us == 0


@given(
    st.integers(1, 86_400),
    st.integers(0, 86_400),
    st.integers(1, 255),
)
def test_length_never_shrinks_and_never_exceeds_the_maximum(
    first_s: int, more_s: int, lockouts: int
) -> None:
    rules = LockoutRules(wrong_code_limit=5, lockout_s=first_s, lockout_s_max=first_s + more_s)
    length = lockout.length_us(rules, lockouts)
    assert first_s * 1_000_000 <= length <= rules.lockout_s_max * 1_000_000
    assert lockout.length_us(rules, 1) == first_s * 1_000_000
    assert lockout.length_us(rules, lockouts + 1) >= length


def test_lockouts_are_counted_up_to_a_byte() -> None:
    rules = LockoutRules(wrong_code_limit=1, lockout_s=60, lockout_s_max=900)
    state = DeviceState(clock=make().rtc.state)
    for _ in range(300):
        state = lockout.after_wrong_code(state, rules, state.lockout_until_us)
    assert state.lockouts == 255
