"""Action attempts: things done to a device while somebody waits for the outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.access.events import emit
from gateway.store.tables import action_attempt, device

# Attempts that a session with the device carries out; any other is its owner's own business.
SESSION_ACTIONS: Final = ("LOCK_DOOR", "UNLOCK_DOOR")
# Attempts whose end is an event.
_TOLD: Final = (
    "LOCK_DOOR",
    "UNLOCK_DOOR",
    "SIMULATE_KEYPAD_CODE_ENTRY",
    "SIMULATE_MANUAL_LOCK_VIA_KEYPAD",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AttemptError:
    """Why an attempt failed: the API's `error` object."""

    type: str
    message: str


_PENDING: Final = (
    sa.select(
        action_attempt.c.action_attempt_id,
        action_attempt.c.action_type,
        action_attempt.c.expires_at_ms,
    )
    .where(
        action_attempt.c.status == "pending",
        action_attempt.c.device_id == sa.bindparam("device_id"),
        action_attempt.c.action_type.in_(SESSION_ACTIONS),
        action_attempt.c.expires_at_ms > sa.bindparam("now_ms"),
    )
    .order_by(action_attempt.c.created_at_ms, action_attempt.c.action_attempt_id)
)
_OVERDUE: Final = (
    sa.select(action_attempt.c.action_attempt_id, action_attempt.c.workspace_id)
    .where(
        action_attempt.c.status == "pending",
        action_attempt.c.expires_at_ms <= sa.bindparam("now_ms"),
    )
    .order_by(action_attempt.c.expires_at_ms, action_attempt.c.action_attempt_id)
    .limit(sa.bindparam("rows_max"))
)
_NEXT_EXPIRY: Final = sa.select(sa.func.min(action_attempt.c.expires_at_ms)).where(
    action_attempt.c.status == "pending"
)

EXPIRED: Final = AttemptError(
    type="action_attempt_expired", message="The device did not answer in time"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PendingAttempt:
    """An attempt that waits for a session."""

    action_attempt_id: str
    action_type: str
    expires_at_ms: int


def begin(conn: sa.Connection, ctx: Context, action_type: str, device_id: str) -> str:
    """Begin an attempt; it stays pending until it is finished, or expires.

    Args:
        conn: The connection.
        ctx: The context.
        action_type: Its documented name, such as UNLOCK_DOOR.
        device_id: On which device, which exists.

    Returns:
        Its id.
    """
    attempt_id = ctx.new_id()
    conn.execute(
        action_attempt.insert().values(
            action_attempt_id=attempt_id,
            workspace_id=ctx.workspace_id,
            device_id=device_id,
            action_type=action_type,
            status="pending",
            # A JSON null would be a value; these columns are empty until the end.
            result=sa.null(),
            error=sa.null(),
            created_at_ms=ctx.now_ms,
            expires_at_ms=ctx.now_ms + ctx.policy.action_attempt_timeout_ms,
        )
    )
    return attempt_id


def finish(
    conn: sa.Connection,
    ctx: Context,
    action_attempt_id: str,
    *,
    result: Mapping[str, Any] | None = None,
    error: AttemptError | None = None,
) -> bool:
    """End a pending attempt, with a result or an error; no result is an empty one.

    Returns:
        False when it had ended before: it stays as it was.
    """
    row = (
        conn.execute(
            sa.select(
                action_attempt.c.action_type,
                action_attempt.c.device_id,
                action_attempt.c.status,
                device.c.connected_account_id,
            )
            .outerjoin(device, device.c.device_id == action_attempt.c.device_id)
            .where(action_attempt.c.action_attempt_id == action_attempt_id)
        )
        .mappings()
        .one_or_none()
    )
    if row is None or row["status"] != "pending":
        return False
    status = "success" if error is None else "error"
    conn.execute(
        sa.update(action_attempt)
        .where(action_attempt.c.action_attempt_id == action_attempt_id)
        .values(
            status=status,
            result=dict(result or {}) if error is None else sa.null(),
            error=sa.null() if error is None else dataclasses.asdict(error),
        )
    )
    if row["action_type"] in _TOLD:
        verb = "succeeded" if error is None else "failed"
        emit(
            conn,
            ctx,
            f"action_attempt.{row['action_type'].lower()}.{verb}",
            action_attempt_id=action_attempt_id,
            action_type=row["action_type"],
            connected_account_id=row["connected_account_id"],
            device_id=row["device_id"],
            status=status,
        )
    return True


def pending(conn: sa.Connection, ctx: Context, device_id: str) -> list[PendingAttempt]:
    """The attempts of a device that wait for a session and have not expired, oldest first."""
    rows = conn.execute(_PENDING, {"device_id": device_id, "now_ms": ctx.now_ms})
    return [
        PendingAttempt(
            action_attempt_id=row.action_attempt_id,
            action_type=row.action_type,
            expires_at_ms=row.expires_at_ms,
        )
        for row in rows
    ]


def expire(conn: sa.Connection, ctx: Context, *, rows_max: int) -> int:
    """End attempts (of all workspaces) that waited too long, oldest first; returns how many."""
    overdue = conn.execute(_OVERDUE, {"now_ms": ctx.now_ms, "rows_max": rows_max}).all()
    for row in overdue:
        owner = dataclasses.replace(ctx, workspace_id=row.workspace_id)
        finish(conn, owner, row.action_attempt_id, error=EXPIRED)
    return len(overdue)


def next_expiry_ms(conn: sa.Connection) -> int | None:
    """When the next attempt that is pending expires."""
    found = conn.execute(_NEXT_EXPIRY).scalar()
    return None if found is None else int(found)
