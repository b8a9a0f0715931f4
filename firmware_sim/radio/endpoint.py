"""What lies behind the strike GATT service of a simulated peripheral."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class GattEndpoint(Protocol):
    """A device behind the GATT service: bytes in, bytes out, nothing of Bluetooth.

    All calls come from the event loop, one at a time. At most one central is connected.
    """

    def connected(self, att_mtu: int, notify: Callable[[bytes], None]) -> None:
        """A central connected.

        Args:
            att_mtu: The ATT MTU, 23 until the central asks for more.
            notify: Sends one value, at most `att_mtu` - 3 bytes, to the central; dropped while
                the central is not subscribed, as on a real lock. Raises `ValueTooLong`.
        """

    def mtu_changed(self, att_mtu: int) -> None:
        """The central and the device agreed on another ATT MTU."""

    def received(self, value: bytes) -> None:
        """The central wrote to the command characteristic; any error is answered as ATT error."""

    def disconnected(self) -> None:
        """The connection is over, for whatever reason; `notify` must not be used again."""
