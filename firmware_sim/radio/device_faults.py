"""The `ble_*` knobs of a device's fault plan at work, the same for every fidelity of the radio.

A device whose plan leaves the radio alone has no such object, so its radio asks nothing and draws
nothing. What fires is noted in the device's trace by the name of its knob, never with a value.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final, Protocol

from firmware_sim.faults.plan import FaultPlan
from firmware_sim.radio.faults import LinkFaults

_RADIO_KNOBS: Final = tuple(
    name for name in FaultPlan.__dataclass_fields__ if name.startswith("ble_")
)
_NOTHING: Final = FaultPlan()
_BITS_PER_BYTE: Final = 8


def fault_stream_name(address: str) -> str:
    """The name of the random stream of a device's radio faults."""
    return f"radio/{address}/faults"


class FaultTrace(Protocol):
    """The trace as a device's radio sees it."""

    def record(self, kind: str, **data: Any) -> None:
        """Note an event of this device; never a credential (DESIGN D17)."""


class RadioFaults:
    """What goes wrong with one device's radio.

    Args:
        plan: The device's plan.
        stream: Tells the device's own stream of such draws; asked only when chance plays a part.
        trace: Where what fires is noted; None notes nothing.

    Attributes:
        plan: As given.
        link: The part that delays and loses frames; None when there is none.
    """

    __slots__ = ("_stream", "_trace", "link", "plan")

    def __init__(
        self, plan: FaultPlan, stream: Callable[[], random.Random], trace: FaultTrace | None
    ) -> None:
        self.plan = plan
        self.link = LinkFaults.of(plan)
        self._stream = stream
        self._trace = trace

    @staticmethod
    def of(
        plan: FaultPlan, stream: Callable[[], random.Random], trace: FaultTrace | None
    ) -> RadioFaults | None:
        """The radio's part of a plan; None when the plan leaves the radio alone."""
        if all(getattr(plan, name) == getattr(_NOTHING, name) for name in _RADIO_KNOBS):
            return None
        return RadioFaults(plan, stream, trace)

    def note(self, knob: str, **data: Any) -> None:
        """Note in the trace that a fault fired.

        Args:
            knob: Its name in the plan.
            data: Facts about it; never a value that travels.
        """
        if self._trace is not None:
            self._trace.record("fault", knob=knob, **data)

    # ------------------------------------------------------------------ advertising

    def misses_advertisement(self) -> bool:
        """Whether one receiver misses one advertisement."""
        return self._fires("ble_advertisement_loss", self.plan.ble_advertisement_loss)

    def signal_dbm(self, usual_dbm: int) -> int:
        """Strength at which it is heard, in dBm."""
        return self.plan.ble_rssi_dbm or usual_dbm

    def refuses_connection(self) -> bool:
        """Whether an attempt to connect finds all of the device's slots taken."""
        if self.plan.ble_slots_full:
            self.note("ble_slots_full")
        return self.plan.ble_slots_full

    # ------------------------------------------------------------------ attribute protocol

    def ends_connection(self, operation: int) -> bool:
        """Whether the connection ends instead of an ATT operation.

        Args:
            operation: Its number in its connection, from 1.
        """
        if operation == self.plan.ble_disconnect_at_op:
            self.note("ble_disconnect_at_op", operation=operation)
            return True
        if self.plan.ble_disconnect and self._stream().random() < self.plan.ble_disconnect:
            self.note("ble_disconnect", operation=operation)
            return True
        return False

    def limited_mtu(self, own_mtu: int, asked_mtu: int) -> int:
        """The largest ATT MTU that the device agrees to.

        Args:
            own_mtu: Without a fault.
            asked_mtu: What the central asks for.
        """
        limit = self.plan.ble_mtu_max
        if not limit or limit >= own_mtu:
            return own_mtu
        if asked_mtu > limit:
            self.note("ble_mtu_max", mtu=limit)
        return limit

    def is_stale(self, handle: int) -> bool:
        """Whether the attribute that a central looks for under a handle lies elsewhere now.

        Args:
            handle: One of the handles that move.
        """
        if self.plan.ble_stale_gatt_cache:
            self.note("ble_stale_gatt_cache", handle=handle)
        return self.plan.ble_stale_gatt_cache

    def written(self, value: bytes) -> bytes:
        """A value that a central wrote, as it arrives."""
        return self._perhaps_corrupt(value)

    def notified(self, value: bytes) -> tuple[bytes, ...]:
        """What arrives of one notification: nothing, the value, or the value twice."""
        if self._fires("ble_notification_loss", self.plan.ble_notification_loss):
            return ()
        value = self._perhaps_corrupt(value)
        if self._fires("ble_notification_duplicate", self.plan.ble_notification_duplicate):
            return (value, value)
        return (value,)

    def _perhaps_corrupt(self, value: bytes) -> bytes:
        if not value or not self._fires("ble_corrupt", self.plan.ble_corrupt):
            return value
        bit = self._stream().randrange(_BITS_PER_BYTE * len(value))
        corrupted = bytearray(value)
        corrupted[bit // _BITS_PER_BYTE] ^= 1 << bit % _BITS_PER_BYTE
        return bytes(corrupted)

    def _fires(self, knob: str, probability: float) -> bool:
        if not probability or self._stream().random() >= probability:
            return False
        self.note(knob)
        return True
