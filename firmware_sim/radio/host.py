"""bumble's host, joined to a simulated controller in the same process.

HCI packets pass as objects, one turn of the loop from controller to host as on the stock path.
Events go to the host's one device directly instead of through sixty registered listeners, and
L2CAP frames are neither cut into fragments nor counted: both ends have memory enough. A snooper
sees the same packets as on a wire.
"""

from __future__ import annotations

import asyncio
import functools
import struct
from typing import Any, Final, Protocol, TypeAlias

from bumble import att, hci, host
from bumble.snoop import Snooper

from firmware_sim.radio.controller import SimController

_L2CAP_HEADER: Final = struct.Struct("<HH")  # Payload length, channel.
_Direction = Snooper.Direction
# Packet boundary flags of a frame's first fragment, by direction.
# Source: Bluetooth Core 5.4, Vol 4 Part E, 5.4.2.
_FROM_HOST: Final = 0
_FROM_CONTROLLER: Final = 2

_Response: TypeAlias = "hci.HCI_Command_Complete_Event[Any] | hci.HCI_Command_Status_Event"


class HostedDevice(Protocol):
    """What the host asks of its device."""

    def on_att(self, handle: int, pdu: bytes) -> None:
        """Take an ATT PDU of a connection."""

    def on_host_event(self, event: str, args: tuple[Any, ...]) -> None:
        """Take any other event, by bumble's name for it."""


class SimHost(host.Host):
    """A host for one device.

    Args:
        controller: The controller below.
    """

    def __init__(self, controller: SimController) -> None:
        super().__init__()
        self.sim_controller = controller
        self.device: HostedDevice | None = None
        controller.attach(self)
        self.set_packet_sink(controller)

    async def reset(self, driver_factory: Any = None) -> None:
        """Reset the controller and learn what it can do; there is no hardware to find drivers for.

        Cancellation: the host is not ready; reset it again.
        """
        await super().reset(driver_factory)

    # ------------------------------------------------------------------ to the controller

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Hand a packet to the controller."""
        if self.snooper is not None:
            self.snooper.snoop(bytes(packet), _Direction.HOST_TO_CONTROLLER)
        self.sim_controller.on_hci_packet(packet)

    def send_l2cap_pdu(self, connection_handle: int, cid: int, pdu: bytes) -> None:
        """Send a payload on a channel of a connection; for no connection, it vanishes."""
        frame = _L2CAP_HEADER.pack(len(pdu), cid) + pdu
        if self.snooper is not None:
            self._snoop(connection_handle, frame, _FROM_HOST)
        self.sim_controller.send_acl(connection_handle, frame)

    async def _send_command(
        self,
        command: hci.HCI_SyncCommand[Any] | hci.HCI_AsyncCommand,
        response_timeout: float | None = None,
    ) -> _Response:
        # This controller answers every command in the next turn: no timer stands by for it.
        del response_timeout
        async with self.command_semaphore:
            response: asyncio.Future[_Response] = asyncio.get_running_loop().create_future()
            self.pending_command, self.pending_response = command, response
            try:
                self.send_hci_packet(command)
                return await response
            finally:
                self.pending_command = self.pending_response = None

    # ------------------------------------------------------------------ from the controller

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Take an event from the controller."""
        if self.snooper is not None:
            self.snooper.snoop(bytes(packet), _Direction.CONTROLLER_TO_HOST)
        if isinstance(packet, hci.HCI_Event):
            getattr(self, _handler_name(packet.name), self.on_hci_event)(packet)

    def on_acl(self, handle: int, pdu: bytes) -> None:
        """Take an L2CAP frame of a connection."""
        if self.snooper is not None:
            self._snoop(handle, pdu, _FROM_CONTROLLER)
        connection = self.connections.get(handle)
        if connection is None:
            return
        _, cid = _L2CAP_HEADER.unpack_from(pdu)
        payload = pdu[_L2CAP_HEADER.size :]
        if cid == att.ATT_CID and self.device is not None:
            self.device.on_att(handle, payload)
        else:
            self.on_l2cap_pdu(connection, cid, payload)

    def on_command_processed(self, event: _Response) -> None:
        """Resolve the command in progress; answers to one that was given up are of no use."""
        pending, command = self.pending_response, self.pending_command
        if pending is None or command is None or command.op_code != event.command_opcode:
            return
        if not pending.done():
            pending.set_result(event)

    def emit(self, event: str, *args: Any, **kwargs: Any) -> bool:
        """Tell the device, and whoever else listens."""
        if self.device is not None:
            self.device.on_host_event(event, args)
        if self.listeners(event):
            return super().emit(event, *args, **kwargs)
        return self.device is not None

    def _snoop(self, handle: int, pdu: bytes, boundary: int) -> None:
        packet = hci.HCI_AclDataPacket(handle, boundary, 0, len(pdu), pdu)
        if self.snooper is not None:
            self.snooper.snoop(
                bytes(packet),
                _Direction.HOST_TO_CONTROLLER
                if boundary == _FROM_HOST
                else _Direction.CONTROLLER_TO_HOST,
            )


@functools.cache
def _handler_name(event_name: str) -> str:
    return f"on_{event_name.lower()}"
