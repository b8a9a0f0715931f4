"""Access methods and grants: what their access codes make of them.

A method is issued once every door of its grant confirmed; a grant is granted to all doors once
all its methods are issued. Both are functions of the codes and of their own past, so
`refresh_grant` is called after anything happened to a code that belongs to a grant.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from gateway.access import facts as code_facts
from gateway.access.context import Context
from gateway.access.events import emit
from gateway.access.facts import CodeFacts
from gateway.access.lifecycle import is_in_force
from gateway.access.text import known
from gateway.access.troubles import CodeKey, Trouble, added, has, removed
from gateway.errors import NotFound
from gateway.store.tables import access_grant, access_grant_device, access_method

# Errors of a code that is still on a device where it should not be.
_LEFT_ERRORS: Final = ("failed_to_remove_from_device", "failed_to_delete")
_DOOR_COUNT: Final = (
    sa.select(sa.func.count())
    .where(access_grant_device.c.access_grant_id == access_grant.c.access_grant_id)
    .correlate(access_grant)
    .scalar_subquery()
    .label("door_count")
)
_GRANT: Final = sa.select(access_grant, _DOOR_COUNT).where(
    access_grant.c.access_grant_id == sa.bindparam("access_grant_id")
)
_METHODS: Final = (
    sa.select(access_method)
    .where(access_method.c.access_grant_id == sa.bindparam("access_grant_id"))
    .order_by(access_method.c.created_at_ms, access_method.c.access_method_id)
)
_UPDATE_GRANT: Final = sa.update(access_grant).where(
    access_grant.c.access_grant_id == sa.bindparam("known_id")
)
_UPDATE_METHOD: Final = sa.update(access_method).where(
    access_method.c.access_method_id == sa.bindparam("known_id")
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Grant:
    """A grant with everything under it, at one instant."""

    row: sa.RowMapping
    codes: Sequence[CodeFacts]
    at_ms: int

    @property
    def grant_id(self) -> str:
        return str(self.row["access_grant_id"])

    def codes_of(self, method: sa.RowMapping) -> list[CodeFacts]:
        method_id = method["access_method_id"]
        return [code for code in self.codes if code.access_method_id == method_id]


def refresh_grant(conn: sa.Connection, ctx: Context, access_grant_id: str, at_ms: int) -> None:
    """Bring a grant and its methods to what their codes say, and tell what is new.

    Args:
        conn: The connection.
        ctx: The context.
        access_grant_id: Which grant; it outlives its codes, so it is there.
        at_ms: When what happened to its codes happened, milliseconds since 1970.
    """
    row = conn.execute(_GRANT, {"access_grant_id": access_grant_id}).mappings().one()
    grant = _Grant(row=row, codes=code_facts.of_grant(conn, access_grant_id), at_ms=at_ms)
    methods = methods_of(conn, access_grant_id)
    is_over = row["ends_at_ms"] is not None and at_ms >= row["ends_at_ms"]
    issued = [
        is_issued
        for method in methods
        if (is_issued := _refresh_method(conn, ctx, grant, method, is_over=is_over)) is not None
    ]
    if row["deleting_at_ms"] is not None and not issued:
        _delete_grant(conn, ctx, grant)
        return
    is_granted = len(issued) >= len(row["requested_access_methods"]) and all(issued)
    _write_grant(conn, ctx, grant, is_granted=is_granted)


def methods_of(conn: sa.Connection, access_grant_id: str) -> Sequence[sa.RowMapping]:
    """The methods of a grant, oldest first."""
    return conn.execute(_METHODS, {"access_grant_id": access_grant_id}).mappings().all()


def require_method(conn: sa.Connection, ctx: Context, access_method_id: str) -> sa.RowMapping:
    """A method of the workspace.

    Raises:
        NotFound: When there is none.
    """
    method = (
        conn.execute(
            sa.select(access_method).where(
                access_method.c.access_method_id == known(access_method_id),
                access_method.c.workspace_id == ctx.workspace_id,
            )
        )
        .mappings()
        .one_or_none()
    )
    if method is None:
        raise NotFound("access_method", access_method_id)
    return method


def mark_deleting(conn: sa.Connection, ctx: Context, method: sa.RowMapping) -> None:
    """Mark a method as being deleted; its codes are its caller's business."""
    late = removed(method["warnings"], "warning_code", ("delay_in_issuing",))
    _write_method(
        conn,
        method,
        {
            "deleting_at_ms": ctx.now_ms,
            "errors": removed(method["errors"], "error_code", ("failed_to_issue",)),
            "warnings": added(late, "warning_code", "being_deleted", ctx.now_ms),
        },
    )


def _refresh_method(
    conn: sa.Connection, ctx: Context, grant: _Grant, method: sa.RowMapping, *, is_over: bool
) -> bool | None:
    """Bring one method up to date; returns whether it is issued, None when it is gone."""
    codes = grant.codes_of(method)
    if method["deleting_at_ms"] is not None:
        if codes:
            return False
        method_id = method["access_method_id"]
        conn.execute(access_method.delete().where(access_method.c.access_method_id == method_id))
        _tell(conn, ctx, "access_method.deleted", method, grant)
        return None
    if is_over:
        # What was issued stays so in the books; its codes leave one by one.
        return bool(method["is_issued"])
    live = [code for code in codes if code.deleting_at_ms is None]
    changed = _lateness(conn, ctx, grant, method, live)
    # A door that could not get a code at all keeps the method from being issued.
    is_issued = len(live) >= grant.row["door_count"] and all(
        is_in_force(code.entry, code.progress.confirmed) for code in live
    )
    if is_issued and not method["is_issued"]:
        changed |= {"is_issued": True, "was_issued": True, "issued_at_ms": grant.at_ms}
        verb = "reissued" if method["was_issued"] else "issued"
        _tell(conn, ctx, f"access_method.{verb}", method, grant, code=method["code"])
    if not is_issued and method["is_issued"]:
        changed |= {"is_issued": False, "issued_at_ms": None}
        _tell(conn, ctx, "access_method.revoked", method, grant)
    _write_method(conn, method, changed)
    return is_issued


