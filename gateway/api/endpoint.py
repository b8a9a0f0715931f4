"""From a declared route to the coroutine that answers its requests."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from gateway.api.auth import Authenticator
from gateway.api.declaration import Call, Changed, Listed, Route
from gateway.api.parameters import ParameterReader
from gateway.api.replies import json_reply, refusal_reply
from gateway.api.services import Services
from gateway.errors import AccessError

Endpoint = Callable[[Request], Awaitable[Response]]

# What a Host header may hold before it is put into an address of ours.
_HOST: Final = re.compile(r"[A-Za-z0-9.\-_:\[\]]{1,255}", re.ASCII)


def endpoint_of(route: Route[Any], services: Services, authenticator: Authenticator) -> Endpoint:
    """Make the endpoint of a route; all that its declaration says is worked out here."""
    reader = ParameterReader(route.parameters)

    async def endpoint(request: Request) -> Response:
        try:
            workspace_id = await authenticator.workspace_id(request.headers)
            parameters = await reader.read(request, body_bytes_max=services.limits.body_bytes)
            call = Call(services, workspace_id, route.path, _address(request))
            outcome = await route.handler(call, parameters)
            if isinstance(outcome, Changed):
                outcome = await _settled(services, outcome)
        except AccessError as refusal:
            return refusal_reply(refusal)
        return json_reply(_body(route, outcome))

    endpoint.__name__ = route.path.strip("/").replace("/", "_")
    return endpoint


async def _settled(services: Services, changed: Changed) -> Any:
    for device_id in changed.device_ids:
        services.waker.wake(device_id)
    await services.settling.settle()
    return await changed.show()


def _body(route: Route[Any], outcome: Any) -> dict[str, Any]:
    value = outcome.items if isinstance(outcome, Listed) else outcome
    body: dict[str, Any] = dict.fromkeys(route.keys, value)
    if isinstance(outcome, Listed):
        body["pagination"] = outcome.pagination
    body["ok"] = True
    return body


def _address(request: Request) -> str:
    """The route's address as the caller reached it: it goes into `next_page_url`."""
    scope = request.scope
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        name, port = scope.get("server") or ("localhost", None)
        host = name if port is None else f"{name}:{port}"
    return f"{scope['scheme']}://{host}{scope['path']}"
