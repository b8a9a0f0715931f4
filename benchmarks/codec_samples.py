"""One realistic value of every strike message, and the same with two optional fields."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    AlarmCode,
    ClockQuality,
    CredentialType,
    DaysMask,
    DoorState,
    LockOperationType,
    LockState,
    LogEvent,
    OperatingMode,
    OperationSource,
    RecordKind,
    Status,
    UserStatus,
    UserType,
)
from protocols.strike import messages as m
from protocols.strike.features import Feature
from protocols.wire.layout import Tlv

# 2025-07-13T15:00:00Z and 2025-07-16T11:00:00Z, as seconds since 2000-01-01.
START_S: Final = 805_734_000
END_S: Final = 805_978_800
DIGEST: Final = bytes.fromhex("9f86d081884c7d65")
FEATURES: Final = Feature.PIN | Feature.YEAR_DAY_SCHEDULES | Feature.LOG | Feature.DOOR_SENSOR
# A page of eight records fills about as much as a lock answers with in one message.
PAGE_RECORDS: Final = 8

PLAIN: Final[tuple[Any, ...]] = (
    m.GetInfo(),
    m.GetStatus(),
    m.SetTime(utc_s=START_S, utc_offset_min=-420),
    m.SetUser(
        user_index=7,
        revision=3,
        user_status=UserStatus.OCCUPIED_ENABLED,
        user_type=UserType.YEAR_DAY_SCHEDULE_USER,
        user_name="Jane Doe",
    ),
    m.SetCredential(
        credential_type=CredentialType.PIN,
        credential_index=7,
        revision=3,
        user_index=7,
        credential_data=b"1234567",
    ),
    m.GetCredentialStatus(credential_type=CredentialType.PIN, credential_index=7),
    m.ClearCredential(credential_type=CredentialType.PIN, credential_index=7, revision=4),
    m.SetYearDaySchedule(year_day_index=1, user_index=7, revision=3, start_s=START_S, end_s=END_S),
    m.GetYearDaySchedule(year_day_index=1, user_index=7),
    m.ClearYearDaySchedule(year_day_index=1, user_index=7, revision=4),
    m.SetWeekDaySchedule(
        week_day_index=1,
        user_index=7,
        revision=3,
        days_mask=DaysMask.ALL,
        start_min=540,
        end_min=1020,
    ),
    m.GetWeekDaySchedule(week_day_index=1, user_index=7),
    m.ClearWeekDaySchedule(week_day_index=1, user_index=7, revision=4),
    m.SetHolidaySchedule(
        holiday_index=1,
        revision=3,
        local_start_s=START_S,
        local_end_s=END_S,
        operating_mode=OperatingMode.VACATION,
    ),
    m.GetHolidaySchedule(holiday_index=1),
    m.ClearHolidaySchedule(holiday_index=1, revision=4),
    m.ListOccupied(after_kind=RecordKind.USER, after_index=7, after_sub_index=0),
    m.ReadLog(from_index=4711),
    m.LockDoor(),
    m.UnlockDoor(),
    m.StatusReply(status=Status.SUCCESS, revision=3),
    m.Info(
        protocol_version=1,
        profile_version=1,
        pin_slot_count=100,
        user_count=100,
        year_day_per_user=1,
        week_day_per_user=1,
        log_capacity=1024,
        features=FEATURES,
        message_size_max=1024,
        profile_id="latch-m",
        serial_number="SP-000042",
        firmware_version="1.0.0",
    ),
    m.DeviceStatus(
        lock_state=LockState.LOCKED,
        door_state=DoorState.DOOR_CLOSED,
        battery_mv=5900,
        utc_s=START_S,
        utc_offset_min=-420,
        clock_quality=ClockQuality.TRUSTED,
        log_next_index=4712,
        memory_digest=DIGEST,
    ),
    m.CredentialStatus(is_occupied=1, user_index=7, revision=3, next_free_index=8),
    m.YearDaySchedule(year_day_index=1, user_index=7, revision=3, start_s=START_S, end_s=END_S),
    m.WeekDaySchedule(
        week_day_index=1, user_index=7, revision=3, days_mask=62, start_min=540, end_min=1020
    ),
    m.HolidaySchedule(
        holiday_index=1,
        revision=3,
        local_start_s=START_S,
        local_end_s=END_S,
        operating_mode=OperatingMode.VACATION,
    ),
    m.OccupiedList(
        has_more=1,
        records=tuple(
            m.OccupiedRecord(
                kind=RecordKind.CREDENTIAL, index=slot, sub_index=1, revision=3, digest=DIGEST
            )
            for slot in range(1, PAGE_RECORDS + 1)
        ),
    ),
    m.LogPage(
        oldest_index=1,
        next_index=4712,
        records=tuple(
            m.LogRecord(
                index=index,
                utc_s=START_S + index,
                event=LogEvent.LOCK_OPERATION,
                source=OperationSource.KEYPAD,
                detail=LockOperationType.UNLOCK,
                clock_quality=ClockQuality.TRUSTED,
                user_index=7,
                credential_index=7,
                chain=DIGEST[:4],
            )
            for index in range(4704, 4704 + PAGE_RECORDS)
        ),
    ),
    m.LockOperation(
        log_index=4711,
        utc_s=START_S,
        operation=LockOperationType.UNLOCK,
        source=OperationSource.KEYPAD,
        user_index=7,
        credential_index=7,
    ),
    m.AccessDenied(
        log_index=4711,
        utc_s=START_S,
        reason=AccessDeniedReason.OUTSIDE_SCHEDULE,
        source=OperationSource.KEYPAD,
        user_index=7,
        credential_index=7,
    ),
    m.Alarm(log_index=4711, utc_s=START_S, alarm=AlarmCode.WRONG_CODE_ENTRY_LIMIT),
)

_OPTIONAL: Final = (Tlv(tag=1, value=b"\x07\0\0\0"), Tlv(tag=0x80, value=b"not yet known"))

EXTENDED: Final[tuple[Any, ...]] = tuple(
    dataclasses.replace(sample, extensions=_OPTIONAL) for sample in PLAIN
)
