"""Setting the clock: what is counted on it moves along, even if power goes in the middle of it.

Lockout ends and first uses lie in flash, the time in a register of the clock, and nothing writes
both at once. So the change in flash says by how much it moved what, under the number of this
setting, and the clock is given the number with the time. A setting that is in flash and did not
reach the clock is taken back at power-up: else a code that expires would live as much longer.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from firmware_sim.hardware.rtc import RtcState
from firmware_sim.locks import expiring, lockout
from firmware_sim.locks.access_log import LogDraft
from firmware_sim.locks.core import LockCore
from firmware_sim.locks.timekeeping import after_statement
from firmware_sim.memory.records import DeviceState
from firmware_sim.memory.state_items import ClockMove
from protocols.doorlock.vocabulary import ClockQuality, LogEvent, Status
from protocols.profiles.vocabulary import ZoneAwareness
from protocols.strike import messages as m

# Minutes that local time may differ from UTC; beyond every zone in use (-12 to +14 h).
_UTC_OFFSET_MIN_MAX: Final = 840
_US_PER_S: Final = 1_000_000
# Settings are numbered in a byte.
_NUMBERS: Final = 1 << 8


def set_time(core: LockCore, message: m.SetTime, now: float) -> m.StatusReply:
    """Answer SetTime."""
    offset_min = message.utc_offset_min
    if abs(offset_min) > _UTC_OFFSET_MIN_MAX:
        return m.StatusReply(status=Status.INVALID_FIELD)
    if offset_min and core.profile.clock.zone is ZoneAwareness.NONE:
        # It has no place for a distance from UTC; what it would be told is not what it did.
        return m.StatusReply(status=Status.CONSTRAINT_ERROR)
    if not core.statement_policy.accepts(message.utc_s, core.state.statement_s):
        return m.StatusReply(status=Status.INVALID_IN_STATE)
    before = core.reading(now)
    shift_us = message.utc_s * _US_PER_S - core.rtc.read_us(now)
    clock = core.rtc.when_set(message.utc_s, offset_min, now)
    # A clock that was right already is no event: a gateway may set it at every contact.
    is_right = (
        before.utc_s == message.utc_s
        and before.quality is ClockQuality.TRUSTED
        and core.state.clock.utc_offset_min == offset_min
    )
    drafts = [] if is_right else [LogDraft(event=LogEvent.CLOCK_SET)]
    move = ClockMove(
        number=(clock.set_number + 1) % _NUMBERS,
        lockout_shift_us=shift_us,
        # A clock that had lost the time measured nothing: what it noted before that stands.
        uses_shift_s=shift_us // _US_PER_S if before.is_known else 0,
    )
    state = _moved(core.state, move.lockout_shift_us, move.uses_shift_s)
    if state == core.state:
        core.commit(_told(state, message, clock), drafts, now)
    else:
        clock = dataclasses.replace(clock, set_number=move.number)
        core.commit(_told(state, message, clock), drafts, now, clock_move=move)
    core.trace.record(
        "clock_set",
        utc_s=message.utc_s,
        utc_offset_min=offset_min,
        shift_us=shift_us,
        quality_before=before.quality.name,
    )
    return m.StatusReply(status=Status.SUCCESS)


def settled(state: DeviceState, move: ClockMove | None) -> tuple[DeviceState, ClockMove | None]:
    """A state at power-up without what a setting moved that did not reach the clock.

    Args:
        state: What flash and hardware hold.
        move: What flash says of the last setting that moved something.

    Returns:
        The state, and what flash is to say from now on; None where that is what it says.
    """
    number = state.clock.set_number
    if move is None or move.number == number:
        return state, None
    is_next = move.number == (number + 1) % _NUMBERS
    if is_next and state.clock.quality is not ClockQuality.LOST:
        state = _moved(state, -move.lockout_shift_us, -move.uses_shift_s)
    return state, ClockMove(number=number)


def _moved(state: DeviceState, lockout_shift_us: int, uses_shift_s: int) -> DeviceState:
    state = lockout.after_clock_set(state, lockout_shift_us)
    return expiring.after_clock_set(state, uses_shift_s)


def _told(state: DeviceState, message: m.SetTime, clock: RtcState) -> DeviceState:
    return dataclasses.replace(after_statement(state, message.utc_s), clock=clock)
