"""`/access_codes/*`: PINs on single devices."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from typing_extensions import TypedDict

from gateway.access import codes, read
from gateway.access.context import Context
from gateway.access.filters import AccessCodeFilter
from gateway.access.requests import (
    UNCHANGED,
    CodeChanges,
    CodeRequest,
    MultipleCodesRequest,
)
from gateway.api.declaration import (
    ACT,
    DELETE,
    READ,
    Call,
    Changed,
    Listed,
    Method,
    Route,
    nothing_to_show,
)
from gateway.api.models.access_codes import (
    CreateAccessCode,
    CreateAccessCodes,
    DeleteAccessCode,
    GenerateCode,
    GetAccessCode,
    ListAccessCodes,
    UpdateAccessCode,
)
from gateway.api.objects.access_code import AccessCode
from gateway.api.routes.rendering import shown_codes
from gateway.api.zod import invalid

# Documented default: one page holds what any device can.
_LIMIT: Final = 55_000

# What the profiles that exist can't do is refused by name, rather than ignored.
_UNSUPPORTED: Final = {
    "is_offline_access_code": "The device can't program offline access codes",
    "use_offline_access_code": "The device can't program offline access codes",
    "is_one_time_use": "The device can't program offline access codes",
    "use_backup_access_code_pool": "The device does not support a backup access code pool",
}


class GeneratedCode(TypedDict):
    """A code that a device would take."""

    code: str
    device_id: str


def _refuse_unsupported(
    parameters: CreateAccessCode | CreateAccessCodes | UpdateAccessCode,
) -> None:
    for name, sentence in _UNSUPPORTED.items():
        if getattr(parameters, name, None):
            raise invalid({name: sentence})


def _external_modification(
    parameters: CreateAccessCode | CreateAccessCodes | UpdateAccessCode,
) -> bool | None:
    """The one wish behind two names: the older one stands where the newer is not given."""
    if parameters.is_external_modification_allowed is not None:
        return parameters.is_external_modification_allowed
    return parameters.allow_external_modification


async def _create(call: Call, parameters: CreateAccessCode) -> Changed:
    _refuse_unsupported(parameters)
    request = CodeRequest(
        device_id=parameters.device_id,
        code=parameters.code,
        name=parameters.name,
        starts_at_ms=parameters.starts_at,
        ends_at_ms=parameters.ends_at,
        prefer_native_scheduling=parameters.prefer_native_scheduling is not False,
        preferred_code_length=parameters.preferred_code_length,
        common_code_key=parameters.common_code_key,
        is_external_modification_allowed=bool(_external_modification(parameters)),
    )

    def unit(conn: sa.Connection, ctx: Context) -> list[AccessCode]:
        return _snapshot(conn, ctx, [codes.create_code(conn, ctx, request)])

    made = await call.write(unit)

    async def show() -> AccessCode:
        return (await _as_of_now(call, made))[0]

    return Changed([parameters.device_id], show)


async def _create_multiple(call: Call, parameters: CreateAccessCodes) -> Changed:
    _refuse_unsupported(parameters)
    request = MultipleCodesRequest(
        device_ids=tuple(dict.fromkeys(parameters.device_ids)),
        is_sharing_required=parameters.behavior_when_code_cannot_be_shared != "create_random_code",
        code=parameters.code,
        name=parameters.name,
        starts_at_ms=parameters.starts_at,
        ends_at_ms=parameters.ends_at,
        prefer_native_scheduling=parameters.prefer_native_scheduling is not False,
        preferred_code_length=parameters.preferred_code_length,
        is_external_modification_allowed=bool(_external_modification(parameters)),
    )

    def unit(conn: sa.Connection, ctx: Context) -> list[AccessCode]:
        return _snapshot(conn, ctx, codes.create_multiple(conn, ctx, request))

    made = await call.write(unit)

    async def show() -> list[AccessCode]:
        return await _as_of_now(call, made)

    return Changed(request.device_ids, show)


def _snapshot(conn: sa.Connection, ctx: Context, ids: list[str]) -> list[AccessCode]:
    """Codes in the order of their ids' list; those that are gone are left out."""
    narrow = AccessCodeFilter(access_code_ids=tuple(ids))
    rows = read.access_codes(conn, ctx, narrow, limit=len(ids))
    found = {code["access_code_id"]: code for code in shown_codes(conn, ctx, rows)}
    return [found[one] for one in ids if one in found]


async def _as_of_now(call: Call, made: list[AccessCode]) -> list[AccessCode]:
    """Codes as they are after settling; one whose window ended meanwhile, as it was made."""
    ids = [code["access_code_id"] for code in made]
    now = await call.read(lambda conn, ctx: _snapshot(conn, ctx, ids))
    found = {code["access_code_id"]: code for code in now}
    return [found.get(code["access_code_id"], code) for code in made]


