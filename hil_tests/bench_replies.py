"""How the bench routes answer when something is wrong: in the form that the Seam routes use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hil_tests.errors import BenchError
from protocols.errors import StrikeplateError

Endpoint = Callable[[Request], Awaitable[Response]]


def told(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose errors are told as replies."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except BenchError as error:
            return refusal(error.http_status, error.error_type, str(error))
        except StrikeplateError as error:
            # Whatever the caller can do wrong is a BenchError: this is the bench's own trouble,
            # such as a full disk.
            return refusal(503, "bench_unusable", str(error))

    return answered


def refusal(status: int, error_type: str, message: str) -> JSONResponse:
    """An error reply."""
    document = {"error": {"type": error_type, "message": message}, "ok": False}
    headers = {"retry-after": "5"} if status == 503 else None  # noqa: PLR2004 - HTTP's number.
    return JSONResponse(document, status_code=status, headers=headers)
