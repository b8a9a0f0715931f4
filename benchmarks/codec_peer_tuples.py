"""The hand-written parser without objects: tuples of field values, records as tuples too.

The same work as ``codec_peer_parse`` otherwise: it shows what the dataclasses cost.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from codec_peer_words import (
    ALARM_CODE,
    CLOCK_QUALITY,
    CREDENTIAL_TYPE,
    DENIED_REASON,
    DOOR_STATE,
    LOCK_STATE,
    LOG_EVENT,
    OPERATION,
    RECORD_KIND,
    SOURCE,
    STATUS,
    USER_STATUS,
    USER_TYPE,
    Refused,
)

from protocols.strike import messages as m

Fields = tuple[Any, ...]


def extensions(data: bytes, at: int) -> Fields:
    """The TLVs from a position to the end."""
    end = len(data)
    if at == end:
        return ()
    found = []
    while at < end:
        stop = at + 2 + data[at + 1]
        found.append((data[at], data[at + 2 : stop]))
        at = stop
    if at != end:
        raise Refused
    return tuple(found)


def empty(data: bytes) -> Fields:
    """Parse a message without fields of its own."""
    return (extensions(data, 0),)


_SET_TIME: Final = Struct("<Ih").unpack_from


def set_time(data: bytes) -> Fields:
    """Parse SetTime."""
    utc_s, offset = _SET_TIME(data)
    return utc_s, offset, extensions(data, 6)


_SET_USER: Final = Struct("<HIBBB").unpack_from


def set_user(data: bytes) -> Fields:
    """Parse SetUser."""
    user, revision, status, kind, size = _SET_USER(data)
    stop = 9 + size
    name = data[9:stop].decode()
    return user, revision, USER_STATUS[status], USER_TYPE[kind], name, extensions(data, stop)


_SET_CREDENTIAL: Final = Struct("<BHIHB").unpack_from


def set_credential(data: bytes) -> Fields:
    """Parse SetCredential."""
    kind, index, revision, user, size = _SET_CREDENTIAL(data)
    stop = 10 + size
    secret = data[10:stop]
    return CREDENTIAL_TYPE[kind], index, revision, user, secret, extensions(data, stop)


_GET_CREDENTIAL: Final = Struct("<BH").unpack_from


def get_credential_status(data: bytes) -> Fields:
    """Parse GetCredentialStatus."""
    kind, index = _GET_CREDENTIAL(data)
    return CREDENTIAL_TYPE[kind], index, extensions(data, 3)


_CLEAR_CREDENTIAL: Final = Struct("<BHI").unpack_from


def clear_credential(data: bytes) -> Fields:
    """Parse ClearCredential."""
    kind, index, revision = _CLEAR_CREDENTIAL(data)
    return CREDENTIAL_TYPE[kind], index, revision, extensions(data, 7)


_YEAR_DAY: Final = Struct("<BHIII").unpack_from


def year_day(data: bytes) -> Fields:
    """Parse a year-day schedule."""
    index, user, revision, start, end = _YEAR_DAY(data)
    return index, user, revision, start, end, extensions(data, 15)


_WEEK_DAY: Final = Struct("<BHIBHH").unpack_from


def week_day(data: bytes) -> Fields:
    """Parse a week-day schedule."""
    index, user, revision, days, start, end = _WEEK_DAY(data)
    return index, user, revision, days, start, end, extensions(data, 12)


_HOLIDAY: Final = Struct("<BIIIB").unpack_from


def holiday(data: bytes) -> Fields:
    """Parse a holiday schedule."""
    return *_HOLIDAY(data), extensions(data, 14)


def get_holiday(data: bytes) -> Fields:
    """Parse GetHolidaySchedule."""
    return data[0], extensions(data, 1)


_CLEAR_HOLIDAY: Final = Struct("<BI").unpack_from


def clear_holiday(data: bytes) -> Fields:
    """Parse ClearHolidaySchedule."""
    return *_CLEAR_HOLIDAY(data), extensions(data, 5)


_GET_SCHEDULE: Final = Struct("<BH").unpack_from


def get_schedule(data: bytes) -> Fields:
    """Parse a request for a schedule."""
    index, user = _GET_SCHEDULE(data)
    return index, user, extensions(data, 3)


_CLEAR_SCHEDULE: Final = Struct("<BHI").unpack_from


def clear_schedule(data: bytes) -> Fields:
    """Parse the clearing of a schedule."""
    index, user, revision = _CLEAR_SCHEDULE(data)
    return index, user, revision, extensions(data, 7)


_LIST_OCCUPIED: Final = Struct("<BHB").unpack_from


def list_occupied(data: bytes) -> Fields:
    """Parse ListOccupied."""
    kind, index, sub_index = _LIST_OCCUPIED(data)
    return RECORD_KIND[kind], index, sub_index, extensions(data, 4)


_READ_LOG: Final = Struct("<I").unpack_from


def read_log(data: bytes) -> Fields:
    """Parse ReadLog."""
    (index,) = _READ_LOG(data)
    return index, extensions(data, 4)


_STATUS_REPLY: Final = Struct("<BI").unpack_from


def status_reply(data: bytes) -> Fields:
    """Parse StatusReply."""
    status, revision = _STATUS_REPLY(data)
    return STATUS[status], revision, extensions(data, 5)


_INFO: Final = Struct("<BHHHBBHHHB").unpack_from


def info(data: bytes) -> Fields:
    """Parse Info."""
    version, profile, pins, users, years, weeks, log, features, size_max, size = _INFO(data)
    profile_stop = 16 + size
    serial_start = profile_stop + 1
    serial_stop = serial_start + data[profile_stop]
    firmware_start = serial_stop + 1
    firmware_stop = firmware_start + data[serial_stop]
    return (
        version,
        profile,
        pins,
        users,
        years,
        weeks,
        log,
        features,
        size_max,
        data[16:profile_stop].decode(),
        data[serial_start:serial_stop].decode(),
        data[firmware_start:firmware_stop].decode(),
        extensions(data, firmware_stop),
    )


_DEVICE_STATUS: Final = Struct("<BBHIhBI8s").unpack_from


def device_status(data: bytes) -> Fields:
    """Parse DeviceStatus."""
    lock, door, battery, utc_s, offset, quality, log_next, digest = _DEVICE_STATUS(data)
    return (
        LOCK_STATE[lock],
        DOOR_STATE[door],
        battery,
        utc_s,
        offset,
        CLOCK_QUALITY[quality],
        log_next,
        digest,
        extensions(data, 23),
    )


_CREDENTIAL_STATUS: Final = Struct("<BHIH").unpack_from


def credential_status(data: bytes) -> Fields:
    """Parse CredentialStatus."""
    occupied, user, revision, free = _CREDENTIAL_STATUS(data)
    return occupied, user, revision, free, extensions(data, 9)


_OCCUPIED: Final = Struct("<BHBI8s")


def occupied_list(data: bytes) -> Fields:
    """Parse OccupiedList."""
    has_more, count = data[0], data[1]
    stop = 2 + count * _OCCUPIED.size
    records = [
        (RECORD_KIND[kind], index, sub_index, revision, digest)
        for kind, index, sub_index, revision, digest in _OCCUPIED.iter_unpack(data[2:stop])
    ]
    return has_more, tuple(records), extensions(data, stop)


_LOG_PAGE: Final = Struct("<IIB").unpack_from
_LOG_RECORD: Final = Struct("<IIBBBBHH4s")


def log_page(data: bytes) -> Fields:
    """Parse LogPage."""
    oldest, following, count = _LOG_PAGE(data)
    stop = 9 + count * _LOG_RECORD.size
    records = [
        (
            index,
            utc_s,
            LOG_EVENT[event],
            SOURCE[source],
            detail,
            CLOCK_QUALITY[quality],
            user,
            credential,
            chain,
        )
        for index, utc_s, event, source, detail, quality, user, credential, chain in (
            _LOG_RECORD.iter_unpack(data[9:stop])
        )
    ]
    return oldest, following, tuple(records), extensions(data, stop)


_EVENT: Final = Struct("<IIBBHH").unpack_from


def lock_operation(data: bytes) -> Fields:
    """Parse LockOperation."""
    index, utc_s, operation, source, user, credential = _EVENT(data)
    return (
        index,
        utc_s,
        OPERATION[operation],
        SOURCE[source],
        user,
        credential,
        extensions(data, 14),
    )


def access_denied(data: bytes) -> Fields:
    """Parse AccessDenied."""
    index, utc_s, reason, source, user, credential = _EVENT(data)
    return (
        index,
        utc_s,
        DENIED_REASON[reason],
        SOURCE[source],
        user,
        credential,
        extensions(data, 14),
    )


_ALARM: Final = Struct("<IIB").unpack_from


def alarm(data: bytes) -> Fields:
    """Parse Alarm."""
    index, utc_s, code = _ALARM(data)
    return index, utc_s, ALARM_CODE[code], extensions(data, 9)


TUPLE_PARSERS: Final[dict[type, Callable[[bytes], Fields]]] = {
    m.GetInfo: empty,
    m.GetStatus: empty,
    m.SetTime: set_time,
    m.SetUser: set_user,
    m.SetCredential: set_credential,
    m.GetCredentialStatus: get_credential_status,
    m.ClearCredential: clear_credential,
    m.SetYearDaySchedule: year_day,
    m.GetYearDaySchedule: get_schedule,
    m.ClearYearDaySchedule: clear_schedule,
    m.SetWeekDaySchedule: week_day,
    m.GetWeekDaySchedule: get_schedule,
    m.ClearWeekDaySchedule: clear_schedule,
    m.SetHolidaySchedule: holiday,
    m.GetHolidaySchedule: get_holiday,
    m.ClearHolidaySchedule: clear_holiday,
    m.ListOccupied: list_occupied,
    m.ReadLog: read_log,
    m.LockDoor: empty,
    m.UnlockDoor: empty,
    m.StatusReply: status_reply,
    m.Info: info,
    m.DeviceStatus: device_status,
    m.CredentialStatus: credential_status,
    m.YearDaySchedule: year_day,
    m.WeekDaySchedule: week_day,
    m.HolidaySchedule: holiday,
    m.OccupiedList: occupied_list,
    m.LogPage: log_page,
    m.LockOperation: lock_operation,
    m.AccessDenied: access_denied,
    m.Alarm: alarm,
}
