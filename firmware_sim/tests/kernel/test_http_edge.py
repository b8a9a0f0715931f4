"""A real HTTP request: through a socket, uvicorn and the bridge, to an app on virtual time."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import threading
import urllib.request
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from firmware_sim.kernel.advance import Pacer
from firmware_sim.kernel.bridge import Receive, Scope, Send, bridge
from firmware_sim.kernel.clock import WorldClock
from firmware_sim.kernel.edge import EdgeThread
from firmware_sim.kernel.http_edge import open_listener, serve_http
from firmware_sim.kernel.pacing import PacedLoop
from firmware_sim.kernel.wall import SystemWall

EPOCH_MS = 1_752_148_800_000

# Wall seconds that no test waits for.
FAR_S = 60.0


def make_app(loop: PacedLoop) -> FastAPI:
    app = FastAPI()
    clock = WorldClock(loop, EPOCH_MS)
    pacer = Pacer(loop, lambda: True)

    @app.get("/bench/clock")
    async def read_clock() -> dict[str, Any]:
        return {"now_ms": clock.now_ms(), "thread": threading.get_ident()}

    @app.post("/bench/clock/advance")
    async def advance(body: dict[str, float]) -> dict[str, Any]:
        done = await pacer.advance(seconds=body["seconds"])
        return {"now_ms": clock.now_ms(), "now_s": done.now_s}

    return app


def run_served(main: Callable[[str, EdgeThread], Coroutine[Any, Any, None]]) -> None:
    loop = PacedLoop(wall=SystemWall(), speed=0.0)

    async def run() -> None:
        listener = open_listener("127.0.0.1", 0)
        port: int = listener.getsockname()[1]
        up = asyncio.Event()
        async with EdgeThread(loop) as edge, asyncio.TaskGroup() as group:
            serve = functools.partial(
                serve_http,
                bridge(make_app(loop), edge.inward),
                listener,
                on_ready=lambda: loop.call_soon_threadsafe(up.set),
            )
            serving = group.create_task(edge.run(serve, name="http"), name="http")
            await up.wait()
            await main(f"http://127.0.0.1:{port}", edge)
            serving.cancel()
        assert listener.fileno() == -1

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(run())


def test_requests_over_a_real_socket_run_on_virtual_time() -> None:
    async def main(url: str, edge: EdgeThread) -> None:
        async def talk() -> tuple[Any, Any, Any, int]:
            async with httpx.AsyncClient(base_url=url) as client:
                before = (await client.get("/bench/clock")).json()
                advanced = (
                    await client.post("/bench/clock/advance", json={"seconds": 86_400})
                ).json()
                after = (await client.get("/bench/clock")).json()
                missing = (await client.get("/nowhere")).status_code
                return before, advanced, after, missing

        before, advanced, after, missing = await edge.run(talk, name="client")
        assert before == {"now_ms": EPOCH_MS, "thread": threading.get_ident()}
        assert advanced == {"now_ms": EPOCH_MS + 86_400_000, "now_s": 86_400.0}
        assert after["now_ms"] == EPOCH_MS + 86_400_000
        assert missing == 404

    run_served(main)


def test_client_in_a_third_thread_is_served() -> None:
    async def main(url: str, edge: EdgeThread) -> None:
        def ask() -> Any:
            with urllib.request.urlopen(f"{url}/bench/clock", timeout=FAR_S) as response:  # noqa: S310 - its own server
                return json.load(response)

        async def ask_in_thread() -> Any:
            return await asyncio.to_thread(ask)

        assert (await edge.run(ask_in_thread, name="client"))["now_ms"] == EPOCH_MS

    run_served(main)


def test_body_beyond_the_bound_gets_413_over_the_socket() -> None:
    async def main(url: str, edge: EdgeThread) -> None:
        async def talk() -> int:
            async with httpx.AsyncClient(base_url=url) as client:
                reply = await client.post("/bench/clock/advance", content=bytes(3 * 1024 * 1024))
                return reply.status_code

        assert await edge.run(talk, name="client") == 413

    run_served(main)


def test_server_when_its_start_fails_closes_its_socket() -> None:
    async def main() -> None:
        listener = open_listener("127.0.0.1", 0)

        def never_up() -> None:
            raise OSError("not up")

        async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
            raise AssertionError

        with pytest.raises(OSError, match="not up"):
            await serve_http(app, listener, on_ready=never_up)
        assert listener.fileno() == -1

    asyncio.run(main())


def test_server_when_cancelled_while_it_starts_closes_its_socket() -> None:
    async def main() -> None:
        listener = open_listener("127.0.0.1", 0)
        app = FastAPI()
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(serve_http(app, listener, on_ready=lambda: None))
            await asyncio.sleep(0)
            serving.cancel()
        assert serving.cancelled()
        assert listener.fileno() == -1

    asyncio.run(main())


def test_listener_when_its_port_is_taken_says_so() -> None:
    with open_listener("127.0.0.1", 0) as first, pytest.raises(OSError, match="in use"):
        open_listener("127.0.0.1", first.getsockname()[1])


@pytest.mark.skipif(not socket.has_ipv6, reason="this system has no IPv6")
def test_listener_on_ipv6_takes_an_ipv6_address() -> None:
    with open_listener("::1", 0) as listener:
        assert listener.family == socket.AF_INET6
