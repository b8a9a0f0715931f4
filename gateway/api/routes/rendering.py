"""Rows with what belongs to them, read in a fixed number of queries a page, as objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from gateway.access import read
from gateway.access.context import Context
from gateway.access.filters import IdentityFilter
from gateway.api.objects.access_code import AccessCode, access_code
from gateway.api.objects.access_grant import AccessGrant, access_grant
from gateway.api.objects.access_method import AccessMethod, access_method
from gateway.api.objects.device import Device, device

Rows = Sequence[sa.Row[Any]]


def shown_codes(conn: sa.Connection, ctx: Context, rows: Rows) -> list[AccessCode]:
    """Access codes as the API shows them; one more query for the errors of their devices."""
    errors = read.device_errors(conn, ctx, dict.fromkeys(row.device_id for row in rows))
    return [access_code(row, errors.get(row.device_id, ()), ctx.now_ms) for row in rows]


def shown_grants(conn: sa.Connection, ctx: Context, rows: Rows) -> list[AccessGrant]:
    """Access grants as the API shows them; three more queries for what they are made of."""
    ids = [row.access_grant_id for row in rows]
    methods = read.methods_of_grants(conn, ctx, ids)
    codes = read.codes_of_grants(conn, ctx, ids)
    identity_ids = tuple(dict.fromkeys(row.user_identity_id for row in rows))
    people = IdentityFilter(user_identity_ids=identity_ids)
    names = {
        row.user_identity_id: row.full_name
        for row in read.identities(conn, ctx, people, limit=len(identity_ids))
    }
    return [
        access_grant(
            row,
            methods[row.access_grant_id],
            codes[row.access_grant_id],
            full_name=names.get(row.user_identity_id),
            now_ms=ctx.now_ms,
        )
        for row in rows
    ]


def shown_methods(conn: sa.Connection, ctx: Context, rows: Rows) -> list[AccessMethod]:
    """Access methods as the API shows them; one more query for their codes."""
    codes = read.codes_of_methods(conn, ctx, [row.access_method_id for row in rows])
    return [access_method(row, codes[row.access_method_id]) for row in rows]


def shown_devices(ctx: Context, rows: Rows) -> list[Device]:
    """Devices as the API shows them."""
    return [device(row, ctx.profile(row.profile_id)) for row in rows]
