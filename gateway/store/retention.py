"""Keep history bounded: old events, log records, slot history and attempts go, bit by bit."""

from __future__ import annotations

import dataclasses
from typing import Final

import sqlalchemy as sa

from gateway.store.tables import action_attempt, device_log, event, slot_holder

_IS_FINISHED: Final = action_attempt.c.status != "pending"


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
    events = _delete(conn, event.c.occurred_at_ms, horizons.events_ms, rows_max)
    records = _delete(conn, device_log.c.occurred_at_ms, horizons.log_ms, rows_max)
    holders = _delete(conn, slot_holder.c.held_until_ms, horizons.log_ms, rows_max)
    attempts = _delete(
        conn, action_attempt.c.created_at_ms, horizons.attempts_ms, rows_max, _IS_FINISHED
    )
    return Pruned(
        events=events,
        log_records=records,
        holders=holders,
        attempts=attempts,
        is_complete=max(events, records, holders, attempts) < rows_max,
    )


def _delete(
    conn: sa.Connection,
    instant: sa.Column[int],
    horizon_ms: int,
    rows_max: int,
    *also: sa.ColumnElement[bool],
) -> int:
    """Delete the rows with the oldest instants, as far as these lie before the horizon."""
    table = instant.table
    keys = tuple(table.primary_key.columns)
    # In the order of the instants, whose index says at once that there is nothing.
    oldest = sa.select(*keys).where(instant < horizon_ms, *also).order_by(instant, *keys)
    oldest = oldest.limit(rows_max)
    chosen = sa.tuple_(*keys) if len(keys) > 1 else keys[0]
    return conn.execute(table.delete().where(chosen.in_(oldest))).rowcount
