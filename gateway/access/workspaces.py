"""Workspaces: whose objects there are."""

from __future__ import annotations

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.store.tables import workspace


def ensure_workspace(
    conn: sa.Connection, ctx: Context, *, name: str, company_name: str, is_sandbox: bool
) -> str:
    """Make the workspace of the context if there is none yet; returns its id."""
    found = conn.execute(
        sa.select(workspace.c.workspace_id).where(workspace.c.workspace_id == ctx.workspace_id)
    ).scalar()
    if found is None:
        conn.execute(
            workspace.insert().values(
                workspace_id=ctx.workspace_id,
                name=name,
                company_name=company_name,
                is_sandbox=is_sandbox,
                created_at_ms=ctx.now_ms,
            )
        )
    return ctx.workspace_id


def workspace_ids(conn: sa.Connection) -> list[str]:
    """Every workspace, oldest first."""
    return list(
        conn.execute(
            sa.select(workspace.c.workspace_id).order_by(
                workspace.c.created_at_ms, workspace.c.workspace_id
            )
        ).scalars()
    )
