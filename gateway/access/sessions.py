"""What sessions with devices are needed, and what each shall do."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Final

import sqlalchemy as sa

from gateway.access import facts as code_facts
from gateway.access.attempts import SESSION_ACTIONS, PendingAttempt, pending
from gateway.access.context import Context
from gateway.access.devices import get_device
from gateway.access.facts import Progress
from gateway.access.planning import HAS_FAILED, Step, plan_steps
from gateway.plan.entry import (
    DesiredEntry,
    has_closed_itself,
    is_conforming,
)
from gateway.store.tables import action_attempt, device, entry

__all__ = [
    "DueDevice",
    "SessionPlan",
    "Step",
    "Unfinished",
    "due_device",
    "due_devices",
    "next_session_ms",
    "plan_session",
    "unfinished",
]

_IS_FREE: Final = device.c.device_id.not_in(sa.bindparam("busy", expanding=True))
_IS_READY: Final = device.c.next_try_at_ms.is_(None)
_IS_TRIED_NOW: Final = sa.or_(_IS_READY, device.c.next_try_at_ms <= sa.bindparam("now_ms"))
_IS_WAITING: Final = sa.and_(
    action_attempt.c.status == "pending",
    action_attempt.c.expires_at_ms > sa.bindparam("now_ms"),
    action_attempt.c.action_type.in_(SESSION_ACTIONS),
    action_attempt.c.device_id.is_not(None),
    action_attempt.c.device_id.not_in(sa.bindparam("busy", expanding=True)),
)
# Devices with the instant since when they are due.
_DUE: Final = (
    sa.select(entry.c.device_id, sa.func.min(entry.c.next_due_at_ms).label("since"))
    .join(device, device.c.device_id == entry.c.device_id)
    .where(entry.c.next_due_at_ms <= sa.bindparam("now_ms"), _IS_FREE, _IS_TRIED_NOW)
    .group_by(entry.c.device_id),
    sa.select(device.c.device_id, device.c.next_contact_at_ms.label("since")).where(
        device.c.next_contact_at_ms <= sa.bindparam("now_ms"), _IS_FREE, _IS_TRIED_NOW
    ),
    sa.select(
        action_attempt.c.device_id, sa.func.min(action_attempt.c.created_at_ms).label("since")
    )
    .where(_IS_WAITING)
    .group_by(action_attempt.c.device_id),
)
# Instants at which the next of them becomes due.
_NEXT: Final = (
    # The index gives the first of the devices that are well, without looking at the rest.
    sa.select(entry.c.next_due_at_ms)
    .join(device, device.c.device_id == entry.c.device_id)
    .where(entry.c.next_due_at_ms.is_not(None), _IS_FREE, _IS_READY)
    .order_by(entry.c.next_due_at_ms)
    .limit(1),
    sa.select(
        sa.func.min(
            sa.case(
                (entry.c.next_due_at_ms > device.c.next_try_at_ms, entry.c.next_due_at_ms),
                else_=device.c.next_try_at_ms,
            )
        )
    )
    .join(device, device.c.device_id == entry.c.device_id)
    .where(entry.c.next_due_at_ms.is_not(None), _IS_FREE, ~_IS_READY),
    sa.select(sa.func.min(device.c.next_contact_at_ms)).where(_IS_FREE, _IS_READY),
    sa.select(
        sa.func.min(
            sa.case(
                (
                    device.c.next_contact_at_ms > device.c.next_try_at_ms,
                    device.c.next_contact_at_ms,
                ),
                else_=device.c.next_try_at_ms,
            )
        )
    ).where(_IS_FREE, ~_IS_READY, device.c.next_contact_at_ms.is_not(None)),
    sa.select(sa.func.min(action_attempt.c.created_at_ms)).where(_IS_WAITING),
)
_UNFINISHED: Final = (
    sa.select(entry, device.c.next_try_at_ms)
    .join(device, device.c.device_id == entry.c.device_id)
    .where(sa.or_(entry.c.next_due_at_ms <= sa.bindparam("now_ms"), HAS_FAILED))
    .order_by(entry.c.device_id, entry.c.entry_id)
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DueDevice:
    """A device that needs a session now.

    Attributes:
        device_id: Which.
        workspace_id: Whose; the session's units run in its context.
        profile_id: Its brand profile.
        moniker: What a route opens.
        attempts: Failed sessions in a row, for the back-off.
    """

    device_id: str
    workspace_id: str
    profile_id: str
    moniker: str
    attempts: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """What one session does: steps in order (what clears comes first), then waiting actions.

    Attributes:
        steps: What to program.
        attempts: Lock and unlock requests that wait.
        log_next_index: First access-log record not yet fetched.
    """

    steps: tuple[Step, ...]
    attempts: tuple[PendingAttempt, ...]
    log_next_index: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """An entry that is due and not confirmed.

    Attributes:
        device_id: On which device.
        entry_id: Which entry.
        reason: The last error, or `due`.
        next_try_ms: When it is tried next; None when it waits for something else.
    """

    device_id: str
    entry_id: str
    reason: str
    next_try_ms: int | None


def due_devices(
    conn: sa.Connection, ctx: Context, *, busy: Collection[str] = (), limit: int = 500
) -> list[DueDevice]:
    """The devices (of all workspaces) that need a session now, longest due first.

    A device that is backing off is left out, but for somebody who waits for an action.

    Args:
        conn: The connection.
        ctx: Its `workspace_id` does not matter here.
        busy: Devices that have a session now: left out.
        limit: Most devices to return.
    """
    values = {"now_ms": ctx.now_ms, "busy": sorted(busy)}
    since: dict[str, int] = {}
    for query in _DUE:
        for row in conn.execute(query, values):
            since[row.device_id] = min(row.since, since.get(row.device_id, row.since))
    chosen = sorted(since, key=lambda device_id: (since[device_id], device_id))[:limit]
    return _due(conn, chosen)


def due_device(conn: sa.Connection, device_id: str) -> DueDevice | None:
    """A device by its id, whether it is due or not; None when there is none."""
    found = _due(conn, [device_id])
    return found[0] if found else None


def next_session_ms(
    conn: sa.Connection, ctx: Context, *, busy: Collection[str] = ()
) -> int | None:
    """When the next device needs a session; None when none is foreseeable.

    Args:
        conn: The connection.
        ctx: Its `workspace_id` does not matter here.
        busy: Devices that have a session now: left out.
    """
    values = {"now_ms": ctx.now_ms, "busy": sorted(busy)}
    found = (conn.execute(query, values).scalar() for query in _NEXT)
    return min((int(instant) for instant in found if instant is not None), default=None)


def plan_session(conn: sa.Connection, ctx: Context, device_id: str) -> SessionPlan:
    """Give slots and revisions and say what to write. Call it once the device answers.

    What is handed out counts as *possibly on the device* until it is confirmed, so a code that
    was never handed out can be deleted at once, and any other only by the device.

    Args:
        conn: The connection.
        ctx: The context, of the device's workspace.
        device_id: The device.

    Raises:
        NotFound: No such device.
    """
    row = get_device(conn, ctx, device_id)
    return SessionPlan(
        steps=plan_steps(conn, ctx, row),
        attempts=tuple(pending(conn, ctx, device_id)),
        log_next_index=row["log_next_index"],
    )


def unfinished(conn: sa.Connection, ctx: Context) -> list[Unfinished]:
    """Every entry (of all workspaces) that is due by now and not confirmed, back-off included."""
    rows = conn.execute(_UNFINISHED, {"now_ms": ctx.now_ms}).mappings()
    found = []
    for row in rows:
        desired, progress = code_facts.desired_entry(row), code_facts.progress_of(row)
        if not _is_settled(desired, progress, ctx.now_ms):
            tries = (row["next_due_at_ms"], row["next_try_at_ms"])
            later = [instant for instant in tries if instant is not None]
            found.append(
                Unfinished(
                    device_id=desired.device_id,
                    entry_id=desired.entry_id,
                    reason=progress.last_error or "due",
                    next_try_ms=None if row["next_due_at_ms"] is None else max(later),
                )
            )
    return found


def _is_settled(desired: DesiredEntry, progress: Progress, now_ms: int) -> bool:
    confirmed = progress.confirmed
    return is_conforming(desired, confirmed, now_ms) or has_closed_itself(
        desired, confirmed, now_ms
    )


def _due(conn: sa.Connection, device_ids: Sequence[str]) -> list[DueDevice]:
    rows = conn.execute(
        sa.select(
            device.c.device_id,
            device.c.workspace_id,
            device.c.profile_id,
            device.c.moniker,
            device.c.attempts,
        ).where(device.c.device_id.in_(device_ids))
    ).mappings()
    found = {row["device_id"]: DueDevice(**row) for row in rows}
    return [found[device_id] for device_id in device_ids if device_id in found]
