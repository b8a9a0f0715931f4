"""`/access_grants/*`: who may open which doors, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from gateway.access import grants, read
from gateway.access.context import Context
from gateway.access.filters import GrantFilter
from gateway.access.requests import (
    UNCHANGED,
    GrantChanges,
    GrantRequest,
    IdentityRequest,
    RequestedMethod,
)
from gateway.api.declaration import (
    ACT,
    DELETE,
    READ,
    Call,
    Changed,
    Listed,
    Method,
    Route,
    nothing_to_show,
)
from gateway.api.models.access_grants import (
    CreateAccessGrant,
    DeleteAccessGrant,
    GetAccessGrant,
    ListAccessGrants,
    UpdateAccessGrant,
)
from gateway.api.objects.access_grant import AccessGrant
from gateway.api.routes.rendering import shown_grants
from gateway.api.zod import invalid
from gateway.errors import NotFound

# Documented default.
_LIMIT: Final = 500


async def _create(call: Call, parameters: CreateAccessGrant) -> Changed:
    _refuse_places(parameters)
    request = _grant_request(parameters)

    def unit(conn: sa.Connection, ctx: Context) -> AccessGrant:
        grant_id = grants.create_grant(conn, ctx, request)
        row = read.grant(conn, ctx, access_grant_id=grant_id)
        return shown_grants(conn, ctx, [row])[0]

    made = await call.write(unit)

    async def show() -> AccessGrant:
        try:
            return await call.read(lambda conn, ctx: _one(conn, ctx, made["access_grant_id"]))
        except NotFound:
            # Its window ended while devices settled: it is shown as it was made.
            return made

    return Changed(request.device_ids, show)


def _refuse_places(parameters: CreateAccessGrant) -> None:
    """There are no entrances and no spaces, so none that a grant could name.

    Raises:
        NotFound: When one is named.
        InvalidInput: For a reservation, which needs an entrance that takes part in them.
    """
    for resource, ids in (
        ("acs_entrance", parameters.acs_entrance_ids),
        ("space", parameters.space_ids),
        ("space", parameters.space_keys),
        ("space", parameters.location_ids),
    ):
        if ids:
            raise NotFound(resource, ids[0])
    if parameters.reservation_key is not None:
        raise invalid({"reservation_key": "None of the devices supports a reservation_key"})


def _grant_request(parameters: CreateAccessGrant) -> GrantRequest:
    person = parameters.user_identity
    return GrantRequest(
        user_identity_id=parameters.user_identity_id,
        identity=None
        if person is None
        else IdentityRequest(
            user_identity_key=person.user_identity_key,
            full_name=person.full_name,
            email_address=person.email_address,
            phone_number=person.phone_number,
        ),
        device_ids=tuple(dict.fromkeys(parameters.device_ids or ())),
        requested=tuple(
            RequestedMethod(
                mode=one.mode,
                code=one.code,
                instant_key_max_use_count=one.instant_key_max_use_count,
            )
            for one in parameters.requested_access_methods
        ),
        starts_at_ms=parameters.starts_at,
        ends_at_ms=parameters.ends_at,
        name=parameters.name,
        access_grant_key=parameters.access_grant_key,
    )


def _one(conn: sa.Connection, ctx: Context, grant_id: str | None, key: str | None = None) -> Any:
    row = read.grant(conn, ctx, access_grant_id=grant_id, access_grant_key=key)
    return shown_grants(conn, ctx, [row])[0]


async def _get(call: Call, parameters: GetAccessGrant) -> AccessGrant:
    grant_id, key = parameters.access_grant_id, parameters.access_grant_key
    shown: AccessGrant = await call.read(lambda conn, ctx: _one(conn, ctx, grant_id, key))
    return shown


async def _list(call: Call, parameters: ListAccessGrants) -> Listed:
    page = call.page(parameters, limit=_LIMIT)
    key = parameters.access_grant_key
    narrow = GrantFilter(
        access_grant_ids=_ids(parameters.access_grant_ids),
        access_grant_keys=None if key is None else (key,),
        # Null is documented to ask for the grants that have no key.
        has_key=False if key is None and parameters.given("access_grant_key") else None,
        access_code_id=parameters.access_code_id,
        device_id=parameters.device_id,
        user_identity_id=parameters.user_identity_id,
        search=parameters.search,
    )
    # There are no entrances, systems, customers, spaces and reservations: no grant has one.
    is_nobodys = any(
        value is not None
        for value in (
            parameters.acs_entrance_id,
            parameters.acs_system_id,
            parameters.customer_key,
            parameters.location_id,
            parameters.reservation_key,
            parameters.space_id,
        )
    )

    def query(conn: sa.Connection, ctx: Context) -> Listed:
        rows = (
            []
            if is_nobodys
            else read.grants(conn, ctx, narrow, limit=page.limit + 1, after=page.after)
        )
        kept, pagination = page.cut(rows, "access_grant_id")
        return Listed(shown_grants(conn, ctx, kept), pagination)

    return await call.read(query)


def _ids(ids: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if ids is None else tuple(ids)


async def _update(call: Call, parameters: UpdateAccessGrant) -> Changed:
    changes = GrantChanges(
        name=parameters.name if parameters.given("name") else UNCHANGED,
        starts_at_ms=UNCHANGED if parameters.starts_at is None else parameters.starts_at,
        ends_at_ms=parameters.ends_at if parameters.given("ends_at") else UNCHANGED,
    )

    def unit(conn: sa.Connection, ctx: Context) -> list[str]:
        row = read.grant(
            conn,
            ctx,
            access_grant_id=parameters.access_grant_id,
            access_grant_key=parameters.access_grant_key,
        )
        return grants.update_grant(conn, ctx, row.access_grant_id, changes)

    return Changed(await call.write(unit), nothing_to_show)


async def _delete(call: Call, parameters: DeleteAccessGrant) -> Changed:
    grant_id = parameters.access_grant_id
    device_ids = await call.write(lambda conn, ctx: grants.delete_grant(conn, ctx, grant_id))
    return Changed(device_ids, nothing_to_show)


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        path="/access_grants/create",
        methods=ACT,
        summary="Grant somebody access to devices.",
        parameters=CreateAccessGrant,
        keys=("access_grant",),
        shows=AccessGrant,
        changes=True,
        handler=_create,
    ),
    Route(
        path="/access_grants/delete",
        methods=DELETE,
        summary="Delete an access grant.",
        parameters=DeleteAccessGrant,
        changes=True,
        handler=_delete,
    ),
    Route(
        path="/access_grants/get",
        methods=READ,
        summary="Get an access grant.",
        parameters=GetAccessGrant,
        keys=("access_grant",),
        shows=AccessGrant,
        handler=_get,
    ),
    Route(
        path="/access_grants/list",
        methods=READ,
        summary="List access grants.",
        parameters=ListAccessGrants,
        keys=("access_grants",),
        shows=list[AccessGrant],
        is_paged=True,
        handler=_list,
    ),
    Route(
        path="/access_grants/update",
        methods=(Method.POST, Method.PATCH),
        summary="Change the name or the times of an access grant.",
        parameters=UpdateAccessGrant,
        changes=True,
        handler=_update,
    ),
)
