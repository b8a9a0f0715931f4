"""The Matter Door Lock vocabulary: enums of cluster 0x0101, under their standard names.

Source: Matter Application Cluster Specification, Door Lock cluster (0x0101), revision 7; status
codes: Matter Core, Interaction Model status codes, and the cluster's DlStatus. What a simulated
lock adds is in enums of its own (`AccessDeniedReason`, `ClockQuality`, `RecordKind`).
"""

from __future__ import annotations

import enum

from protocols.wire.open_enum import OpenIntEnum


class Status(OpenIntEnum):
    """Outcome of a request: DlStatus (0 to 3) and Interaction Model codes (from 0x7D)."""

    SUCCESS = 0x00
    FAILURE = 0x01
    DUPLICATE = 0x02
    OCCUPIED = 0x03
    UNSUPPORTED_ACCESS = 0x7E
    INVALID_ACTION = 0x80
    UNSUPPORTED_COMMAND = 0x81
    INVALID_FIELD = 0x85
    CONSTRAINT_ERROR = 0x87
    RESOURCE_EXHAUSTED = 0x89
    NOT_FOUND = 0x8B
    DATA_VERSION_MISMATCH = 0x92
    TIMEOUT = 0x94
    BUSY = 0x9C
    INVALID_IN_STATE = 0xCB


class UserStatus(OpenIntEnum):
    """State of a user record (UserStatusEnum)."""

    AVAILABLE = 0
    OCCUPIED_ENABLED = 1
    OCCUPIED_DISABLED = 3


class UserType(OpenIntEnum):
    """How a user's credentials are limited (UserTypeEnum)."""

    UNRESTRICTED_USER = 0
    YEAR_DAY_SCHEDULE_USER = 1
    WEEK_DAY_SCHEDULE_USER = 2
    PROGRAMMING_USER = 3
    NON_ACCESS_USER = 4
    FORCED_USER = 5
    DISPOSABLE_USER = 6
    EXPIRING_USER = 7
    SCHEDULE_RESTRICTED_USER = 8
    REMOTE_ONLY_USER = 9


class CredentialType(OpenIntEnum):
    """Kind of a credential (CredentialTypeEnum)."""

    PROGRAMMING_PIN = 0
    PIN = 1
    RFID = 2
    FINGERPRINT = 3
    FINGER_VEIN = 4
    FACE = 5


class DaysMask(enum.IntFlag):
    """Days of a week-day schedule (DaysMaskBitmap): Sunday is bit 0."""

    SUNDAY = 0x01
    MONDAY = 0x02
    TUESDAY = 0x04
    WEDNESDAY = 0x08
    THURSDAY = 0x10
    FRIDAY = 0x20
    SATURDAY = 0x40
    ALL = 0x7F


class OperatingMode(OpenIntEnum):
    """What a lock lets happen at its door (OperatingModeEnum)."""

    NORMAL = 0
    VACATION = 1
    PRIVACY = 2
    NO_REMOTE_LOCK_UNLOCK = 3
    PASSAGE = 4


class LockState(OpenIntEnum):
    """Position of the bolt (LockState attribute)."""

    NOT_FULLY_LOCKED = 0
    LOCKED = 1
    UNLOCKED = 2
    UNLATCHED = 3


class DoorState(OpenIntEnum):
    """Position of the door (DoorState attribute)."""

    DOOR_OPEN = 0
    DOOR_CLOSED = 1
    DOOR_JAMMED = 2
    DOOR_FORCED_OPEN = 3
    DOOR_UNSPECIFIED_ERROR = 4
    DOOR_AJAR = 5


class LockOperationType(OpenIntEnum):
    """What was done to the bolt (LockOperationTypeEnum)."""

    LOCK = 0
    UNLOCK = 1
    NON_ACCESS_USER_EVENT = 2
    FORCED_USER_EVENT = 3
    UNLATCH = 4


class OperationSource(OpenIntEnum):
    """Who or what asked for an operation (OperationSourceEnum)."""

    UNSPECIFIED = 0
    MANUAL = 1
    PROPRIETARY_REMOTE = 2
    KEYPAD = 3
    AUTO = 4
    BUTTON = 5
    SCHEDULE = 6
    REMOTE = 7
    RFID = 8
    BIOMETRIC = 9


class AlarmCode(OpenIntEnum):
    """What a DoorLockAlarm event reports (AlarmCodeEnum)."""

    LOCK_JAMMED = 0
    LOCK_FACTORY_RESET = 1
    LOCK_RADIO_POWER_CYCLED = 3
    WRONG_CODE_ENTRY_LIMIT = 4
    FRONT_ESCUTCHEON_REMOVED = 5
    DOOR_FORCED_OPEN = 6
    DOOR_AJAR = 7
    FORCED_USER = 8


class BatteryLevel(OpenIntEnum):
    """How far a battery pack is down, by the thresholds of its lock; ours.

    Matter's BatChargeLevelEnum ends at critical; a lock stops moving its bolt below that.
    """

    OK = 0
    LOW = 1
    CRITICAL = 2
    TOO_LOW = 3


class AccessDeniedReason(OpenIntEnum):
    """Why a credential did not open the door; ours, finer than Matter's OperationErrorEnum."""

    UNKNOWN_CODE = 0
    OUTSIDE_SCHEDULE = 1
    DISABLED = 2
    LOCKED_OUT = 3
    INCOMPLETE = 4
    PRIVACY = 5
    JAMMED = 6
    NO_POWER = 7


class ClockQuality(OpenIntEnum):
    """How far a lock's own clock can be trusted; ours."""

    TRUSTED = 0
    HOLDOVER = 1
    LOST = 2
    ROLLED_BACK = 3


class RecordKind(OpenIntEnum):
    """Kinds of memory records that ListOccupied and the memory digest speak of; ours."""

    USER = 1
    CREDENTIAL = 2
    YEAR_DAY_SCHEDULE = 3
    WEEK_DAY_SCHEDULE = 4
    HOLIDAY_SCHEDULE = 5


class LogEvent(OpenIntEnum):
    """Kind of an access-log record; ours. The events of the protocol carry the same kinds."""

    LOCK_OPERATION = 1
    ACCESS_DENIED = 2
    ALARM = 3
    CLOCK_SET = 4
    POWER_ON = 5
    DOOR = 6
    BATTERY = 7
    OPERATING_MODE = 8
