"""What sessions with devices are needed, and what each shall do."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Final

import sqlalchemy as sa

from gateway.access import facts as code_facts
from gateway.access import slots
from gateway.access.attempts import SESSION_ACTIONS, PendingAttempt, pending
from gateway.access.context import Context
from gateway.access.devices import get_device
from gateway.access.facts import Progress
from gateway.access.failures import SPECIFIC_ERRORS, fail_entry
from gateway.plan.entry import (
    DesiredEntry,
    Phase,
    desired_phase,
    has_closed_itself,
    is_conforming,
    next_due_ms,
)
from gateway.plan.operations import Operation, may_hold_older, operations
from gateway.store.tables import action_attempt, device, entry
from protocols.errors import WindowError
from protocols.profiles.parser import Profile

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
# The zero as it stands in the partial index `ix_entry_failing`: with a parameter instead, SQLite
# can't use that, and makes a new plan for every execution.
_HAS_FAILED: Final = entry.c.failures > sa.literal_column("0")
_UNFINISHED: Final = (
    sa.select(entry, device.c.next_try_at_ms)
    .join(device, device.c.device_id == entry.c.device_id)
    .where(sa.or_(entry.c.next_due_at_ms <= sa.bindparam("now_ms"), _HAS_FAILED))
    .order_by(entry.c.device_id, entry.c.entry_id)
)
_WORKS: Final = (
    sa.select(entry)
    .where(
        entry.c.device_id == sa.bindparam("device_id"),
        sa.or_(
            entry.c.next_due_at_ms <= sa.bindparam("now_ms"),
            entry.c.remove_at_ms <= sa.bindparam("now_ms"),
            _HAS_FAILED,
            entry.c.pending_revision > 0,
            entry.c.is_deleted,
        ),
    )
    .order_by(entry.c.program_at_ms, entry.c.entry_id)
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DueDevice:
    """A device that needs a session now.

    Attributes:
        device_id, workspace_id: Which, and whose; units run in that context.
        profile_id: Its brand profile.
        moniker, attempts: What a route opens; failed sessions in a row, for the back-off.
    """

    device_id: str
    workspace_id: str
    profile_id: str
    moniker: str
    attempts: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do with one entry in a session: all its operations in order, then confirm.

    Attributes:
        entry: The entry, with slot and revision.
        to_phase: The phase to confirm with `outcomes.entry_confirmed`.
        operations: The writes.
    """

    entry: DesiredEntry
    to_phase: Phase
    operations: tuple[Operation, ...]


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


@dataclasses.dataclass(frozen=True, slots=True)
class _Work:
    """An entry that is not what it shall be."""

    entry: DesiredEntry
    progress: Progress
    phase: Phase


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
    profile = ctx.profile(row["profile_id"])
    works = _works(conn, ctx, device_id)
    leaving = [work for work in works if work.phase is Phase.ABSENT]
    staying = [work for work in works if work.phase is not Phase.ABSENT]
    steps = [_step(conn, ctx, work, profile) for work in leaving]
    placed = _with_slots(conn, ctx, row, profile, staying, is_clearing=bool(leaving))
    steps += [_step(conn, ctx, work, profile) for work in placed]
    return SessionPlan(
        steps=tuple(step for step in steps if step is not None),
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


def _works(conn: sa.Connection, ctx: Context, device_id: str) -> list[_Work]:
    """The entries of a device that are not what they shall be, in the order of their time."""
    rows = conn.execute(_WORKS, {"device_id": device_id, "now_ms": ctx.now_ms}).mappings()
    found = []
    for row in rows:
        desired, progress = code_facts.desired_entry(row), code_facts.progress_of(row)
        if is_conforming(desired, progress.confirmed, ctx.now_ms):
            _rest(conn, ctx, desired, progress)
            continue
        if not _is_backing_off(progress, ctx.now_ms):
            found.append(_Work(desired, progress, desired_phase(desired, ctx.now_ms)))
    return found


def _rest(conn: sa.Connection, ctx: Context, desired: DesiredEntry, progress: Progress) -> None:
    """Have an entry that was due, and needs nothing any more, wait for its next change."""
    due_ms = progress.next_due_at_ms
    if due_ms is not None and due_ms <= ctx.now_ms:
        later_ms = next_due_ms(desired, progress.confirmed, ctx.now_ms)
        rested = Progress(confirmed=progress.confirmed, next_due_at_ms=later_ms)
        code_facts.write_entry(conn, desired.entry_id, progress=rested)


def _is_backing_off(progress: Progress, now_ms: int) -> bool:
    """True for an entry that its device itself refused a while ago.

    One that merely could not be reached is tried as soon as the device is back.
    """
    if progress.last_error not in SPECIFIC_ERRORS or progress.last_error == slots.NO_SPACE:
        return False
    return progress.next_due_at_ms is None or progress.next_due_at_ms > now_ms


def _with_slots(
    conn: sa.Connection,
    ctx: Context,
    row: sa.RowMapping,
    profile: Profile,
    works: Sequence[_Work],
    *,
    is_clearing: bool,
) -> list[_Work]:
    """The entries that have a slot, or get the lowest free one; no slot left is a failure.

    While slots are being cleared in this session, whoever finds none just stays due.
    """
    if all(work.entry.slot is not None for work in works):
        return list(works)
    taken = slots.taken_slots(conn, row["device_id"])
    issued = slots.issued_revisions(conn, row["device_id"])
    # The device's own count wins over the profile's (DESIGN D1).
    slot_count = int(row["reported"].get("pin_slot_count", profile.pin_slot_count))
    placed = []
    for work in works:
        if work.entry.slot is not None:
            placed.append(work)
            continue
        slot = slots.free_slot(taken, slot_count)
        if slot is not None:
            taken.add(slot)
            entry_ = slots.take(conn, ctx, work.entry, slot, issued.get(slot, 0))
            placed.append(dataclasses.replace(work, entry=entry_))
        elif not is_clearing:
            fail_entry(
                conn,
                ctx,
                work.entry.entry_id,
                error_code=slots.NO_SPACE,
                message=None,
                retry_at_ms=None,
            )
    return placed


def _is_other_in_all(conn: sa.Connection, work: _Work) -> bool:
    """True when an update of both code and window is on its way to the device."""
    if not may_hold_older(work.entry, work.progress.confirmed):
        return False
    facts = code_facts.find(conn, work.entry.entry_id)
    mutations = [] if facts is None else facts.state.pending_mutations
    return {"updating_code", "updating_time_frame"} <= {one["mutation_code"] for one in mutations}


def _step(conn: sa.Connection, ctx: Context, work: _Work, profile: Profile) -> Step | None:
    """The writes for one entry, noted as handed out; None when the device can't hold it."""
    confirmed = work.progress.confirmed
    try:
        writes = operations(
            work.entry,
            confirmed,
            work.phase,
            profile,
            is_other_in_all=_is_other_in_all(conn, work),
        )
    except WindowError as error:
        why, code, who = str(error), "code_constraints_violated", work.entry.entry_id
        fail_entry(conn, ctx, who, error_code=code, message=why, retry_at_ms=None)
        return None
    handed_out = dataclasses.replace(confirmed, pending_revision=work.entry.revision)
    progress = dataclasses.replace(work.progress, confirmed=handed_out)
    code_facts.write_entry(conn, work.entry.entry_id, desired=work.entry, progress=progress)
    return Step(entry=work.entry, to_phase=work.phase, operations=writes)
