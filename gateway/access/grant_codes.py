"""The access codes that a method needs: which PIN on which device, and what can't be had."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from gateway.access import pins
from gateway.access.context import Context
from gateway.access.events import emit
from gateway.access.pins import Door
from gateway.access.placing import NewCode, Placed, door_of, place_code, times_for
from gateway.access.troubles import MESSAGES, Trouble, added
from gateway.errors import InvalidInput
from gateway.store.tables import access_grant, access_method, user_identity

# PINs of a person that are tried again on further locks: the latest ones, one query.
_REUSED_MAX: Final = 3

_FULL_NAME: Final = sa.select(user_identity.c.full_name).where(
    user_identity.c.user_identity_id == sa.bindparam("user_identity_id")
)
_CODES_OF_PERSON: Final = (
    sa.select(access_method.c.code)
    .join(access_grant, access_grant.c.access_grant_id == access_method.c.access_grant_id)
    .where(
        access_grant.c.user_identity_id == sa.bindparam("user_identity_id"),
        sa.or_(
            access_grant.c.ends_at_ms.is_(None),
            access_grant.c.ends_at_ms > sa.bindparam("now_ms"),
        ),
        access_method.c.code.is_not(None),
        access_method.c.deleting_at_ms.is_(None),
    )
    .order_by(access_method.c.created_at_ms.desc(), access_method.c.access_method_id.desc())
    .limit(_REUSED_MAX)
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GrantWindow:
    """What of a grant its codes need to know.

    Attributes:
        access_grant_id: Which grant.
        user_identity_id: Who it is for.
        code_name: Name of its codes.
        starts_at_ms: Its start.
        ends_at_ms: Its end; None for open-ended.
    """

    access_grant_id: str
    user_identity_id: str | None
    code_name: str | None
    starts_at_ms: int
    ends_at_ms: int | None

    def code_starts_at_ms(self, now_ms: int) -> int | None:
        """Start of its codes: an open-ended grant that has begun is a code that is there."""
        has_begun = self.ends_at_ms is None and self.starts_at_ms <= now_ms
        return None if has_begun else self.starts_at_ms


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CodesMade:
    """What came of it.

    Attributes:
        codes: Device to PIN.
        warnings: The grant's warnings about single devices.
        missing_device_ids: Devices that got no code.
    """

    codes: dict[str, str] = dataclasses.field(repr=False)
    warnings: list[Trouble] = dataclasses.field(repr=False)
    missing_device_ids: tuple[str, ...]

    @property
    def shared_code(self) -> str | None:
        """The PIN that the method shows: the one on most devices, the first of them."""
        held = list(self.codes.values())
        return max(dict.fromkeys(held), key=held.count, default=None)


def make_codes(
    conn: sa.Connection,
    ctx: Context,
    window: GrantWindow,
    devices: Sequence[sa.RowMapping],
    *,
    access_method_id: str,
    preferred: str | None,
    is_requested: bool,
) -> CodesMade:
    """Put a code onto each device. Whoever calls refreshes the grant.

    Args:
        conn: The connection.
        ctx: The context.
        window: The grant.
        devices: Rows of its devices.
        access_method_id: The method that the codes belong to.
        preferred: The PIN to take where it can be had.
        is_requested: True when a caller chose it: each device without it is worth a warning.
    """
    warnings: list[Trouble] = []
    doors = []
    for device in devices:
        door = _door(conn, ctx, window, device)
        reason = _obstacle(conn, ctx, door)
        if reason is None:
            doors.append(door)
        else:
            warnings = _constraint_warning(warnings, ctx, door, reason)
    codes = _choose(conn, ctx, window, doors, preferred=preferred, is_requested=is_requested)
    accounts = {device["device_id"]: device["connected_account_id"] for device in devices}
    for door in doors:
        code = codes.get(door.device_id)
        if code is None:
            continue
        placed = place_code(
            conn,
            ctx,
            NewCode(
                door=door,
                connected_account_id=accounts[door.device_id],
                code=code,
                access_method_id=access_method_id,
                access_grant_id=window.access_grant_id,
            ),
        )
        if placed.warnings:
            warnings = _constraint_warning(warnings, ctx, door, _narrowing(placed))
        if is_requested and code != preferred:
            warnings = _device_warning(
                warnings,
                ctx,
                "requested_code_unavailable",
                door,
                message="The requested code is not available on a device; it got another one",
                original_code=preferred,
                new_code=code,
            )
    missing = [row["device_id"] for row in devices if row["device_id"] not in codes]
    return CodesMade(codes=codes, warnings=warnings, missing_device_ids=tuple(missing))


def code_name(conn: sa.Connection, grant_name: str | None, identity_id: str | None) -> str | None:
    """What the codes of a grant are called: as the grant, or as the person."""
    if grant_name is not None or identity_id is None:
        return grant_name
    found = conn.execute(_FULL_NAME, {"user_identity_id": identity_id}).scalar()
    return None if found is None else str(found)


def missing_error(
    conn: sa.Connection, ctx: Context, access_grant_id: str, device_ids: list[str]
) -> list[dict[str, Any]]:
    """The errors of a grant that lacks something on some devices; tells it as an event."""
    if not device_ids:
        return []
    error_code = "cannot_create_requested_access_methods"
    emit(
        conn,
        ctx,
        "access_grant.could_not_create_requested_access_methods",
        access_grant_id=access_grant_id,
        error_message=MESSAGES[error_code],
        missing_device_ids=device_ids,
    )
    return added([], "error_code", error_code, ctx.now_ms, missing_device_ids=device_ids)


def _door(conn: sa.Connection, ctx: Context, window: GrantWindow, device: sa.RowMapping) -> Door:
    door = door_of(
        ctx,
        device,
        name=window.code_name,
        starts_at_ms=window.code_starts_at_ms(ctx.now_ms),
        ends_at_ms=window.ends_at_ms,
    )
    if "name" in pins.broken_surroundings(conn, ctx, door):
        return dataclasses.replace(door, name=None)
    return door


def _obstacle(conn: sa.Connection, ctx: Context, door: Door) -> str | None:
    """Why a device can't have a code in that window, or None."""
    if not door.profile.online_codes:
        return pins.NO_ONLINE_CODES
    try:
        times_for(ctx, door, prefer_native_scheduling=True)
    except InvalidInput as error:
        return error.message
    return pins.broken_surroundings(conn, ctx, door).get("starts_at")


