"""An ASGI bridge: the server lives on the edge, the application on the virtual loop.

A request is read whole on the edge, within a bound; then the application runs for it as one
task on the virtual loop; then its whole response goes out. So the application never sees a
socket, and a client that is slow, or hangs up, moves nothing on the virtual loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from firmware_sim.errors import EdgeStopped

_LOG = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Bytes of a request body. The largest documented request (a batch of access codes) is some tens
# of KiB; a flash image of 128 KiB, as hexadecimal text in JSON, still fits eight times.
BODY_BYTES_MAX = 2 * 1024 * 1024

# Seconds that a client is asked to wait while the bench stops: it is back soon, or not at all.
_RETRY_AFTER_S = 1


class SubmitUnit(Protocol):
    """Hands a unit to the virtual loop; `EdgeThread.inward` is one."""

    def __call__(
        self, unit: Callable[[], Awaitable[Answer]], *, name: str
    ) -> concurrent.futures.Future[Answer]:
        """Run the unit as one task; the future takes its result."""


@dataclasses.dataclass(slots=True)
class Answer:
    """A response as it is collected: status, headers as name and value, body parts."""

    status: int | None = None
    headers: list[tuple[bytes, bytes]] = dataclasses.field(default_factory=list)
    # Not in a repr: a response may hold a PIN.
    parts: list[bytes] = dataclasses.field(default_factory=list, repr=False)
    is_whole: bool = False


def bridge(
    app: Application, submit: SubmitUnit, *, body_bytes_max: int = BODY_BYTES_MAX
) -> Application:
    """Make the ASGI application that a server on the edge serves.

    Args:
        app: The application on the virtual loop. Its lifespan is its owner's business: the
            bridge answers the server's lifespan events itself.
        submit: Hands a unit to the virtual loop.
        body_bytes_max: Longest request body; beyond it the answer is 413.
    """

    async def bridged(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003})
        else:
            try:
                answer = await answered(scope, receive)
            except asyncio.CancelledError:
                # The server ends and cancels what takes too long: the client is told that.
                answer = _stopping()
            if answer is not None:
                await _send_answer(send, answer)

    async def answered(scope: Scope, receive: Receive) -> Answer | None:
        body = await _read_body(scope, receive, body_bytes_max)
        if body is None:
            return None
        if isinstance(body, _TooLarge):
            return _refusal(413, "payload_too_large", "the request body is too large")
        return await _serve(app, submit, scope, body)

    return bridged


class _TooLarge:
    """Stands for a body beyond the bound."""


async def _live(receive: Receive, send: Send) -> None:
    """Answer the server's lifespan events: there is nothing to start on the edge."""
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def _read_body(scope: Scope, receive: Receive, bytes_max: int) -> bytes | _TooLarge | None:
    """Read a request to its end; None when the client hung up before."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > bytes_max:
            return _TooLarge()
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > bytes_max:
            return _TooLarge()
        if not message.get("more_body", False):
            return bytes(body)


async def _serve(app: Application, submit: SubmitUnit, scope: Scope, body: bytes) -> Answer:
    """Run the application for one request on the virtual loop, and wait on the edge."""
    # The server's own extensions reach for its socket; its state belongs to the edge.
    inner_scope = {**scope, "extensions": {}, "state": {}}
    name = f"{scope['method']} {scope['path']}"

    async def unit() -> Answer:
        return await _run_app(app, inner_scope, body)

    try:
        return await asyncio.wrap_future(submit(unit, name=name))
    except EdgeStopped:
        return _stopping()


def _stopping() -> Answer:
    answer = _refusal(503, "service_unavailable", "the bench is stopping")
    answer.headers.append((b"retry-after", str(_RETRY_AFTER_S).encode()))
    return answer


async def _run_app(app: Application, scope: Scope, body: bytes) -> Answer:
    """Run the application for one request; on the virtual loop."""
    answer = Answer()
    pending = [body]

    async def receive() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        # The client counts as connected until the answer is sent: an application that listens
        # for a disconnect waits here, and is cancelled by itself when it is done.
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await never

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(bytes(name), bytes(value)) for name, value in message["headers"]]
        elif message["type"] == "http.response.body":
            answer.parts.append(message.get("body", b""))
            answer.is_whole = not message.get("more_body", False)

    try:
        await app(scope, receive, send)
    except Exception:  # noqa: BLE001 - this is where a request ends
        # A server has no caller to raise this to; the client gets what the application made
        # of it, or a plain 500.
        _LOG.exception("the application failed on %s %s", scope["method"], scope["path"])
    if answer.status is None or not answer.is_whole:
        return _refusal(500, "internal_error", "the application gave no whole answer")
    return answer


def _refusal(status: int, kind: str, message: str) -> Answer:
    """An answer of the bridge itself, in the form of the API's errors."""
    body = json.dumps({"error": {"type": kind, "message": message}, "ok": False}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    return Answer(status=status, headers=headers, parts=[body], is_whole=True)


async def _send_answer(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": b"".join(answer.parts)})
