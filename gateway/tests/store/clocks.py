"""A clock for the store's tests, and the least unit that leaves a trace."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from gateway.store.tables import workspace

# 2025-07-10T12:00:00Z.
NOON_MS = 1_752_148_800_000


class SetClock:
    """A clock that somebody sets."""

    def __init__(self, now_ms: int = NOON_MS) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        """The instant that was set."""
        return self.at_ms


def adding(name: str) -> Callable[[sa.Connection], str]:
    """A unit that adds a workspace of that id and returns it."""

    def unit(conn: sa.Connection) -> str:
        conn.execute(
            workspace.insert().values(
                workspace_id=name,
                name=name,
                company_name="",
                is_sandbox=True,
                created_at_ms=NOON_MS,
            )
        )
        return name

    return unit


def names(conn: sa.Connection) -> list[str]:
    """The ids of all workspaces, in the order in which they were written."""
    return list(
        conn.execute(sa.text("SELECT workspace_id FROM workspace ORDER BY rowid")).scalars()
    )


def sorted_names(conn: sa.Connection) -> list[str]:
    """The ids of all workspaces; on any database."""
    return sorted(conn.execute(sa.select(workspace.c.workspace_id)).scalars())
