"""The bounded queue between a link's callbacks and the driver that reads it.

Radio stacks deliver values in plain callbacks, where nobody can be asked to wait. So the queue
has a bound, and a peer that fills it loses its link: a value that is dropped in silence would be
found much later, as a timeout that explains nothing.
"""

from __future__ import annotations

import asyncio
import collections
from typing import Final

from gateway.errors import LinkClosed

# Values that may wait unread. The longest strike message (1024 bytes) makes 54 values at the
# smallest MTU (19 payload bytes a value); four of those leave room for events between replies.
INBOX_LIMIT: Final = 256


class Inbox:
    """Values that arrived and wait to be read; one reader at a time."""

    def __init__(self, limit: int = INBOX_LIMIT) -> None:
        self._limit = limit
        self._values: collections.deque[bytes] = collections.deque()
        self._changed = asyncio.Event()
        self._closed_because: str | None = None

    @property
    def is_closed(self) -> bool:
        """True when no more values will come."""
        return self._closed_because is not None

    def put(self, value: bytes) -> bool:
        """Add a value; False when the inbox is full and the link has to be closed for it.

        Values that arrive after the end are dropped: a stack may deliver what it still had.
        """
        if self._closed_because is not None:
            return True
        if len(self._values) >= self._limit:
            return False
        self._values.append(value)
        self._changed.set()
        return True

    def close(self, reason: str) -> None:
        """Say that no more values will come; the first reason stands."""
        if self._closed_because is None:
            self._closed_because = reason
        self._changed.set()

    async def get(self) -> bytes:
        """Wait for the next value.

        Cancellation: no value is lost.

        Raises:
            LinkClosed: When the link ended and every value was read.
        """
        while not self._values:
            if self._closed_because is not None:
                raise LinkClosed(self._closed_because)
            self._changed.clear()
            await self._changed.wait()
        return self._values.popleft()

    def check_open(self) -> None:
        """Refuse to go on once the link has ended.

        Raises:
            LinkClosed: When it has.
        """
        if self._closed_because is not None:
            raise LinkClosed(self._closed_because)
