"""The application that stands in while the gateway is switched off."""

from __future__ import annotations

from typing import Final

from starlette.types import Receive, Scope, Send

from gateway.api.replies import unavailable_reply

# There is no gateway to count requests: all share one id of the documented form.
_REQUEST_ID: Final = "request_while_off"


async def off_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every request with 503 and `Retry-After`, in the documented error form."""
    if scope["type"] != "http":
        return
    reply = unavailable_reply("The gateway is switched off")
    reply.headers["seam-request-id"] = _REQUEST_ID
    await reply(scope, receive, send)
