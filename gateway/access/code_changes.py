"""Changes of access codes: what was asked, what the device has to be told, what is pending."""

from __future__ import annotations

import dataclasses
from typing import Any

import sqlalchemy as sa

from gateway.access import facts as code_facts
from gateway.access import pins
from gateway.access.advancing import advance_code, due_again
from gateway.access.code_content import CodeContent, content_of, door_for, put, timed
from gateway.access.context import Context
from gateway.access.events import emit
from gateway.access.facts import CodeFacts
from gateway.access.lifecycle import requested
from gateway.access.methods import refresh_grant
from gateway.access.pins import Door
from gateway.access.placing import check_window, free_from_ms, make_way, times_for, type_of
from gateway.access.requests import UNCHANGED, CodeChanges
from gateway.access.text import check_text
from gateway.access.troubles import Trouble
from gateway.errors import Conflict, InvalidInput
from gateway.plan.entry import DesiredEntry
from gateway.plan.windows import user_name
from gateway.store.tables import access_code


def update_code(
    conn: sa.Connection, ctx: Context, access_code_id: str, changes: CodeChanges
) -> str:
    """Change an access code.

    Returns:
        The id of its device, which may have work now.

    Raises:
        NotFound: No such access code.
        InvalidInput: A parameter at fault.
        Conflict: The device has that PIN already (`duplicate_access_code`), or the code is being
            deleted (`access_code_being_deleted`).
    """
    facts = code_facts.require(conn, ctx, access_code_id)
    change_code(conn, ctx, facts, changes)
    if facts.access_grant_id is not None:
        refresh_grant(conn, ctx, facts.access_grant_id, ctx.now_ms)
    return facts.device_id


def change_code(conn: sa.Connection, ctx: Context, facts: CodeFacts, changes: CodeChanges) -> None:
    """Change an access code. Whoever calls refreshes its grant; errors as `update_code`."""
    if facts.deleting_at_ms is not None:
        raise Conflict("The access code is being deleted", error_type="access_code_being_deleted")
    old = content_of(conn, facts)
    new = _changed(ctx, old, changes)
    if new == old:
        return
    door = door_for(ctx, facts, new)
    _check(conn, ctx, door, old, new)
    mutations = _mutations(old, new, ctx.now_ms)
    if mutations:
        emit(
            conn,
            ctx,
            "access_code.mutations_requested",
            access_code_id=facts.access_code_id,
            connected_account_id=facts.connected_account_id,
            device_id=facts.device_id,
            requested_mutations=[requested(mutation) for mutation in mutations],
        )
    conn.execute(
        sa.update(access_code)
        .where(access_code.c.access_code_id == facts.access_code_id)
        .values(**dataclasses.asdict(new), type=type_of(new.ends_at_ms))
    )
    entry, warnings = _entry(conn, ctx, facts, door, old, new)
    state = dataclasses.replace(
        facts.state,
        pending_mutations=_merged(facts.state.pending_mutations, mutations),
        warnings=warnings,
    )
    put(conn, ctx, facts, entry, state)
    make_way(conn, ctx, door, new.code, facts.access_code_id)


def begin_deletion(conn: sa.Connection, ctx: Context, facts: code_facts.CodeFacts) -> None:
    """Ask for the deletion of a code. Whoever calls refreshes its grant."""
    entry = dataclasses.replace(facts.entry, is_deleted=True)
    leaving = due_again(facts, ctx.now_ms, entry=entry, is_new_content=True)
    leaving = dataclasses.replace(leaving, deleting_at_ms=ctx.now_ms)
    conn.execute(
        sa.update(access_code)
        .where(access_code.c.access_code_id == facts.access_code_id)
        .values(deleting_at_ms=ctx.now_ms)
    )
    code_facts.write_entry(
        conn, facts.access_code_id, desired=leaving.entry, progress=leaving.progress
    )
    advance_code(conn, ctx, leaving, ctx.now_ms)


