"""Pages of rows in the order (created_at_ms, id), and the clauses that narrow them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.access.text import is_storable, known
from gateway.errors import NotFound

# A place in a list: created_at_ms and id of the last object before the page.
After = tuple[int, str] | None
Rows = list[sa.Row[Any]]
Clause = sa.ColumnElement[bool]


def page(
    conn: sa.Connection,
    ctx: Context,
    table: sa.Table,
    id_column: sa.Column[str],
    clauses: Sequence[Clause],
    *,
    limit: int,
    after: After,
) -> Rows:
    """A page of a table's rows of the workspace, beginning after a place."""
    query = sa.select(table).where(table.c.workspace_id == ctx.workspace_id, *clauses)
    if after is not None:
        created_at_ms, object_id = after
        query = query.where(
            sa.or_(
                table.c.created_at_ms > created_at_ms,
                sa.and_(table.c.created_at_ms == created_at_ms, id_column > object_id),
            )
        )
    ordered = query.order_by(table.c.created_at_ms, id_column).limit(limit)
    return list(conn.execute(ordered).all())


def first(rows: Rows, resource: str, identifier: str) -> sa.Row[Any]:
    """The first row.

    Raises:
        NotFound: When there is none.
    """
    if not rows:
        raise NotFound(resource, identifier)
    return rows[0]


def equal(column: sa.Column[Any], value: str | None) -> list[Clause]:
    """Rows with a value; None narrows nothing."""
    return [] if value is None else [column == known(value)]


def one_of(column: sa.Column[Any], values: tuple[str, ...] | None) -> list[Clause]:
    """Rows with one of some values; None narrows nothing."""
    return [] if values is None else [column.in_([known(value) for value in values])]


def before(column: sa.Column[Any], instant_ms: int | None) -> list[Clause]:
    """Rows before an instant; None narrows nothing."""
    return [] if instant_ms is None else [column < instant_ms]


def search(text: str | None, *columns: sa.Column[Any]) -> list[Clause]:
    """Rows of which one of the columns holds the text, whatever its case."""
    if text is None:
        return []
    if not is_storable(text):
        return [sa.false()]
    return [sa.or_(*(column.icontains(text, autoescape=True) for column in columns))]