def _choose(
    conn: sa.Connection,
    ctx: Context,
    window: GrantWindow,
    doors: Sequence[Door],
    *,
    preferred: str | None,
    is_requested: bool,
) -> dict[str, str]:
    """Device to PIN; devices that take none are left out."""
    chosen: dict[str, str] = {}
    if preferred is not None:
        chosen = {
            door.device_id: preferred
            for door in doors
            if pins.takes(conn, ctx, door, preferred, is_specified=is_requested)
        }
    rest = [door for door in doors if door.device_id not in chosen]
    if not rest:
        return chosen
    shared = _shared(conn, ctx, window, rest)
    for door in rest:
        code = shared if shared is not None else pins.generate(conn, ctx, [door])
        if code is not None:
            chosen[door.device_id] = code
    return chosen


def _shared(
    conn: sa.Connection, ctx: Context, window: GrantWindow, doors: Sequence[Door]
) -> str | None:
    """One PIN for several devices: one that the person has already, or a made one."""
    # Where the vendor makes the codes, one that may have been chosen elsewhere does not count.
    if not any(door.profile.vendor_made_codes for door in doors):
        for code in _codes_of(conn, ctx, window):
            if all(pins.takes(conn, ctx, door, code, is_specified=False) for door in doors):
                return code
    return pins.generate(conn, ctx, doors)


def _codes_of(conn: sa.Connection, ctx: Context, window: GrantWindow) -> list[str]:
    """The PINs of a person's grants that are not over, latest first."""
    values = {"user_identity_id": window.user_identity_id, "now_ms": ctx.now_ms}
    return list(conn.execute(_CODES_OF_PERSON, values).scalars())


def _constraint_warning(
    warnings: list[Trouble], ctx: Context, door: Door, reason: str
) -> list[Trouble]:
    return _device_warning(
        warnings,
        ctx,
        "device_time_constraints_violated",
        door,
        message="A device can't hold the access as it was asked for",
        reason=reason,
    )


def _device_warning(
    warnings: list[Trouble], ctx: Context, warning_code: str, door: Door, **extra: str | None
) -> list[Trouble]:
    """The warnings with one more: such codes stand once for each device."""
    fresh = added([], "warning_code", warning_code, ctx.now_ms, device_id=door.device_id, **extra)
    return [*warnings, *fresh]


def _narrowing(placed: Placed) -> str:
    return "; ".join(str(one) for one in placed.warnings)
