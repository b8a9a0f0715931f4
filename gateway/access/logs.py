"""Access-log records from devices: stored once, told as events, each PIN named by its holder.

A record names a slot. Who held that slot is looked up in the history of slots at the record's
own instant, so a record that is fetched after its slot went to somebody else still names the right
person. Only the lock's clock knows when something happened; where it says that it does not, the
instant of the fetch stands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa

from gateway.access import slots
from gateway.access.context import Context
from gateway.access.devices import get_device
from gateway.access.events import emit
from gateway.store.tables import device, device_log
from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    AlarmCode,
    ClockQuality,
    LockOperationType,
    LogEvent,
    OperationSource,
)
from protocols.doorlock.window import to_ms
from protocols.strike.messages import LogRecord

_METHODS: Final[Mapping[int, str]] = MappingProxyType(
    {
        OperationSource.KEYPAD: "keycode",
        OperationSource.MANUAL: "manual",
        OperationSource.BUTTON: "manual",
        OperationSource.AUTO: "automatic",
        OperationSource.SCHEDULE: "automatic",
        OperationSource.REMOTE: "remote",
        OperationSource.PROPRIETARY_REMOTE: "remote",
        OperationSource.RFID: "card",
    }
)
_OPERATIONS: Final[Mapping[int, str]] = MappingProxyType(
    {
        LockOperationType.LOCK: "lock.locked",
        LockOperationType.UNLOCK: "lock.unlocked",
        LockOperationType.UNLATCH: "lock.unlocked",
        LockOperationType.FORCED_USER_EVENT: "lock.unlocked",
    }
)
# The documented reason codes; what has none of its own counts as a problem with the credential.
_REASONS: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        AccessDeniedReason.UNKNOWN_CODE: ("unknown_code", "The code is not on the lock"),
        AccessDeniedReason.OUTSIDE_SCHEDULE: (
            "expired_code",
            "The code was entered outside its time frame",
        ),
        AccessDeniedReason.DISABLED: ("blocklisted_code", "The code is disabled on the lock"),
        AccessDeniedReason.LOCKED_OUT: (
            "too_many_attempts",
            "The keypad was locked after too many wrong codes",
        ),
        AccessDeniedReason.PRIVACY: (
            "blocked_by_privacy_mode",
            "The lock was in privacy mode",
        ),
        AccessDeniedReason.INCOMPLETE: ("credential_error", "The entry was incomplete"),
        AccessDeniedReason.JAMMED: ("credential_error", "The bolt was jammed"),
        AccessDeniedReason.NO_POWER: ("credential_error", "The lock had too little power"),
    }
)
_OTHER_REASON: Final = ("credential_error", "The lock refused the credential")
_TAMPERING: Final = (AlarmCode.FRONT_ESCUTCHEON_REMOVED, AlarmCode.DOOR_FORCED_OPEN)
# A lock's clock may be off by this much before it is corrected at the next contact: a minute a
# day of drift over the six hours between contacts is 15 s, and a minute leaves room.
_CLOCK_SLACK_MS: Final = 60_000


def log_records(
    conn: sa.Connection,
    ctx: Context,
    device_id: str,
    records: Sequence[LogRecord],
    *,
    next_index: int,
) -> int:
    """Keep records of a device's access log and tell what happened at the door.

    Args:
        conn: The connection.
        ctx: The context, of the device's workspace.
        device_id: Which device.
        records: In the order of their indices; known ones are skipped.
        next_index: First index not yet fetched, after these.

    Returns:
        How many were new.

    Raises:
        NotFound: No such device.
    """
    row = get_device(conn, ctx, device_id)
    if next_index != row["log_next_index"]:
        conn.execute(
            sa.update(device)
            .where(device.c.device_id == device_id)
            .values(log_next_index=next_index)
        )
    fresh = _unknown(conn, device_id, records)
    if not fresh:
        return 0
    conn.execute(
        device_log.insert(),
        [
            {
                "device_id": device_id,
                "log_index": record.index,
                "occurred_at_ms": _occurred_at_ms(record, ctx),
                "fetched_at_ms": ctx.now_ms,
                "event": int(record.event),
                "source": int(record.source),
                "detail": record.detail,
                "user_index": record.user_index,
                "credential_index": record.credential_index,
            }
            for record in fresh
        ],
    )
    named = sorted({record.credential_index for record in fresh if record.credential_index})
    holders = slots.holders(conn, device_id, named) if named else {}
    names = {"connected_account_id": row["connected_account_id"], "device_id": device_id}
    for record in fresh:
        _tell(conn, ctx, record, holders.get(record.credential_index, []), names)
    return len(fresh)


def _unknown(conn: sa.Connection, device_id: str, records: Sequence[LogRecord]) -> list[LogRecord]:
    """The records that are not stored yet, each index once."""
    wanted = {record.index: record for record in records}
    stored = conn.execute(
        sa.select(device_log.c.log_index).where(
            device_log.c.device_id == device_id, device_log.c.log_index.in_(sorted(wanted))
        )
    ).scalars()
    for index in stored:
        del wanted[index]
    return [wanted[index] for index in sorted(wanted)]


def _occurred_at_ms(record: LogRecord, ctx: Context) -> int:
    is_lost = record.clock_quality in (ClockQuality.LOST, ClockQuality.ROLLED_BACK)
    # Nothing that was fetched has yet to happen: a clock that is ahead does not move an event
    # beyond now, or a list of events would show it before it is due.
    return ctx.now_ms if is_lost else min(to_ms(record.utc_s), ctx.now_ms)


def _tell(
    conn: sa.Connection,
    ctx: Context,
    record: LogRecord,
    holders: Sequence[sa.Row[Any]],
    names: Mapping[str, Any],
) -> None:
    occurred_at_ms = _occurred_at_ms(record, ctx)
    holder = _holder_at(holders, occurred_at_ms)
    if record.event == LogEvent.LOCK_OPERATION and record.detail in _OPERATIONS:
        emit(
            conn,
            ctx,
            _OPERATIONS[record.detail],
            occurred_at_ms=occurred_at_ms,
            method=_METHODS.get(record.source, "unknown"),
            access_code_is_managed=None if holder is None else True,
            code=None if holder is None else holder.code,
            **_person(holder),
            **names,
        )
    elif record.event == LogEvent.ACCESS_DENIED and record.source != OperationSource.AUTO:
        # A lock that could not relock by itself denied nobody anything.
        reason_code, message = _REASONS.get(record.detail, _OTHER_REASON)
        emit(
            conn,
            ctx,
            "lock.access_denied",
            occurred_at_ms=occurred_at_ms,
            reason={"reason_code": reason_code, "message": message},
            **_person(holder),
            **names,
        )
    elif record.event == LogEvent.ALARM and record.detail in _TAMPERING:
        emit(conn, ctx, "device.tampered", occurred_at_ms=occurred_at_ms, **names)


def _person(holder: sa.Row[Any] | None) -> dict[str, Any]:
    if holder is None:
        return {}
    return {
        "access_code_id": holder.entry_id,
        "user_identity_id": holder.user_identity_id,
    }


def _holder_at(holders: Sequence[sa.Row[Any]], at_ms: int) -> sa.Row[Any] | None:
    """Who held a slot at an instant: the latest who had it by then, or the first ever.

    Args:
        holders: Of one slot, latest first.
        at_ms: By the lock's clock, which may be a little off.
    """
    held = [one for one in holders if one.held_from_ms <= at_ms + _CLOCK_SLACK_MS]
    exact = [one for one in held if one.held_from_ms <= at_ms]
    candidates = exact or held or holders[-1:]
    return candidates[0] if candidates else None
