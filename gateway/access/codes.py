"""Access codes that callers create, change and delete (`gateway.access.lifecycle` says the rest).

A PIN is decided at creation and stays until somebody changes it. All checks that decide on what
is stored (duplicates, names, free PINs) happen inside the unit.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from gateway.access import facts as code_facts
from gateway.access import pins
from gateway.access.code_changes import begin_deletion, update_code
from gateway.access.context import Context
from gateway.access.devices import get_device, get_devices
from gateway.access.methods import refresh_grant
from gateway.access.pins import Door
from gateway.access.placing import NewCode, check_window, door_of, place_code, times_for
from gateway.access.requests import CodeRequest, MultipleCodesRequest
from gateway.access.text import check_text
from gateway.errors import Conflict, InvalidInput

__all__ = ["create_code", "create_multiple", "delete_code", "generate_code", "update_code"]

# The form that Seam's documentation shows for keys of linked codes.
_COMMON_KEY: Final = "auto_set_by_create_multiple_"


def create_code(conn: sa.Connection, ctx: Context, request: CodeRequest) -> str:
    """Create an access code; returns its id.

    Raises:
        NotFound: No such device.
        InvalidInput: A parameter at fault.
        Conflict: The device has that PIN already (`duplicate_access_code`), or no PIN is left
            (`no_code_available`).
    """
    check_text("name", request.name)
    check_text("common_code_key", request.common_code_key)
    row = get_device(conn, ctx, request.device_id)
    starts_at_ms = _first_start(ctx, request.starts_at_ms, request.ends_at_ms)
    check_window(ctx.now_ms, starts_at_ms, request.ends_at_ms)
    door = door_of(
        ctx,
        row,
        name=request.name,
        starts_at_ms=starts_at_ms,
        ends_at_ms=request.ends_at_ms,
    )
    pins.check_takes_codes(door)
    times_for(ctx, door, prefer_native_scheduling=request.prefer_native_scheduling)
    if request.code is None:
        code = _made(conn, ctx, [door], request.preferred_code_length)
    else:
        code = request.code
        pins.check_code(conn, ctx, door, code)
    placed = place_code(
        conn,
        ctx,
        NewCode(
            door=door,
            connected_account_id=row["connected_account_id"],
            code=code,
            prefer_native_scheduling=request.prefer_native_scheduling,
            common_code_key=request.common_code_key,
            is_external_modification_allowed=request.is_external_modification_allowed,
        ),
    )
    return placed.access_code_id


def create_multiple(conn: sa.Connection, ctx: Context, request: MultipleCodesRequest) -> list[str]:
    """Create an access code on each of several devices; all of them or none.

    Returns:
        Their ids, in the order of the devices.

    Raises:
        NotFound: No such device.
        InvalidInput: A parameter at fault.
        Conflict: A device can't take the shared PIN and sharing is required
            (`duplicate_access_code`), or no PIN is left (`no_code_available`).
    """
    check_text("name", request.name)
    if not request.device_ids:
        raise InvalidInput("device_ids is empty", fields={"device_ids": "Names no device"})
    rows = get_devices(conn, ctx, request.device_ids)
    starts_at_ms = _first_start(ctx, request.starts_at_ms, request.ends_at_ms)
    check_window(ctx.now_ms, starts_at_ms, request.ends_at_ms)
    doors = [
        door_of(
            ctx,
            row,
            name=request.name,
            starts_at_ms=starts_at_ms,
            ends_at_ms=request.ends_at_ms,
        )
        for row in rows
    ]
    for door in doors:
        pins.check_takes_codes(door, field="device_ids")
        times_for(ctx, door, prefer_native_scheduling=request.prefer_native_scheduling)
    codes = _shared(conn, ctx, doors, request)
    common_key = None if request.code is not None else _COMMON_KEY + ctx.new_id()
    ids = []
    for row, door, code in zip(rows, doors, codes, strict=True):
        new = NewCode(
            door=door,
            connected_account_id=row["connected_account_id"],
            code=code,
            prefer_native_scheduling=request.prefer_native_scheduling,
            common_code_key=common_key,
            is_external_modification_allowed=request.is_external_modification_allowed,
        )
        ids.append(place_code(conn, ctx, new).access_code_id)
    return ids


def delete_code(conn: sa.Connection, ctx: Context, access_code_id: str) -> str:
    """Have an access code leave its device; again is no error while it is on its way out.

    One that was never handed to its device is gone at once.

    Returns:
        The id of its device, which may have work now.

    Raises:
        NotFound: No such access code.
    """
    facts = code_facts.require(conn, ctx, access_code_id)
    if facts.deleting_at_ms is None:
        begin_deletion(conn, ctx, facts)
        if facts.access_grant_id is not None:
            refresh_grant(conn, ctx, facts.access_grant_id, ctx.now_ms)
    return facts.device_id


def generate_code(conn: sa.Connection, ctx: Context, device_id: str) -> str:
    """A PIN that a device would take now; nothing is kept.

    Raises:
        NotFound: No such device.
        InvalidInput: The device takes no codes.
        Conflict: No PIN is left (`no_code_available`).
    """
    row = get_device(conn, ctx, device_id)
    door = door_of(ctx, row)
    pins.check_takes_codes(door)
    return _made(conn, ctx, [door], None)


def _first_start(ctx: Context, starts_at_ms: int | None, ends_at_ms: int | None) -> int | None:
    """Only an end given: time-bound from now on."""
    return ctx.now_ms if starts_at_ms is None and ends_at_ms is not None else starts_at_ms


def _shared(
    conn: sa.Connection, ctx: Context, doors: list[Door], request: MultipleCodesRequest
) -> list[str]:
    """One PIN for each door: the same where it can be, and everywhere when that is required."""
    code: str | None
    if request.code is not None:
        code = request.code
        if request.is_sharing_required:
            for door in doors:
                pins.check_code(conn, ctx, door, code)
    else:
        code = pins.generate(conn, ctx, doors, preferred_length=request.preferred_code_length)
        if code is None and request.is_sharing_required:
            raise Conflict("No code fits all of these devices", error_type="code_cannot_be_shared")
    is_specified = request.code is not None
    return [
        code
        if code is not None and pins.takes(conn, ctx, door, code, is_specified=is_specified)
        else _made(conn, ctx, [door], request.preferred_code_length)
        for door in doors
    ]


def _made(
    conn: sa.Connection, ctx: Context, doors: list[Door], preferred_length: int | None
) -> str:
    code = pins.generate(conn, ctx, doors, preferred_length=preferred_length)
    if code is None:
        for door in doors:
            # A rule about name or start is the reason more often than a full device.
            if fields := pins.broken_surroundings(conn, ctx, door):
                raise InvalidInput("The device does not take this access code", fields=fields)
        raise Conflict("The device has no free code left", error_type="no_code_available")
    return code
