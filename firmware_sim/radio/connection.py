"""One end of a connection, as a simulated controller keeps it."""

from __future__ import annotations

from typing import Protocol, cast

from bumble import controller, core, hci, ll

from firmware_sim.radio.air import AirLink, Frame
from firmware_sim.radio.device_faults import RadioFaults
from firmware_sim.radio.faults import LinkFaults


class Holder(Protocol):
    """What a connection asks of its controller."""

    in_range: bool
    faults: LinkFaults | None
    radio_faults: RadioFaults | None

    def acl_arrived(self, handle: int, pdu: bytes) -> None:
        """Hand an L2CAP frame to the host."""

    def on_ll_control_pdu(self, sender_address: hci.Address, packet: ll.ControlPdu) -> None:
        """Handle a link-layer control packet."""

    def on_le_disconnected(self, connection: controller.Connection, reason: int) -> None:
        """Forget the connection and tell the host."""


class SimConnection(controller.Connection):
    """One end of a connection.

    Args:
        holder: The controller.
        request: How the central asked for the connection.
        role: Of this end.
        handle: Its connection handle.
        air: The way to the other end.
    """

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(
        self, holder: Holder, *, request: ll.ConnectInd, role: hci.Role, handle: int, air: AirLink
    ) -> None:
        ends = (request.initiator_address, request.advertiser_address)
        owner = cast("controller.Controller", holder)
        super().__init__(
            controller=owner,
            handle=handle,
            role=role,
            self_address=ends[0] if role == hci.Role.CENTRAL else ends[1],
            peer_address=ends[1] if role == hci.Role.CENTRAL else ends[0],
            link=owner.link,
            transport=core.PhysicalTransport.LE,
            link_type=hci.HCI_Connection_Complete_Event.LinkType.ACL,
        )
        self.air = air
        self._holder = holder

    @property
    def in_range(self) -> bool:
        """See `AirEnd.in_range`."""
        return self._holder.in_range

    @property
    def faults(self) -> LinkFaults | None:
        """See `AirEnd.faults`."""
        return self._holder.faults

    def note_loss(self, knob: str, times: int) -> None:
        """See `AirEnd.note_loss`."""
        if self._holder.radio_faults is not None:
            self._holder.radio_faults.note(knob, times=times)

    def on_acl_pdu(self, pdu: bytes) -> None:
        """Send an L2CAP frame."""
        self.air.send(self, pdu)

    def send_ll_control_pdu(self, packet: ll.ControlPdu) -> None:
        """Send a link-layer control packet."""
        self.air.send(self, packet)

    def receive(self, frame: Frame) -> None:
        """See `AirEnd.receive`."""
        if isinstance(frame, bytes):
            self._holder.acl_arrived(self.handle, frame)
        elif isinstance(frame, ll.ControlPdu):
            self._holder.on_ll_control_pdu(self.peer_address, frame)

    def lost(self, reason: int) -> None:
        """See `AirEnd.lost`."""
        self._holder.on_le_disconnected(self, reason)
