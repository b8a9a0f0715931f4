"""`/devices/*`, and what of `/locks/*` reads: which locks there are, and how they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from gateway.access import read
from gateway.access.context import Context
from gateway.access.filters import DeviceFilter
from gateway.api.declaration import READ, Call, Listed, Route
from gateway.api.models.devices import GetDevice, ListDevices
from gateway.api.objects.device import Device
from gateway.api.pages import PageRequest
from gateway.api.routes.rendering import shown_devices
from protocols.profiles.parser import Profile

# Documented default.
_LIMIT: Final = 500

# Flags of a device that `include_if` and `exclude_if` may name, by what decides them.
_FLAGS: Final[Mapping[str, Callable[[Profile], bool]]] = {
    "can_remotely_lock": lambda profile: profile.remote_lock,
    "can_remotely_unlock": lambda profile: profile.remote_unlock,
    "can_program_online_access_codes": lambda profile: profile.online_codes,
    "can_unlock_with_code": lambda profile: profile.has_keypad,
}


async def _get(call: Call, parameters: GetDevice) -> Device:
    def query(conn: sa.Connection, ctx: Context) -> Device:
        row = read.device_of(conn, ctx, device_id=parameters.device_id, name=parameters.name)
        return shown_devices(ctx, [row])[0]

    return await call.read(query)


async def _list(call: Call, parameters: ListDevices) -> Listed:
    return await _listed(call, parameters, call.page(parameters, limit=_LIMIT))


async def _listed(call: Call, parameters: ListDevices, page: PageRequest) -> Listed:
    narrow = _filter(parameters, call.services.profiles)

    def query(conn: sa.Connection, ctx: Context) -> Listed:
        rows = (
            []
            if _is_nobodys(parameters)
            else read.devices(conn, ctx, narrow, limit=page.limit + 1, after=page.after)
        )
        kept, pagination = page.cut(rows, "device_id")
        return Listed(shown_devices(ctx, kept), pagination)

    return await call.read(query)


async def _list_locks(call: Call, parameters: ListDevices) -> list[Device]:
    """As the devices: each of them is a lock. This list has no pages."""
    limit = _LIMIT if parameters.limit is None else parameters.limit
    limit = min(limit, call.services.limits.list_size)
    listed = await _listed(call, parameters, PageRequest(limit, None, "", call.url))
    return list(listed.items)


def _is_nobodys(parameters: ListDevices) -> bool:
    """There are no webviews, customers, client sessions or spaces, so no device has one."""
    return any(
        value is not None
        for value in (
            parameters.connect_webview_id,
            parameters.customer_key,
            parameters.space_id,
            parameters.user_identifier_key,
        )
    )


def _filter(parameters: ListDevices, profiles: Mapping[str, Profile]) -> DeviceFilter:
    accounts = parameters.connected_account_ids
    if parameters.connected_account_id is not None:
        one = parameters.connected_account_id
        accounts = [one] if accounts is None or one in accounts else []
    return DeviceFilter(
        device_ids=None if parameters.device_ids is None else tuple(parameters.device_ids),
        connected_account_ids=None if accounts is None else tuple(accounts),
        profile_ids=_profile_ids(parameters, profiles),
        created_before_ms=parameters.created_before,
        custom_metadata_has=parameters.custom_metadata_has,
        search=parameters.search,
    )


def _profile_ids(
    parameters: ListDevices, profiles: Mapping[str, Profile]
) -> tuple[str, ...] | None:
    """The profiles of the kinds of device that are asked for; None when any will do."""
    narrows = (
        parameters.device_type,
        parameters.device_types,
        parameters.manufacturer,
        parameters.include_if,
        parameters.exclude_if,
    )
    if all(narrow is None for narrow in narrows):
        return None
    return tuple(
        profile_id
        for profile_id, profile in profiles.items()
        if _is_asked_for(parameters, profile)
    )


def _is_asked_for(parameters: ListDevices, profile: Profile) -> bool:
    held = {name for name, decides in _FLAGS.items() if decides(profile)}
    maker = profile.manufacturer.lower().replace(" ", "_")
    return (
        parameters.device_type in {None, profile.device_type}
        and (parameters.device_types is None or profile.device_type in parameters.device_types)
        and (parameters.manufacturer is None or parameters.manufacturer.lower() == maker)
        and held.issuperset(parameters.include_if or ())
        and held.isdisjoint(parameters.exclude_if or ())
    )


def _reading(path: str, keys: tuple[str, ...], what: str) -> Route[GetDevice]:
    return Route(
        path=path,
        methods=READ,
        summary=f"Get a {what}.",
        parameters=GetDevice,
        keys=keys,
        shows=Device,
        handler=_get,
    )


ROUTES: Final[tuple[Route[Any], ...]] = (
    _reading("/devices/get", ("device",), "device"),
    Route(
        path="/devices/list",
        methods=READ,
        summary="List devices.",
        parameters=ListDevices,
        keys=("devices",),
        shows=list[Device],
        is_paged=True,
        handler=_list,
    ),
    _reading("/locks/get", ("device", "lock"), "lock"),
    Route(
        path="/locks/list",
        methods=READ,
        summary="List locks.",
        parameters=ListDevices,
        keys=("devices", "locks"),
        shows=list[Device],
        handler=_list_locks,
    ),
)
