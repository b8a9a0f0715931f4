"""bumble's virtual controller, made fit for a simulation of many devices.

What it changes against the stock class, each pinned by a regression test:

* advertising, scanning and initiating go through `SimLink` and cost nothing while idle; scan
  responses, passive scans and duplicate filters are real (`advertising_commands`, below);
* a cancelled connection attempt completes with an error instead of hanging for ever;
* a connection that can't be (already there, too many) is refused with the spec's error code;
* RSSI can be read; disconnection reasons differ by side, as in the specification;
* larger ACL packets, and no log line is formatted for a packet that nobody logs;
* randomness comes from the device's own stream;
* losing its power, it vanishes without a goodbye.
"""

from __future__ import annotations

from typing import Final

from bumble import controller, hci, ll

from firmware_sim.radio.advertising import QuietAdvertisingSet
from firmware_sim.radio.advertising_commands import LEGACY_HANDLE, AdvertisingCommands
from firmware_sim.radio.air import AirLink
from firmware_sim.radio.connection import SimConnection
from firmware_sim.radio.device_faults import RadioFaults
from firmware_sim.radio.faults import LinkFaults
from firmware_sim.radio.link import SUPERVISION_UNIT_S, SimLink
from firmware_sim.radio.scanning_commands import ScanningCommands

# Largest LE data packet; the stock 27 bytes split every MTU-sized value into ten.
# Source: Bluetooth Core 5.4, Vol 6 Part B, 2.4 (251 octets).
ACL_BYTES_MAX: Final = 251
# Connections of one controller. Real ones hold 3 to 20.
CONNECTIONS_MAX: Final = 20

_Error = hci.HCI_ErrorCode
_POWER_OFF: Final = _Error.REMOTE_DEVICE_TERMINATED_CONNECTION_DUE_TO_POWER_OFF_ERROR
_SUCCESS: Final = hci.HCI_StatusReturnParameters(_Error.SUCCESS)
_PUBLIC_TYPES: Final = (hci.OwnAddressType.PUBLIC, hci.OwnAddressType.RESOLVABLE_OR_PUBLIC)


