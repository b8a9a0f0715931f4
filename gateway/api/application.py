"""The HTTP application: every declared route, the envelope around them, and nothing else.

No handler and no dependency is synchronous: those would run in a library's threads, which a loop
of virtual time can't wait for (DESIGN section 5).
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Final

import sqlalchemy as sa
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.text import iso_utc
from gateway.api.auth import Authenticator
from gateway.api.endpoint import Endpoint, endpoint_of
from gateway.api.envelope import Envelope
from gateway.api.objects.problems import shown
from gateway.api.openapi import openapi_document
from gateway.api.replies import error_reply, json_reply, unavailable_reply
from gateway.api.routes.table import ROUTES
from gateway.api.services import Services

# Routes that need no key.
HEALTH_PATH: Final = "/health"
OPENAPI_PATH: Final = "/openapi.json"

_METHOD_NOT_ALLOWED: Final = 405


def build_api(services: Services) -> FastAPI:
    """Make the ASGI application of a gateway.

    Args:
        services: What its handlers use; nothing is read or written before the first request.
    """
    app = FastAPI(
        title="strikeplate",
        openapi_url=OPENAPI_PATH,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    authenticator = Authenticator(services.store)
    for route in ROUTES:
        app.add_route(
            route.path,
            endpoint_of(route, services, authenticator),
            methods=[method.value for method in route.methods],
        )
    app.add_route(HEALTH_PATH, _health_of(services), methods=["GET"])
    app.add_exception_handler(HTTPException, _refuse_route)
    app.add_middleware(Envelope, randomness=services.randomness)
    app.openapi = _document  # type: ignore[method-assign] # FastAPI's documented way.
    return app


@functools.cache
def _document() -> dict[str, Any]:
    """The OpenAPI document; it is the same for every gateway, and made when first asked for."""
    return openapi_document(ROUTES)


def _health_of(services: Services) -> Endpoint:
    async def health(_: Request) -> Response:
        """Answer when the store does: a gateway without it can do nothing."""
        if services.health is None:
            await services.store.read(lambda conn: conn.execute(sa.select(1)).scalar_one())
            report: Any = None
        else:
            report = await services.health()
        if report is not None and not report.is_store_ok:
            return unavailable_reply("The store does not answer")
        body = {"status": "up", "now": iso_utc(services.clock.now_ms()), "ok": True}
        return json_reply(body if report is None else shown(dataclasses.asdict(report)) | body)

    return health


_METHODS_OF: Final = {
    **{route.path: route.methods for route in ROUTES},
    HEALTH_PATH: ("GET",),
    OPENAPI_PATH: ("GET",),
}


async def _refuse_route(request: Request, error: Exception) -> Response:
    methods = _METHODS_OF.get(request.scope["path"])
    if (
        methods is None
        or not isinstance(error, HTTPException)
        or error.status_code != _METHOD_NOT_ALLOWED
    ):
        return error_reply(404, "not_found", "There is no such route; see /openapi.json")
    allowed = ", ".join(methods)
    return error_reply(
        405,
        "method_not_allowed",
        f"This route takes {allowed}",
        headers={"allow": allowed},
    )
