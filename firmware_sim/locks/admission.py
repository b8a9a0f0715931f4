"""Does a code open the door? Decided by the lock alone, with its own memory and its own clock."""

from __future__ import annotations

import dataclasses

from firmware_sim.locks.outcome import EntryReason
from firmware_sim.locks.programming import user_key
from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.records import Record
from protocols.doorlock.digest import (
    CredentialContent,
    UserContent,
    WeekDayContent,
    YearDayContent,
)
from protocols.doorlock.schedule import WeekDaySpan, YearDayWindow, is_admitted
from protocols.doorlock.vocabulary import (
    ClockQuality,
    DaysMask,
    RecordKind,
    UserStatus,
    UserType,
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the lock's clock says at the moment of an entry.

    Attributes:
        utc_s: UTC seconds since 2000, as the clock shows them.
        utc_offset_min: Door-local time minus UTC, minutes.
        quality: How far it can be trusted.
    """

    utc_s: int
    utc_offset_min: int
    quality: ClockQuality


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to become of a code.

    Attributes:
        reason: OPENED, UNKNOWN_CODE, DISABLED or OUTSIDE_SCHEDULE.
        slot: PIN slot of the code; 0 = unknown.
        user_index: Its user; 0 = unknown.
    """

    reason: EntryReason
    slot: int = 0
    user_index: int = 0


def decide(memory: LockMemory, digits: str, clock: Reading) -> Decision:
    """Decide on a code that was entered whole.

    A credential whose user is gone, which no sequence of requests can leave behind, is unknown.
    """
    credential = _credential_of(memory, digits.encode())
    if credential is None:
        return Decision(reason=EntryReason.UNKNOWN_CODE)
    slot, user_index = credential
    user = memory.record(user_key(user_index))
    if user is None or not isinstance(user.content, UserContent):
        return Decision(reason=EntryReason.UNKNOWN_CODE)
    if user.content.user_status is not UserStatus.OCCUPIED_ENABLED:
        reason = EntryReason.DISABLED
    elif _is_in_schedule(memory, user, user.content.user_type, clock):
        reason = EntryReason.OPENED
    else:
        reason = EntryReason.OUTSIDE_SCHEDULE
    return Decision(reason=reason, slot=slot, user_index=user_index)


def _credential_of(memory: LockMemory, code: bytes) -> tuple[int, int] | None:
    """Slot and user of a PIN."""
    for record in memory.live(RecordKind.CREDENTIAL):
        content = record.content
        if isinstance(content, CredentialContent) and content.credential_data == code:
            return record.key.index, content.user_index
    return None


def _is_in_schedule(memory: LockMemory, user: Record, user_type: UserType, clock: Reading) -> bool:
    if user_type is UserType.UNRESTRICTED_USER:
        return True
    if clock.quality is ClockQuality.LOST:
        # Fail secure: a clock that knows nothing admits nobody whose access has a time limit.
        return False
    year_days = [
        YearDayWindow(record.content.start_s, record.content.end_s)
        for record in memory.live(RecordKind.YEAR_DAY_SCHEDULE)
        if record.key.index == user.key.index and isinstance(record.content, YearDayContent)
    ]
    week_days = [
        WeekDaySpan(
            DaysMask(record.content.days_mask), record.content.start_min, record.content.end_min
        )
        for record in memory.live(RecordKind.WEEK_DAY_SCHEDULE)
        if record.key.index == user.key.index and isinstance(record.content, WeekDayContent)
    ]
    return is_admitted(
        user_type,
        year_days,
        week_days,
        utc_s=clock.utc_s,
        utc_offset_min=clock.utc_offset_min,
    )
