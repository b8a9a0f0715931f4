"""`/action_attempts/*`: what became of actions on devices."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from gateway.access import read
from gateway.access.context import Context
from gateway.access.filters import AttemptFilter
from gateway.api.declaration import READ, Call, Listed, Route
from gateway.api.models.action_attempts import GetActionAttempt, ListActionAttempts
from gateway.api.objects.action_attempt import ActionAttempt, action_attempt

# Documented default.
_LIMIT: Final = 500


async def _get(call: Call, parameters: GetActionAttempt) -> ActionAttempt:
    attempt_id = parameters.action_attempt_id
    return await call.read(lambda conn, ctx: action_attempt(read.attempt(conn, ctx, attempt_id)))


async def _list(call: Call, parameters: ListActionAttempts) -> Listed:
    page = call.page(parameters, limit=_LIMIT)
    ids = parameters.action_attempt_ids
    narrow = AttemptFilter(
        action_attempt_ids=None if ids is None else tuple(ids), device_id=parameters.device_id
    )

    def query(conn: sa.Connection, ctx: Context) -> Listed:
        rows = read.attempts(conn, ctx, narrow, limit=page.limit + 1, after=page.after)
        kept, pagination = page.cut(rows, "action_attempt_id")
        return Listed([action_attempt(row) for row in kept], pagination)

    return await call.read(query)


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        path="/action_attempts/get",
        methods=READ,
        summary="Get an action attempt.",
        parameters=GetActionAttempt,
        keys=("action_attempt",),
        shows=ActionAttempt,
        handler=_get,
    ),
    Route(
        path="/action_attempts/list",
        methods=READ,
        summary="List action attempts.",
        parameters=ListActionAttempts,
        keys=("action_attempts",),
        shows=list[ActionAttempt],
        is_paged=True,
        handler=_list,
    ),
)
