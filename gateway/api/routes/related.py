"""`/access_grants/get_related` and `/access_methods/get_related`: an object's surroundings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import sqlalchemy as sa

from gateway.access import read
from gateway.access.context import Context
from gateway.access.filters import DeviceFilter, GrantFilter, IdentityFilter, MethodFilter
from gateway.api.declaration import READ, Call, Route
from gateway.api.models.access_grants import GetRelatedToGrants, GetRelatedToMethods
from gateway.api.objects.batch import Batch, connected_accounts
from gateway.api.objects.user_identity import user_identity
from gateway.api.routes.rendering import Rows, shown_devices, shown_grants, shown_methods

# Kinds that a batch can hold; those that this gateway has no objects of stay empty.
_GRANT_KINDS: Final = (
    "access_methods",
    "acs_access_groups",
    "acs_entrances",
    "acs_systems",
    "connected_accounts",
    "devices",
    "spaces",
    "user_identities",
)
_METHOD_KINDS: Final = (
    "access_grants",
    "access_methods",
    "acs_credentials",
    "acs_entrances",
    "client_sessions",
    "devices",
    "instant_keys",
    "spaces",
)


async def _related_to_grants(call: Call, parameters: GetRelatedToGrants) -> Batch:
    kinds = _chosen(_GRANT_KINDS, parameters.include, parameters.exclude)

    def query(conn: sa.Connection, ctx: Context) -> Batch:
        rows = _grants_of(conn, ctx, parameters)
        ids = [row.access_grant_id for row in rows]
        people = IdentityFilter(
            user_identity_ids=tuple(dict.fromkeys(row.user_identity_id for row in rows))
        )
        doors = _doors(conn, ctx, ids) if _DOOR_KINDS.intersection(kinds) else []
        makers: dict[str, Callable[[], list[Any]]] = {
            "access_methods": lambda: list(shown_methods(conn, ctx, _methods_of(conn, ctx, ids))),
            "connected_accounts": lambda: connected_accounts(doors),
            "devices": lambda: list(shown_devices(ctx, doors)),
            "user_identities": lambda: [
                user_identity(row) for row in read.identities(conn, ctx, people, limit=len(ids))
            ],
        }
        return {kind: makers[kind]() if kind in makers else [] for kind in kinds}

    return await call.read(query)


def _grants_of(conn: sa.Connection, ctx: Context, parameters: GetRelatedToGrants) -> Rows:
    """The grants named, each once; those that do not exist are left out."""
    found: dict[str, sa.Row[Any]] = {}
    for narrow in (
        GrantFilter(access_grant_ids=tuple(parameters.access_grant_ids or ())),
        GrantFilter(access_grant_keys=tuple(parameters.access_grant_keys or ())),
    ):
        wanted = narrow.access_grant_ids or narrow.access_grant_keys or ()
        for row in read.grants(conn, ctx, narrow, limit=len(wanted)) if wanted else ():
            found[row.access_grant_id] = row
    return list(found.values())


async def _related_to_methods(call: Call, parameters: GetRelatedToMethods) -> Batch:
    kinds = _chosen(_METHOD_KINDS, parameters.include, parameters.exclude)
    narrow = MethodFilter(access_method_ids=tuple(parameters.access_method_ids))

    def query(conn: sa.Connection, ctx: Context) -> Batch:
        rows = read.methods(conn, ctx, narrow, limit=len(parameters.access_method_ids))
        grant_ids = tuple(dict.fromkeys(row.access_grant_id for row in rows))
        related = GrantFilter(access_grant_ids=grant_ids)
        makers: dict[str, Callable[[], list[Any]]] = {
            "access_grants": lambda: list(
                shown_grants(conn, ctx, read.grants(conn, ctx, related, limit=len(grant_ids)))
            ),
            "access_methods": lambda: list(shown_methods(conn, ctx, rows)),
            "devices": lambda: list(shown_devices(ctx, _doors(conn, ctx, grant_ids))),
        }
        return {kind: makers[kind]() if kind in makers else [] for kind in kinds}

    return await call.read(query)


# Kinds that need the rows of the grants' devices.
_DOOR_KINDS: Final = frozenset({"connected_accounts", "devices"})


def _chosen(
    kinds: tuple[str, ...], include: Sequence[str] | None, exclude: Sequence[str] | None
) -> tuple[str, ...]:
    """The kinds asked for: all of them, or those included, without those excluded."""
    return tuple(
        kind
        for kind in kinds
        if (not include or kind in include) and (not exclude or kind not in exclude)
    )


def _methods_of(conn: sa.Connection, ctx: Context, grant_ids: Collection[str]) -> Rows:
    by_grant = read.methods_of_grants(conn, ctx, grant_ids)
    return [row for rows in by_grant.values() for row in rows]


def _doors(conn: sa.Connection, ctx: Context, grant_ids: Collection[str]) -> Rows:
    """The devices of grants, each once."""
    by_grant = read.device_ids_of_grants(conn, ctx, grant_ids)
    ids = tuple(dict.fromkeys(one for held in by_grant.values() for one in held))
    return read.devices(conn, ctx, DeviceFilter(device_ids=ids), limit=len(ids))


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        path="/access_grants/get_related",
        methods=READ,
        summary="Get what belongs to access grants.",
        parameters=GetRelatedToGrants,
        keys=("batch",),
        shows=Batch,
        handler=_related_to_grants,
    ),
    Route(
        path="/access_methods/get_related",
        methods=READ,
        summary="Get what belongs to access methods.",
        parameters=GetRelatedToMethods,
        keys=("batch",),
        shows=Batch,
        handler=_related_to_methods,
    ),
)
