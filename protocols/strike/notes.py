"""One sentence a field: unit, range and meaning, for the reference page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# By field name, which means the same in nearly every message; where it does not, by record and
# field name. A test keeps this complete and no longer than needed.
FIELD_NOTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AdvertisingData.flags": "bits of AdvertisingFlag; ignore unknown ones",
        "FrameHeader.flags": "bits of FrameFlag: which parts follow; unknown ones are 0",
        "LogRecord.index": "counts the records ever written, from 1",
        "OccupiedRecord.index": (
            "user index; CREDENTIAL: number of the slot; HOLIDAY_SCHEDULE: number of the holiday"
        ),
        "after_index": "`index` of the last record known; 0 from the beginning",
        "after_kind": "`kind` of the last record known; 0 from the beginning",
        "after_sub_index": "`sub_index` of the last record known; 0 from the beginning",
        "alarm": "what is wrong",
        "battery_mv": "millivolts of the battery pack",
        "chain": (
            "first 4 bytes of SHA-256 over the chain value of the record before (zeros before the "
            "first) and the 16 bytes of this record before this field"
        ),
        "clock_quality": "how far the lock's clock can be trusted",
        "credential_data": "PIN: ASCII digits",
        "credential_index": "number of the credential slot, from 1; in events and log 0 = none",
        "credential_type": "kind of the credential",
        "days_mask": "days on which the span opens; bit 0 is Sunday; 0x01 to 0x7F",
        "detail": (
            "LockOperationType, AccessDeniedReason, AlarmCode, DoorState, BatteryLevel or "
            "OperatingMode, by `event`; else 0"
        ),
        "digest": "content digest; all zero for a tombstone",
        "door_state": "position of the door; 0xFF = the lock has no door sensor",
        "end_min": "exclusive, minutes after local midnight, 1 to 1440, after the start",
        "end_s": "exclusive, UTC seconds since 2000-01-01, after the start; 0xFFFFFFFF = no end",
        "event": "kind of the log record",
        "extensions": "optional fields; skip those whose tag is unknown",
        "features": "bits of Feature: what the device can do",
        "firmware_version": "version of the device's firmware",
        "from_index": "index of the first log record wanted",
        "has_more": "1 = ask again after the last key of this page",
        "holiday_index": "holiday schedule of the lock, from 1",
        "is_occupied": "0 or 1",
        "kind": "kind of the record",
        "local_end_s": "exclusive, door-local seconds since 2000-01-01, after the start",
        "local_start_s": "inclusive, door-local seconds since 2000-01-01",
        "lock_state": "position of the bolt",
        "log_capacity": "records that the access log holds",
        "log_index": "index of the access-log record of this event",
        "log_next_index": "index that the next log record will get",
        "log_next_low": "low 16 bits of the index that the next log record will get",
        "memory_digest": "digest over all records and tombstones",
        "message_size_max": "bytes of the longest message that the device takes",
        "message_type": "number of the message",
        "next_free_index": "number of the next free credential slot; 0 when all are taken",
        "next_index": "index that the next log record will get",
        "oldest_index": "index of the oldest record that the log still holds",
        "operating_mode": "what the lock lets happen meanwhile",
        "operation": "what was done to the bolt",
        "pin_slot_count": "PIN slots",
        "profile_hint": "first two bytes of SHA-256 over the profile id",
        "profile_id": "profile that the device follows",
        "profile_version": "version of that profile",
        "protocol_version": "1",
        "reason": "why it did not open",
        "records": "the page; at most 60 (OccupiedList) or 48 (LogPage)",
        "revision": "of the record or its tombstone, from 1; in replies 0 = never written",
        "serial_number": "the device's own number",
        "source": "who or what asked",
        "start_min": "inclusive, minutes after local midnight, 0 to 1439",
        "start_s": "inclusive, UTC seconds since 2000-01-01; as the end, door-local by profile",
        "status": "outcome",
        "sub_index": (
            "schedule index within the user; CREDENTIAL: credential type; "
            "USER and HOLIDAY_SCHEDULE: 0"
        ),
        "tag": "number of the optional field",
        "transaction": "1 to 255, joins a reply to its request; 0 for events",
        "user_count": "users that the device can hold",
        "user_index": "number of the user, from 1; 0 = nobody",
        "user_name": "at most 10 bytes, as Matter's UserName",
        "user_status": "enabled or disabled",
        "user_type": "how the user's credentials are limited",
        "utc_offset_min": "door-local time minus UTC, minutes, -840 to 840",
        "utc_s": "instant, UTC seconds since 2000-01-01",
        "value": "its bytes",
        "version": "protocol version, 1",
        "week_day_index": "schedule of the user, from 1",
        "week_day_per_user": "week-day schedules that a user can have",
        "year_day_index": "schedule of the user, from 1",
        "year_day_per_user": "year-day schedules that a user can have",
    }
)


def note_of(record: str, field: str) -> str:
    """The sentence for one field.

    Args:
        record: Name of the message or record.
        field: Name of its field.
    """
    return FIELD_NOTES.get(f"{record}.{field}") or FIELD_NOTES[field]