async def _get(call: Call, parameters: GetAccessCode) -> AccessCode:
    def query(conn: sa.Connection, ctx: Context) -> AccessCode:
        row = read.access_code(
            conn,
            ctx,
            access_code_id=parameters.access_code_id,
            device_id=parameters.device_id,
            code=parameters.code,
        )
        return shown_codes(conn, ctx, [row])[0]

    return await call.read(query)


async def _list(call: Call, parameters: ListAccessCodes) -> Listed:
    page = call.page(parameters, limit=_LIMIT)
    narrow = AccessCodeFilter(
        access_code_ids=None
        if parameters.access_code_ids is None
        else tuple(parameters.access_code_ids),
        access_grant_id=parameters.access_grant_id,
        access_grant_key=parameters.access_grant_key,
        access_method_id=parameters.access_method_id,
        device_id=parameters.device_id,
        search=parameters.search,
    )
    # There are no customers and no client sessions, so nothing belongs to one.
    is_nobodys = parameters.customer_key is not None or parameters.user_identifier_key is not None

    def query(conn: sa.Connection, ctx: Context) -> Listed:
        rows = (
            []
            if is_nobodys
            else read.access_codes(conn, ctx, narrow, limit=page.limit + 1, after=page.after)
        )
        kept, pagination = page.cut(rows, "access_code_id")
        return Listed(shown_codes(conn, ctx, kept), pagination)

    return await call.read(query)


async def _update(call: Call, parameters: UpdateAccessCode) -> Changed:
    _refuse_unsupported(parameters)
    if parameters.is_managed is False:
        raise invalid({"is_managed": "Access codes can't be made unmanaged"})
    changes = CodeChanges(
        code=_change(parameters.code),
        name=_change(parameters.name),
        starts_at_ms=_change(parameters.starts_at),
        ends_at_ms=_change(parameters.ends_at),
        type=_change(parameters.type),
        prefer_native_scheduling=_change(parameters.prefer_native_scheduling),
        is_external_modification_allowed=_change(_external_modification(parameters)),
    )

    def unit(conn: sa.Connection, ctx: Context) -> str:
        _require_device(conn, ctx, parameters.access_code_id, parameters.device_id)
        return codes.update_code(conn, ctx, parameters.access_code_id, changes)

    return Changed([await call.write(unit)], nothing_to_show)


def _change(value: Any) -> Any:
    """None stands for a parameter that was left out: no field of a code is set to null."""
    return UNCHANGED if value is None else value


async def _delete(call: Call, parameters: DeleteAccessCode) -> Changed:
    def unit(conn: sa.Connection, ctx: Context) -> str:
        _require_device(conn, ctx, parameters.access_code_id, parameters.device_id)
        return codes.delete_code(conn, ctx, parameters.access_code_id)

    return Changed([await call.write(unit)], nothing_to_show)


def _require_device(
    conn: sa.Connection, ctx: Context, access_code_id: str, device_id: str | None
) -> None:
    """Where the caller names the device too, it must be the code's own.

    Raises:
        NotFound: When it is not.
    """
    if device_id is not None:
        read.access_code(conn, ctx, access_code_id=access_code_id, device_id=device_id)


async def _generate(call: Call, parameters: GenerateCode) -> GeneratedCode:
    device_id = parameters.device_id
    code = await call.read(lambda conn, ctx: codes.generate_code(conn, ctx, device_id))
    return GeneratedCode(code=code, device_id=device_id)


ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        path="/access_codes/create",
        methods=ACT,
        summary="Create an access code on a device.",
        parameters=CreateAccessCode,
        keys=("access_code",),
        shows=AccessCode,
        changes=True,
        handler=_create,
    ),
    Route(
        path="/access_codes/create_multiple",
        methods=(Method.POST, Method.PUT),
        summary="Create an access code on each of several devices.",
        parameters=CreateAccessCodes,
        keys=("access_codes",),
        shows=list[AccessCode],
        changes=True,
        handler=_create_multiple,
    ),
    Route(
        path="/access_codes/delete",
        methods=DELETE,
        summary="Delete an access code.",
        parameters=DeleteAccessCode,
        changes=True,
        handler=_delete,
    ),
    Route(
        path="/access_codes/generate_code",
        methods=READ,
        summary="Generate a code that a device would take.",
        parameters=GenerateCode,
        keys=("generated_code",),
        shows=GeneratedCode,
        handler=_generate,
    ),
    Route(
        path="/access_codes/get",
        methods=READ,
        summary="Get an access code.",
        parameters=GetAccessCode,
        keys=("access_code",),
        shows=AccessCode,
        handler=_get,
    ),
    Route(
        path="/access_codes/list",
        methods=READ,
        summary="List access codes.",
        parameters=ListAccessCodes,
        keys=("access_codes",),
        shows=list[AccessCode],
        is_paged=True,
        handler=_list,
    ),
    Route(
        path="/access_codes/update",
        methods=(Method.POST, Method.PATCH, Method.PUT),
        summary="Change an access code.",
        parameters=UpdateAccessCode,
        changes=True,
        handler=_update,
    ),
)
