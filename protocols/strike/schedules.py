"""The messages that read and write schedules; part of the page `protocols.strike.messages`."""

from __future__ import annotations

from typing import Annotated

from protocols.doorlock.vocabulary import OperatingMode
from protocols.wire.layout import ENUM8, U8, U16, U32, Extensions, message

# --- requests -------------------------------------------------------------------------------


@message
class SetYearDaySchedule:
    """Limit a user to an absolute window, start inclusive, end exclusive."""

    year_day_index: U8
    user_index: U16
    revision: U32
    start_s: U32
    end_s: U32
    extensions: Extensions = ()


@message
class GetYearDaySchedule:
    """Ask for one year-day schedule."""

    year_day_index: U8
    user_index: U16
    extensions: Extensions = ()


@message
class ClearYearDaySchedule:
    """Clear one year-day schedule."""

    year_day_index: U8
    user_index: U16
    revision: U32
    extensions: Extensions = ()


@message
class SetWeekDaySchedule:
    """Limit a user to a daily span on some days of the week, in door-local time."""

    week_day_index: U8
    user_index: U16
    revision: U32
    days_mask: U8  # DaysMask, Sunday is bit 0
    start_min: U16  # minutes after local midnight, 0 to 1439
    end_min: U16  # exclusive, 1 to 1440
    extensions: Extensions = ()


@message
class GetWeekDaySchedule:
    """Ask for one week-day schedule."""

    week_day_index: U8
    user_index: U16
    extensions: Extensions = ()


@message
class ClearWeekDaySchedule:
    """Clear one week-day schedule."""

    week_day_index: U8
    user_index: U16
    revision: U32
    extensions: Extensions = ()


@message
class SetHolidaySchedule:
    """Give the lock another operating mode for a time, start inclusive, end exclusive."""

    holiday_index: U8
    revision: U32
    local_start_s: U32  # door-local seconds since 2000-01-01T00:00:00 local time
    local_end_s: U32
    operating_mode: Annotated[OperatingMode, ENUM8]
    extensions: Extensions = ()


@message
class GetHolidaySchedule:
    """Ask for one holiday schedule."""

    holiday_index: U8
    extensions: Extensions = ()


@message
class ClearHolidaySchedule:
    """Clear one holiday schedule."""

    holiday_index: U8
    revision: U32
    extensions: Extensions = ()


# --- replies --------------------------------------------------------------------------------


@message
class YearDaySchedule:
    """One year-day schedule as stored."""

    year_day_index: U8
    user_index: U16
    revision: U32
    start_s: U32
    end_s: U32
    extensions: Extensions = ()


@message
class WeekDaySchedule:
    """One week-day schedule as stored."""

    week_day_index: U8
    user_index: U16
    revision: U32
    days_mask: U8
    start_min: U16
    end_min: U16
    extensions: Extensions = ()


@message
class HolidaySchedule:
    """One holiday schedule of the lock."""

    holiday_index: U8
    revision: U32
    local_start_s: U32
    local_end_s: U32
    operating_mode: Annotated[OperatingMode, ENUM8]
    extensions: Extensions = ()
