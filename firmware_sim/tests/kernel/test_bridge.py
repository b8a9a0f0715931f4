from __future__ import annotations

import asyncio
import concurrent.futures
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from firmware_sim.errors import EdgeStopped
from firmware_sim.kernel.bridge import Answer, Application, Message, Receive, Scope, Send, bridge
from firmware_sim.kernel.inbox import Inbox


class Client:
    """The server's side of one request: what the application receives, and what it sent."""

    def __init__(self, *messages: Message, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.scope: Scope = {
            "type": "http",
            "method": "POST",
            "path": "/locks/list",
            "headers": headers,
            "state": {"edge": object()},
            "extensions": {"http.response.pathsend": {}},
        }
        self._messages = list(messages)
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        return self._messages.pop(0)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def ask(self, app: Application) -> tuple[int, dict[bytes, bytes], bytes]:
        await app(self.scope, self.receive, self.send)
        start, body = self.sent
        return start["status"], dict(start["headers"]), body["body"]


def request(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["state"] == {}
    assert scope["extensions"] == {}
    message = await receive()
    assert not message["more_body"]
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-way", b"back")]})
    half = len(message["body"]) // 2
    await send({"type": "http.response.body", "body": message["body"][:half], "more_body": True})
    await send({"type": "http.response.body", "body": message["body"][half:]})


async def ask(
    app: Application, client: Client, **options: Any
) -> tuple[int, dict[bytes, bytes], bytes]:
    async with Inbox() as inbox:

        def submit(
            unit: Callable[[], Awaitable[Answer]], *, name: str
        ) -> concurrent.futures.Future[Answer]:
            return inbox.submit(unit, name=name).future

        return await client.ask(bridge(app, submit, **options))


async def test_request_is_read_whole_and_answered_whole() -> None:
    client = Client(request(b"some ", more=True), request(b"", more=True), request(b"body"))
    assert await ask(echo, client) == (201, {b"x-way": b"back"}, b"some body")


@pytest.mark.parametrize("parts", [(b"123456",), (b"123", b"456")])
async def test_request_when_its_body_is_too_large_gets_413(parts: tuple[bytes, ...]) -> None:
    client = Client(*(request(part, more=True) for part in parts))
    status, headers, body = await ask(echo, client, body_bytes_max=5)
    assert status == 413
    assert headers[b"content-length"] == str(len(body)).encode()
    assert json.loads(body)["error"]["type"] == "payload_too_large"


async def test_request_when_it_announces_too_large_a_body_is_refused_unread() -> None:
    client = Client(headers=((b"content-length", b"6"),))
    assert (await ask(echo, client, body_bytes_max=5))[0] == 413
    client = Client(request(b"12345"), headers=((b"content-length", b"5"),))
    assert (await ask(echo, client, body_bytes_max=5))[0] == 201


async def test_request_when_its_client_hangs_up_before_its_end_never_runs() -> None:
    client = Client(request(b"half", more=True), {"type": "http.disconnect"})

    def submit(*_args: Any, **_options: Any) -> Any:
        raise AssertionError

    await bridge(echo, submit)(client.scope, client.receive, client.send)
    assert client.sent == []


async def test_application_when_it_fails_gives_a_plain_500(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise LookupError("in the application")

    with caplog.at_level(logging.ERROR):
        status, _headers, body = await ask(fail, Client(request(b"")))
    assert status == 500
    assert b"in the application" not in body
    assert json.loads(body)["error"]["type"] == "internal_error"
    assert "POST /locks/list" in caplog.text


async def test_application_when_it_answers_and_then_fails_keeps_its_answer() -> None:
    async def fail_late(scope: Scope, receive: Receive, send: Send) -> None:
        await echo(scope, receive, send)
        raise LookupError("after the answer")

    assert (await ask(fail_late, Client(request(b"x"))))[0] == 201


async def test_application_that_gives_no_answer_gives_a_500() -> None:
    async def silent(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.debug", "info": {}})

    assert (await ask(silent, Client(request(b""))))[0] == 500


async def test_application_that_listens_for_a_disconnect_hears_none() -> None:
    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        await echo(scope, receive, send)
        async with asyncio.timeout(3_600.0):
            await receive()

    assert (await ask(listen, Client(request(b"x"))))[0] == 201
    assert asyncio.get_running_loop().time() == 3_600.0


async def test_request_when_the_bench_stops_gets_503() -> None:
    def submit(*_args: Any, **_options: Any) -> Any:
        raise EdgeStopped("over")

    client = Client(request(b""))
    status, headers, body = await client.ask(bridge(echo, submit))
    assert status == 503
    assert headers[b"retry-after"] == b"1"
    assert json.loads(body)["error"]["type"] == "service_unavailable"


async def test_lifespan_is_answered_on_the_edge() -> None:
    client = Client({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    client.scope["type"] = "lifespan"

    async def no_lifespan(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError

    def submit(*_args: Any, **_options: Any) -> Any:
        raise AssertionError

    await bridge(no_lifespan, submit)(client.scope, client.receive, client.send)
    assert [message["type"] for message in client.sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_websocket_is_refused() -> None:
    client = Client()
    client.scope["type"] = "websocket"

    def submit(*_args: Any, **_options: Any) -> Any:
        raise AssertionError

    await bridge(echo, submit)(client.scope, client.receive, client.send)
    assert client.sent == [{"type": "websocket.close", "code": 1003}]


def test_answer_does_not_show_its_body() -> None:
    assert "1234567" not in repr(Answer(status=200, parts=[b'{"code":"1234567"}']))
