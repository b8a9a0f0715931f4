"""The building half of the hand-written peer: struct by hand, from the same dataclasses.

It checks what struct does not (the length of fixed bytes), as the layout asks.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from protocols.strike import messages as m
from protocols.wire.layout import Tlv

Builder = Callable[[Any], bytes]


class Refused(ValueError):  # noqa: N818 - a benchmark's own word.
    """A value that does not fit."""


def extensions(items: tuple[Tlv, ...]) -> bytes:
    """The bytes of the TLVs."""
    if not items:
        return b""
    return b"".join([bytes((item.tag, len(item.value))) + item.value for item in items])


def empty(value: Any) -> bytes:
    """Build a message without fields of its own."""
    return extensions(value.extensions)


_SET_TIME: Final = Struct("<Ih").pack


def set_time(value: m.SetTime) -> bytes:
    """Build SetTime."""
    return _SET_TIME(value.utc_s, value.utc_offset_min) + extensions(value.extensions)


_SET_USER: Final = Struct("<HIBBB").pack


def set_user(value: m.SetUser) -> bytes:
    """Build SetUser."""
    name = value.user_name.encode()
    return (
        _SET_USER(value.user_index, value.revision, value.user_status, value.user_type, len(name))
        + name
        + extensions(value.extensions)
    )


_SET_CREDENTIAL: Final = Struct("<BHIHB").pack


def set_credential(value: m.SetCredential) -> bytes:
    """Build SetCredential."""
    return (
        _SET_CREDENTIAL(
            value.credential_type,
            value.credential_index,
            value.revision,
            value.user_index,
            len(value.credential_data),
        )
        + value.credential_data
        + extensions(value.extensions)
    )


_GET_CREDENTIAL: Final = Struct("<BH").pack


def get_credential_status(value: m.GetCredentialStatus) -> bytes:
    """Build GetCredentialStatus."""
    head = _GET_CREDENTIAL(value.credential_type, value.credential_index)
    return head + extensions(value.extensions)


_CLEAR_CREDENTIAL: Final = Struct("<BHI").pack


def clear_credential(value: m.ClearCredential) -> bytes:
    """Build ClearCredential."""
    head = _CLEAR_CREDENTIAL(value.credential_type, value.credential_index, value.revision)
    return head + extensions(value.extensions)


_YEAR_DAY: Final = Struct("<BHIII").pack


def year_day(value: m.SetYearDaySchedule | m.YearDaySchedule) -> bytes:
    """Build a year-day schedule."""
    head = _YEAR_DAY(
        value.year_day_index, value.user_index, value.revision, value.start_s, value.end_s
    )
    return head + extensions(value.extensions)


_WEEK_DAY: Final = Struct("<BHIBHH").pack


def week_day(value: m.SetWeekDaySchedule | m.WeekDaySchedule) -> bytes:
    """Build a week-day schedule."""
    head = _WEEK_DAY(
        value.week_day_index,
        value.user_index,
        value.revision,
        value.days_mask,
        value.start_min,
        value.end_min,
    )
    return head + extensions(value.extensions)


_HOLIDAY: Final = Struct("<BIIIB").pack


def holiday(value: m.SetHolidaySchedule | m.HolidaySchedule) -> bytes:
    """Build a holiday schedule."""
    head = _HOLIDAY(
        value.holiday_index,
        value.revision,
        value.local_start_s,
        value.local_end_s,
        value.operating_mode,
    )
    return head + extensions(value.extensions)


def get_holiday(value: m.GetHolidaySchedule) -> bytes:
    """Build GetHolidaySchedule."""
    return bytes((value.holiday_index,)) + extensions(value.extensions)


_CLEAR_HOLIDAY: Final = Struct("<BI").pack


def clear_holiday(value: m.ClearHolidaySchedule) -> bytes:
    """Build ClearHolidaySchedule."""
    return _CLEAR_HOLIDAY(value.holiday_index, value.revision) + extensions(value.extensions)


_GET_SCHEDULE: Final = Struct("<BH").pack
_CLEAR_SCHEDULE: Final = Struct("<BHI").pack


def get_year_day(value: m.GetYearDaySchedule) -> bytes:
    """Build GetYearDaySchedule."""
    return _GET_SCHEDULE(value.year_day_index, value.user_index) + extensions(value.extensions)


def get_week_day(value: m.GetWeekDaySchedule) -> bytes:
    """Build GetWeekDaySchedule."""
    return _GET_SCHEDULE(value.week_day_index, value.user_index) + extensions(value.extensions)


def clear_year_day(value: m.ClearYearDaySchedule) -> bytes:
    """Build ClearYearDaySchedule."""
    head = _CLEAR_SCHEDULE(value.year_day_index, value.user_index, value.revision)
    return head + extensions(value.extensions)


def clear_week_day(value: m.ClearWeekDaySchedule) -> bytes:
    """Build ClearWeekDaySchedule."""
    head = _CLEAR_SCHEDULE(value.week_day_index, value.user_index, value.revision)
    return head + extensions(value.extensions)


_LIST_OCCUPIED: Final = Struct("<BHB").pack


def list_occupied(value: m.ListOccupied) -> bytes:
    """Build ListOccupied."""
    head = _LIST_OCCUPIED(value.after_kind, value.after_index, value.after_sub_index)
    return head + extensions(value.extensions)


_READ_LOG: Final = Struct("<I").pack


def read_log(value: m.ReadLog) -> bytes:
    """Build ReadLog."""
    return _READ_LOG(value.from_index) + extensions(value.extensions)


_STATUS_REPLY: Final = Struct("<BI").pack


def status_reply(value: m.StatusReply) -> bytes:
    """Build StatusReply."""
    return _STATUS_REPLY(value.status, value.revision) + extensions(value.extensions)


_INFO: Final = Struct("<BHHHBBHHHB").pack


def info(value: m.Info) -> bytes:
    """Build Info."""
    profile = value.profile_id.encode()
    serial = value.serial_number.encode()
    firmware = value.firmware_version.encode()
    return b"".join(
        (
            _INFO(
                value.protocol_version,
                value.profile_version,
                value.pin_slot_count,
                value.user_count,
                value.year_day_per_user,
                value.week_day_per_user,
                value.log_capacity,
                value.features,
                value.message_size_max,
                len(profile),
            ),
            profile,
            bytes((len(serial),)),
            serial,
            bytes((len(firmware),)),
            firmware,
            extensions(value.extensions),
        )
    )


_DEVICE_STATUS: Final = Struct("<BBHIhBI8s").pack


def device_status(value: m.DeviceStatus) -> bytes:
    """Build DeviceStatus."""
    if len(value.memory_digest) != 8:
        raise Refused
    head = _DEVICE_STATUS(
        value.lock_state,
        value.door_state,
        value.battery_mv,
        value.utc_s,
        value.utc_offset_min,
        value.clock_quality,
        value.log_next_index,
        value.memory_digest,
    )
    return head + extensions(value.extensions)


_CREDENTIAL_STATUS: Final = Struct("<BHIH").pack


def credential_status(value: m.CredentialStatus) -> bytes:
    """Build CredentialStatus."""
    head = _CREDENTIAL_STATUS(
        value.is_occupied, value.user_index, value.revision, value.next_free_index
    )
    return head + extensions(value.extensions)


_OCCUPIED: Final = Struct("<BHBI8s").pack


def occupied_list(value: m.OccupiedList) -> bytes:
    """Build OccupiedList."""
    parts = [bytes((value.has_more, len(value.records)))]
    for record in value.records:
        if len(record.digest) != 8:
            raise Refused
        parts.append(
            _OCCUPIED(record.kind, record.index, record.sub_index, record.revision, record.digest)
        )
    parts.append(extensions(value.extensions))
    return b"".join(parts)


_LOG_PAGE: Final = Struct("<IIB").pack
_LOG_RECORD: Final = Struct("<IIBBBBHH4s").pack


def log_page(value: m.LogPage) -> bytes:
    """Build LogPage."""
    parts = [_LOG_PAGE(value.oldest_index, value.next_index, len(value.records))]
    for record in value.records:
        if len(record.chain) != 4:
            raise Refused
        parts.append(
            _LOG_RECORD(
                record.index,
                record.utc_s,
                record.event,
                record.source,
                record.detail,
                record.clock_quality,
                record.user_index,
                record.credential_index,
                record.chain,
            )
        )
    parts.append(extensions(value.extensions))
    return b"".join(parts)


_EVENT: Final = Struct("<IIBBHH").pack


def lock_operation(value: m.LockOperation) -> bytes:
    """Build LockOperation."""
    head = _EVENT(
        value.log_index,
        value.utc_s,
        value.operation,
        value.source,
        value.user_index,
        value.credential_index,
    )
    return head + extensions(value.extensions)


def access_denied(value: m.AccessDenied) -> bytes:
    """Build AccessDenied."""
    head = _EVENT(
        value.log_index,
        value.utc_s,
        value.reason,
        value.source,
        value.user_index,
        value.credential_index,
    )
    return head + extensions(value.extensions)


_ALARM: Final = Struct("<IIB").pack


def alarm(value: m.Alarm) -> bytes:
    """Build Alarm."""
    head = _ALARM(value.log_index, value.utc_s, value.alarm)
    return head + extensions(value.extensions)


BUILDERS: Final[dict[type, Builder]] = {
    m.GetInfo: empty,
    m.GetStatus: empty,
    m.SetTime: set_time,
    m.SetUser: set_user,
    m.SetCredential: set_credential,
    m.GetCredentialStatus: get_credential_status,
    m.ClearCredential: clear_credential,
    m.SetYearDaySchedule: year_day,
    m.GetYearDaySchedule: get_year_day,
    m.ClearYearDaySchedule: clear_year_day,
    m.SetWeekDaySchedule: week_day,
    m.GetWeekDaySchedule: get_week_day,
    m.ClearWeekDaySchedule: clear_week_day,
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