class SimController(AdvertisingCommands, ScanningCommands):
    """A controller on a `SimLink`.

    Args:
        name: For logs; also names the random stream, so two devices never share one.
        link: The air.
        public_address: Its public address; None if it has none.
        initiations_max: How many connections it may wait for at once. A real controller has one;
            more stand for its list of accepted devices.
        connections_max: How many connections it holds at once.

    Attributes:
        faults: Faults of this device's connections; None leaves them to the link.
        radio_faults: Everything that goes wrong with this device's radio; None is nothing.
    """

    le_acl_data_packet_length = ACL_BYTES_MAX
    supported_max_tx_octets = ACL_BYTES_MAX
    supported_max_rx_octets = ACL_BYTES_MAX
    le_features = controller.Controller.le_features & ~hci.LeFeatureMask.LE_PERIODIC_ADVERTISING

    def __init__(
        self,
        name: str,
        link: SimLink,
        *,
        public_address: hci.Address | None = None,
        initiations_max: int = 1,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        super().__init__(name, link, public_address=public_address)
        self.faults: LinkFaults | None = None
        self.radio_faults: RadioFaults | None = None
        self._initiations_max = initiations_max
        self._connections_max = connections_max
        self._in_range = True
        self._initiations: dict[hci.Address, hci.HCI_LE_Create_Connection_Command] = {}
        self._by_handle: dict[int, SimConnection] = {}

    @property
    def in_range(self) -> bool:
        """True while it can be heard and hears."""
        return self._in_range

    @in_range.setter
    def in_range(self, in_range: bool) -> None:
        if in_range != self._in_range:
            self._in_range = in_range
            self.sim_link.range_changed(self)
            for connection in tuple(self._by_handle.values()):
                connection.air.range_changed()

    def power_off(self) -> None:
        """Vanish from the air without a goodbye; its own host learns at once that all is over."""
        for event in self._vanish():
            if self._object_host is not None:
                self._object_host.on_hci_packet(event)
            else:
                self.send_hci_packet(event)

    def on_hci_reset_command(
        self, _command: hci.HCI_Reset_Command
    ) -> hci.HCI_StatusReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.3.2: nothing goes on afterwards."""
        self._vanish()
        return _SUCCESS

    def _vanish(self) -> list[hci.HCI_Event]:
        events: list[hci.HCI_Event] = []
        self.stop_scan()
        for address in tuple(self._initiations):
            self._end_initiation(address)
            events.append(_cancelled(address))
        for advertiser in self.advertisers:
            advertiser.stop()
        self.advertising_sets.clear()
        for connection in tuple(self._by_handle.values()):
            connection.air.abandon(connection)
            events.append(self._forget(connection, _POWER_OFF))
        return events

    def send_acl(self, handle: int, pdu: bytes) -> None:
        """Take an L2CAP frame from a host in this process; for no connection, it vanishes."""
        connection = self._by_handle.get(handle)
        if connection is not None:
            connection.on_acl_pdu(pdu)

    # ------------------------------------------------------------------ initiating

    def on_hci_le_create_connection_command(
        self, command: hci.HCI_LE_Create_Connection_Command
    ) -> None:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.12."""
        self._initiate(command, command.op_code)

    def on_hci_le_extended_create_connection_command(
        self, command: hci.HCI_LE_Extended_Create_Connection_Command
    ) -> None:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.66; the first PHY's parameters count."""
        plain = hci.HCI_LE_Create_Connection_Command(
            le_scan_interval=command.scan_intervals[0],
            le_scan_window=command.scan_windows[0],
            initiator_filter_policy=command.initiator_filter_policy,
            peer_address_type=command.peer_address_type,
            peer_address=command.peer_address,
            own_address_type=command.own_address_type,
            connection_interval_min=command.connection_interval_mins[0],
            connection_interval_max=command.connection_interval_maxs[0],
            max_latency=command.max_latencies[0],
            supervision_timeout=command.supervision_timeouts[0],
            min_ce_length=command.min_ce_lengths[0],
            max_ce_length=command.max_ce_lengths[0],
        )
        self._initiate(plain, command.op_code)

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.13: every attempt completes with an error."""
        if not self._initiations:
            return hci.HCI_StatusReturnParameters(_Error.COMMAND_DISALLOWED_ERROR)
        for address in tuple(self._initiations):
            self._end_initiation(address)
            # Later than the answer to this command.
            self._loop.call_soon(self.send_hci_packet, _cancelled(address))
        return _SUCCESS

    def cancel_initiation(self, address: hci.Address) -> None:
        """Give up one attempt to connect, and say nothing: it is the host itself that asks."""
        if address in self._initiations:
            self._end_initiation(address)

    def initiation(self, advertiser: hci.Address) -> ll.ConnectInd:
        """See `Station.initiation`."""
        command = self._end_initiation(advertiser)
        uses_public = command.own_address_type in _PUBLIC_TYPES
        return ll.ConnectInd(
            initiator_address=self.public_address if uses_public else self.random_address,
            advertiser_address=advertiser,
            interval=command.connection_interval_min,
            latency=command.max_latency,
            timeout=command.supervision_timeout,
        )

    def _initiate(self, command: hci.HCI_LE_Create_Connection_Command, op_code: int) -> None:
        status = self._initiation_refusal(command.peer_address)
        self._send_hci_command_status(status, op_code)
        if status == _Error.SUCCESS:
            self._initiations[command.peer_address] = command
            self.sim_link.initiation_started(self, command.peer_address)

    def _initiation_refusal(self, address: hci.Address) -> hci.HCI_ErrorCode:
        if address in self.le_connections:
            return _Error.CONNECTION_ALREADY_EXISTS_ERROR
        if len(self._by_handle) + len(self._initiations) >= self._connections_max:
            return _Error.CONNECTION_LIMIT_EXCEEDED_ERROR
        if address in self._initiations or len(self._initiations) >= self._initiations_max:
            return _Error.COMMAND_DISALLOWED_ERROR
        return _Error.SUCCESS

    def _end_initiation(self, address: hci.Address) -> hci.HCI_LE_Create_Connection_Command:
        command = self._initiations.pop(address)
        self.sim_link.initiation_stopped(self, address)
        return command

    # ------------------------------------------------------------------ connections

    def open_as_central(self, request: ll.ConnectInd, air: AirLink) -> SimConnection:
        """See `Station.open_as_central`."""
        return self._open(request, hci.Role.CENTRAL, air)

    def open_as_peripheral(
        self, request: ll.ConnectInd, air: AirLink, advertiser: QuietAdvertisingSet
    ) -> SimConnection:
        """See `Station.open_as_peripheral`."""
        connection = self._open(request, hci.Role.PERIPHERAL, air)
        advertiser.stop()
        if advertiser.handle != LEGACY_HANDLE:
            self.send_hci_packet(
                hci.HCI_LE_Advertising_Set_Terminated_Event(
                    status=_Error.SUCCESS,
                    advertising_handle=advertiser.handle,
                    connection_handle=connection.handle,
                    num_completed_extended_advertising_events=0,
                )
            )
        return connection

    def _open(self, request: ll.ConnectInd, role: hci.Role, air: AirLink) -> SimConnection:
        handle = self.allocate_connection_handle()
        connection = SimConnection(self, request=request, role=role, handle=handle, air=air)
        self.le_connections[connection.peer_address] = connection
        self._by_handle[handle] = connection
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=_Error.SUCCESS,
                connection_handle=handle,
                role=role,
                peer_address_type=connection.peer_address.address_type,
                peer_address=connection.peer_address,
                connection_interval=request.interval,
                peripheral_latency=request.latency,
                supervision_timeout=request.timeout,
                central_clock_accuracy=0,
            )
        )
        return connection

    def allocate_connection_handle(self) -> int:
        """The lowest free connection handle."""
        handle = 1
        while handle in self._by_handle:
            handle += 1
        return handle

    def find_connection_by_handle(self, handle: int) -> controller.Connection | None:
        """The connection of a handle."""
        return self._by_handle.get(handle)

    def find_le_connection_by_handle(self, handle: int) -> controller.Connection | None:
        """The same: there are no others."""
        return self._by_handle.get(handle)

    def disconnect(self, handle: int, reason: int) -> bool:
        """End a connection; both ends learn of it when the other one was told.

        Args:
            handle: Of the connection.
            reason: HCI error code for the other end.

        Returns:
            False when there is no such connection.
        """
        connection = self._by_handle.get(handle)
        if connection is None:
            return False
        connection.air.terminate(connection, reason)
        return True

    def on_hci_disconnect_command(self, command: hci.HCI_Disconnect_Command) -> None:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.1.6."""
        found = self.disconnect(command.connection_handle, command.reason)
        status = _Error.SUCCESS if found else _Error.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
        self._send_hci_command_status(status, command.op_code)

    def on_hci_le_connection_update_command(
        self, command: hci.HCI_LE_Connection_Update_Command
    ) -> None:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.18."""
        super().on_hci_le_connection_update_command(command)
        connection = self._by_handle.get(command.connection_handle)
        if connection is not None:
            connection.air.supervision_timeout_s = command.supervision_timeout * SUPERVISION_UNIT_S

    def on_le_disconnected(self, connection: controller.Connection, reason: int) -> None:
        """Forget a connection and tell the host; nothing happens when that was done before."""
        if self._by_handle.get(connection.handle) is connection:
            self.send_hci_packet(self._forget(connection, reason))

    def on_hci_read_rssi_command(
        self, command: hci.HCI_Read_RSSI_Command
    ) -> hci.HCI_Read_RSSI_ReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.5.4."""
        connection = self._by_handle.get(command.handle)
        if connection is None:
            return hci.HCI_Read_RSSI_ReturnParameters(
                status=_Error.UNKNOWN_CONNECTION_IDENTIFIER_ERROR, handle=command.handle, rssi=127
            )
        rssi_dbm = self.sim_link.heard_dbm(connection.peer_address, connection.self_address)
        return hci.HCI_Read_RSSI_ReturnParameters(
            status=_Error.SUCCESS, handle=command.handle, rssi=rssi_dbm
        )

    def _forget(
        self, connection: controller.Connection, reason: int
    ) -> hci.HCI_Disconnection_Complete_Event:
        del self._by_handle[connection.handle]
        del self.le_connections[connection.peer_address]
        return hci.HCI_Disconnection_Complete_Event(
            status=_Error.SUCCESS, connection_handle=connection.handle, reason=reason
        )


def _cancelled(address: hci.Address) -> hci.HCI_Event:
    """What a host is told about an attempt to connect that was given up."""
    return hci.HCI_LE_Connection_Complete_Event(
        status=_Error.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
        connection_handle=0,
        role=hci.Role.CENTRAL,
        peer_address_type=address.address_type,
        peer_address=address,
        connection_interval=0,
        peripheral_latency=0,
        supervision_timeout=0,
        central_clock_accuracy=0,
    )
