"""A connected pair of links in memory: for scripted peers in tests, and as the plainest link."""

from __future__ import annotations

from gateway.errors import LinkClosed
from gateway.links.inbox import INBOX_LIMIT, Inbox
from protocols.errors import LocalProtocolError
from protocols.strike.limits import ATT_HEADER_SIZE


class MemoryLink:
    """One end of a pair; made by `memory_pair`."""

    def __init__(self, *, mtu: int, own: Inbox, far: Inbox) -> None:
        self._mtu = mtu
        self._own = own
        self._far = far

    @property
    def mtu(self) -> int:
        """See `Link.mtu`."""
        return self._mtu

    @property
    def is_closed(self) -> bool:
        """See `Link.is_closed`."""
        return self._own.is_closed

    async def send(self, value: bytes) -> None:
        """See `Link.send`.

        Raises:
            LocalProtocolError: When the value does not fit the MTU.
        """
        if len(value) > self._mtu - ATT_HEADER_SIZE:
            raise LocalProtocolError(f"a value of {len(value)} bytes at an MTU of {self._mtu}")
        self._own.check_open()
        if not self._far.put(bytes(value)):
            self._close("the other end does not read")
            raise LinkClosed("the other end does not read")

    async def receive(self) -> bytes:
        """See `Link.receive`."""
        return await self._own.get()

    async def aclose(self) -> None:
        """See `Link.aclose`; the other end closes too, as on a lost connection."""
        self._close("the link was closed")

    def _close(self, reason: str) -> None:
        self._own.close(reason)
        self._far.close(reason)


def memory_pair(*, mtu: int = 247, limit: int = INBOX_LIMIT) -> tuple[MemoryLink, MemoryLink]:
    """Make two joined links.

    Args:
        mtu: ATT MTU in bytes; 247 is what fits one link-layer packet of 251 bytes.
        limit: Values that may wait unread at either end.
    """
    one, other = Inbox(limit), Inbox(limit)
    return MemoryLink(mtu=mtu, own=one, far=other), MemoryLink(mtu=mtu, own=other, far=one)