def _lateness(
    conn: sa.Connection,
    ctx: Context,
    grant: _Grant,
    method: sa.RowMapping,
    codes: Sequence[CodeFacts],
) -> dict[str, Any]:
    """Errors and warnings of a method that its codes give it; tells those that are new."""
    is_failed = any(has(code.state.errors, "error_code", "failed_to_issue") for code in codes)
    is_late = any(has(code.state.warnings, "warning_code", "delay_in_issuing") for code in codes)
    is_late = is_late and not is_failed
    old_errors, old_warnings = method["errors"], method["warnings"]
    errors = _switched(old_errors, "error_code", "failed_to_issue", grant.at_ms, is_on=is_failed)
    warnings = _switched(
        old_warnings, "warning_code", "delay_in_issuing", grant.at_ms, is_on=is_late
    )
    warnings = _switched(
        warnings,
        "warning_code",
        "updating_access_times",
        grant.at_ms,
        is_on=_is_updating(codes),
    )
    if is_failed and errors != old_errors:
        _tell(conn, ctx, "access_method.failed_to_issue", method, grant)
    if is_late and not has(old_warnings, "warning_code", "delay_in_issuing"):
        _tell(conn, ctx, "access_method.delay_in_issuing", method, grant)
    changed: dict[str, Any] = {}
    if errors != old_errors:
        changed["errors"] = errors
    if warnings != old_warnings:
        changed["warnings"] = warnings
    return changed


def _is_updating(codes: Sequence[CodeFacts]) -> bool:
    return any(
        mutation["mutation_code"] == "updating_time_frame"
        for code in codes
        for mutation in code.state.pending_mutations
    )


def _write_grant(conn: sa.Connection, ctx: Context, grant: _Grant, *, is_granted: bool) -> None:
    row = grant.row
    changed: dict[str, Any] = {}
    warnings = _grant_warnings(row["warnings"], grant)
    if warnings != row["warnings"]:
        changed["warnings"] = warnings
    if is_granted != row["is_granted_to_all_doors"] and row["deleting_at_ms"] is None:
        changed["is_granted_to_all_doors"] = is_granted
        if is_granted:
            emit(
                conn,
                ctx,
                "access_grant.access_granted_to_all_doors",
                occurred_at_ms=grant.at_ms,
                access_grant_id=grant.grant_id,
            )
    if changed:
        conn.execute(_UPDATE_GRANT, {"known_id": grant.grant_id, **changed})


def _grant_warnings(warnings: list[Trouble], grant: _Grant) -> list[Trouble]:
    updating = sorted(
        {
            code.access_method_id
            for code in grant.codes
            if code.access_method_id is not None and _is_updating([code])
        }
    )
    left = [
        {"device_id": code.device_id, "error_code": error["error_code"]}
        for code in grant.codes
        for error in code.state.errors
        if error["error_code"] in _LEFT_ERRORS
    ]
    for warning_code, is_on, extra in (
        ("updating_access_times", bool(updating), {"access_method_ids": updating}),
        ("overprovisioned_access", bool(left), {"failed_devices": left}),
    ):
        if is_on:
            warnings = added(warnings, "warning_code", warning_code, grant.at_ms, **extra)
        else:
            warnings = removed(warnings, "warning_code", (warning_code,))
    return warnings


def _delete_grant(conn: sa.Connection, ctx: Context, grant: _Grant) -> None:
    conn.execute(
        access_grant_device.delete().where(access_grant_device.c.access_grant_id == grant.grant_id)
    )
    conn.execute(access_grant.delete().where(access_grant.c.access_grant_id == grant.grant_id))
    emit(
        conn,
        ctx,
        "access_grant.deleted",
        occurred_at_ms=grant.at_ms,
        access_grant_id=grant.grant_id,
    )


def _switched(
    troubles: list[Trouble], key: CodeKey, code: str, at_ms: int, *, is_on: bool
) -> list[Trouble]:
    """The list with a code in it, or without it; one that is there stays as it is."""
    if not is_on:
        return removed(troubles, key, (code,))
    return troubles if has(troubles, key, code) else added(troubles, key, code, at_ms)


def _write_method(conn: sa.Connection, method: sa.RowMapping, changed: dict[str, Any]) -> None:
    if changed:
        conn.execute(_UPDATE_METHOD, {"known_id": method["access_method_id"], **changed})


def _tell(
    conn: sa.Connection,
    ctx: Context,
    event_type: str,
    method: sa.RowMapping,
    grant: _Grant,
    **fields: Any,
) -> None:
    key = grant.row["access_grant_key"]
    emit(
        conn,
        ctx,
        event_type,
        occurred_at_ms=grant.at_ms,
        access_method_id=method["access_method_id"],
        access_grant_ids=[grant.grant_id],
        access_grant_keys=None if key is None else [key],
        **fields,
    )
