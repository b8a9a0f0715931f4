"""The `/bench/*` routes: what a person at the bench can do, over HTTP.

They answer while the gateway is off, so they share its API key but don't go through it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.config_schema import nearest
from hil_tests import bench_hardware
from hil_tests.bench import Bench
from hil_tests.bench_flash import flash_route
from hil_tests.bench_replies import refusal, told
from hil_tests.errors import BenchError

# A code is at most a keypad buffer long; far longer input is a mistake of the caller.
DIGITS_MAX: Final = 64
KEYS: Final = frozenset("0123456789*#")
# The keys of a body that its handler judges itself.
ANY: Final = ("*",)

Handler = Callable[[Bench, Request, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


def build_bench_api(bench: Bench) -> Starlette:
    """The ASGI application of the bench routes."""
    # A path, since a display name may hold a slash.
    device = "/bench/devices/{name:path}"
    routes = [
        _route(bench, "/bench/clock", "GET", _show_clock),
        _route(bench, "/bench/clock/advance", "POST", _advance, ("seconds", "to", "settle")),
        _route(bench, "/bench/devices", "GET", _list_devices),
        _route(bench, f"{device}/keypad", "POST", _keypad, ("digits",)),
        _route(bench, f"{device}/memory", "GET", _memory),
        _route(bench, f"{device}/power", "POST", _power, ("on",)),
        _route(bench, f"{device}/radio", "POST", _radio, ("in_range",)),
        _route(bench, f"{device}/faults", "GET", _show_faults),
        _route(bench, f"{device}/faults", "PUT", _replace_faults, ANY),
        _route(bench, f"{device}/faults", "POST", _add_faults, ANY),
        _route(bench, f"{device}/hardware", "GET", _show_hardware),
        _route(bench, f"{device}/hardware", "POST", _hardware, bench_hardware.KEYS),
        _route(bench, "/bench/gateway", "POST", _gateway, ("on", "crash")),
    ]
    routes.append(flash_route(bench, f"{device}/flash"))
    api = Starlette(routes=routes, exception_handlers={404: _unknown_route, 405: _wrong_method})
    # A slash too many is a mistake to be told, not a redirect for a client to lose its body on.
    api.router.redirect_slashes = False
    return api


def _route(
    bench: Bench, path: str, method: str, handler: Handler, keys: Sequence[str] | None = ()
) -> Route:
    """One route; `keys` are those that its body may have, None for a body that nobody reads."""

    async def endpoint(request: Request) -> Response:
        body: Mapping[str, Any] = {}
        if method != "GET" and keys is not None:
            body = await _body(request, keys)
        return JSONResponse({**await handler(bench, request, body), "ok": True})

    return Route(path, told(endpoint), methods=[method])


async def _unknown_route(request: Request, error: Exception) -> JSONResponse:
    del error
    return refusal(404, "not_found", f"no bench route {request.url.path[:128]}")


async def _wrong_method(request: Request, error: Exception) -> JSONResponse:
    del error
    return refusal(405, "method_not_allowed", f"{request.url.path} does not take this method")


async def _body(request: Request, keys: Sequence[str]) -> Mapping[str, Any]:
    raw = await request.body()
    try:
        document = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        raise BenchError("the body is not JSON") from None
    if not isinstance(document, dict):
        raise BenchError("the body must be a JSON object")
    for key in document:
        if keys is not ANY and key not in keys:
            raise BenchError(f"{key[:64]!r} is no parameter here{nearest(key[:64], keys)}")
    return document


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if not isinstance(value, bool):
        raise BenchError(f"{name} must be true or false")
    return value


async def _show_clock(bench: Bench, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    del request, body
    return bench.clock.view()


async def _list_devices(bench: Bench, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    del request, body
    return {"devices": bench.device_views()}


async def _advance(bench: Bench, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    del request
    seconds, to, settle = body.get("seconds"), body.get("to"), body.get("settle", False)
    if (seconds is None) == (to is None):
        raise BenchError('give either "seconds" or "to"')
    if not isinstance(settle, bool):
        raise BenchError("settle must be true or false")
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float)):
        raise BenchError("seconds must be a number")
    if to is not None and not isinstance(to, str):
        raise BenchError("to must be an instant such as 2025-07-13T15:00:00Z")
    return await bench.clock.advance(seconds=seconds, to=to, settle=settle)


async def _keypad(bench: Bench, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    digits = body.get("digits")
    if not isinstance(digits, str) or not 0 < len(digits) <= DIGITS_MAX or set(digits) - KEYS:
        raise BenchError(f"digits must be 1 to {DIGITS_MAX} of 0-9, * and #")
    outcome = await bench.enter(request.path_params["name"], digits)
    return {"opened": outcome.opened, "reason": outcome.reason, "slot": outcome.slot}


async def _memory(bench: Bench, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    del body
    return bench.memory_view(request.path_params["name"])


async def _power(bench: Bench, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    on = _flag(body, "on")
    await bench.set_power(request.path_params["name"], on=on)
    return {"on": on}


async def _radio(bench: Bench, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    in_range = _flag(body, "in_range")
    await bench.set_in_range(request.path_params["name"], in_range=in_range)
    return {"in_range": in_range}


async def _show_faults(bench: Bench, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    del body
    return {"faults": bench.faults(request.path_params["name"])}


async def _replace_faults(
    bench: Bench, request: Request, body: Mapping[str, Any]
) -> dict[str, Any]:
    await bench.set_faults(request.path_params["name"], body)
    return await _show_faults(bench, request, body)


async def _add_faults(bench: Bench, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    held = bench.faults(request.path_params["name"])
    return await _replace_faults(bench, request, {**held, **body})


async def _show_hardware(
    bench: Bench, request: Request, body: Mapping[str, Any]
) -> dict[str, Any]:
    del body
    return bench.hardware_view(request.path_params["name"])


async def _hardware(bench: Bench, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    name = request.path_params["name"]
    await bench.handle(name, body)
    return bench.hardware_view(name)


async def _gateway(bench: Bench, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    del request
    if ("on" in body) == ("crash" in body):
        raise BenchError('give either "on" or "crash"')
    if "crash" in body:
        if not _flag(body, "crash"):
            raise BenchError("crash must be true")
        await bench.crash_gateway()
    elif _flag(body, "on"):
        await bench.start_gateway()
    else:
        await bench.stop_gateway()
    return {"on": bench.gateway_is_on}
