"""Typed reads for the API: one query a page, none a row.

Every list is in the order (created_at_ms, id) and begins after a place in it. Rows are those of
`gateway.store.tables`, with attributes named as the columns. A lookup by any string is valid; what
another workspace holds is not found.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.access.filters import (
    AccessCodeFilter,
    AttemptFilter,
    DeviceFilter,
    GrantFilter,
    IdentityFilter,
    MethodFilter,
)
from gateway.access.paging import (
    After,
    Rows,
    before,
    equal,
    first,
    one_of,
    page,
    search,
)
from gateway.access.text import known
from gateway.errors import NotFound
from gateway.store.tables import (
    access_code as access_code_table,
)
from gateway.store.tables import (
    access_grant,
    access_grant_device,
    access_method,
    action_attempt,
    device,
    user_identity,
)
from gateway.store.tables import (
    workspace as workspace_table,
)


def access_codes(
    conn: sa.Connection, ctx: Context, narrow: AccessCodeFilter, *, limit: int, after: After = None
) -> Rows:
    """A page of access codes."""
    table = access_code_table
    clauses = [
        *equal(table.c.access_grant_id, narrow.access_grant_id),
        *equal(table.c.access_method_id, narrow.access_method_id),
        *equal(table.c.device_id, narrow.device_id),
        *one_of(table.c.access_code_id, narrow.access_code_ids),
        *search(narrow.search, table.c.name, table.c.code, table.c.access_code_id),
    ]
    if narrow.access_grant_key is not None:
        clauses.append(table.c.access_grant_id == _grant_of_key(ctx, narrow.access_grant_key))
    return page(conn, ctx, table, table.c.access_code_id, clauses, limit=limit, after=after)


def access_code(
    conn: sa.Connection,
    ctx: Context,
    *,
    access_code_id: str | None = None,
    device_id: str | None = None,
    code: str | None = None,
) -> sa.Row[Any]:
    """One access code, by its id or by device and code; all that is given must fit.

    Raises:
        NotFound: When there is none.
    """
    table = access_code_table
    clauses = [
        *equal(table.c.access_code_id, access_code_id),
        *equal(table.c.device_id, device_id),
        *equal(table.c.code, code),
    ]
    rows = page(conn, ctx, table, table.c.access_code_id, clauses, limit=1, after=None)
    # A code is a secret, so it is not repeated in the sentence.
    return first(rows, "access_code", access_code_id or device_id or "of that code")


def grants(
    conn: sa.Connection, ctx: Context, narrow: GrantFilter, *, limit: int, after: After = None
) -> Rows:
    """A page of access grants."""
    table = access_grant
    clauses = [
        *equal(table.c.user_identity_id, narrow.user_identity_id),
        *one_of(table.c.access_grant_id, narrow.access_grant_ids),
        *one_of(table.c.access_grant_key, narrow.access_grant_keys),
    ]
    if narrow.search is not None:
        own = (table.c.name, table.c.access_grant_key, table.c.access_grant_id)
        people = sa.select(user_identity.c.user_identity_id).where(
            *search(
                narrow.search,
                user_identity.c.user_identity_id,
                user_identity.c.full_name,
                user_identity.c.email_address,
                user_identity.c.phone_number,
            )
        )
        found = (*search(narrow.search, *own), table.c.user_identity_id.in_(people))
        clauses.append(sa.or_(*found))
    if narrow.has_key is not None:
        key = table.c.access_grant_key
        clauses.append(key.is_not(None) if narrow.has_key else key.is_(None))
    if narrow.device_id is not None:
        held = sa.select(access_grant_device.c.access_grant_id).where(
            access_grant_device.c.device_id == known(narrow.device_id)
        )
        clauses.append(table.c.access_grant_id.in_(held))
    if narrow.access_code_id is not None:
        held = sa.select(access_code_table.c.access_grant_id).where(
            access_code_table.c.access_code_id == known(narrow.access_code_id)
        )
        clauses.append(table.c.access_grant_id.in_(held))
    return page(conn, ctx, table, table.c.access_grant_id, clauses, limit=limit, after=after)


def grant(
    conn: sa.Connection,
    ctx: Context,
    *,
    access_grant_id: str | None = None,
    access_grant_key: str | None = None,
) -> sa.Row[Any]:
    """One access grant, by id or key; all that is given must fit.

    Raises:
        NotFound: When there is none.
    """
    table = access_grant
    clauses = [
        *equal(table.c.access_grant_id, access_grant_id),
        *equal(table.c.access_grant_key, access_grant_key),
    ]
    rows = page(conn, ctx, table, table.c.access_grant_id, clauses, limit=1, after=None)
    return first(rows, "access_grant", access_grant_id or access_grant_key or "")


def methods(
    conn: sa.Connection, ctx: Context, narrow: MethodFilter, *, limit: int, after: After = None
) -> Rows:
    """A page of access methods."""
    table = access_method
    clauses = [
        *equal(table.c.access_grant_id, narrow.access_grant_id),
        *one_of(table.c.access_method_id, narrow.access_method_ids),
    ]
    if narrow.access_grant_key is not None:
        clauses.append(table.c.access_grant_id == _grant_of_key(ctx, narrow.access_grant_key))
    if narrow.access_code_id is not None:
        made = sa.select(access_code_table.c.access_method_id).where(
            access_code_table.c.access_code_id == known(narrow.access_code_id)
        )
        clauses.append(table.c.access_method_id.in_(made))
    if narrow.device_id is not None:
        made = sa.select(access_code_table.c.access_method_id).where(
            access_code_table.c.device_id == known(narrow.device_id)
        )
        clauses.append(table.c.access_method_id.in_(made))
    return page(conn, ctx, table, table.c.access_method_id, clauses, limit=limit, after=after)


def method(conn: sa.Connection, ctx: Context, access_method_id: str) -> sa.Row[Any]:
    """One access method.

    Raises:
        NotFound: When there is none.
    """
    narrow = MethodFilter(access_method_ids=(access_method_id,))
    return first(methods(conn, ctx, narrow, limit=1), "access_method", access_method_id)


def methods_of_grants(
    conn: sa.Connection, ctx: Context, access_grant_ids: Collection[str]
) -> dict[str, Rows]:
    """The methods of each grant, oldest first."""
    return _children(conn, ctx, access_method, "access_grant_id", access_grant_ids)


def codes_of_grants(
    conn: sa.Connection, ctx: Context, access_grant_ids: Collection[str]
) -> dict[str, Rows]:
    """The access codes of each grant, oldest first."""
    return _children(conn, ctx, access_code_table, "access_grant_id", access_grant_ids)


def codes_of_methods(
    conn: sa.Connection, ctx: Context, access_method_ids: Collection[str]
) -> dict[str, Rows]:
    """The access codes of each method, oldest first."""
    return _children(conn, ctx, access_code_table, "access_method_id", access_method_ids)


def device_ids_of_grants(
    conn: sa.Connection, ctx: Context, access_grant_ids: Collection[str]
) -> dict[str, list[str]]:
    """The devices that each grant names, in the order of their ids."""
    table = access_grant_device
    rows = conn.execute(
        sa.select(table.c.access_grant_id, table.c.device_id)
        .join(access_grant, access_grant.c.access_grant_id == table.c.access_grant_id)
        .where(
            access_grant.c.workspace_id == ctx.workspace_id,
            table.c.access_grant_id.in_(tuple(access_grant_ids)),
        )
        .order_by(table.c.device_id)
    )
    found: dict[str, list[str]] = {grant_id: [] for grant_id in access_grant_ids}
    for row in rows:
        found[row.access_grant_id].append(row.device_id)
    return found


def devices(
    conn: sa.Connection, ctx: Context, narrow: DeviceFilter, *, limit: int, after: After = None
) -> Rows:
    """A page of devices."""
    clauses = [
        *one_of(device.c.device_id, narrow.device_ids),
        *one_of(device.c.connected_account_id, narrow.connected_account_ids),
        *one_of(device.c.profile_id, narrow.profile_ids),
        *before(device.c.created_at_ms, narrow.created_before_ms),
        *search(narrow.search, device.c.name, device.c.display_name, device.c.device_id),
    ]
    for key, value in (narrow.custom_metadata_has or {}).items():
        held = device.c.custom_metadata[known(key)]
        if isinstance(value, bool):
            clauses.append(held.as_boolean() == value)
        else:
            clauses.append(held.as_string() == known(value))
    return page(conn, ctx, device, device.c.device_id, clauses, limit=limit, after=after)


def device_of(
    conn: sa.Connection, ctx: Context, *, device_id: str | None = None, name: str | None = None
) -> sa.Row[Any]:
    """One device, by id or by a name it goes by; all that is given must fit.

    Raises:
        NotFound: When there is none.
    """
    clauses = [*equal(device.c.device_id, device_id)]
    if name is not None:
        clauses.append(sa.or_(device.c.name == known(name), device.c.display_name == known(name)))
    rows = page(conn, ctx, device, device.c.device_id, clauses, limit=1, after=None)
    return first(rows, "device", device_id or name or "")


def device_errors(
    conn: sa.Connection, ctx: Context, device_ids: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """The errors of each device, which are copied into the objects on it."""
    rows = conn.execute(
        sa.select(device.c.device_id, device.c.errors).where(
            device.c.workspace_id == ctx.workspace_id, device.c.device_id.in_(tuple(device_ids))
        )
    )
    return {row.device_id: row.errors for row in rows}


def identities(
    conn: sa.Connection, ctx: Context, narrow: IdentityFilter, *, limit: int, after: After = None
) -> Rows:
    """A page of user identities."""
    table = user_identity
    searched = (
        table.c.full_name,
        table.c.user_identity_key,
        table.c.email_address,
        table.c.phone_number,
        table.c.user_identity_id,
    )
    clauses = [
        *one_of(table.c.user_identity_id, narrow.user_identity_ids),
        *before(table.c.created_at_ms, narrow.created_before_ms),
        *search(narrow.search, *searched),
    ]
    return page(conn, ctx, table, table.c.user_identity_id, clauses, limit=limit, after=after)


def identity(
    conn: sa.Connection,
    ctx: Context,
    *,
    user_identity_id: str | None = None,
    user_identity_key: str | None = None,
) -> sa.Row[Any]:
    """One user identity, by id or key; all that is given must fit.

    Raises:
        NotFound: When there is none.
    """
    table = user_identity
    clauses = [
        *equal(table.c.user_identity_id, user_identity_id),
        *equal(table.c.user_identity_key, user_identity_key),
    ]
    rows = page(conn, ctx, table, table.c.user_identity_id, clauses, limit=1, after=None)
    return first(rows, "user_identity", user_identity_id or user_identity_key or "")


def attempts(
    conn: sa.Connection, ctx: Context, narrow: AttemptFilter, *, limit: int, after: After = None
) -> Rows:
    """A page of action attempts."""
    table = action_attempt
    clauses = [
        *one_of(table.c.action_attempt_id, narrow.action_attempt_ids),
        *equal(table.c.device_id, narrow.device_id),
    ]
    return page(conn, ctx, table, table.c.action_attempt_id, clauses, limit=limit, after=after)


def attempt(conn: sa.Connection, ctx: Context, action_attempt_id: str) -> sa.Row[Any]:
    """One action attempt.

    Raises:
        NotFound: When there is none.
    """
    narrow = AttemptFilter(action_attempt_ids=(action_attempt_id,))
    return first(attempts(conn, ctx, narrow, limit=1), "action_attempt", action_attempt_id)


def workspace(conn: sa.Connection, ctx: Context) -> sa.Row[Any]:
    """The workspace itself.

    Raises:
        NotFound: When there is none.
    """
    row = conn.execute(
        sa.select(workspace_table).where(workspace_table.c.workspace_id == ctx.workspace_id)
    ).one_or_none()
    if row is None:
        raise NotFound("workspace", ctx.workspace_id)
    return row


@functools.cache
def _children_query(table: sa.Table, parent: str) -> sa.Select[Any]:
    return (
        sa.select(table)
        .where(
            table.c.workspace_id == sa.bindparam("workspace_id"),
            table.c[parent].in_(sa.bindparam("parents", expanding=True)),
        )
        .order_by(table.c.created_at_ms, *table.primary_key.columns)
    )


def _children(
    conn: sa.Connection, ctx: Context, table: sa.Table, parent: str, parents: Collection[str]
) -> dict[str, Rows]:
    values = {"workspace_id": ctx.workspace_id, "parents": list(parents)}
    rows = conn.execute(_children_query(table, parent), values)
    found: dict[str, Rows] = {parent_id: [] for parent_id in parents}
    for row in rows:
        found[getattr(row, parent)].append(row)
    return found


def _grant_of_key(ctx: Context, access_grant_key: str) -> sa.ScalarSelect[Any]:
    return (
        sa.select(access_grant.c.access_grant_id)
        .where(
            access_grant.c.workspace_id == ctx.workspace_id,
            access_grant.c.access_grant_key == known(access_grant_key),
        )
        .scalar_subquery()
    )
