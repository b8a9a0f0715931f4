"""The highest instant of any commit: a start goes on from there, so time never goes back."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from gateway.store.tables import instant

# The table has one row.
_ROW: Final = 0
_RECORD: Final = (
    sa.update(instant)
    .where(instant.c.instant_id == _ROW, instant.c.committed_at_ms < sa.bindparam("now_ms"))
    .values(committed_at_ms=sa.bindparam("now_ms"))
)


def record(conn: sa.Connection, now_ms: int) -> None:
    """Note the instant of a commit, milliseconds since 1970; an earlier one changes nothing."""
    conn.execute(_RECORD, {"now_ms": now_ms})


def committed_at_ms(conn: sa.Connection) -> int | None:
    """The highest instant of any commit; None when there was none."""
    found = conn.execute(
        sa.select(instant.c.committed_at_ms).where(instant.c.instant_id == _ROW)
    ).scalar()
    return int(found) or None if found is not None else None
