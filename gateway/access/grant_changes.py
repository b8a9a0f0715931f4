"""Changes of access grants: other times, another name, the end of a method or of all."""

from __future__ import annotations

import dataclasses
from typing import Any

import sqlalchemy as sa

from gateway.access import facts as code_facts
from gateway.access.code_changes import begin_deletion, change_code
from gateway.access.context import Context
from gateway.access.devices import get_devices
from gateway.access.events import emit
from gateway.access.grant_codes import GrantWindow, code_name, make_codes, missing_error
from gateway.access.methods import mark_deleting, methods_of, refresh_grant, require_method
from gateway.access.placing import check_window
from gateway.access.requests import UNCHANGED, CodeChanges, GrantChanges
from gateway.access.text import check_text, iso_utc, iso_utc_or_none, known
from gateway.access.troubles import added, removed
from gateway.errors import Conflict, NotFound
from gateway.store.tables import access_grant, access_grant_device

# What one call about the codes of a grant says; a later call says it anew.
_PLACING_WARNINGS = ("requested_code_unavailable", "device_time_constraints_violated")


def update_grant(
    conn: sa.Connection, ctx: Context, access_grant_id: str, changes: GrantChanges
) -> list[str]:
    """Change a grant's name or times. PINs stay as they are.

    A grant that was over and gets a later end has its codes made again.

    Returns:
        The ids of its devices, which may have work now.

    Raises:
        NotFound: No such grant.
        InvalidInput: A parameter at fault, or a window that one of the devices can't hold.
        Conflict: The grant is being deleted (`access_grant_being_deleted`).
    """
    row = require_grant(conn, ctx, access_grant_id)
    if row["deleting_at_ms"] is not None:
        raise Conflict(
            "The access grant is being deleted", error_type="access_grant_being_deleted"
        )
    given: dict[str, Any] = {
        field.name: value
        for field in dataclasses.fields(changes)
        if (value := getattr(changes, field.name)) is not UNCHANGED
    }
    changed = {name: value for name, value in given.items() if row[name] != value}
    if changed:
        check_text("name", changed.get("name"))
        conn.execute(
            sa.update(access_grant)
            .where(access_grant.c.access_grant_id == access_grant_id)
            .values(**changed)
        )
    device_ids = devices_of(conn, access_grant_id)
    if "starts_at_ms" in changed or "ends_at_ms" in changed:
        after: dict[str, Any] = {**row, **changed}
        check_window(ctx.now_ms, after["starts_at_ms"], after["ends_at_ms"])
        _change_times(conn, ctx, after, device_ids)
        refresh_grant(conn, ctx, access_grant_id, ctx.now_ms)
    return device_ids


def delete_grant(conn: sa.Connection, ctx: Context, access_grant_id: str) -> list[str]:
    """Delete a grant with all its methods; again is no error while it is on its way out.

    It is gone at once when none of its codes was handed to a device, else when the last device
    has confirmed.

    Returns:
        The ids of its devices, which may have work now.

    Raises:
        NotFound: No such grant.
    """
    row = require_grant(conn, ctx, access_grant_id)
    device_ids = devices_of(conn, access_grant_id)
    if row["deleting_at_ms"] is not None:
        return device_ids
    conn.execute(
        sa.update(access_grant)
        .where(access_grant.c.access_grant_id == access_grant_id)
        .values(
            deleting_at_ms=ctx.now_ms,
            warnings=added(row["warnings"], "warning_code", "being_deleted", ctx.now_ms),
        )
    )
    for method in methods_of(conn, access_grant_id):
        if method["deleting_at_ms"] is None:
            mark_deleting(conn, ctx, method)
    for facts in code_facts.of_grant(conn, access_grant_id):
        if facts.deleting_at_ms is None:
            begin_deletion(conn, ctx, facts)
    refresh_grant(conn, ctx, access_grant_id, ctx.now_ms)
    return device_ids


