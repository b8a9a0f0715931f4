"""The messages of the strike protocol, version 1, as frozen dataclasses; one registry at the foot.

A message body is its dataclass, field by field, and ends with `extensions`: skippable TLVs, so
that an epoch or an expiry can be added without a new version. Slots, users and schedules are
numbered from 1. Instants are UTC seconds since 2000-01-01T00:00:00Z (u32, DESIGN D19).

Names follow the Matter Door Lock cluster where it has them. Type numbers: 0x01-0x3F requests,
0x40-0x5F events, request | 0x80 its reply. A request without a reply type of its own is answered
by `StatusReply`, and so is every request that fails.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    AlarmCode,
    ClockQuality,
    CredentialType,
    DoorState,
    LockOperationType,
    LockState,
    OperationSource,
    RecordKind,
    Status,
    UserStatus,
    UserType,
)
from protocols.strike.records import LogRecord as LogRecord  # noqa: PLC0414 - part of this page.
from protocols.strike.records import OccupiedRecord as OccupiedRecord  # noqa: PLC0414 - the same.
from protocols.strike.schedules import ClearHolidaySchedule as ClearHolidaySchedule  # noqa: PLC0414 - the same.
from protocols.strike.schedules import ClearWeekDaySchedule as ClearWeekDaySchedule  # noqa: PLC0414 - the same.
from protocols.strike.schedules import ClearYearDaySchedule as ClearYearDaySchedule  # noqa: PLC0414 - the same.
from protocols.strike.schedules import GetHolidaySchedule as GetHolidaySchedule  # noqa: PLC0414 - the same.
from protocols.strike.schedules import GetWeekDaySchedule as GetWeekDaySchedule  # noqa: PLC0414 - the same.
from protocols.strike.schedules import GetYearDaySchedule as GetYearDaySchedule  # noqa: PLC0414 - the same.
from protocols.strike.schedules import HolidaySchedule as HolidaySchedule  # noqa: PLC0414 - the same.
from protocols.strike.schedules import SetHolidaySchedule as SetHolidaySchedule  # noqa: PLC0414 - the same.
from protocols.strike.schedules import SetWeekDaySchedule as SetWeekDaySchedule  # noqa: PLC0414 - the same.
from protocols.strike.schedules import SetYearDaySchedule as SetYearDaySchedule  # noqa: PLC0414 - the same.
from protocols.strike.schedules import WeekDaySchedule as WeekDaySchedule  # noqa: PLC0414 - the same.
from protocols.strike.schedules import YearDaySchedule as YearDaySchedule  # noqa: PLC0414 - the same.
from protocols.wire.layout import (
    COUNTED,
    ENUM8,
    S16,
    U8,
    U16,
    U32,
    Bytes8,
    Extensions,
    ShortBytes,
    ShortText,
    message,
)

# --- requests -------------------------------------------------------------------------------


@message
class GetInfo:
    """Ask what the device is and how much it can hold."""

    extensions: Extensions = ()


@message
class GetStatus:
    """Ask for the device's present state."""

    extensions: Extensions = ()


@message
class SetTime:
    """Set the lock's clock and its distance from UTC."""

    utc_s: U32  # the new time
    utc_offset_min: S16  # local time minus UTC, minutes, -840 to 840
    extensions: Extensions = ()


@message
class SetUser:
    """Write a user record (Matter SetUser); the same revision again changes nothing."""

    user_index: U16
    revision: U32
    user_status: Annotated[UserStatus, ENUM8]
    user_type: Annotated[UserType, ENUM8]
    user_name: ShortText  # at most 10 bytes of UTF-8, as Matter's UserName
    extensions: Extensions = ()


@message
class SetCredential:
    """Write a credential (Matter SetCredential) of an existing user."""

    credential_type: Annotated[CredentialType, ENUM8]
    credential_index: U16
    revision: U32
    user_index: U16
    credential_data: ShortBytes = dataclasses.field(repr=False)  # PIN: ASCII digits
    extensions: Extensions = ()


@message
class GetCredentialStatus:
    """Ask what a credential slot holds; some locks tell its code, or a mask, most do not."""

    credential_type: Annotated[CredentialType, ENUM8]
    credential_index: U16
    extensions: Extensions = ()


@message
class ClearCredential:
    """Clear a credential; its user goes with the last one, and the user's schedules with it."""

    credential_type: Annotated[CredentialType, ENUM8]
    credential_index: U16
    revision: U32
    extensions: Extensions = ()


@message
class ListOccupied:
    """List what memory holds, tombstones too, in the order of record keys, after a given key."""

    after_kind: Annotated[RecordKind, ENUM8]  # 0 = from the beginning
    after_index: U16
    after_sub_index: U8
    extensions: Extensions = ()


@message
class ReadLog:
    """Read access-log records from an index on."""

    from_index: U32
    extensions: Extensions = ()


@message
class LockDoor:
    """Throw the bolt."""

    extensions: Extensions = ()


