"""A receive buffer with a bound: what a peer sends can't make it grow past its limit."""

from __future__ import annotations

from protocols.errors import LimitExceeded


class ReceiveBuffer:
    """Bytes that have arrived and are not taken yet, oldest first.

    Attributes:
        limit: Bytes that it holds at most.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held = bytearray()

    def __len__(self) -> int:
        return len(self._held)

    def feed(self, data: bytes) -> None:
        """Append what has arrived.

        Raises:
            LimitExceeded: When the buffer would hold more than its limit; nothing is appended.
        """
        if len(self._held) + len(data) > self.limit:
            raise LimitExceeded(f"a receive buffer of {self.limit} bytes is full", raw=data)
        self._held += data

    def peek(self, count: int) -> bytes | None:
        """The oldest ``count`` bytes, which stay; None when fewer are held."""
        return bytes(self._held[:count]) if 0 <= count <= len(self._held) else None

    def take(self, count: int) -> bytes | None:
        """The oldest ``count`` bytes, which go; None when fewer are held (nothing goes)."""
        taken = self.peek(count)
        if taken is not None:
            del self._held[:count]
        return taken

    def take_all(self) -> bytes:
        """All bytes, which go."""
        taken = bytes(self._held)
        self._held.clear()
        return taken

    def discard(self, count: int) -> int:
        """Drop the oldest ``count`` bytes, or all when fewer are held; how many went."""
        dropped = min(max(count, 0), len(self._held))
        del self._held[:dropped]
        return dropped
