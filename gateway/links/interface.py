"""What a link is: whole values to one device and back, until it closes."""

from __future__ import annotations

from typing import Protocol


class Link(Protocol):
    """One connection to one device; single use: a closed link is never opened again.

    A link carries *values*: byte strings that arrive whole and in order, or not at all. What they
    mean, and how long to wait for them, is the driver's business.
    """

    @property
    def mtu(self) -> int:
        """ATT MTU in bytes, 23 or more: a value is at most this minus 3."""

    @property
    def is_closed(self) -> bool:
        """True from the moment at which nothing can be sent any more."""

    async def send(self, value: bytes) -> None:
        """Send one value.

        Cancellation: the value may or may not have left; the link stays usable.

        Raises:
            LinkClosed: When the connection ended.
        """

    async def receive(self) -> bytes:
        """Wait for the next value; those that arrived before the link closed still come.

        Cancellation: no value is lost.

        Raises:
            LinkClosed: When the connection ended and every value was read.
        """

    async def aclose(self) -> None:
        """End the connection; again is harmless. Never raises a link's own errors."""
