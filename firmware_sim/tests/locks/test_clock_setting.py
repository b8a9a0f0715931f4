"""Power that goes while the clock is set: what is counted on the clock ends when it should."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

import pytest

from firmware_sim.errors import ProcessorDown
from firmware_sim.faults.plan import NO_FAULTS
from firmware_sim.faults.points import DeviceFaults
from firmware_sim.flash.nor import Operation
from firmware_sim.hardware.rtc import ClockOnPowerLoss
from firmware_sim.memory.interface import Interruption
from firmware_sim.memory.state_items import ClockMove
from firmware_sim.tests.locks.rig import T0_S, Rig, profile
from protocols.doorlock.vocabulary import UserType
from protocols.strike import messages as m

CODE = "4711"
# From the first use on, seconds.
LIFE_S = 15 * 60


def make(*, on_power_loss: ClockOnPowerLoss = ClockOnPowerLoss.KEEPS) -> Rig:
    """A lock with an expiring code that was used at second 0."""
    facts = profile("generic-native")
    rig = Rig(
        profile_facts=dataclasses.replace(
            facts, user_types=tuple(UserType), expiring_user_timeout_min=LIFE_S // 60
        ),
        on_power_loss=on_power_loss,
    )
    rig.program(1, CODE, user_type=UserType.EXPIRING_USER)
    assert rig.enter(CODE, 0.0)[0]
    faults = DeviceFaults(NO_FAULTS, random.Random(0), None)
    rig.firmware.obey(faults, NO_FAULTS, 0.0)

    def cut(_down_s: float, is_cold: bool) -> None:  # noqa: FBT001 - `on_breakdown`.
        rig.firmware.power(not is_cold, 30.0)
        faults.is_down = False

    faults.on_breakdown = cut
    return rig


def set_clock(rig: Rig, shift_s: int, *, cut_at: int, at_s: int = 30) -> bool:
    """Set the clock wrong by so much; True when power went at that operation of it."""

    def interrupt(operations: Sequence[Operation]) -> Interruption | None:
        rig.memory.interrupt = None
        if cut_at >= len(operations):
            return None
        return Interruption(cut_at, lambda _flash, _operation: None)

    rig.memory.interrupt = interrupt
    try:
        rig.ask(m.SetTime(utc_s=T0_S + at_s + shift_s, utc_offset_min=0), float(at_s))
    except ProcessorDown:
        rig.firmware.power(True, at_s + 5.0)
        return True
    return False


@pytest.mark.parametrize("shift_s", [-600, 600, 3000])
def test_expiring_code_lives_as_long_wherever_the_setting_is_cut(shift_s: int) -> None:
    cuts = 0
    while True:
        rig = make()
        if not set_clock(rig, shift_s, cut_at=cuts):
            break
        cuts += 1
        assert rig.enter(CODE, LIFE_S - 1.0)[0], f"cut at operation {cuts - 1}"
        assert rig.enter(CODE, float(LIFE_S))[1] == "outside_schedule", f"cut at {cuts - 1}"
    # A batch with first uses, time and move, each of them once more, and the end of the batch.
    assert cuts > 6


def test_lockout_ends_when_it_should_wherever_the_setting_is_cut() -> None:
    rules = profile("generic-native").lockout
    cuts = 0
    while True:
        rig = make()
        for _ in range(rules.wrong_code_limit):
            rig.enter("0000", 10.0)
        assert rig.enter("0000", 10.0)[1] == "locked_out"
        if not set_clock(rig, 20, cut_at=cuts):
            break
        cuts += 1
        ends_s = 10.0 + rules.lockout_s
        assert rig.enter("0000", ends_s - 1)[1] == "locked_out", f"cut at operation {cuts - 1}"
        assert rig.enter("0000", ends_s)[1] != "locked_out", f"cut at operation {cuts - 1}"
    assert cuts > 6


def test_setting_that_was_taken_back_is_not_taken_back_again() -> None:
    rig = make()
    # The last operation ends the batch; all that it wrote is in flash then.
    last = 0
    while set_clock(make(), 600, cut_at=last):
        last += 1
    assert set_clock(rig, 600, cut_at=last - 1)
    for second in (40, 50):
        rig.firmware.power(False, float(second))
        rig.firmware.power(True, second + 1.0)
    assert not set_clock(rig, 600, cut_at=last, at_s=60)
    rig.firmware.power(False, 70.0)
    rig.firmware.power(True, 71.0)
    assert rig.enter(CODE, LIFE_S - 1.0)[0]
    assert rig.enter(CODE, float(LIFE_S))[1] == "outside_schedule"


def test_clock_that_was_lost_with_the_power_takes_nothing_back() -> None:
    rig = make(on_power_loss=ClockOnPowerLoss.LOST)
    last = 0
    while set_clock(make(), 600, cut_at=last):
        last += 1
    assert set_clock(rig, 600, cut_at=last - 1)
    # Only the number is mended, so that no later setting is mistaken for this one.
    number = rig.memory.state.clock.set_number
    assert rig.memory.clock_move == ClockMove(number=number)
    assert rig.enter(CODE, 60.0)[1] == "outside_schedule"


def test_setting_that_moves_nothing_leaves_no_note() -> None:
    rig = Rig()
    rig.ask(m.SetTime(utc_s=T0_S + 600, utc_offset_min=0), 30.0)
    assert rig.memory.clock_move is None
