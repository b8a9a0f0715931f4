"""What the connections of every fidelity's adapters have in common."""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Callable

from firmware_sim.radio.att_client import AttClient
from firmware_sim.radio.discovery import ServiceRecord


class OpenConnection(abc.ABC):
    """A connection of an adapter, from its beginning to its end.

    Attributes:
        att: The ATT client on it.
    """

    def __init__(self) -> None:
        self.att = AttClient(self._send)
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._closed_callbacks: list[Callable[[], None]] = []

    @property
    def known_services(self) -> tuple[ServiceRecord, ...] | None:
        """See `Connection.known_services`."""
        return None

    @property
    def is_open(self) -> bool:
        """False once it is over."""
        return not self._ended.done()

    def on_closed(self, callback: Callable[[], None]) -> None:
        """Call back once, when it is over; at once if it is over already."""
        if self.is_open:
            self._closed_callbacks.append(callback)
        else:
            callback()

    def lose(self, reason: int) -> None:
        """It is over.

        Args:
            reason: HCI error code.
        """
        self._ended.set_result(reason)
        self.att.lose(reason)
        for callback in self._closed_callbacks:
            callback()

    async def disconnect(self) -> None:
        """End it; returns when it is over, out of range at the supervision timeout.

        Cancellation: it ends all the same.
        """
        if self.is_open:
            self._terminate()
            await asyncio.shield(self._ended)

    @abc.abstractmethod
    async def pair(self) -> None:
        """See `Connection.pair`."""

    @abc.abstractmethod
    def _send(self, pdu: bytes) -> None:
        """Send an ATT PDU."""

    @abc.abstractmethod
    def _terminate(self) -> None:
        """Have the other end told that it is over."""