@message
class UnlockDoor:
    """Withdraw the bolt; refused by profiles without remote unlock."""

    extensions: Extensions = ()


# --- replies --------------------------------------------------------------------------------


@message
class StatusReply:
    """Outcome of a request that has no reply of its own, or that failed."""

    status: Annotated[Status, ENUM8]
    # Revision that the record holds now (0 = never written), for writes that name one.
    revision: U32 = 0
    extensions: Extensions = ()


@message
class Info:
    """What the device is; its live capacities win over the profile file (DESIGN D1)."""

    protocol_version: U8
    profile_version: U16
    pin_slot_count: U16
    user_count: U16
    year_day_per_user: U8
    week_day_per_user: U8
    log_capacity: U16
    features: U16  # bits of Feature
    message_size_max: U16  # bytes of the longest message that the device takes
    profile_id: ShortText
    serial_number: ShortText
    firmware_version: ShortText
    extensions: Extensions = ()


@message
class DeviceStatus:
    """The device's present state."""

    lock_state: Annotated[LockState, ENUM8]
    door_state: Annotated[DoorState, ENUM8]
    battery_mv: U16
    utc_s: U32
    utc_offset_min: S16
    clock_quality: Annotated[ClockQuality, ENUM8]
    log_next_index: U32  # index that the next log record will get
    memory_digest: Bytes8
    extensions: Extensions = ()


@message
class CredentialStatus:
    """What a credential slot holds; see `CredentialStatusTag` for its optional fields."""

    is_occupied: U8  # 0 or 1
    user_index: U16  # 0 when empty
    revision: U32  # of the record or of its tombstone; 0 = never written
    next_free_index: U16  # 0 when full
    extensions: Extensions = ()


@message
class OccupiedList:
    """A page of the memory's records, in key order."""

    has_more: U8  # 1 = ask again with the last key as `after_*`
    records: Annotated[tuple[OccupiedRecord, ...], COUNTED]
    extensions: Extensions = ()


@message
class LogPage:
    """Access-log records from the index asked for, oldest first; the ring may have lost some."""

    oldest_index: U32
    next_index: U32
    records: Annotated[tuple[LogRecord, ...], COUNTED]
    extensions: Extensions = ()


# --- events ---------------------------------------------------------------------------------


@message
class LockOperation:
    """The bolt was operated (Matter LockOperation)."""

    log_index: U32
    utc_s: U32
    operation: Annotated[LockOperationType, ENUM8]
    source: Annotated[OperationSource, ENUM8]
    user_index: U16
    credential_index: U16
    extensions: Extensions = ()


@message
class AccessDenied:
    """A credential did not open (Matter LockOperationError, with a finer reason)."""

    log_index: U32
    utc_s: U32
    reason: Annotated[AccessDeniedReason, ENUM8]
    source: Annotated[OperationSource, ENUM8]
    user_index: U16
    credential_index: U16
    extensions: Extensions = ()


@message
class Alarm:
    """Something is wrong at the door (Matter DoorLockAlarm)."""

    log_index: U32
    utc_s: U32
    alarm: Annotated[AlarmCode, ENUM8]
    extensions: Extensions = ()


REPLY: Final = 0x80

REQUESTS: Final[Mapping[int, type]] = MappingProxyType(
    {
        0x01: GetInfo,
        0x02: GetStatus,
        0x03: SetTime,
        0x04: SetUser,
        0x05: SetCredential,
        0x06: GetCredentialStatus,
        0x07: ClearCredential,
        0x08: SetYearDaySchedule,
        0x09: GetYearDaySchedule,
        0x0A: ClearYearDaySchedule,
        0x0B: SetWeekDaySchedule,
        0x0C: GetWeekDaySchedule,
        0x0D: ClearWeekDaySchedule,
        0x0E: ListOccupied,
        0x0F: ReadLog,
        0x10: LockDoor,
        0x11: UnlockDoor,
        0x12: SetHolidaySchedule,
        0x13: GetHolidaySchedule,
        0x14: ClearHolidaySchedule,
    }
)

EVENTS: Final[Mapping[int, type]] = MappingProxyType(
    {0x40: LockOperation, 0x41: AccessDenied, 0x42: Alarm}
)

REPLIES: Final[Mapping[int, type]] = MappingProxyType(
    {
        REPLY: StatusReply,
        REPLY | 0x01: Info,
        REPLY | 0x02: DeviceStatus,
        REPLY | 0x06: CredentialStatus,
        REPLY | 0x09: YearDaySchedule,
        REPLY | 0x0C: WeekDaySchedule,
        REPLY | 0x0E: OccupiedList,
        REPLY | 0x0F: LogPage,
        REPLY | 0x13: HolidaySchedule,
    }
)

MESSAGES: Final[Mapping[int, type]] = MappingProxyType({**REQUESTS, **EVENTS, **REPLIES})
TYPE_NUMBERS: Final[Mapping[type, int]] = MappingProxyType(
    {cls: number for number, cls in MESSAGES.items()}
)
