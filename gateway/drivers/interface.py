"""What every lock driver can do, in the words of the Matter Door Lock cluster.

A driver speaks one protocol on one open link and belongs to one session with one device: it keeps
deadlines and repeats what may be repeated, and leaves every decision to its caller. Every call
can raise `LinkClosed` (the connection ended), `DeviceTimeout` (no answer after every attempt) and
`RequestRefused` (an answer, but no).
"""

from __future__ import annotations

from typing import Protocol

from gateway.plan.operations import Operation
from protocols.strike.messages import DeviceStatus, Info, LogPage, OccupiedRecord


class Driver(Protocol):
    """One conversation with one device; its calls are made one after the other."""

    @property
    def refused_count(self) -> int:
        """Frames of the device that could not be understood so far."""

    async def info(self) -> Info:
        """What the device is and how much it can hold."""

    async def status(self) -> DeviceStatus:
        """The device's present state."""

    async def set_time(self, *, utc_offset_min: int) -> None:
        """Set the device's clock to the gateway's.

        Args:
            utc_offset_min: Local time of the door minus UTC, minutes.
        """

    async def apply(self, operation: Operation) -> None:
        """Make one write to the device's memory; the same again is harmless."""

    async def list_occupied(self) -> tuple[OccupiedRecord, ...]:
        """Everything that the device's memory holds, tombstones too, in key order."""

    async def read_log(self, from_index: int) -> LogPage:
        """One page of the access log, from an index on."""

    async def lock(self) -> None:
        """Throw the bolt."""

    async def unlock(self) -> None:
        """Withdraw the bolt."""
