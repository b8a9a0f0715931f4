"""What a lock makes of its clock: how far to trust it, how late it has been, who may set it.

Four states. *Trusted*: set, and under power since. *Holdover*: power was away, and the clock says
that it went on. *Lost*: the clock itself knows that it does not know the time, or the bound of its
error has grown beyond what the profile lets pass. *Rolled back*: it shows less than the lock has
already seen, so something set it back that does not say so (a reset clock chip, a pulled battery).

How late it has been is kept in flash as the *highest accepted time*, in steps of an hour: it goes
into the change that every entry and every request to set the clock writes anyway, before that is
answered, and its own record changes once an hour at most. A step is rounded down, so a healthy
clock is never called rolled back; and a roll-back of less than an hour may pass unnoticed.
"""

from __future__ import annotations

import dataclasses
from typing import Final, Protocol

from firmware_sim.hardware.rtc import Rtc
from firmware_sim.memory.records import DeviceState
from protocols.doorlock.vocabulary import ClockQuality
from protocols.profiles.facts import ClockFacts
from protocols.profiles.parser import Profile

# Seconds of a step of the highest accepted time: 8,766 records a year if somebody is at the door
# every hour, which is one erase of a 4 KiB sector in about ten days.
MARK_STEP_S: Final = 3600
_US_PER_S: Final = 1_000_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the lock's clock says at a moment.

    Attributes:
        utc_s: UTC seconds since 2000, as the clock shows them.
        utc_offset_min: Door-local time minus UTC as the lock has it, minutes.
        quality: How far it can be trusted.
        error_s: Bound of its error as far as the lock can know, whole seconds, rounded up.
    """

    utc_s: int
    utc_offset_min: int
    quality: ClockQuality
    error_s: int = 0

    @property
    def is_known(self) -> bool:
        """True when the lock takes it for the time."""
        return self.quality in (ClockQuality.TRUSTED, ClockQuality.HOLDOVER)


def read_clock(profile: Profile, rtc: Rtc, state: DeviceState, now: float) -> Reading:
    """What the clock says in a state.

    Args:
        profile: The facts of the lock.
        rtc: Its clock.
        state: The device state, of which the clock's anchor and the highest accepted time count.
        now: Loop seconds.
    """
    utc_s = rtc.would_read_s(state.clock, now)
    error_s = -(-rtc.would_error_us(state.clock, now) // _US_PER_S)
    return Reading(
        utc_s=utc_s,
        utc_offset_min=rtc.would_offset_min(state.clock, utc_s),
        quality=_quality(profile.clock, state, utc_s, error_s),
        error_s=error_s,
    )


def _quality(facts: ClockFacts, state: DeviceState, utc_s: int, error_s: int) -> ClockQuality:
    known = state.clock.quality
    if known is ClockQuality.LOST:
        return known
    if facts.detects_rollback and utc_s < state.highest_s:
        return ClockQuality.ROLLED_BACK
    if 0 < facts.error_limit_s < error_s:
        return ClockQuality.LOST
    return known


def after_reading(state: DeviceState, reading: Reading) -> DeviceState:
    """The state after the lock went by a reading: the highest accepted time only rises."""
    mark_s = _mark_s(reading.utc_s)
    if not reading.is_known or mark_s <= state.highest_s:
        return state
    return dataclasses.replace(state, highest_s=mark_s)


def after_statement(state: DeviceState, utc_s: int) -> DeviceState:
    """The state after a statement of time was accepted: it is the truth now, later or earlier."""
    return dataclasses.replace(state, highest_s=_mark_s(utc_s), statement_s=utc_s)


def _mark_s(utc_s: int) -> int:
    return utc_s - utc_s % MARK_STEP_S


class StatementPolicy(Protocol):
    """Whether a lock believes somebody who says what time it is."""

    def accepts(self, utc_s: int, statement_s: int) -> bool:
        """Decide on a statement.

        Args:
            utc_s: The time that it says, UTC seconds since 2000.
            statement_s: The last one accepted; 0 = none.
        """


class AnyStatement:
    """Sessions without protection: whoever may speak to the lock may set its clock, either way."""

    def accepts(self, utc_s: int, statement_s: int) -> bool:
        """See `StatementPolicy.accepts`."""
        del utc_s, statement_s
        return True


class ForwardStatements:
    """Signed statements in sealed sessions: forward freely, backward never past the last one.

    A clock that ran fast can so be set back to the truth; an old statement, sent again, can't move
    a door into the past.
    """

    def accepts(self, utc_s: int, statement_s: int) -> bool:
        """See `StatementPolicy.accepts`."""
        return utc_s >= statement_s
