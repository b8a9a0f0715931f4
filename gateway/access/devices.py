"""Devices as the gateway knows them: what the configuration named, and what people changed."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.access.door_time import with_zone_told
from gateway.access.events import emit
from gateway.access.requests import UNCHANGED, DeviceChanges, DeviceRegistration
from gateway.access.text import check_text, is_storable, known
from gateway.errors import Conflict, InvalidInput, NotFound
from gateway.store.tables import device
from protocols.profiles.local_time import stores_local_bounds

# Seam's documented bounds of custom metadata: 50 keys of 40 characters, values of 500.
_METADATA_KEYS_MAX = 50
_METADATA_KEY_LENGTH_MAX = 40
_METADATA_VALUE_LENGTH_MAX = 500

_SOME: Final = sa.select(device).where(
    device.c.workspace_id == sa.bindparam("workspace_id"),
    device.c.device_id.in_(sa.bindparam("device_ids", expanding=True)),
)
_UPDATE: Final = sa.update(device).where(device.c.device_id == sa.bindparam("known_id"))


def register(conn: sa.Connection, ctx: Context, registration: DeviceRegistration) -> bool:
    """Make a device known; again with the same id updates its name, profile, moniker and zone.

    What people called it since then stays. A new device is contacted at once.

    Returns:
        True when its codes have to be planned anew (`gateway.access.retiming`): it is of another
        kind, its door is in another zone, or its windows go by a zone whose law may have changed
        with the data.

    Raises:
        StoreError: The profile is unknown.
        Conflict: The id belongs to another workspace (`device_already_exists`).
    """
    profile = ctx.profile(registration.profile_id)
    held = (
        conn.execute(sa.select(device).where(device.c.device_id == registration.device_id))
        .mappings()
        .one_or_none()
    )
    given: dict[str, Any] = {
        "name": registration.name,
        "profile_id": registration.profile_id,
        "moniker": registration.moniker,
        "time_zone": registration.time_zone,
    }
    told = functools.partial(
        with_zone_told, profile=profile, time_zone=registration.time_zone, now_ms=ctx.now_ms
    )
    if held is None:
        given["warnings"] = told([])
        _insert(conn, ctx, registration, given)
        return False
    if held["workspace_id"] != ctx.workspace_id:
        raise Conflict(
            "Another workspace has a device of this id", error_type="device_already_exists"
        )
    given["warnings"] = told(held["warnings"])
    changed: dict[str, Any] = {name: value for name, value in given.items() if held[name] != value}
    if changed:
        if {"profile_id", "moniker", "time_zone"} & changed.keys():
            # Another lock may hang at this door now, or it may show another local time: ask it.
            changed["next_contact_at_ms"] = ctx.now_ms
        write_device(conn, registration.device_id, changed)
    is_other = bool({"profile_id", "time_zone"} & changed.keys())
    return is_other or stores_local_bounds(profile)


def get_device(conn: sa.Connection, ctx: Context, device_id: str) -> sa.RowMapping:
    """A device's row.

    Raises:
        NotFound: No such device.
    """
    return get_devices(conn, ctx, [device_id])[0]


def get_devices(
    conn: sa.Connection, ctx: Context, device_ids: Sequence[str]
) -> list[sa.RowMapping]:
    """The rows of some devices, in the order asked for, each once.

    Raises:
        NotFound: One of them does not exist.
    """
    wanted = list(dict.fromkeys(device_ids))
    ids = [known(device_id) for device_id in wanted]
    rows = conn.execute(_SOME, {"workspace_id": ctx.workspace_id, "device_ids": ids}).mappings()
    found = {row["device_id"]: row for row in rows}
    for device_id in wanted:
        if device_id not in found:
            raise NotFound("device", device_id)
    return [found[device_id] for device_id in wanted]


def update_device(
    conn: sa.Connection, ctx: Context, device_id: str, changes: DeviceChanges
) -> None:
    """Change what people call a device, or its custom metadata.

    Raises:
        NotFound: No such device.
        InvalidInput: A text or metadata out of bounds.
    """
    row = get_device(conn, ctx, device_id)
    changed: dict[str, Any] = {}
    if changes.display_name is not UNCHANGED:
        check_text("name", changes.display_name)
        changed["display_name"] = changes.display_name
    if changes.custom_metadata is not UNCHANGED:
        changed["custom_metadata"] = _metadata(row["custom_metadata"], changes.custom_metadata)
    changed = {name: value for name, value in changed.items() if row[name] != value}
    if not changed:
        return
    write_device(conn, device_id, changed)
    if "display_name" in changed:
        emit(
            conn,
            ctx,
            "device.name_changed",
            connected_account_id=row["connected_account_id"],
            device_id=device_id,
            device_name=changed["display_name"],
        )


def write_device(conn: sa.Connection, device_id: str, changed: Mapping[str, Any]) -> None:
    """Write what changed of a device: column to value."""
    conn.execute(_UPDATE, {"known_id": device_id, **changed})


def _insert(
    conn: sa.Connection, ctx: Context, registration: DeviceRegistration, given: dict[str, Any]
) -> None:
    account_id = _account(conn, ctx)
    conn.execute(
        device.insert().values(
            device_id=registration.device_id,
            workspace_id=ctx.workspace_id,
            connected_account_id=account_id,
            display_name=registration.display_name,
            created_at_ms=ctx.now_ms,
            custom_metadata={},
            reported={},
            is_online=False,
            last_contact_at_ms=None,
            log_next_index=0,
            attempts=0,
            next_try_at_ms=None,
            next_contact_at_ms=ctx.now_ms,
            errors=[],
            **given,
        )
    )
    emit(
        conn,
        ctx,
        "device.added",
        connected_account_id=account_id,
        device_id=registration.device_id,
    )


def _account(conn: sa.Connection, ctx: Context) -> str:
    """The one account that all devices of a workspace come through; made with the first."""
    found = conn.execute(
        sa.select(device.c.connected_account_id)
        .where(device.c.workspace_id == ctx.workspace_id)
        .limit(1)
    ).scalar()
    return ctx.new_id() if found is None else str(found)


def _metadata(
    held: dict[str, str | bool], given: dict[str, str | bool | None]
) -> dict[str, str | bool]:
    for key, value in given.items():
        text = value if isinstance(value, str) else ""
        is_sound = (
            0 < len(key) <= _METADATA_KEY_LENGTH_MAX
            and len(text) <= _METADATA_VALUE_LENGTH_MAX
            and is_storable(key + text)
        )
        if not is_sound:
            raise InvalidInput(
                "custom_metadata has a key or value that is too long",
                fields={"custom_metadata": "Keys have 1 to 40 characters, values at most 500"},
            )
    merged = {name: value for name, value in {**held, **given}.items() if value is not None}
    if len(merged) > _METADATA_KEYS_MAX:
        raise InvalidInput(
            "custom_metadata has too many keys",
            fields={"custom_metadata": f"Has more than {_METADATA_KEYS_MAX} keys"},
        )
    return merged
