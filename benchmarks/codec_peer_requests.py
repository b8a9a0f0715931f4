"""The hand-written parser of the requests: struct by hand, the same dataclasses and checks.

Straightforward and meant well: one precompiled Struct for neighbouring fixed fields, dictionary
lookups for enums, no work done twice. Messages of one layout share one parser.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from codec_peer_words import (
    CREDENTIAL_TYPE,
    OPERATING_MODE,
    RECORD_KIND,
    USER_STATUS,
    USER_TYPE,
    Parser,
    extensions,
)

from protocols.strike import messages as m


def _empty(cls: Callable[..., Any]) -> Parser:
    def parse(data: bytes) -> Any:
        return cls(extensions=extensions(data, 0))

    return parse


_SET_TIME: Final = Struct("<Ih").unpack_from


def set_time(data: bytes) -> m.SetTime:
    """Parse SetTime."""
    utc_s, offset = _SET_TIME(data)
    return m.SetTime(utc_s=utc_s, utc_offset_min=offset, extensions=extensions(data, 6))


_SET_USER: Final = Struct("<HIBBB").unpack_from


def set_user(data: bytes) -> m.SetUser:
    """Parse SetUser."""
    user, revision, status, kind, size = _SET_USER(data)
    stop = 9 + size
    return m.SetUser(
        user_index=user,
        revision=revision,
        user_status=USER_STATUS[status],
        user_type=USER_TYPE[kind],
        user_name=data[9:stop].decode(),
        extensions=extensions(data, stop),
    )


_SET_CREDENTIAL: Final = Struct("<BHIHB").unpack_from


def set_credential(data: bytes) -> m.SetCredential:
    """Parse SetCredential."""
    kind, index, revision, user, size = _SET_CREDENTIAL(data)
    stop = 10 + size
    return m.SetCredential(
        credential_type=CREDENTIAL_TYPE[kind],
        credential_index=index,
        revision=revision,
        user_index=user,
        credential_data=data[10:stop],
        extensions=extensions(data, stop),
    )


_GET_CREDENTIAL: Final = Struct("<BH").unpack_from


def get_credential_status(data: bytes) -> m.GetCredentialStatus:
    """Parse GetCredentialStatus."""
    kind, index = _GET_CREDENTIAL(data)
    return m.GetCredentialStatus(
        credential_type=CREDENTIAL_TYPE[kind],
        credential_index=index,
        extensions=extensions(data, 3),
    )


_CLEAR_CREDENTIAL: Final = Struct("<BHI").unpack_from


def clear_credential(data: bytes) -> m.ClearCredential:
    """Parse ClearCredential."""
    kind, index, revision = _CLEAR_CREDENTIAL(data)
    return m.ClearCredential(
        credential_type=CREDENTIAL_TYPE[kind],
        credential_index=index,
        revision=revision,
        extensions=extensions(data, 7),
    )


_YEAR_DAY: Final = Struct("<BHIII").unpack_from


def year_day(cls: Callable[..., Any]) -> Parser:
    """Parser of a year-day schedule."""

    def parse(data: bytes) -> Any:
        index, user, revision, start, end = _YEAR_DAY(data)
        return cls(
            year_day_index=index,
            user_index=user,
            revision=revision,
            start_s=start,
            end_s=end,
            extensions=extensions(data, 15),
        )

    return parse


_WEEK_DAY: Final = Struct("<BHIBHH").unpack_from


def week_day(cls: Callable[..., Any]) -> Parser:
    """Parser of a week-day schedule."""

    def parse(data: bytes) -> Any:
        index, user, revision, days, start, end = _WEEK_DAY(data)
        return cls(
            week_day_index=index,
            user_index=user,
            revision=revision,
            days_mask=days,
            start_min=start,
            end_min=end,
            extensions=extensions(data, 12),
        )

    return parse


_HOLIDAY: Final = Struct("<BIIIB").unpack_from


def holiday(cls: Callable[..., Any]) -> Parser:
    """Parser of a holiday schedule."""

    def parse(data: bytes) -> Any:
        index, revision, start, end, mode = _HOLIDAY(data)
        return cls(
            holiday_index=index,
            revision=revision,
            local_start_s=start,
            local_end_s=end,
            operating_mode=OPERATING_MODE[mode],
            extensions=extensions(data, 14),
        )

    return parse


def get_holiday(data: bytes) -> m.GetHolidaySchedule:
    """Parse GetHolidaySchedule."""
    return m.GetHolidaySchedule(holiday_index=data[0], extensions=extensions(data, 1))


_CLEAR_HOLIDAY: Final = Struct("<BI").unpack_from


def clear_holiday(data: bytes) -> m.ClearHolidaySchedule:
    """Parse ClearHolidaySchedule."""
    index, revision = _CLEAR_HOLIDAY(data)
    return m.ClearHolidaySchedule(
        holiday_index=index, revision=revision, extensions=extensions(data, 5)
    )


_GET_SCHEDULE: Final = Struct("<BH").unpack_from
_CLEAR_SCHEDULE: Final = Struct("<BHI").unpack_from


def get_year_day(data: bytes) -> m.GetYearDaySchedule:
    """Parse GetYearDaySchedule."""
    index, user = _GET_SCHEDULE(data)
    return m.GetYearDaySchedule(
        year_day_index=index, user_index=user, extensions=extensions(data, 3)
    )


def get_week_day(data: bytes) -> m.GetWeekDaySchedule:
    """Parse GetWeekDaySchedule."""
    index, user = _GET_SCHEDULE(data)
    return m.GetWeekDaySchedule(
        week_day_index=index, user_index=user, extensions=extensions(data, 3)
    )


def clear_year_day(data: bytes) -> m.ClearYearDaySchedule:
    """Parse ClearYearDaySchedule."""
    index, user, revision = _CLEAR_SCHEDULE(data)
    return m.ClearYearDaySchedule(
        year_day_index=index,
        user_index=user,
        revision=revision,
        extensions=extensions(data, 7),
    )


def clear_week_day(data: bytes) -> m.ClearWeekDaySchedule:
    """Parse ClearWeekDaySchedule."""
    index, user, revision = _CLEAR_SCHEDULE(data)
    return m.ClearWeekDaySchedule(
        week_day_index=index,
        user_index=user,
        revision=revision,
        extensions=extensions(data, 7),
    )


_LIST_OCCUPIED: Final = Struct("<BHB").unpack_from


def list_occupied(data: bytes) -> m.ListOccupied:
    """Parse ListOccupied."""
    kind, index, sub_index = _LIST_OCCUPIED(data)
    return m.ListOccupied(
        after_kind=RECORD_KIND[kind],
        after_index=index,
        after_sub_index=sub_index,
        extensions=extensions(data, 4),
    )


_READ_LOG: Final = Struct("<I").unpack_from


def read_log(data: bytes) -> m.ReadLog:
    """Parse ReadLog."""
    (index,) = _READ_LOG(data)
    return m.ReadLog(from_index=index, extensions=extensions(data, 4))


REQUEST_PARSERS: Final[dict[type, Parser]] = {
    m.GetInfo: _empty(m.GetInfo),
    m.GetStatus: _empty(m.GetStatus),
    m.SetTime: set_time,
    m.SetUser: set_user,
    m.SetCredential: set_credential,
    m.GetCredentialStatus: get_credential_status,
    m.ClearCredential: clear_credential,
    m.SetYearDaySchedule: year_day(m.SetYearDaySchedule),
    m.GetYearDaySchedule: get_year_day,
    m.ClearYearDaySchedule: clear_year_day,
    m.SetWeekDaySchedule: week_day(m.SetWeekDaySchedule),
    m.GetWeekDaySchedule: get_week_day,
    m.ClearWeekDaySchedule: clear_week_day,
    m.SetHolidaySchedule: holiday(m.SetHolidaySchedule),
    m.GetHolidaySchedule: get_holiday,
    m.ClearHolidaySchedule: clear_holiday,
    m.ListOccupied: list_occupied,
    m.ReadLog: read_log,
    m.LockDoor: _empty(m.LockDoor),
    m.UnlockDoor: _empty(m.UnlockDoor),
}
