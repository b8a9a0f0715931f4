"""The access log: 20-byte records in a hash chain, and the events that tell of them at once.

A record's chain value is the first four bytes of SHA-256 over the chain value before it and its
own first 16 bytes, so a record that was changed or left out breaks the chain behind it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from firmware_sim.memory.audit_ring import NO_CHAIN, chain_value
from firmware_sim.memory.interface import LockMemory
from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    AlarmCode,
    ClockQuality,
    LockOperationType,
    LogEvent,
    OperationSource,
)
from protocols.strike.messages import AccessDenied, Alarm, LockOperation, LogRecord
from protocols.wire.layout import codec

_RECORD: Final = codec(LogRecord)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LogDraft:
    """What happened, before it has a place in the log."""

    event: LogEvent
    source: OperationSource = OperationSource.UNSPECIFIED
    # LockOperationType, AccessDeniedReason or AlarmCode, by event.
    detail: int = 0
    user_index: int = 0
    credential_index: int = 0


def chained(
    memory: LockMemory, drafts: Sequence[LogDraft], *, utc_s: int, quality: ClockQuality
) -> tuple[LogRecord, ...]:
    """Log records for what happened, continuing the log.

    Args:
        memory: Whose log they continue; nothing is written.
        drafts: What happened, in order.
        utc_s: What the lock's clock shows, seconds since 2000.
        quality: How far that clock can be trusted.
    """
    chain = memory.log_chain
    records: list[LogRecord] = []
    for index, draft in enumerate(drafts, start=memory.log_next_index):
        open_ended = LogRecord(
            index=index,
            utc_s=utc_s,
            event=draft.event,
            source=draft.source,
            detail=draft.detail,
            clock_quality=quality,
            user_index=draft.user_index,
            credential_index=draft.credential_index,
            chain=NO_CHAIN,
        )
        chain = chain_value(chain, _RECORD.encode(open_ended))
        records.append(dataclasses.replace(open_ended, chain=chain))
    return tuple(records)


def event_of(record: LogRecord) -> LockOperation | AccessDenied | Alarm | None:
    """The event that tells a connected reader of a log record at once; some have none."""
    match record.event:
        case LogEvent.LOCK_OPERATION:
            return LockOperation(
                log_index=record.index,
                utc_s=record.utc_s,
                operation=LockOperationType(record.detail),
                source=record.source,
                user_index=record.user_index,
                credential_index=record.credential_index,
            )
        case LogEvent.ACCESS_DENIED:
            return AccessDenied(
                log_index=record.index,
                utc_s=record.utc_s,
                reason=AccessDeniedReason(record.detail),
                source=record.source,
                user_index=record.user_index,
                credential_index=record.credential_index,
            )
        case LogEvent.ALARM:
            return Alarm(
                log_index=record.index, utc_s=record.utc_s, alarm=AlarmCode(record.detail)
            )
        case _:
            return None
