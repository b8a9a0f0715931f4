"""What a virtual-time loop refuses: sockets, descriptors, signals, subprocesses, name look-ups.

Virtual time and the real world can't share a loop: a byte that arrives "now" has no instant on
a clock that jumps. Whoever needs a socket opens it in the edge thread (`kernel.edge`), or runs
on a real loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVarTuple

from firmware_sim.errors import RealWorldRefused

Ts = TypeVarTuple("Ts")


def _refused(operation: str) -> RealWorldRefused:
    return RealWorldRefused(
        f"{operation} needs the real world, and this loop runs on virtual time: "
        f"do it in the edge thread, or on a real loop"
    )


def _refusal(operation: str) -> Callable[..., Any]:
    """Make a loop method that refuses at the call, whatever its arguments."""

    def refuse(_self: asyncio.AbstractEventLoop, *_args: Any, **_options: Any) -> Any:
        raise _refused(operation)

    return refuse


class Refusals(asyncio.BaseEventLoop):
    """The base event loop with every door to the real world shut.

    Coroutine methods refuse when they are called, not when they are awaited, so that the
    traceback points at the caller.
    """

    def add_reader(self, fd: Any, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        """Refuse to watch a descriptor."""
        del fd, callback, args
        raise _refused("add_reader")

    def add_writer(self, fd: Any, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        """Refuse to watch a descriptor."""
        del fd, callback, args
        raise _refused("add_writer")

    def add_signal_handler(self, sig: int, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        """Refuse to handle a signal."""
        del sig, callback, args
        raise _refused("add_signal_handler")

    def remove_signal_handler(self, sig: int) -> bool:
        """Refuse to stop handling a signal."""
        del sig
        raise _refused("remove_signal_handler")

    remove_reader = _refusal("remove_reader")
    remove_writer = _refusal("remove_writer")
    getaddrinfo = _refusal("getaddrinfo")
    getnameinfo = _refusal("getnameinfo")
    create_connection = _refusal("create_connection")
    create_server = _refusal("create_server")
    create_unix_connection = _refusal("create_unix_connection")
    create_unix_server = _refusal("create_unix_server")
    create_datagram_endpoint = _refusal("create_datagram_endpoint")
    connect_accepted_socket = _refusal("connect_accepted_socket")
    connect_read_pipe = _refusal("connect_read_pipe")
    connect_write_pipe = _refusal("connect_write_pipe")
    subprocess_exec = _refusal("subprocess_exec")
    subprocess_shell = _refusal("subprocess_shell")
    start_tls = _refusal("start_tls")
    sendfile = _refusal("sendfile")
    sock_recv = _refusal("sock_recv")
    sock_recv_into = _refusal("sock_recv_into")
    sock_recvfrom = _refusal("sock_recvfrom")
    sock_recvfrom_into = _refusal("sock_recvfrom_into")
    sock_sendall = _refusal("sock_sendall")
    sock_sendto = _refusal("sock_sendto")
    sock_sendfile = _refusal("sock_sendfile")
    sock_connect = _refusal("sock_connect")
    sock_accept = _refusal("sock_accept")
