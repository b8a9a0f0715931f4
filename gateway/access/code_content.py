"""What an access code says, and how its device comes to hold it: its entry made and put anew."""

from __future__ import annotations

import dataclasses

import sqlalchemy as sa

from gateway.access import facts as code_facts
from gateway.access import slots
from gateway.access.advancing import advance_code, due_again
from gateway.access.context import Context
from gateway.access.door_time import local_time
from gateway.access.facts import CodeFacts
from gateway.access.lifecycle import CodeState
from gateway.access.pins import Door
from gateway.access.placing import free_from_ms, noticeable, times_for
from gateway.access.troubles import Trouble, added, removed
from gateway.plan.entry import (
    Confirmed,
    DesiredEntry,
    Phase,
    Scheduling,
    desired_phase,
    is_conforming,
)
from gateway.store.tables import access_code

_NARROWED = "unknown_issue_with_access_code"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CodeContent:
    """What somebody can change of an access code."""

    name: str | None
    code: str = dataclasses.field(repr=False)
    starts_at_ms: int | None
    ends_at_ms: int | None
    prefer_native_scheduling: bool
    is_external_modification_allowed: bool


def content_of(conn: sa.Connection, facts: CodeFacts) -> CodeContent:
    """What a code says now."""
    columns = [access_code.c[field.name] for field in dataclasses.fields(CodeContent)]
    row = (
        conn.execute(
            sa.select(*columns).where(access_code.c.access_code_id == facts.access_code_id)
        )
        .mappings()
        .one()
    )
    return CodeContent(**row)


def door_for(ctx: Context, facts: CodeFacts, content: CodeContent) -> Door:
    """The device of a code, and the window that a content asks for."""
    profile = ctx.profile(facts.profile_id)
    return Door(
        device_id=facts.device_id,
        profile=profile,
        name=content.name,
        starts_at_ms=content.starts_at_ms,
        ends_at_ms=content.ends_at_ms,
        local=local_time(profile, facts.time_zone, facts.device_warnings, ctx.now_ms),
        own_code_id=facts.access_code_id,
    )


def timed(
    conn: sa.Connection,
    ctx: Context,
    facts: CodeFacts,
    door: Door,
    content: CodeContent,
    *,
    prefer_native_scheduling: bool,
) -> tuple[DesiredEntry, list[Trouble]]:
    """The entry with the times of a content, and the code's warnings that go with them.

    Raises:
        InvalidInput: When the device can't hold the window.
    """
    times = times_for(ctx, door, prefer_native_scheduling=prefer_native_scheduling)
    warnings = removed(facts.state.warnings, "warning_code", (_NARROWED,))
    if narrowed := noticeable(times):
        sentence = "; ".join(str(one) for one in narrowed)
        warnings = added(warnings, "warning_code", _NARROWED, ctx.now_ms, message=sentence)
    entry = dataclasses.replace(
        facts.entry,
        scheduling=times.scheduling,
        starts_at_ms=content.starts_at_ms,
        ends_at_ms=content.ends_at_ms,
        local_window=times.local_window,
        program_at_ms=max(times.program_at_ms, free_from_ms(conn, ctx, door, content.code)),
        remove_at_ms=times.remove_at_ms,
    )
    return entry, warnings


def put(
    conn: sa.Connection, ctx: Context, facts: CodeFacts, entry: DesiredEntry, state: CodeState
) -> None:
    """Have a device hold another entry of a code from now on. Whoever calls refreshes its grant.

    Args:
        conn: The connection.
        ctx: The context.
        facts: The code as it is.
        entry: What its device shall hold; it gets a new revision where that is written anew.
        state: The code's state so far, with what came up about it.
    """
    entry, is_new_content = _rewritten(conn, ctx, facts, entry)
    moved = due_again(facts, ctx.now_ms, entry=entry, is_new_content=is_new_content)
    code_facts.write_entry(
        conn, facts.access_code_id, desired=moved.entry, progress=moved.progress
    )
    code_facts.write_state(conn, facts.access_code_id, facts.state, state)
    advance_code(conn, ctx, dataclasses.replace(moved, state=state), ctx.now_ms)


def _rewritten(
    conn: sa.Connection, ctx: Context, facts: CodeFacts, entry: DesiredEntry
) -> tuple[DesiredEntry, bool]:
    """The entry with a new revision where the device has to write it anew."""
    if not _is_other_content(facts, entry, ctx.now_ms):
        return entry, False
    if entry.slot is None:
        return entry, True
    issued = slots.issued_revision(conn, entry.device_id, entry.slot)
    return slots.take(conn, ctx, entry, entry.slot, issued), True


def _is_other_content(facts: CodeFacts, entry: DesiredEntry, now_ms: int) -> bool:
    old = facts.entry
    if (old.code, old.user_name, old.scheduling) != (
        entry.code,
        entry.user_name,
        entry.scheduling,
    ):
        return True
    if entry.scheduling is Scheduling.NATIVE:
        return (old.starts_at_ms, old.ends_at_ms, old.local_window) != (
            entry.starts_at_ms,
            entry.ends_at_ms,
            entry.local_window,
        )
    if (old.starts_at_ms, old.ends_at_ms) == (entry.starts_at_ms, entry.ends_at_ms):
        return False
    # The gateway keeps the window: the lock need not hear of it while what it holds is right, or
    # only has to be enabled. Else it may hold a later write of this content, a clear of which
    # nobody heard or a user that is enabled, and would refuse the content at its old revision.
    confirmed = facts.progress.confirmed
    is_enabling = desired_phase(entry, now_ms) is Phase.ENABLED and confirmed == Confirmed(
        Phase.DISABLED, entry.revision
    )
    return not (is_enabling or is_conforming(entry, confirmed, now_ms))
