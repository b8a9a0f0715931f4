"""Schedules of a user: how a lock takes Set, Get and Clear of year-day and week-day schedules."""

from __future__ import annotations

from firmware_sim.locks.programming import user_key
from firmware_sim.locks.writing import Verdict, invalid_field, judge, refusal, write
from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.local_bounds import kept
from firmware_sim.memory.records import Record
from protocols.doorlock.digest import RecordKey, WeekDayContent, YearDayContent
from protocols.doorlock.schedule import DAY_MIN, OPEN_END_S
from protocols.doorlock.vocabulary import DaysMask, RecordKind, Status
from protocols.profiles.parser import Profile
from protocols.strike.messages import (
    ClearWeekDaySchedule,
    ClearYearDaySchedule,
    GetWeekDaySchedule,
    GetYearDaySchedule,
    SetWeekDaySchedule,
    SetYearDaySchedule,
    StatusReply,
    WeekDaySchedule,
    YearDaySchedule,
)


def set_year_day(
    profile: Profile, memory: LockMemory, message: SetYearDaySchedule, ahead_s: int
) -> StatusReply:
    """Answer SetYearDaySchedule.

    Args:
        profile: The facts of the lock.
        memory: What it holds.
        message: The request.
        ahead_s: Seconds that it adds to what it is told (`time_limits.stored_ahead_s`).
    """
    key = year_day_key(message.user_index, message.year_day_index)
    refused = _refuse_key(profile, key, message.revision)
    if refused is not None:
        return refused
    if not message.start_s < message.end_s:
        return refusal(memory, key, Status.INVALID_FIELD)
    step_s = profile.time_granularity_s
    # The mark of an open end is no instant, so it lies on every grid.
    if message.start_s % step_s or (message.end_s % step_s and message.end_s != OPEN_END_S):
        return refusal(memory, key, Status.CONSTRAINT_ERROR)
    content = kept(YearDayContent(start_s=message.start_s, end_s=message.end_s), ahead_s)
    return _write_schedule(memory, Record.of(key, message.revision, content))


def get_year_day(
    profile: Profile, memory: LockMemory, message: GetYearDaySchedule, ahead_s: int
) -> YearDaySchedule | StatusReply:
    """Answer GetYearDaySchedule; arguments as `set_year_day`."""
    key = year_day_key(message.user_index, message.year_day_index)
    refused = _refuse_key(profile, key)
    if refused is not None:
        return refused
    record = memory.record(key)
    if record is None or not isinstance(record.content, YearDayContent):
        return refusal(memory, key, Status.NOT_FOUND)
    content = kept(record.content, -ahead_s)
    return YearDaySchedule(
        year_day_index=message.year_day_index,
        user_index=message.user_index,
        revision=record.revision,
        start_s=content.start_s,
        end_s=content.end_s,
    )


def clear_year_day(
    profile: Profile, memory: LockMemory, message: ClearYearDaySchedule
) -> StatusReply:
    """Answer ClearYearDaySchedule."""
    key = year_day_key(message.user_index, message.year_day_index)
    refused = _refuse_key(profile, key, message.revision)
    return refused or write(memory, Record.tombstone(key, message.revision))


def set_week_day(profile: Profile, memory: LockMemory, message: SetWeekDaySchedule) -> StatusReply:
    """Answer SetWeekDaySchedule."""
    key = week_day_key(message.user_index, message.week_day_index)
    refused = _refuse_key(profile, key, message.revision)
    if refused is not None:
        return refused
    if not (
        0 < message.days_mask <= DaysMask.ALL and message.start_min < message.end_min <= DAY_MIN
    ):
        return refusal(memory, key, Status.INVALID_FIELD)
    content = WeekDayContent(
        days_mask=message.days_mask, start_min=message.start_min, end_min=message.end_min
    )
    return _write_schedule(memory, Record.of(key, message.revision, content))


def get_week_day(
    profile: Profile, memory: LockMemory, message: GetWeekDaySchedule
) -> WeekDaySchedule | StatusReply:
    """Answer GetWeekDaySchedule."""
    key = week_day_key(message.user_index, message.week_day_index)
    refused = _refuse_key(profile, key)
    if refused is not None:
        return refused
    record = memory.record(key)
    if record is None or not isinstance(record.content, WeekDayContent):
        return refusal(memory, key, Status.NOT_FOUND)
    return WeekDaySchedule(
        week_day_index=message.week_day_index,
        user_index=message.user_index,
        revision=record.revision,
        days_mask=record.content.days_mask,
        start_min=record.content.start_min,
        end_min=record.content.end_min,
    )


def clear_week_day(
    profile: Profile, memory: LockMemory, message: ClearWeekDaySchedule
) -> StatusReply:
    """Answer ClearWeekDaySchedule."""
    key = week_day_key(message.user_index, message.week_day_index)
    refused = _refuse_key(profile, key, message.revision)
    return refused or write(memory, Record.tombstone(key, message.revision))


def _write_schedule(memory: LockMemory, wanted: Record) -> StatusReply:
    user = memory.record(user_key(wanted.key.index))
    if judge(memory, wanted) is Verdict.WRITE and (user is None or user.content is None):
        return refusal(memory, wanted.key, Status.INVALID_FIELD)
    return write(memory, wanted)


def year_day_key(user_index: int, year_day_index: int) -> RecordKey:
    """Key of a year-day schedule."""
    return RecordKey(RecordKind.YEAR_DAY_SCHEDULE, user_index, year_day_index)


def week_day_key(user_index: int, week_day_index: int) -> RecordKey:
    """Key of a week-day schedule."""
    return RecordKey(RecordKind.WEEK_DAY_SCHEDULE, user_index, week_day_index)


def _refuse_key(profile: Profile, key: RecordKey, revision: int = 1) -> StatusReply | None:
    """Refuse a schedule that this lock has no place for; None when it has one."""
    per_user = (
        profile.year_day_per_user
        if key.kind is RecordKind.YEAR_DAY_SCHEDULE
        else profile.week_day_per_user
    )
    if not per_user:
        return StatusReply(status=Status.UNSUPPORTED_COMMAND)
    if not (
        1 <= key.index <= profile.pin_slot_count and 1 <= key.sub_index <= per_user and revision
    ):
        return invalid_field()
    return None
