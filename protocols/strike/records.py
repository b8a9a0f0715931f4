"""The records that lists of the strike protocol are made of."""

from __future__ import annotations

from typing import Annotated

from protocols.doorlock.vocabulary import ClockQuality, LogEvent, OperationSource, RecordKind
from protocols.wire.layout import ENUM8, U8, U16, U32, Bytes4, Bytes8, message


@message
class OccupiedRecord:
    """Key, revision and content digest of one memory record or tombstone."""

    kind: Annotated[RecordKind, ENUM8]
    index: U16  # user index; for CREDENTIAL and HOLIDAY_SCHEDULE their own index
    sub_index: U8  # schedule index within the user; credential type for CREDENTIAL; else 0
    revision: U32
    digest: Bytes8  # all zero for a tombstone


@message
class LogRecord:
    """One access-log record: 20 bytes, hash-chained (DESIGN D7)."""

    index: U32
    utc_s: U32
    event: Annotated[LogEvent, ENUM8]
    source: Annotated[OperationSource, ENUM8]
    # LockOperationType, AccessDeniedReason, AlarmCode, DoorState, BatteryLevel or OperatingMode,
    # by event.
    detail: U8
    clock_quality: Annotated[ClockQuality, ENUM8]
    user_index: U16  # 0 = nobody known
    credential_index: U16  # 0 = none
    chain: Bytes4  # first bytes of SHA-256 over the previous chain value and this record before it
