"""Binds the port that an API is served on."""

from __future__ import annotations

import os
import socket

from firmware_sim.kernel.http_edge import open_listener
from tools.errors import ToolError


def listen(host: str, port: int, otherwise: str) -> socket.socket:
    """Bind a TCP port; 0 takes any free one.

    Args:
        host: Address or name to bind.
        port: From 0 to 65535.
        otherwise: What to do when it can't be had, for the sentence.

    Raises:
        ToolError: When it can't be had.
    """
    try:
        return open_listener(host, port)
    except OSError as error:
        # asyncio and socket put the address into the words; the bare reason is enough. A name
        # that is not known has a number of its own kind.
        is_plain = error.errno is not None and error.errno > 0
        reason = os.strerror(error.errno) if is_plain and error.errno else str(error.strerror)
        raise ToolError(f"can't listen on {host}:{port} ({reason}); {otherwise}") from error


def url_of(host: str, listener: socket.socket) -> str:
    """The URL under which a bound listener is reached from this machine."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"
