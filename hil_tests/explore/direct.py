"""Asks a lock without radio or gateway: a session at the lock's endpoint, in virtual time.

What comes back is what an honest programmer could know: an answer, or none. After no answer the
connection is given up and another one begins, as any gateway would.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from firmware_sim.kernel.loop import SimLoop
from firmware_sim.locks.endpoint import StrikeEndpoint
from protocols.strike.events import ReplyReceived
from protocols.strike.provider import PlaintextProvider
from protocols.strike.session import REQUEST_TIMEOUT_S, Session
from protocols.strike.transaction import Role

_MTU: Final = 247


class DirectLink:
    """A conversation with one lock, one request at a time.

    Args:
        loop: The loop that the lock runs on.
        endpoint: The lock; nobody else may be connected to it.
    """

    def __init__(self, loop: SimLoop, endpoint: StrikeEndpoint) -> None:
        self._loop = loop
        self._endpoint = endpoint
        self._reply: asyncio.Future[Any] | None = None
        self._connect()

    async def ask(self, request: Any) -> Any | None:
        """Ask; the reply, or None when there was none in time."""
        self._reply = self._loop.create_future()
        for fragment in self._session.send(request, self._loop.time()):
            self._endpoint.received(fragment)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                return await self._reply
        except TimeoutError:
            self._endpoint.disconnected()
            self._connect()
            return None

    def close(self) -> None:
        """Hang up."""
        self._endpoint.disconnected()

    def _connect(self) -> None:
        self._session = session = Session(Role.INITIATOR, PlaintextProvider(), _MTU)

        def notified(value: bytes) -> None:
            if session is self._session:
                self._take(value)

        self._endpoint.connected(_MTU, notified)

    def _take(self, value: bytes) -> None:
        for event in self._session.receive(value, self._loop.time()):
            is_awaited = self._reply is not None and not self._reply.done()
            if isinstance(event, ReplyReceived) and is_awaited and self._reply is not None:
                self._reply.set_result(event.message)
