"""The outermost layer: request ids, browsers' cross-origin checks, and faults of our own.

Plain ASGI: no helper tasks, no threads, nothing between a request and its reply that a loop of
virtual time would have to know about.
"""

from __future__ import annotations

import logging
import traceback
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.replies import internal_error_reply, unavailable_reply
from gateway.errors import GatewayError
from gateway.ports import Randomness

logger = logging.getLogger(__name__)

_METHODS: Final = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_HEADERS: Final = (
    "authorization, content-type, seam-workspace, seam-sdk-name, seam-sdk-version, "
    "seam-lts-version, client-session-token, seam-client-session-token, seam-publishable-key, "
    "seam-user-identifier-key"
)

# How long a browser may remember the answer to a preflight: two hours, the most that Chromium
# keeps any (Source: Chromium, `services/network/public/cpp/cors`).
_PREFLIGHT_AGE_S: Final = "7200"

# Bits of a request id beyond its prefix: as many as a UUID has.
_ID_BITS: Final = 128


class Envelope:
    """ASGI middleware that no request gets past, whatever happens inside."""

    def __init__(self, app: ASGIApp, randomness: Randomness) -> None:
        self._app = app
        # A stream of its own: how often somebody polls must not shift the ids of objects.
        self._ids = randomness.stream("request_ids")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification, version 3."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        request_id = f"request_{self._ids.getrandbits(_ID_BITS):032x}"
        has_begun = False

        async def send_marked(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                _mark(MutableHeaders(scope=message), request_id, origin)
            await send(message)

        if origin and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight_reply()(scope, receive, send_marked)
            return
        try:
            await self._app(scope, receive, send_marked)
        except ClientDisconnect:
            # Nobody is left to answer.
            logger.info("%s: the client left before its request was read", request_id)
        except Exception as error:  # noqa: BLE001 - the last resort of every request.
            _log(request_id, scope, error)
            if not has_begun:
                reply = _reply_to(error)
                await reply(scope, receive, send_marked)


def _reply_to(error: Exception) -> Response:
    if isinstance(error, GatewayError) and error.retryable:
        return unavailable_reply("The gateway could not do this now; try again")
    return internal_error_reply()


def _mark(headers: MutableHeaders, request_id: str, origin: str | None) -> None:
    headers["seam-request-id"] = request_id
    if origin:
        # Named, not a wildcard: the browser SDK sends requests in credentials mode. Access is
        # decided by the API key, which no browser adds by itself.
        headers["access-control-allow-origin"] = origin
        headers["access-control-allow-credentials"] = "true"
        headers["access-control-expose-headers"] = "seam-request-id"
        headers.add_vary_header("Origin")


def _preflight_reply() -> Response:
    return Response(
        status_code=204,
        headers={
            "access-control-allow-methods": _METHODS,
            "access-control-allow-headers": _HEADERS,
            "access-control-max-age": _PREFLIGHT_AGE_S,
        },
    )


def _log(request_id: str, scope: Scope, error: Exception) -> None:
    # Where and what kind, never the text: an error of a library may quote a PIN.
    frames = traceback.extract_tb(error.__traceback__)
    where = "; ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:])
    logger.error(
        "%s: %s %s failed: %s at %s",
        request_id,
        scope["method"],
        scope["path"][:128],
        type(error).__qualname__,
        where,
    )
