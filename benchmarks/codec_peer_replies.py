"""The hand-written parser of the replies and events; see ``codec_peer_requests``."""

from __future__ import annotations

from struct import Struct
from typing import Final

from codec_peer_requests import holiday, week_day, year_day
from codec_peer_words import (
    ALARM_CODE,
    CLOCK_QUALITY,
    DENIED_REASON,
    DOOR_STATE,
    LOCK_STATE,
    LOG_EVENT,
    OPERATION,
    RECORD_KIND,
    SOURCE,
    STATUS,
    Parser,
    extensions,
)

from protocols.strike import messages as m

_STATUS_REPLY: Final = Struct("<BI").unpack_from


def status_reply(data: bytes) -> m.StatusReply:
    """Parse StatusReply."""
    status, revision = _STATUS_REPLY(data)
    return m.StatusReply(status=STATUS[status], revision=revision, extensions=extensions(data, 5))


_INFO: Final = Struct("<BHHHBBHHHB").unpack_from


def info(data: bytes) -> m.Info:
    """Parse Info."""
    version, profile, pins, users, years, weeks, log, features, size_max, size = _INFO(data)
    profile_stop = 16 + size
    serial_start = profile_stop + 1
    serial_stop = serial_start + data[profile_stop]
    firmware_start = serial_stop + 1
    firmware_stop = firmware_start + data[serial_stop]
    return m.Info(
        protocol_version=version,
        profile_version=profile,
        pin_slot_count=pins,
        user_count=users,
        year_day_per_user=years,
        week_day_per_user=weeks,
        log_capacity=log,
        features=features,
        message_size_max=size_max,
        profile_id=data[16:profile_stop].decode(),
        serial_number=data[serial_start:serial_stop].decode(),
        firmware_version=data[firmware_start:firmware_stop].decode(),
        extensions=extensions(data, firmware_stop),
    )


_DEVICE_STATUS: Final = Struct("<BBHIhBI8s").unpack_from


def device_status(data: bytes) -> m.DeviceStatus:
    """Parse DeviceStatus."""
    lock, door, battery, utc_s, offset, quality, log_next, digest = _DEVICE_STATUS(data)
    return m.DeviceStatus(
        lock_state=LOCK_STATE[lock],
        door_state=DOOR_STATE[door],
        battery_mv=battery,
        utc_s=utc_s,
        utc_offset_min=offset,
        clock_quality=CLOCK_QUALITY[quality],
        log_next_index=log_next,
        memory_digest=digest,
        extensions=extensions(data, 23),
    )


_CREDENTIAL_STATUS: Final = Struct("<BHIH").unpack_from


def credential_status(data: bytes) -> m.CredentialStatus:
    """Parse CredentialStatus."""
    occupied, user, revision, free = _CREDENTIAL_STATUS(data)
    return m.CredentialStatus(
        is_occupied=occupied,
        user_index=user,
        revision=revision,
        next_free_index=free,
        extensions=extensions(data, 9),
    )


_OCCUPIED: Final = Struct("<BHBI8s")


def occupied_list(data: bytes) -> m.OccupiedList:
    """Parse OccupiedList."""
    has_more, count = data[0], data[1]
    stop = 2 + count * _OCCUPIED.size
    records = [
        m.OccupiedRecord(
            kind=RECORD_KIND[kind],
            index=index,
            sub_index=sub_index,
            revision=revision,
            digest=digest,
        )
        for kind, index, sub_index, revision, digest in _OCCUPIED.iter_unpack(data[2:stop])
    ]
    return m.OccupiedList(
        has_more=has_more, records=tuple(records), extensions=extensions(data, stop)
    )


_LOG_PAGE: Final = Struct("<IIB").unpack_from
_LOG_RECORD: Final = Struct("<IIBBBBHH4s")


def log_page(data: bytes) -> m.LogPage:
    """Parse LogPage."""
    oldest, following, count = _LOG_PAGE(data)
    stop = 9 + count * _LOG_RECORD.size
    records = [
        m.LogRecord(
            index=index,
            utc_s=utc_s,
            event=LOG_EVENT[event],
            source=SOURCE[source],
            detail=detail,
            clock_quality=CLOCK_QUALITY[quality],
            user_index=user,
            credential_index=credential,
            chain=chain,
        )
        for index, utc_s, event, source, detail, quality, user, credential, chain in (
            _LOG_RECORD.iter_unpack(data[9:stop])
        )
    ]
    return m.LogPage(
        oldest_index=oldest,
        next_index=following,
        records=tuple(records),
        extensions=extensions(data, stop),
    )


_EVENT: Final = Struct("<IIBBHH").unpack_from


def lock_operation(data: bytes) -> m.LockOperation:
    """Parse LockOperation."""
    index, utc_s, operation, source, user, credential = _EVENT(data)
    return m.LockOperation(
        log_index=index,
        utc_s=utc_s,
        operation=OPERATION[operation],
        source=SOURCE[source],
        user_index=user,
        credential_index=credential,
        extensions=extensions(data, 14),
    )


def access_denied(data: bytes) -> m.AccessDenied:
    """Parse AccessDenied."""
    index, utc_s, reason, source, user, credential = _EVENT(data)
    return m.AccessDenied(
        log_index=index,
        utc_s=utc_s,
        reason=DENIED_REASON[reason],
        source=SOURCE[source],
        user_index=user,
        credential_index=credential,
        extensions=extensions(data, 14),
    )


_ALARM: Final = Struct("<IIB").unpack_from


def alarm(data: bytes) -> m.Alarm:
    """Parse Alarm."""
    index, utc_s, code = _ALARM(data)
    return m.Alarm(
        log_index=index,
        utc_s=utc_s,
        alarm=ALARM_CODE[code],
        extensions=extensions(data, 9),
    )


REPLY_PARSERS: Final[dict[type, Parser]] = {
    m.StatusReply: status_reply,
    m.Info: info,
    m.DeviceStatus: device_status,
    m.CredentialStatus: credential_status,
    m.YearDaySchedule: year_day(m.YearDaySchedule),
    m.WeekDaySchedule: week_day(m.WeekDaySchedule),
    m.HolidaySchedule: holiday(m.HolidaySchedule),
    m.OccupiedList: occupied_list,
    m.LogPage: log_page,
    m.LockOperation: lock_operation,
    m.AccessDenied: access_denied,
    m.Alarm: alarm,
}