def _changed(ctx: Context, old: CodeContent, changes: CodeChanges) -> CodeContent:
    """The content after the changes.

    Raises:
        InvalidInput: A type that does not fit the times.
    """
    given: dict[str, Any] = {
        field.name: value
        for field in dataclasses.fields(CodeContent)
        if (value := getattr(changes, field.name)) is not UNCHANGED
    }
    new = dataclasses.replace(old, **given)
    if changes.type == "ongoing":
        is_later = new.starts_at_ms is not None and new.starts_at_ms > ctx.now_ms
        return dataclasses.replace(
            new, ends_at_ms=None, starts_at_ms=new.starts_at_ms if is_later else None
        )
    if changes.type == "time_bound" and new.ends_at_ms is None:
        raise InvalidInput("A time-bound code needs ends_at", fields={"ends_at": "Required"})
    if new.ends_at_ms is not None and new.starts_at_ms is None:
        return dataclasses.replace(new, starts_at_ms=ctx.now_ms)
    return new


def _check(
    conn: sa.Connection, ctx: Context, door: Door, old: CodeContent, new: CodeContent
) -> None:
    """Refuse what is wrong with the new content; what did not change is not held against it."""
    check_text("name", new.name)
    if (new.starts_at_ms, new.ends_at_ms) != (old.starts_at_ms, old.ends_at_ms):
        check_window(ctx.now_ms, new.starts_at_ms, new.ends_at_ms)
        times_for(ctx, door, prefer_native_scheduling=new.prefer_native_scheduling)
        if not pins.is_free(conn, ctx, door, new.code):
            raise Conflict(
                "Another access code has this code in that window",
                error_type="duplicate_access_code",
            )
    if new.code != old.code:
        pins.check_code(conn, ctx, door, new.code)
    elif new.name != old.name:
        # The PIN was made or accepted before: only the name is looked at.
        pins.check_rules(conn, ctx, door, new.code, is_specified=False)


def _mutations(old: CodeContent, new: CodeContent, now_ms: int) -> list[dict[str, Any]]:
    found = []
    for mutation_code, names in (
        ("updating_name", ("name",)),
        ("updating_code", ("code",)),
        ("updating_time_frame", ("starts_at_ms", "ends_at_ms")),
    ):
        before = {name: getattr(old, name) for name in names}
        after = {name: getattr(new, name) for name in names}
        if before != after:
            found.append(
                {
                    "mutation_code": mutation_code,
                    "created_at_ms": now_ms,
                    "from": before,
                    "to": after,
                }
            )
    return found


def _merged(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pending mutations with further ones: a change of a pending change goes on from the first."""
    pending = {mutation["mutation_code"]: mutation for mutation in old}
    for mutation in new:
        code = mutation["mutation_code"]
        first = pending.get(code, mutation)
        pending[code] = mutation | {
            "created_at_ms": first["created_at_ms"],
            "from": first["from"],
        }
    return list(pending.values())


def _entry(
    conn: sa.Connection,
    ctx: Context,
    facts: CodeFacts,
    door: Door,
    old: CodeContent,
    new: CodeContent,
) -> tuple[DesiredEntry, list[Trouble]]:
    """What the device shall hold now, and the warnings that go with it."""
    held = dataclasses.replace(
        facts.entry,
        code=new.code,
        user_name=user_name(new.name, bytes_max=door.profile.user_name_bytes_max),
    )
    is_same_window = (old.starts_at_ms, old.ends_at_ms, old.prefer_native_scheduling) == (
        new.starts_at_ms,
        new.ends_at_ms,
        new.prefer_native_scheduling,
    )
    if is_same_window:
        # What is due already is due from now on: lateness counts from the change.
        free_ms = free_from_ms(conn, ctx, door, new.code)
        program_ms = max(held.program_at_ms, free_ms, ctx.now_ms)
        return dataclasses.replace(held, program_at_ms=program_ms), facts.state.warnings
    return timed(
        conn,
        ctx,
        dataclasses.replace(facts, entry=held),
        door,
        new,
        prefer_native_scheduling=new.prefer_native_scheduling,
    )
