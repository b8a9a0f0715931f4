"""Events: what happened, told once, in the words that the API documents.

`body` holds an event's own fields as the API shows them; the columns beside it are what lists are
narrowed by.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.access.filters import EventFilter
from gateway.access.text import known
from gateway.errors import NotFound
from gateway.store.tables import event

# Fields that are columns too.
_INDEXED: Final = (
    "device_id",
    "access_code_id",
    "access_grant_id",
    "access_method_id",
    "user_identity_id",
)
_INSERT: Final = sa.insert(event)


def emit(
    conn: sa.Connection,
    ctx: Context,
    event_type: str,
    *,
    occurred_at_ms: int | None = None,
    **fields: Any,
) -> None:
    """Tell an event.

    Args:
        conn: The connection.
        ctx: The context.
        event_type: Its documented name.
        occurred_at_ms: When it happened, milliseconds since 1970; None for now.
        fields: Its own fields as the API shows them; None leaves an optional one out.
    """
    body = {name: value for name, value in fields.items() if value is not None}
    columns = {name: body.get(name) for name in _INDEXED}
    if columns["access_grant_id"] is None and body.get("access_grant_ids"):
        # A method belongs to one grant here; the documented field is a list.
        columns["access_grant_id"] = body["access_grant_ids"][0]
    conn.execute(
        _INSERT,
        {
            "event_id": ctx.new_id(),
            "workspace_id": ctx.workspace_id,
            "event_type": event_type,
            "occurred_at_ms": ctx.now_ms if occurred_at_ms is None else occurred_at_ms,
            "created_at_ms": ctx.now_ms,
            "body": body,
            **columns,
        },
    )


def events(
    conn: sa.Connection, ctx: Context, narrow: EventFilter, *, limit: int, offset: int = 0
) -> list[sa.Row[Any]]:
    """Events in the order in which they happened.

    Args:
        conn: The connection.
        ctx: The context.
        narrow: Which ones.
        limit: Most events to return.
        offset: How many to leave out at the beginning.
    """
    clauses = [event.c.workspace_id == ctx.workspace_id]
    for column, values in (
        (event.c.event_id, narrow.event_ids),
        (event.c.event_type, narrow.event_types),
        (event.c.device_id, narrow.device_ids),
        (event.c.access_code_id, narrow.access_code_ids),
        (event.c.access_grant_id, narrow.access_grant_ids),
        (event.c.access_method_id, narrow.access_method_ids),
        (event.c.user_identity_id, narrow.user_identity_ids),
    ):
        if values is not None:
            clauses.append(column.in_([known(value) for value in values]))
    if narrow.connected_account_id is not None:
        held = event.c.body["connected_account_id"].as_string()
        clauses.append(held == known(narrow.connected_account_id))
    if narrow.since_ms is not None:
        # Documented as the time of generation: what a lock's log tells late is new to a poller.
        # The instant itself counts, for a clock that stands still while much happens.
        clauses.append(event.c.created_at_ms >= narrow.since_ms)
    if narrow.between_ms is not None:
        after_ms, before_ms = narrow.between_ms
        clauses.append(event.c.occurred_at_ms > after_ms)
        clauses.append(event.c.occurred_at_ms < before_ms)
    ordered = sa.select(event).where(*clauses).order_by(event.c.occurred_at_ms, event.c.event_seq)
    return list(conn.execute(ordered.limit(limit).offset(offset)).all())


def event_of(conn: sa.Connection, ctx: Context, event_id: str) -> sa.Row[Any]:
    """One event.

    Raises:
        NotFound: When there is none.
    """
    rows = events(conn, ctx, EventFilter(event_ids=(event_id,)), limit=1)
    if not rows:
        raise NotFound("event", event_id)
    return rows[0]
