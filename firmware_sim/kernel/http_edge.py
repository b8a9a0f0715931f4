"""The HTTP server on the edge: uvicorn on a socket that is already bound."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from firmware_sim.kernel.bridge import Application

# Connections that may wait to be accepted: the usual bound of systems for one listener.
_BACKLOG = 128

# Wall seconds that requests in flight get at the end. They run on virtual time, where an answer
# takes milliseconds; only an advance takes longer, and that is what a stop is to break.
_GRACE_S = 2


def open_listener(host: str, port: int) -> socket.socket:
    """Bind the socket that `serve_http` serves; port 0 takes any free one.

    Raises:
        OSError: When the address is in use, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


async def serve_http(
    app: Application, listener: socket.socket, *, on_ready: Callable[[], object]
) -> None:
    """Serve an ASGI application until cancelled; runs on the edge's loop.

    Args:
        app: The application, usually made by `bridge`; it gets no lifespan events.
        listener: A bound socket; closed at the end.
        on_ready: Called on the edge's loop once requests are answered.

    Cancelled, it takes no more connections, gives those in flight `_GRACE_S`, and ends.
    """
    config = uvicorn.Config(
        app,
        interface="asgi3",
        lifespan="off",
        # The command line owns what is logged; requests hold credentials.
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = _Server(config, on_ready)
    try:
        await server.serve(sockets=[listener])
    except asyncio.CancelledError:
        if server.started:
            await server.shutdown(sockets=[listener])
        raise
    finally:
        listener.close()


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it is up."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()
