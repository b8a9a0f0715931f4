"""`/user_identities/*`: people."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from gateway.access import identities, read
from gateway.access.context import Context
from gateway.access.filters import IdentityFilter
from gateway.access.requests import IdentityRequest
from gateway.api.declaration import ACT, READ, Call, Listed, Route
from gateway.api.models.user_identities import (
    CreateUserIdentity,
    GetUserIdentity,
    ListUserIdentities,
)
from gateway.api.objects.user_identity import UserIdentity, user_identity
from gateway.errors import NotFound

# Documented default.
_LIMIT: Final = 500


async def _create_identity(call: Call, parameters: CreateUserIdentity) -> UserIdentity:
    if parameters.acs_system_ids:
        raise NotFound("acs_system", parameters.acs_system_ids[0])
    request = IdentityRequest(
        user_identity_key=parameters.user_identity_key,
        full_name=parameters.full_name,
        email_address=parameters.email_address,
        phone_number=parameters.phone_number,
    )

    def unit(conn: sa.Connection, ctx: Context) -> UserIdentity:
        identity_id = identities.create_identity(conn, ctx, request)
        return user_identity(read.identity(conn, ctx, user_identity_id=identity_id))

    return await call.write(unit)


async def _get_identity(call: Call, parameters: GetUserIdentity) -> UserIdentity:
    return await call.read(
        lambda conn, ctx: user_identity(
            read.identity(
                conn,
                ctx,
                user_identity_id=parameters.user_identity_id,
                user_identity_key=parameters.user_identity_key,
            )
        )
    )


async def _list_identities(call: Call, parameters: ListUserIdentities) -> Listed:
    page = call.page(parameters, limit=_LIMIT)
    ids = parameters.user_identity_ids
    narrow = IdentityFilter(
        user_identity_ids=None if ids is None else tuple(ids),
        created_before_ms=parameters.created_before,
        # An empty search is no search: this one parameter is documented without a least length.
        search=parameters.search or None,
    )
    is_nobodys = parameters.credential_manager_acs_system_id is not None

    def query(conn: sa.Connection, ctx: Context) -> Listed:
        rows = (
            []
            if is_nobodys
            else read.identities(conn, ctx, narrow, limit=page.limit + 1, after=page.after)
        )
        kept, pagination = page.cut(rows, "user_identity_id")
        return Listed([user_identity(row) for row in kept], pagination)

    return await call.read(query)


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        path="/user_identities/create",
        methods=ACT,
        summary="Create a user identity.",
        parameters=CreateUserIdentity,
        keys=("user_identity",),
        shows=UserIdentity,
        handler=_create_identity,
    ),
    Route(
        path="/user_identities/get",
        methods=READ,
        summary="Get a user identity.",
        parameters=GetUserIdentity,
        keys=("user_identity",),
        shows=UserIdentity,
        handler=_get_identity,
    ),
    Route(
        path="/user_identities/list",
        methods=READ,
        summary="List user identities.",
        parameters=ListUserIdentities,
        keys=("user_identities",),
        shows=list[UserIdentity],
        is_paged=True,
        handler=_list_identities,
    ),
)
