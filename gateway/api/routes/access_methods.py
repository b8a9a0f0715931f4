"""`/access_methods/*`: the ways in that grants give."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from gateway.access import read
from gateway.access.context import Context
from gateway.access.filters import MethodFilter
from gateway.api.declaration import READ, Call, Listed, Route
from gateway.api.models.access_grants import GetAccessMethod, ListAccessMethods
from gateway.api.objects.access_method import AccessMethod
from gateway.api.routes.rendering import shown_methods

# Documented default of the lists that have pages.
_LIMIT: Final = 500


async def _get(call: Call, parameters: GetAccessMethod) -> AccessMethod:
    def query(conn: sa.Connection, ctx: Context) -> AccessMethod:
        row = read.method(conn, ctx, parameters.access_method_id)
        return shown_methods(conn, ctx, [row])[0]

    return await call.read(query)


async def _list(call: Call, parameters: ListAccessMethods) -> Listed:
    page = call.page(parameters, limit=_LIMIT)
    narrow = MethodFilter(
        access_grant_id=parameters.access_grant_id,
        access_grant_key=parameters.access_grant_key,
        access_code_id=parameters.access_code_id,
        device_id=parameters.device_id,
    )
    is_nobodys = parameters.acs_entrance_id is not None or parameters.space_id is not None

    def query(conn: sa.Connection, ctx: Context) -> Listed:
        rows = (
            []
            if is_nobodys
            else read.methods(conn, ctx, narrow, limit=page.limit + 1, after=page.after)
        )
        kept, pagination = page.cut(rows, "access_method_id")
        return Listed(shown_methods(conn, ctx, kept), pagination)

    return await call.read(query)


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        path="/access_methods/get",
        methods=READ,
        summary="Get an access method.",
        parameters=GetAccessMethod,
        keys=("access_method",),
        shows=AccessMethod,
        handler=_get,
    ),
    Route(
        path="/access_methods/list",
        methods=READ,
        summary="List access methods.",
        parameters=ListAccessMethods,
        keys=("access_methods",),
        shows=list[AccessMethod],
        is_paged=True,
        handler=_list,
    ),
)
