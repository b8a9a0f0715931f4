"""What a firmware asks of the trace."""

from __future__ import annotations

from typing import Any, Protocol


class DeviceTrace(Protocol):
    """The trace as one device sees it."""

    def record(self, kind: str, **data: Any) -> None:
        """Note an event of this device; never a credential (DESIGN D17)."""

    def pin_tag(self, code: str) -> str:
        """What stands for a PIN in the trace."""


class NoTrace:
    """A device that nobody watches."""

    def record(self, kind: str, **data: Any) -> None:
        """Note nothing."""

    def pin_tag(self, code: str) -> str:  # noqa: ARG002 - nobody will see it.
        """A tag that tells nothing."""
        return "pin#0000"
