"""Access grants: one person, some devices, one or more ways in.

The PIN of a grant is one for all its devices where it can be: the one requested, one that the
person has on other locks already, or a made one. A device that can't take it gets its own, with a
warning when that is not what the caller asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.access.devices import get_devices
from gateway.access.events import emit
from gateway.access.grant_changes import delete_grant, delete_method, update_grant
from gateway.access.grant_codes import (
    CodesMade,
    GrantWindow,
    code_name,
    make_codes,
    missing_error,
)
from gateway.access.identities import find_or_create, require_identity
from gateway.access.placing import check_window
from gateway.access.requests import GrantRequest, RequestedMethod
from gateway.access.text import check_text
from gateway.errors import Conflict, InvalidInput
from gateway.store.tables import access_grant, access_grant_device, access_method

__all__ = ["create_grant", "delete_grant", "delete_method", "update_grant"]

_MODES: Final = ("code", "card", "mobile_key", "cloud_key")
# Digits of a requested code, as the API documents them.
_CODE_LENGTHS: Final = range(4, 10)

_INSERT: Final = sa.insert(access_grant)
_INSERT_DOOR: Final = sa.insert(access_grant_device)
_INSERT_METHOD: Final = sa.insert(access_method)
_UPDATE: Final = sa.update(access_grant).where(
    access_grant.c.access_grant_id == sa.bindparam("known_id")
)
_UPDATE_METHOD: Final = sa.update(access_method).where(
    access_method.c.access_method_id == sa.bindparam("known_id")
)


def create_grant(conn: sa.Connection, ctx: Context, request: GrantRequest) -> str:
    """Create a grant with its person, methods and codes.

    Modes that these devices can't serve are told as an error of the grant.

    Returns:
        Its id.

    Raises:
        NotFound: No such device or user identity.
        InvalidInput: A parameter at fault.
        Conflict: The key is taken (`access_grant_key_already_exists`), or the person described is
            several.
    """
    starts_at_ms = ctx.now_ms if request.starts_at_ms is None else request.starts_at_ms
    _check(conn, ctx, request, starts_at_ms)
    devices = get_devices(conn, ctx, request.device_ids)
    identity_id = _identity(conn, ctx, request)
    grant_id = ctx.new_id()
    conn.execute(
        _INSERT,
        {
            "access_grant_id": grant_id,
            "workspace_id": ctx.workspace_id,
            "user_identity_id": identity_id,
            "access_grant_key": request.access_grant_key,
            "name": request.name,
            "starts_at_ms": starts_at_ms,
            "ends_at_ms": request.ends_at_ms,
            "created_at_ms": ctx.now_ms,
            "deleting_at_ms": None,
            "is_granted_to_all_doors": False,
            "requested_access_methods": [],
            "warnings": [],
            "errors": [],
        },
    )
    conn.execute(
        _INSERT_DOOR,
        [{"access_grant_id": grant_id, "device_id": row["device_id"]} for row in devices],
    )
    emit(conn, ctx, "access_grant.created", access_grant_id=grant_id)
    window = GrantWindow(
        access_grant_id=grant_id,
        user_identity_id=identity_id,
        code_name=code_name(conn, request.name, identity_id),
        starts_at_ms=starts_at_ms,
        ends_at_ms=request.ends_at_ms,
    )
    _make_methods(conn, ctx, window, devices, request)
    # Nothing is on a device yet, so no method can be issued: the grant needs no look.
    return grant_id


def _check(conn: sa.Connection, ctx: Context, request: GrantRequest, starts_at_ms: int) -> None:
    check_text("name", request.name)
    check_text("access_grant_key", request.access_grant_key)
    if not request.device_ids:
        raise InvalidInput("device_ids is empty", fields={"device_ids": "Names no device"})
    if not request.requested:
        raise InvalidInput(
            "requested_access_methods is empty",
            fields={"requested_access_methods": "Asks for no way in"},
        )
    if (request.user_identity_id is None) == (request.identity is None):
        raise InvalidInput(
            "Exactly one of user_identity_id and user_identity is needed",
            fields={"user_identity_id": "Give it or user_identity, not both"},
        )
    for requested in request.requested:
        _check_method(requested)
    check_window(ctx.now_ms, starts_at_ms, request.ends_at_ms)
    if request.access_grant_key is not None and _is_taken(conn, ctx, request.access_grant_key):
        raise Conflict(
            "Another access grant has this access_grant_key",
            error_type="access_grant_key_already_exists",
        )


def _check_method(requested: RequestedMethod) -> None:
    if requested.mode not in _MODES:
        raise _bad_method(f"mode is one of {', '.join(_MODES)}")
    code = requested.code
    if code is None:
        return
    if requested.mode != "code":
        raise _bad_method("code goes with mode code only")
    if not (code.isascii() and code.isdigit() and len(code) in _CODE_LENGTHS):
        raise _bad_method("code has 4 to 9 digits")


def _bad_method(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, fields={"requested_access_methods": sentence})


def _is_taken(conn: sa.Connection, ctx: Context, key: str) -> bool:
    found = conn.execute(
        sa.select(access_grant.c.access_grant_id).where(
            access_grant.c.workspace_id == ctx.workspace_id,
            access_grant.c.access_grant_key == key,
        )
    ).first()
    return found is not None


def _identity(conn: sa.Connection, ctx: Context, request: GrantRequest) -> str:
    if request.user_identity_id is not None:
        return require_identity(conn, ctx, request.user_identity_id)
    assert request.identity is not None  # noqa: S101 - `_check` let exactly one through.
    return find_or_create(conn, ctx, request.identity)


def _make_methods(
    conn: sa.Connection,
    ctx: Context,
    window: GrantWindow,
    devices: Sequence[sa.RowMapping],
    request: GrantRequest,
) -> None:
    """Make a method for each way in that was asked for, and note on the grant what came of it."""
    stored, warnings = [], []
    missing: dict[str, None] = {}
    for requested in request.requested:
        entry: dict[str, Any] = {
            "mode": requested.mode,
            "created_at_ms": ctx.now_ms,
            "created_access_method_ids": [],
        }
        if requested.code is not None:
            entry["code"] = requested.code
        if requested.instant_key_max_use_count is not None:
            entry["instant_key_max_use_count"] = requested.instant_key_max_use_count
        if requested.mode == "code":
            method_id, made = _make_code_method(
                conn, ctx, window, devices, requested.code, request.access_grant_key
            )
            entry["created_access_method_ids"] = [method_id]
            warnings += made.warnings
            missing |= dict.fromkeys(made.missing_device_ids)
        else:
            # Cards and mobile keys have no device here that could serve them yet.
            missing |= dict.fromkeys(row["device_id"] for row in devices)
        stored.append(entry)
    conn.execute(
        _UPDATE,
        {
            "known_id": window.access_grant_id,
            "requested_access_methods": stored,
            "warnings": warnings,
            "errors": missing_error(conn, ctx, window.access_grant_id, list(missing)),
        },
    )


def _make_code_method(
    conn: sa.Connection,
    ctx: Context,
    window: GrantWindow,
    devices: Sequence[sa.RowMapping],
    code: str | None,
    key: str | None,
) -> tuple[str, CodesMade]:
    method_id = ctx.new_id()
    conn.execute(
        _INSERT_METHOD,
        {
            "access_method_id": method_id,
            "workspace_id": ctx.workspace_id,
            "access_grant_id": window.access_grant_id,
            "mode": "code",
            "code": code,
            "is_issued": False,
            "was_issued": False,
            "issued_at_ms": None,
            "created_at_ms": ctx.now_ms,
            "deleting_at_ms": None,
            "warnings": [],
            "errors": [],
        },
    )
    emit(
        conn,
        ctx,
        "access_method.created",
        access_method_id=method_id,
        access_grant_ids=[window.access_grant_id],
        access_grant_keys=None if key is None else [key],
    )
    made = make_codes(
        conn,
        ctx,
        window,
        devices,
        access_method_id=method_id,
        preferred=code,
        is_requested=code is not None,
    )
    conn.execute(_UPDATE_METHOD, {"known_id": method_id, "code": made.shared_code})
    return method_id, made
