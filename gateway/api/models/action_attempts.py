"""Parameters of `/action_attempts/*`."""

from __future__ import annotations

from gateway.api.fields import Id, Ids, Limit, Nullable, Parameters


class GetActionAttempt(Parameters):
    """`/action_attempts/get`."""

    action_attempt_id: Id


class ListActionAttempts(Parameters):
    """`/action_attempts/list`."""

    action_attempt_ids: Ids | None = None
    device_id: Id | None = None
    limit: Limit | None = None
    page_cursor: Nullable[str] = None