def delete_method(conn: sa.Connection, ctx: Context, access_method_id: str) -> list[str]:
    """Delete one method of a grant; again is no error while it is on its way out.

    Returns:
        The ids of the grant's devices, which may have work now.

    Raises:
        NotFound: No such method.
    """
    method = require_method(conn, ctx, access_method_id)
    grant_id = method["access_grant_id"]
    device_ids = devices_of(conn, grant_id)
    if method["deleting_at_ms"] is not None:
        return device_ids
    mark_deleting(conn, ctx, method)
    row = require_grant(conn, ctx, grant_id)
    asked = [
        requested
        for requested in row["requested_access_methods"]
        if access_method_id not in requested["created_access_method_ids"]
    ]
    conn.execute(
        sa.update(access_grant)
        .where(access_grant.c.access_grant_id == grant_id)
        .values(requested_access_methods=asked)
    )
    for facts in code_facts.of_method(conn, access_method_id):
        if facts.deleting_at_ms is None:
            begin_deletion(conn, ctx, facts)
    refresh_grant(conn, ctx, grant_id, ctx.now_ms)
    return device_ids


def require_grant(conn: sa.Connection, ctx: Context, access_grant_id: str) -> sa.RowMapping:
    """A grant of the workspace.

    Raises:
        NotFound: When there is none.
    """
    row = (
        conn.execute(
            sa.select(access_grant).where(
                access_grant.c.access_grant_id == known(access_grant_id),
                access_grant.c.workspace_id == ctx.workspace_id,
            )
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFound("access_grant", access_grant_id)
    return row


def devices_of(conn: sa.Connection, access_grant_id: str) -> list[str]:
    """The ids of a grant's devices, in their order."""
    return list(
        conn.execute(
            sa.select(access_grant_device.c.device_id)
            .where(access_grant_device.c.access_grant_id == access_grant_id)
            .order_by(access_grant_device.c.device_id)
        ).scalars()
    )


def _change_times(
    conn: sa.Connection, ctx: Context, grant: dict[str, Any], device_ids: list[str]
) -> None:
    grant_id = grant["access_grant_id"]
    emit(
        conn,
        ctx,
        "access_grant.access_times_changed",
        access_grant_id=grant_id,
        access_grant_key=grant["access_grant_key"],
        starts_at=iso_utc(grant["starts_at_ms"]),
        ends_at=iso_utc_or_none(grant["ends_at_ms"]),
    )
    window = GrantWindow(
        access_grant_id=grant_id,
        user_identity_id=grant["user_identity_id"],
        code_name=code_name(conn, grant["name"], grant["user_identity_id"]),
        starts_at_ms=grant["starts_at_ms"],
        ends_at_ms=grant["ends_at_ms"],
    )
    moved = CodeChanges(
        starts_at_ms=window.code_starts_at_ms(ctx.now_ms), ends_at_ms=window.ends_at_ms
    )
    held: set[tuple[str, str]] = set()
    for facts in code_facts.of_grant(conn, grant_id):
        held.add((str(facts.access_method_id), facts.device_id))
        if facts.deleting_at_ms is None:
            change_code(conn, ctx, facts, moved)
    _make_missing(conn, ctx, grant, window, device_ids, held)


def _make_missing(
    conn: sa.Connection,
    ctx: Context,
    grant: dict[str, Any],
    window: GrantWindow,
    device_ids: list[str],
    held: set[tuple[str, str]],
) -> None:
    """Make the codes that are not there, or not there any more."""
    warnings = grant["warnings"]
    missing: dict[str, None] = {}
    made_any = False
    for method in methods_of(conn, window.access_grant_id):
        lacking = [
            device_id
            for device_id in device_ids
            if (method["access_method_id"], device_id) not in held
        ]
        if method["mode"] != "code" or method["deleting_at_ms"] is not None or not lacking:
            continue
        made_any = True
        made = make_codes(
            conn,
            ctx,
            window,
            get_devices(conn, ctx, lacking),
            access_method_id=method["access_method_id"],
            preferred=method["code"],
            is_requested=False,
        )
        warnings = [*removed(warnings, "warning_code", _PLACING_WARNINGS), *made.warnings]
        missing |= dict.fromkeys(made.missing_device_ids)
    if made_any:
        conn.execute(
            sa.update(access_grant)
            .where(access_grant.c.access_grant_id == window.access_grant_id)
            .values(
                warnings=warnings,
                errors=missing_error(conn, ctx, window.access_grant_id, list(missing)),
            )
        )
