"""A central: a simulated adapter that scans and connects.

A real adapter waits for several devices at once by its list of accepted devices; bumble's host
can't, and its controller knows one attempt at a time. Here every central waits for as many
devices as it has slots, so a lock that is out of range holds up nobody but its own client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from bumble import att, core, device, hci

from firmware_sim.radio.att_client import ConnectionLost, PairingRefused
from firmware_sim.radio.device import TO_CLIENT_FLAG, SimDevice
from firmware_sim.radio.interface import Sighting
from firmware_sim.radio.link import SUPERVISION_UNIT_S, SimLink
from firmware_sim.radio.open_connection import OpenConnection

# Connections of one central. Real controllers hold 3 to 20 links.
SLOTS: Final = 16
# What Linux asks for when nothing else is set: an interval of 30 to 50 ms, and a supervision
# timeout of 420 ms. Source: Linux, net/bluetooth/hci_core.c, `hci_alloc_dev_priv`.
INTERVAL_MIN_UNITS: Final = 24  # of 1.25 ms
INTERVAL_MAX_UNITS: Final = 40  # of 1.25 ms
SUPERVISION_TIMEOUT_S: Final = 0.42
# Scan interval and window while initiating, 60 ms each; of no consequence on a simulated link.
_INITIATOR_SCAN_UNITS: Final = 96  # of 0.625 ms

_Error = hci.HCI_ErrorCode
_Flags = hci.HCI_LE_Extended_Advertising_Report_Event.EventType
_Report = hci.HCI_LE_Extended_Advertising_Report_Event.Report


class CentralConnection(OpenConnection):
    """A connection of a central.

    Args:
        central: Whose connection it is.
        connection: The same, as bumble knows it.
    """

    def __init__(self, central: Central, connection: device.Connection) -> None:
        super().__init__()
        self._central = central
        self._connection = connection

    @property
    def handle(self) -> int:
        """Its connection handle."""
        return self._connection.handle

    async def pair(self) -> None:
        """See `Connection.pair`."""
        if self._connection.is_encrypted:
            return
        is_bonded = await self._central.bonds.get(str(self._connection.peer_address)) is not None
        try:
            await (self._connection.encrypt() if is_bonded else self._connection.pair())
        except hci.HCI_Error as error:
            raise PairingRefused(error.error_code or 0) from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if self.is_open or (task is not None and task.cancelling()):
                raise
            # bumble cancels what waits when the connection ends: nobody cancelled this task.
            raise ConnectionLost(self._ended.result()) from error

    def _terminate(self) -> None:
        self._central.controller.disconnect(
            self.handle, _Error.REMOTE_USER_TERMINATED_CONNECTION_ERROR
        )

    def _send(self, pdu: bytes) -> None:
        self._central.host.send_l2cap_pdu(self.handle, att.ATT_CID, pdu)


class Central(SimDevice):
    """A simulated adapter.

    Args:
        link: The air.
        name: Names its random stream, which its address is drawn from.
        slots: Connections that it holds, those on their way included.
        supervision_timeout_s: Seconds of silence after which its connections end.
    """

    def __init__(
        self,
        link: SimLink,
        *,
        name: str,
        slots: int = SLOTS,
        supervision_timeout_s: float = SUPERVISION_TIMEOUT_S,
    ) -> None:
        super().__init__(link, name=name, initiations_max=slots, connections_max=slots)
        self.connect_own_address_type = hci.OwnAddressType.RANDOM
        self.on_sighting: Callable[[Sighting], None] | None = None
        self._supervision_units = round(supervision_timeout_s / SUPERVISION_UNIT_S)
        self._attempts: dict[hci.Address, asyncio.Future[CentralConnection]] = {}
        self._connections: dict[int, CentralConnection] = {}
        self._scannable: _Report | None = None
        self._boot = asyncio.Lock()

    def serves(self, address: hci.Address) -> bool:
        """True while it is connected to a device, or about to be."""
        return address in self._attempts or address in self.controller.le_connections

    async def boot(self) -> None:
        """Power on, unless it is on."""
        async with self._boot:
            if not self.powered_on:
                await self.power_on()

    async def open(self, address: hci.Address) -> CentralConnection:
        """Connect to a device at its next advertisement, however long that takes.

        Cancellation: the attempt is given up; a connection that came about meanwhile is ended.

        Raises:
            ConnectionLost: When the attempt failed.
            HCI_Error: bumble's, when it is connected to that device, or has no slot.
        """
        waiting: asyncio.Future[CentralConnection] = asyncio.get_running_loop().create_future()
        command = hci.HCI_LE_Create_Connection_Command(
            le_scan_interval=_INITIATOR_SCAN_UNITS,
            le_scan_window=_INITIATOR_SCAN_UNITS,
            initiator_filter_policy=0,
            peer_address_type=address.address_type,
            peer_address=address,
            own_address_type=hci.OwnAddressType.RANDOM,
            connection_interval_min=INTERVAL_MIN_UNITS,
            connection_interval_max=INTERVAL_MAX_UNITS,
            max_latency=0,
            supervision_timeout=self._supervision_units,
            min_ce_length=0,
            max_ce_length=0,
        )
        self._attempts[address] = waiting
        try:
            await self.send_async_command(command)
            return await waiting
        except asyncio.CancelledError:
            self.controller.cancel_initiation(address)
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                self._drop(waiting.result().handle)
            raise
        finally:
            self._attempts.pop(address, None)

    def _drop(self, handle: int) -> None:
        self.controller.disconnect(handle, _Error.REMOTE_USER_TERMINATED_CONNECTION_ERROR)

    # ------------------------------------------------------------------ events of the host

    def on_att(self, handle: int, pdu: bytes) -> None:
        """See `HostedDevice.on_att`."""
        connection = self._connections.get(handle)
        if connection is not None and pdu and pdu[0] & TO_CLIENT_FLAG:
            connection.att.receive(pdu)
        else:
            super().on_att(handle, pdu)

    def on_le_connection(
        self, connection_handle: int, peer_address: hci.Address, *rest: Any
    ) -> None:
        """A connection is there; one that nobody waits for any more is ended."""
        super().on_le_connection(connection_handle, peer_address, *rest)
        connection = CentralConnection(self, self.connections[connection_handle])
        self._connections[connection_handle] = connection
        waiting = self._attempts.pop(peer_address, None)
        if waiting is None or waiting.done():
            self._drop(connection_handle)
        else:
            waiting.set_result(connection)

    def on_connection_failure(
        self, transport: core.PhysicalTransport, peer_address: hci.Address, error_code: int
    ) -> None:
        """An attempt to connect failed."""
        super().on_connection_failure(transport, peer_address, error_code)
        waiting = self._attempts.pop(peer_address, None)
        if waiting is not None and not waiting.done():
            waiting.set_exception(ConnectionLost(error_code))

    def on_disconnection(self, connection_handle: int, reason: int) -> None:
        """A connection is over."""
        super().on_disconnection(connection_handle, reason)
        connection = self._connections.pop(connection_handle, None)
        if connection is not None:
            connection.lose(reason)

    def on_advertising_report(self, report: Any) -> None:
        """Join an advertisement with the scan response that follows it."""
        before, self._scannable = self._scannable, None
        if report.event_type & _Flags.SCAN_RESPONSE:
            if before is not None and before.address == report.address:
                self._sight(before, report.data)
        elif report.event_type & _Flags.SCANNABLE_ADVERTISING and not self.scanning_is_passive:
            self._scannable = report
        else:
            self._sight(report, None)

    def _sight(self, report: _Report, scan_response: bytes | None) -> None:
        if self.on_sighting is not None:
            self.on_sighting(
                Sighting(
                    address=report.address.to_string(with_type_qualifier=False),
                    sender=report.address,
                    data=report.data,
                    scan_response=scan_response,
                    rssi_dbm=report.rssi,
                    absences=self.controller.sim_link.absences(report.address),
                )
            )
