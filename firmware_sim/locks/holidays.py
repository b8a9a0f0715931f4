"""Holidays of a lock: how it takes Set, Get and Clear of holiday schedules.

A holiday belongs to the lock and not to a user: while it lasts, the lock has another operating
mode. What the modes do is in `protocols.doorlock.schedule`.
"""

from __future__ import annotations

from firmware_sim.locks.writing import invalid_field, refusal, write
from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.records import Record
from protocols.doorlock.digest import HolidayContent, RecordKey
from protocols.doorlock.vocabulary import OperatingMode, RecordKind, Status
from protocols.profiles.parser import Profile
from protocols.strike.messages import (
    ClearHolidaySchedule,
    GetHolidaySchedule,
    HolidaySchedule,
    SetHolidaySchedule,
    StatusReply,
)

# A holiday is the lock's own, so it has no place below its index.
_NO_SUB_INDEX = 0


def set_holiday(profile: Profile, memory: LockMemory, message: SetHolidaySchedule) -> StatusReply:
    """Answer SetHolidaySchedule."""
    key = holiday_key(message.holiday_index)
    refused = _refuse_key(profile, key, message.revision)
    if refused is not None:
        return refused
    if (
        not message.local_start_s < message.local_end_s
        or message.operating_mode not in OperatingMode.__members__.values()
    ):
        return refusal(memory, key, Status.INVALID_FIELD)
    content = HolidayContent(
        start_s=message.local_start_s,
        end_s=message.local_end_s,
        operating_mode=message.operating_mode,
    )
    return write(memory, Record.of(key, message.revision, content))


def get_holiday(
    profile: Profile, memory: LockMemory, message: GetHolidaySchedule
) -> HolidaySchedule | StatusReply:
    """Answer GetHolidaySchedule."""
    key = holiday_key(message.holiday_index)
    refused = _refuse_key(profile, key)
    if refused is not None:
        return refused
    record = memory.record(key)
    if record is None or not isinstance(record.content, HolidayContent):
        return refusal(memory, key, Status.NOT_FOUND)
    return HolidaySchedule(
        holiday_index=message.holiday_index,
        revision=record.revision,
        local_start_s=record.content.start_s,
        local_end_s=record.content.end_s,
        operating_mode=record.content.operating_mode,
    )


def clear_holiday(
    profile: Profile, memory: LockMemory, message: ClearHolidaySchedule
) -> StatusReply:
    """Answer ClearHolidaySchedule."""
    key = holiday_key(message.holiday_index)
    refused = _refuse_key(profile, key, message.revision)
    return refused or write(memory, Record.tombstone(key, message.revision))


def holiday_key(holiday_index: int) -> RecordKey:
    """Key of a holiday."""
    return RecordKey(RecordKind.HOLIDAY_SCHEDULE, holiday_index, _NO_SUB_INDEX)


def _refuse_key(profile: Profile, key: RecordKey, revision: int = 1) -> StatusReply | None:
    """Refuse a holiday that this lock has no place for; None when it has one."""
    if not profile.holiday_count:
        return StatusReply(status=Status.UNSUPPORTED_COMMAND)
    if not (1 <= key.index <= profile.holiday_count and revision):
        return invalid_field()
    return None
