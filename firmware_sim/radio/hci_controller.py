"""The base of a simulated controller: its link, its randomness, and the way to its host."""

from __future__ import annotations

import asyncio
import functools
import random
from typing import Any, Protocol

from bumble import controller, hci

from firmware_sim.radio.link import SimLink


class ObjectHost(Protocol):
    """A host in the same process: takes HCI packets as objects, not as bytes."""

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Take an event."""

    def on_acl(self, handle: int, pdu: bytes) -> None:
        """Take an L2CAP frame of a connection."""


class HciController(controller.Controller):
    """A controller whose host may live in the same process.

    The stock class formats a coloured log line for every packet, logged or not, and makes bytes
    of every packet; together that is most of what a small write costs.

    Args:
        name: For logs; also names the random stream, so two devices never share one.
        link: The air.
        public_address: Its public address; None if it has none.
    """

    def __init__(
        self, name: str, link: SimLink, *, public_address: hci.Address | None = None
    ) -> None:
        self.sim_link = link
        self._object_host: ObjectHost | None = None
        self._loop = asyncio.get_running_loop()
        super().__init__(name, link=link, public_address=public_address)

    @property
    def stream(self) -> random.Random:
        """The random stream of this device."""
        return self.sim_link.streams.stream(f"radio/{self.name}")

    @property
    def own_address(self) -> hci.Address:
        """See `Station.own_address`."""
        public_address = self.public_address
        return public_address if any(public_address.address_bytes) else self.random_address

    def attach(self, host: ObjectHost) -> None:
        """Hand packets to a host in this process as they are, without making bytes of them."""
        self._object_host = host

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Take a packet from the host."""
        match packet:
            case hci.HCI_Command():
                self.on_hci_command_packet(packet)
            case hci.HCI_AclDataPacket():
                self.on_hci_acl_data_packet(packet)
            case _:
                super().on_hci_packet(packet)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Hand a packet to the host in the loop's next turn."""
        if self._object_host is not None:
            self._loop.call_soon(self._object_host.on_hci_packet, packet)
        elif self.hci_sink is not None:
            self._loop.call_soon(self.hci_sink.on_packet, bytes(packet))

    def acl_arrived(self, handle: int, pdu: bytes) -> None:
        """Hand an L2CAP frame to the host in the loop's next turn."""
        if self._object_host is not None:
            self._loop.call_soon(self._object_host.on_acl, handle, pdu)
        else:
            # 2: the first (and only) fragment of a frame from the controller.
            self.send_hci_packet(hci.HCI_AclDataPacket(handle, 2, 0, len(pdu), pdu))

    def on_hci_command_packet(self, command: hci.HCI_Command) -> None:
        """Run a command, and tell its result if it is one that has a result at once."""
        result: Any = getattr(self, _handler_name(command.name), self.on_hci_command)(command)
        if result is None:
            return
        if isinstance(command, hci.HCI_SyncCommand):
            self.send_hci_packet(
                hci.HCI_Command_Complete_Event(
                    num_hci_command_packets=1,
                    command_opcode=command.op_code,
                    return_parameters=result,
                )
            )
        else:
            # One that is not known; the stock class leaves its host waiting.
            self._send_hci_command_status(result.status, command.op_code)

    def on_hci_le_rand_command(
        self, _command: hci.HCI_LE_Rand_Command
    ) -> hci.HCI_LE_Rand_ReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.23."""
        return hci.HCI_LE_Rand_ReturnParameters(
            status=hci.HCI_ErrorCode.SUCCESS, random_number=self.stream.randbytes(8)
        )


@functools.cache
def _handler_name(command_name: str) -> str:
    return f"on_{command_name.lower()}"
