"""A bumble device on a simulated controller: what locks and centrals have in common."""

from __future__ import annotations

import random
from typing import Any, Final

from bumble import device, hci, keys
from bumble import host as bumble_host

from firmware_sim.radio.att_server import AttServer
from firmware_sim.radio.controller import CONNECTIONS_MAX, SimController
from firmware_sim.radio.host import SimHost
from firmware_sim.radio.link import SimLink
from firmware_sim.radio.pairing import SeededManager

# Bytes of an identity resolving key. Source: Bluetooth Core 5.4, Vol 3 Part H, 2.4.2.1.
_IRK_BYTES: Final = 16
# Opcodes of PDUs to a client are odd. Source: Bluetooth Core 5.4, Vol 3 Part F, 3.4.8.
TO_CLIENT_FLAG: Final = 1
_HANDLERS: Final = {name: f"on_{name}" for name in device.device_host_event_handlers}


def random_static_address(stream: random.Random) -> hci.Address:
    """A random static address: 46 random bits below two ones.

    Source: Bluetooth Core 5.4, Vol 6 Part B, 1.3.2.1.
    """
    low, high = stream.randbytes(5), stream.randrange(0x40)
    return hci.Address(low + bytes([high | 0xC0]), hci.AddressType.RANDOM_DEVICE)


class SimDevice(device.Device):
    """A device with its own controller on the link.

    Args:
        link: The air.
        name: Device name; with its address, names the random stream.
        address: Its address, random static or public; None draws a random static one.
        initiations_max: Connections that it may wait for at once.
        connections_max: Connections that it holds at once.

    Attributes:
        controller: Its controller.
        address: Its address.
        bonds: Keys of the devices that it is paired with.
    """

    def __init__(
        self,
        link: SimLink,
        *,
        name: str,
        address: hci.Address | None = None,
        initiations_max: int = 1,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        stream_name = name if address is None else address.to_string()
        stream = link.streams.stream(f"radio/{stream_name}")
        self.address = address or random_static_address(stream)
        is_public = self.address.is_public
        self.controller = SimController(
            stream_name,
            link,
            public_address=self.address if is_public else None,
            initiations_max=initiations_max,
            connections_max=connections_max,
        )
        static_address = random_static_address(stream) if is_public else self.address
        self.controller.random_address = static_address
        super().__init__(
            config=device.DeviceConfiguration(
                name=name,
                address=static_address,
                irk=stream.randbytes(_IRK_BYTES),
                classic_smp_enabled=False,
                gap_service_enabled=False,
                gatt_service_enabled=False,
            ),
            host=SimHost(self.controller),
        )
        self.bonds = keys.MemoryKeyStore()
        self.keystore = self.bonds
        self._att_server: AttServer | None = None
        self.smp_manager = SeededManager(
            self, stream=lambda: self.controller.stream, is_public=is_public
        )

    @property
    def host(self) -> bumble_host.Host:
        """The host of this device."""
        return self._sim_host

    @host.setter
    def host(self, host: bumble_host.Host) -> None:
        if not isinstance(host, SimHost):
            raise TypeError("a simulated device needs a simulated host")
        host.device = self
        self._sim_host = host
        self.l2cap_channel_manager.host = host
        host.long_term_key_provider = self.get_long_term_key
        host.link_key_provider = self.get_link_key

    def on_host_event(self, event: str, args: tuple[Any, ...]) -> None:
        """See `HostedDevice.on_host_event`."""
        handler = _HANDLERS.get(event)
        if handler is not None:
            getattr(self, handler)(*args)

    def serve(self, server: AttServer) -> None:
        """Answer ATT requests with a server of ours, the two standard services on it."""
        self.gatt_server = self._att_server = server
        self.add_default_services()

    def on_att(self, handle: int, pdu: bytes) -> None:
        """See `HostedDevice.on_att`."""
        connection = self.lookup_connection(handle)
        if connection is None or not pdu:
            return
        if self._att_server is not None and not pdu[0] & TO_CLIENT_FLAG:
            self._att_server.receive(connection, pdu)
        else:
            self.on_gatt_pdu(handle, pdu)
