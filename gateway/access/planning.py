"""The steps of a session: which entries of a device need writing, in which slots, and how."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from gateway.access import facts as code_facts
from gateway.access import slots
from gateway.access.context import Context
from gateway.access.facts import Progress
from gateway.access.failures import SPECIFIC_ERRORS, fail_entry
from gateway.plan.entry import (
    DesiredEntry,
    Phase,
    desired_phase,
    is_conforming,
    next_due_ms,
)
from gateway.plan.operations import Operation, may_hold_older, operations
from gateway.store.tables import entry
from protocols.errors import WindowError
from protocols.profiles.parser import Profile

# The zero as it stands in the partial index `ix_entry_failing`: with a parameter instead, SQLite
# can't use that, and makes a new plan for every execution.
HAS_FAILED: Final = entry.c.failures > sa.literal_column("0")
_WORKS: Final = (
    sa.select(entry)
    .where(
        entry.c.device_id == sa.bindparam("device_id"),
        sa.or_(
            entry.c.next_due_at_ms <= sa.bindparam("now_ms"),
            entry.c.remove_at_ms <= sa.bindparam("now_ms"),
            HAS_FAILED,
            entry.c.pending_revision > 0,
            entry.c.is_deleted,
        ),
    )
    .order_by(entry.c.program_at_ms, entry.c.entry_id)
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do with one entry in a session: all its operations, in order, then confirm.

    Attributes:
        entry: The entry, with slot and revision.
        to_phase: The phase to confirm with `outcomes.entry_confirmed`.
        operations: The writes.
    """

    entry: DesiredEntry
    to_phase: Phase
    operations: tuple[Operation, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class _Work:
    """An entry that is not what it shall be."""

    entry: DesiredEntry
    progress: Progress
    phase: Phase


def plan_steps(conn: sa.Connection, ctx: Context, device: sa.RowMapping) -> tuple[Step, ...]:
    """Give slots and revisions and say what to write; what clears comes first.

    Args:
        conn: The connection.
        ctx: The context.
        device: The device's row.
    """
    profile = ctx.profile(device["profile_id"])
    works = _works(conn, ctx, device["device_id"])
    leaving = [work for work in works if work.phase is Phase.ABSENT]
    staying = [work for work in works if work.phase is not Phase.ABSENT]
    steps = [_step(conn, ctx, work, profile) for work in leaving]
    placed = _with_slots(conn, ctx, device, profile, staying, is_clearing=bool(leaving))
    steps += [_step(conn, ctx, work, profile) for work in placed]
    return tuple(step for step in steps if step is not None)


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
    # What somebody else stored in the device stays there.
    taken = slots.taken_slots(conn, row["device_id"]) | set(
        row["reported"].get(slots.FOREIGN_SLOTS, ())
    )
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
        fail_entry(
            conn,
            ctx,
            work.entry.entry_id,
            error_code="code_constraints_violated",
            message=str(error),
            retry_at_ms=None,
        )
        return None
    handed_out = dataclasses.replace(confirmed, pending_revision=work.entry.revision)
    progress = dataclasses.replace(work.progress, confirmed=handed_out)
    code_facts.write_entry(conn, work.entry.entry_id, desired=work.entry, progress=progress)
    return Step(entry=work.entry, to_phase=work.phase, operations=writes)
