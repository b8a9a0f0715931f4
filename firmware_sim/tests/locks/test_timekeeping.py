"""How far a lock trusts its clock, and whom it believes about the time."""

from __future__ import annotations

import dataclasses

import pytest

from firmware_sim.hardware.rtc import ClockOnPowerLoss
from firmware_sim.locks.timekeeping import (
    MARK_STEP_S,
    AnyStatement,
    ForwardStatements,
    after_reading,
    after_statement,
    read_clock,
)
from firmware_sim.tests.locks.rig import DAY_S, T0_S, Rig, profile
from protocols.doorlock.vocabulary import ClockQuality, LogEvent, Status
from protocols.profiles.parser import Profile
from protocols.profiles.vocabulary import ZoneAwareness
from protocols.strike import messages as m

NATIVE = "generic-native"


def with_clock(**changes: object) -> Profile:
    facts = profile(NATIVE)
    clock = dataclasses.replace(facts.clock, **changes)  # type: ignore[arg-type] # by name
    return dataclasses.replace(facts, clock=clock)


def test_mark_rises_in_steps_and_only_by_readings_that_are_believed() -> None:
    rig = Rig()
    state = rig.memory.state
    noon = read_clock(rig.profile, rig.rtc, state, 0.0)
    assert T0_S % MARK_STEP_S == 0
    marked = after_reading(state, noon)
    assert marked.highest_s == T0_S
    later = dataclasses.replace(noon, utc_s=T0_S + MARK_STEP_S - 1)
    assert after_reading(marked, later) is marked
    for quality in (ClockQuality.LOST, ClockQuality.ROLLED_BACK):
        doubtful = dataclasses.replace(noon, utc_s=T0_S + DAY_S, quality=quality)
        assert after_reading(marked, doubtful) is marked
    earlier = dataclasses.replace(noon, utc_s=T0_S - DAY_S)
    assert after_reading(marked, earlier) is marked


def test_statement_moves_the_mark_either_way() -> None:
    state = Rig().memory.state
    for utc_s in (T0_S + 90, T0_S - DAY_S + 90):
        state = after_statement(state, utc_s)
        assert (state.highest_s, state.statement_s) == (utc_s - 90, utc_s)


def test_highest_accepted_time_and_statement_survive_a_crash() -> None:
    rig = Rig()
    rig.program(1, "1234")
    rig.ask(m.SetTime(utc_s=T0_S + 30, utc_offset_min=0), 30.0)
    assert rig.enter("1234", 2.0 * MARK_STEP_S)[0]
    rig.crash()
    state = rig.memory.state
    assert (state.highest_s, state.statement_s) == (T0_S + 2 * MARK_STEP_S, T0_S + 30)


def test_clock_set_back_on_purpose_is_not_called_rolled_back() -> None:
    rig = Rig()
    rig.program(1, "1234", window=(T0_S - 2 * DAY_S, T0_S))
    assert rig.enter("1234", 0.0) == (False, "outside_schedule", 1)
    assert rig.status(m.SetTime(utc_s=T0_S - DAY_S, utc_offset_min=0), 1.0) is Status.SUCCESS
    assert rig.ask(m.GetStatus(), 1.0).clock_quality is ClockQuality.TRUSTED
    assert rig.enter("1234", 2.0)[0]


def test_log_tells_the_quality_that_the_lock_went_by() -> None:
    rig = Rig(on_power_loss=ClockOnPowerLoss.EPOCH_2009)
    rig.program(1, "1234")
    assert rig.enter("1234", 0.0)[0]
    rig.firmware.power(False, 10.0)
    rig.firmware.power(True, 10.0 + DAY_S)
    assert rig.enter("1234", 11.0 + DAY_S)[0]
    [opened, powered, again] = rig.log()
    assert opened.clock_quality is ClockQuality.TRUSTED
    assert powered.event is LogEvent.POWER_ON
    assert powered.clock_quality is again.clock_quality is ClockQuality.ROLLED_BACK
    assert rig.firmware.view(11.0 + DAY_S).clock.quality == "rolled_back"


@pytest.mark.parametrize(
    ("utc_s", "status"),
    [
        (T0_S + 1, Status.SUCCESS),
        (T0_S, Status.SUCCESS),
        (T0_S - 1, Status.INVALID_IN_STATE),
        (0, Status.INVALID_IN_STATE),
    ],
)
def test_signed_statements_go_forward_freely_and_back_to_the_last_one_only(
    utc_s: int, status: Status
) -> None:
    rig = Rig()
    rig.ask(m.SetTime(utc_s=T0_S, utc_offset_min=0))
    rig.firmware.believe(ForwardStatements())
    before = rig.memory.state
    # A clock that ran ahead may so be set back to the truth.
    assert rig.status(m.SetTime(utc_s=utc_s, utc_offset_min=0), 100.0) is status
    assert (rig.memory.state == before) is (status is not Status.SUCCESS)
    assert AnyStatement().accepts(utc_s, T0_S)


def test_lock_without_a_zone_takes_no_distance_from_utc() -> None:
    rig = Rig(profile_facts=with_clock(zone=ZoneAwareness.NONE))
    refused = m.SetTime(utc_s=T0_S, utc_offset_min=60)
    assert rig.status(refused) is Status.CONSTRAINT_ERROR
    assert rig.status(dataclasses.replace(refused, utc_offset_min=0)) is Status.SUCCESS


def test_error_bound_of_zero_never_ends_a_clock_s_credit() -> None:
    rig = Rig(profile_facts=with_clock(error_limit_s=0, holdover_ppm=50_000))
    assert rig.ask(m.GetStatus(), 3650.0 * DAY_S).clock_quality is ClockQuality.TRUSTED
