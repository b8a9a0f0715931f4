"""`/events/*`: what happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from gateway.access import events
from gateway.access.context import Context
from gateway.access.filters import EventFilter
from gateway.api.declaration import READ, Call, Route
from gateway.api.models.events import GetEvent, ListEvents
from gateway.api.objects.event import Event, event
from gateway.errors import NotFound

# Documented default.
_LIMIT: Final = 500

# Filters by objects that this gateway does not have: no event is about one.
_NOBODYS: Final = (
    "acs_access_group_id",
    "acs_credential_id",
    "acs_encoder_id",
    "acs_entrance_id",
    "acs_system_id",
    "acs_system_ids",
    "acs_user_id",
    "connect_webview_id",
    "customer_key",
    "space_id",
    "space_ids",
)


async def _get(call: Call, parameters: GetEvent) -> Event:
    narrow = EventFilter(
        event_ids=(parameters.event_id,),
        device_ids=_both(parameters.device_id, None),
        event_types=_both(parameters.event_type, None),
    )

    def query(conn: sa.Connection, ctx: Context) -> Event:
        rows = events.events(conn, ctx, narrow, limit=1)
        if not rows:
            raise NotFound("event", parameters.event_id)
        return event(rows[0])

    return await call.read(query)


async def _list(call: Call, parameters: ListEvents) -> list[Event]:
    if any(getattr(parameters, name) is not None for name in _NOBODYS):
        return []
    between = parameters.between
    narrow = EventFilter(
        event_ids=_both(None, parameters.event_ids),
        event_types=_both(parameters.event_type, parameters.event_types),
        device_ids=_both(parameters.device_id, parameters.device_ids),
        access_code_ids=_both(parameters.access_code_id, parameters.access_code_ids),
        access_grant_ids=_both(parameters.access_grant_id, parameters.access_grant_ids),
        access_method_ids=_both(parameters.access_method_id, parameters.access_method_ids),
        user_identity_ids=_both(parameters.user_identity_id, None),
        connected_account_id=parameters.connected_account_id,
        since_ms=parameters.since,
        between_ms=None if between is None else (between[0], between[1]),
    )
    limit = _LIMIT if parameters.limit is None else parameters.limit
    limit = min(limit, call.services.limits.list_size)
    offset = parameters.unstable_offset or 0

    def query(conn: sa.Connection, ctx: Context) -> list[Event]:
        rows = events.events(conn, ctx, narrow, limit=limit, offset=offset)
        return [event(row) for row in rows]

    return await call.read(query)


def _both(one: str | None, several: Sequence[str] | None) -> tuple[str, ...] | None:
    """A filter by one value, by several, or by what fits both."""
    if one is None:
        return None if several is None else tuple(several)
    return (one,) if several is None or one in several else ()


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        path="/events/get",
        methods=READ,
        summary="Get an event.",
        parameters=GetEvent,
        keys=("event",),
        shows=Event,
        handler=_get,
    ),
    Route(
        path="/events/list",
        methods=READ,
        summary="List events.",
        parameters=ListEvents,
        keys=("events",),
        shows=list[Event],
        handler=_list,
    ),
)
