"""The bench's front door: one ASGI application before the bench routes and the gateway.

`/bench/*` is answered by the bench itself, after its own key check; everything else goes to the
gateway, or is answered 503 while the gateway is off.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from http import HTTPStatus

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hil_tests.bench import Bench
from hil_tests.bench_api import build_bench_api
from hil_tests.bench_replies import refusal


class BenchGate:
    """ASGI application of a whole bench.

    Args:
        bench: The bench behind the door.
        api_keys: Keys that open the bench routes; the gateway checks its own.
    """

    def __init__(self, bench: Bench, api_keys: Collection[str]) -> None:
        self._bench = bench
        self._api_keys = tuple(key.encode() for key in api_keys)
        self._bench_api: ASGIApp = build_bench_api(bench)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification, HTTP connection scope."""
        app = self._choose(scope)
        if app is self._bench.gateway_asgi:
            send = self._unless_gone(app, scope, receive, send)
        await app(scope, receive, send)

    def _choose(self, scope: Scope) -> ASGIApp:
        path = scope.get("path", "")
        if path == "/bench" or path.startswith("/bench/"):
            if not self._is_authorized(scope):
                return refusal(401, "unauthorized", "the bench routes need the bench's API key")
            return self._bench_api
        return self._bench.gateway_asgi or _gateway_off()

    def _unless_gone(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> Send:
        """Send what the gateway answers, unless it was switched off under the request.

        What it says with its store closed is its confusion; what the caller needs to know is
        that it is off.
        """
        is_replaced = False

        async def send_or_refuse(message: Message) -> None:
            nonlocal is_replaced
            is_failure = message.get("status", 0) >= HTTPStatus.INTERNAL_SERVER_ERROR
            if is_failure and self._bench.gateway_asgi is not app:
                is_replaced = True
                await _gateway_off()(scope, receive, send)
            elif not is_replaced:
                await send(message)

        return send_or_refuse

    def _is_authorized(self, scope: Scope) -> bool:
        for name, value in scope.get("headers", ()):
            if name == b"authorization":
                scheme, _, key = bytes(value).partition(b" ")
                return scheme.lower() == b"bearer" and any(
                    hmac.compare_digest(key.strip(), known) for known in self._api_keys
                )
        return False


def _gateway_off() -> JSONResponse:
    return refusal(503, "gateway_off", "the gateway of this bench is switched off")
