"""Keep history bounded: old events, log records, slot history and attempts go, bit by bit."""

from __future__ import annotations

import dataclasses

import sqlalchemy as sa

from gateway.store.tables import action_attempt, device_log, event, slot_holder


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Horizons:
    """What is older than these instants goes; milliseconds since 1970.

    Attributes:
        events_ms: For events, by when they happened.
        log_ms: For access-log records, by when they happened, and for past holders of slots.
        attempts_ms: For finished action attempts.
    """

    events_ms: int
    log_ms: int
    attempts_ms: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """Rows that a part of the clean-up deleted.

    Attributes:
        events: Events.
        log_records: Access-log records.
        holders: Past holders of slots.
        attempts: Finished action attempts.
        is_complete: False when there may be more: call again.
    """

    events: int
    log_records: int
    holders: int
    attempts: int
    is_complete: bool


def prune(conn: sa.Connection, horizons: Horizons, *, rows_max: int) -> Pruned:
    """Delete what is too old, at most some rows of each kind; a unit for the funnel.

    Args:
        conn: The connection.
        horizons: What is too old.
        rows_max: Rows of each kind to delete at most, so that no batch waits long.
    """
    finished = sa.and_(
        action_attempt.c.status != "pending",
        action_attempt.c.created_at_ms < horizons.attempts_ms,
    )
    events = _delete(conn, event, event.c.occurred_at_ms < horizons.events_ms, rows_max)
    records = _delete(conn, device_log, device_log.c.occurred_at_ms < horizons.log_ms, rows_max)
    holders = _delete(conn, slot_holder, slot_holder.c.held_until_ms < horizons.log_ms, rows_max)
    attempts = _delete(conn, action_attempt, finished, rows_max)
    return Pruned(
        events=events,
        log_records=records,
        holders=holders,
        attempts=attempts,
        is_complete=max(events, records, holders, attempts) < rows_max,
    )


def _delete(
    conn: sa.Connection, table: sa.Table, clause: sa.ColumnElement[bool], rows_max: int
) -> int:
    keys = tuple(table.primary_key.columns)
    oldest = sa.select(*keys).where(clause).order_by(*keys).limit(rows_max)
    chosen = sa.tuple_(*keys) if len(keys) > 1 else keys[0]
    return conn.execute(table.delete().where(chosen.in_(oldest))).rowcount
