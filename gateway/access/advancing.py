"""Bring stored access codes to their present state, tell what is new, and see to their methods."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import sqlalchemy as sa

from gateway.access import facts as code_facts
from gateway.access import lifecycle, slots
from gateway.access.context import Context
from gateway.access.events import emit
from gateway.access.facts import CodeFacts, Progress
from gateway.access.lifecycle import News
from gateway.plan.entry import DesiredEntry, Phase, may_hold, next_due_ms


def advance_code(
    conn: sa.Connection,
    ctx: Context,
    facts: CodeFacts,
    at_ms: int,
    *,
    was_on_device: bool | None = None,
) -> CodeFacts | None:
    """Bring one access code to its state of an instant and tell the news.

    Args:
        conn: The connection.
        ctx: The context.
        facts: The code, with what was written to its entry before.
        at_ms: The instant, milliseconds since 1970.
        was_on_device: True when the device held it before this; None when nothing changed there.

    Returns:
        The code as it is now; None when it is gone. Whoever calls refreshes its grant.
    """
    confirmed = facts.progress.confirmed
    held = confirmed.phase is not Phase.ABSENT if was_on_device is None else was_on_device
    step = lifecycle.advance(
        facts.entry, confirmed, facts.state, ctx.policy, at_ms, was_on_device=held
    )
    tell(conn, ctx, facts, step.news, at_ms)
    if not step.is_gone:
        code_facts.write_state(conn, facts.access_code_id, facts.state, step.state)
        return dataclasses.replace(facts, state=step.state)
    code_facts.delete_code(conn, facts.access_code_id)
    if may_hold(confirmed):
        # Closed by the lock itself: what lies in its slot is cleared at the next session; which is
        # at once when somebody waits for a slot.
        due_ms = next_due_ms(facts.entry, confirmed, at_ms)
        if slots.is_awaited(conn, facts.device_id):
            due_ms = at_ms
        code_facts.write_entry(conn, facts.access_code_id, next_due_at_ms=due_ms)
    else:
        drop_entry(conn, ctx, facts.entry)
    return None


def drop_entry(conn: sa.Connection, ctx: Context, entry: DesiredEntry) -> None:
    """Delete an entry that is not on its device, and free its slot."""
    code_facts.delete_entry(conn, entry.entry_id)
    if entry.slot is not None:
        slots.release(conn, ctx, entry.device_id, entry.slot)


def due_again(
    facts: CodeFacts, now_ms: int, *, entry: DesiredEntry, is_new_content: bool
) -> CodeFacts:
    """The code with another entry, due when that needs a session.

    Args:
        facts: The code.
        now_ms: Milliseconds since 1970.
        entry: What the device shall hold from now on.
        is_new_content: True clears the record of failed tries: they were about something else.
    """
    progress = facts.progress
    progress = Progress(
        confirmed=progress.confirmed,
        failures=0 if is_new_content else progress.failures,
        last_error=None if is_new_content else progress.last_error,
        next_due_at_ms=next_due_ms(entry, progress.confirmed, now_ms),
    )
    return dataclasses.replace(facts, entry=entry, progress=progress)


def tell(
    conn: sa.Connection, ctx: Context, facts: CodeFacts, news: Iterable[News], at_ms: int
) -> None:
    """Tell news of an access code, each with the ids that every such event has."""
    for one in news:
        emit(
            conn,
            ctx,
            one.event_type,
            occurred_at_ms=at_ms,
            access_code_id=facts.access_code_id,
            connected_account_id=facts.connected_account_id,
            device_id=facts.device_id,
            **one.fields,
        )
