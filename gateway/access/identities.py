"""User identities: people, each known by key, e-mail address or phone number at most once."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.access.requests import IdentityRequest
from gateway.access.text import check_text, known
from gateway.errors import Conflict, InvalidInput, NotFound
from gateway.store.tables import user_identity

# Attributes that tell people apart, in the order in which an inline identity is looked for.
_KEYS = ("user_identity_key", "email_address", "phone_number")
_INSERT: Final = sa.insert(user_identity)


def create_identity(conn: sa.Connection, ctx: Context, request: IdentityRequest) -> str:
    """Create an identity; returns its id.

    Raises:
        InvalidInput: A text that is empty or too long.
        Conflict: Somebody has that key, e-mail address or phone number already
            (`user_identity_already_exists`).
    """
    _check(request)
    taken = _holders(conn, ctx, request)
    for name in _KEYS:
        if name in taken:
            raise Conflict(
                f"Another user identity has this {name}",
                error_type="user_identity_already_exists",
            )
    identity_id = ctx.new_id()
    conn.execute(
        _INSERT,
        {
            "user_identity_id": identity_id,
            "workspace_id": ctx.workspace_id,
            "user_identity_key": request.user_identity_key,
            "full_name": request.full_name,
            "email_address": request.email_address,
            "phone_number": request.phone_number,
            "created_at_ms": ctx.now_ms,
        },
    )
    return identity_id


def find_or_create(conn: sa.Connection, ctx: Context, request: IdentityRequest) -> str:
    """The identity that an inline description means; made when there is none.

    Found by key, e-mail address or phone number, in this order; what was known before stays as it
    was. Somebody described by a name alone is a new person each time.

    Raises:
        InvalidInput: A text that is empty or too long, or a description of nobody.
        Conflict: The description fits several people (`user_identity_ambiguous`).
    """
    _check(request)
    holders = _holders(conn, ctx, request)
    if not holders:
        return create_identity(conn, ctx, request)
    if len(set(holders.values())) > 1:
        raise Conflict(
            "The user identity's attributes belong to different people",
            error_type="user_identity_ambiguous",
        )
    return next(iter(holders.values()))


def require_identity(conn: sa.Connection, ctx: Context, user_identity_id: str) -> str:
    """The id itself, when there is such an identity.

    Raises:
        NotFound: When there is not.
    """
    found = conn.execute(
        sa.select(user_identity.c.user_identity_id).where(
            user_identity.c.workspace_id == ctx.workspace_id,
            user_identity.c.user_identity_id == known(user_identity_id),
        )
    ).scalar()
    if found is None:
        raise NotFound("user_identity", user_identity_id)
    return str(found)


def _holders(conn: sa.Connection, ctx: Context, request: IdentityRequest) -> dict[str, str]:
    """Attribute name to the id of who has that value, for the attributes given."""
    given = {name: value for name in _KEYS if (value := getattr(request, name)) is not None}
    if not given:
        return {}
    rows = conn.execute(
        sa.select(
            user_identity.c.user_identity_id,
            user_identity.c.user_identity_key,
            user_identity.c.email_address,
            user_identity.c.phone_number,
        ).where(
            user_identity.c.workspace_id == ctx.workspace_id,
            sa.or_(*(user_identity.c[name] == value for name, value in given.items())),
        )
    ).mappings()
    found: dict[str, str] = {}
    for row in rows:
        for name, value in given.items():
            if row[name] == value:
                found[name] = str(row["user_identity_id"])
    return {name: found[name] for name in _KEYS if name in found}


def _check(request: IdentityRequest) -> None:
    for name in ("full_name", *_KEYS):
        check_text(name, getattr(request, name))
    if all(getattr(request, name) is None for name in ("full_name", *_KEYS)):
        raise InvalidInput(
            "A user identity needs a name, a key, an e-mail address or a phone number",
            fields={"user_identity": "Describes nobody"},
        )
