"""Do a user's schedules let it in, by the lock's own clock? And what do the holidays say?

The rules are `protocols.doorlock.schedule`'s; here is what a lock adds: its memory, and how much
it believes its clock.
"""

from __future__ import annotations

from typing import Final

from firmware_sim.locks.timekeeping import Reading
from firmware_sim.memory.interface import LockMemory
from protocols.doorlock.digest import HolidayContent, WeekDayContent, YearDayContent
from protocols.doorlock.schedule import (
    MINUTE_S,
    HolidaySpan,
    WeekDaySpan,
    YearDayWindow,
    is_admitted,
    operating_mode,
)
from protocols.doorlock.vocabulary import DaysMask, OperatingMode, RecordKind, UserType
from protocols.profiles.local_time import stores_local_bounds
from protocols.profiles.parser import DstQuirk, Profile

_DATED: Final = frozenset({UserType.YEAR_DAY_SCHEDULE_USER, UserType.SCHEDULE_RESTRICTED_USER})
_WEEKLY: Final = frozenset({UserType.WEEK_DAY_SCHEDULE_USER, UserType.SCHEDULE_RESTRICTED_USER})
_SCHEDULED: Final = _DATED | _WEEKLY


def stored_ahead_s(profile: Profile, clock: Reading) -> int:
    """Seconds by which stored windows are ahead of those that the lock is told, or tells.

    Not zero only for a lock that is told instants and keeps local time (`DstQuirk`).
    """
    is_converting = profile.clock.dst_quirk is DstQuirk.OFFSET_AT_WRITE
    return clock.utc_offset_min * MINUTE_S if is_converting else 0


def is_in_schedule(
    profile: Profile, memory: LockMemory, user_index: int, user_type: UserType, clock: Reading
) -> bool:
    """Do the schedules of a user let it in?

    A lock that does not know the time admits nobody whose access has a limit in time (fail
    secure), unless its profile says that it then admits whoever has a schedule that counts.

    Args:
        profile: The facts of the lock.
        memory: What it holds.
        user_index: The user.
        user_type: Its type; types without schedules are always let in.
        clock: What the clock says.
    """
    if user_type not in _SCHEDULED:
        return True
    year_days = [
        YearDayWindow(record.content.start_s, record.content.end_s)
        for record in memory.live(RecordKind.YEAR_DAY_SCHEDULE)
        if record.key.index == user_index and isinstance(record.content, YearDayContent)
    ]
    week_days = [
        WeekDaySpan(
            DaysMask(record.content.days_mask), record.content.start_min, record.content.end_min
        )
        for record in memory.live(RecordKind.WEEK_DAY_SCHEDULE)
        if record.key.index == user_index and isinstance(record.content, WeekDayContent)
    ]
    if not clock.is_known:
        has_schedule = bool(
            (year_days and user_type in _DATED) or (week_days and user_type in _WEEKLY)
        )
        return profile.clock.lost_admits and has_schedule
    return is_admitted(
        user_type,
        year_days,
        week_days,
        utc_s=clock.utc_s,
        utc_offset_min=clock.utc_offset_min,
        year_days_are_local=stores_local_bounds(profile),
    )


def mode_now(memory: LockMemory, clock: Reading) -> OperatingMode:
    """The operating mode that the holidays give the lock.

    A lock that does not know the time does not know that it is a holiday: NORMAL, in which only
    users without a limit in time get in.
    """
    holidays = [
        HolidaySpan(record.content.start_s, record.content.end_s, record.content.operating_mode)
        for record in memory.live(RecordKind.HOLIDAY_SCHEDULE)
        if isinstance(record.content, HolidayContent)
    ]
    if not holidays or not clock.is_known:
        return OperatingMode.NORMAL
    return operating_mode(holidays, local_s=clock.utc_s + clock.utc_offset_min * MINUTE_S)
