"""State changes that time alone brings: starts, ends, deadlines, attempts that expire.

They are applied in the order of time, each at its own instant: a gateway that was off tells its
events late, with the instant at which they happened.
"""

from __future__ import annotations

import dataclasses
import heapq
from typing import Final

import sqlalchemy as sa

from gateway.access import attempts
from gateway.access import facts as code_facts
from gateway.access.advancing import advance_code
from gateway.access.context import Context
from gateway.access.facts import CodeFacts
from gateway.access.methods import refresh_grant
from gateway.store.tables import access_code

# Objects that one call brings up to date: a few hundred milliseconds of the writer at most.
ROWS_MAX = 500

_NEXT: Final = sa.select(sa.func.min(access_code.c.next_milestone_at_ms))


def apply(conn: sa.Connection, ctx: Context, *, rows_max: int = ROWS_MAX) -> int:
    """Bring the objects of all workspaces to their state of now; returns how many had changes.

    Call again while the answer is `rows_max` or more: each call does a bounded part.
    """
    due = code_facts.due_for_milestone(conn, ctx.now_ms, rows_max=rows_max)
    codes = {facts.access_code_id: facts for facts in due}
    queue = [(_milestone_ms(facts), facts.access_code_id) for facts in due]
    heapq.heapify(queue)
    while queue:
        at_ms, code_id = heapq.heappop(queue)
        after = pass_milestone(conn, ctx, codes[code_id], at_ms)
        if after is not None and _milestone_ms(after) <= ctx.now_ms:
            codes[code_id] = after
            heapq.heappush(queue, (_milestone_ms(after), code_id))
    return len(due) + attempts.expire(conn, ctx, rows_max=rows_max)


def next_milestone_ms(conn: sa.Connection) -> int | None:
    """The next instant at which `apply` has work; None when nothing is foreseeable."""
    found = conn.execute(_NEXT).scalar()
    instants = [found, attempts.next_expiry_ms(conn)]
    return min((int(instant) for instant in instants if instant is not None), default=None)


def catch_up(conn: sa.Connection, ctx: Context, facts: CodeFacts) -> CodeFacts | None:
    """Bring one code past its milestones up to now; None when it is gone by now."""
    code: CodeFacts | None = facts
    while code is not None and _milestone_ms(code) <= ctx.now_ms:
        code = pass_milestone(conn, ctx, code, _milestone_ms(code))
    return code


def pass_milestone(
    conn: sa.Connection, ctx: Context, facts: CodeFacts, at_ms: int
) -> CodeFacts | None:
    """Bring one code past one milestone, and its grant with it; None when the code is gone."""
    owner = dataclasses.replace(ctx, workspace_id=facts.workspace_id)
    after = advance_code(conn, owner, facts, at_ms)
    # A code that closed itself at its end leaves its method as it was.
    is_news = (
        facts.deleting_at_ms is not None
        if after is None
        else (after.state.errors, after.state.warnings)
        != (facts.state.errors, facts.state.warnings)
    )
    if is_news and facts.access_grant_id is not None:
        refresh_grant(conn, owner, facts.access_grant_id, at_ms)
    return after


def _milestone_ms(facts: CodeFacts) -> int:
    milestone_ms = facts.state.next_milestone_at_ms
    # None is later than any instant; the largest that both databases hold stands for it.
    return (1 << 63) - 1 if milestone_ms is None else milestone_ms
