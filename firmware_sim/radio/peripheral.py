"""A lock as a Bluetooth peripheral: the strike GATT service, with a device behind it.

Life: made unpowered; `power_on` boots and advertises; a central that connects stops the
advertising until it is gone; `power_off` vanishes without a goodbye, so the central notices
only at its supervision timeout.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

from bumble import device, gatt, hci

from firmware_sim.faults.plan import FaultPlan
from firmware_sim.radio.advertisement import lock_advertisement, name_response
from firmware_sim.radio.att_server import AttServer
from firmware_sim.radio.device import SimDevice
from firmware_sim.radio.device_faults import FaultTrace, RadioFaults, fault_stream_name
from firmware_sim.radio.endpoint import GattEndpoint
from firmware_sim.radio.faults import LinkFaults
from firmware_sim.radio.link import SimLink
from protocols.strike.gatt import COMMAND_UUID, COMPANY_ID, EVENT_UUID, SERVICE_UUID

logger = logging.getLogger(__name__)

# A lock on batteries advertises about once a second; assumed.
ADVERTISING_INTERVAL_MS: Final = 1000.0
# What the common lock SoCs agree to: one ATT packet in one 251-octet link-layer packet, less the
# four octets of L2CAP. Source: Bluetooth Core 5.4, Vol 6 Part B, 2.4.
ATT_MTU_MAX: Final = 247

_EVENT_PROPERTIES: Final = device.AdvertisingEventProperties.from_advertising_type(
    device.AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE
)
_Property = gatt.Characteristic.Properties
_REMOTE_USER: Final = hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR


class LockPeripheral:
    """The radio of a lock.

    Args:
        link: The air.
        address: "AA:BB:CC:DD:EE:FF".
        name: Told in the scan response, shortened to 29 bytes of UTF-8.
        endpoint: The device behind the GATT service.
        is_public: True when the address is a public one; else it is random static.
        manufacturer_data: What it advertises after the company identifier, at most 6 bytes.
        advertising_interval_ms: Milliseconds from one advertisement to the next.
        att_mtu_max: Largest ATT MTU that it agrees to.

    Attributes:
        handler_errors: How often the endpoint failed; each was answered as an ATT error.
        fault_trace: Where faults that fire are noted, of plans set from now on; None = nowhere.

    Raises:
        DeviceConflict: When another device on the link has that address.
        ValueTooLong: When the manufacturer data do not fit.
    """

    def __init__(
        self,
        link: SimLink,
        *,
        address: str,
        name: str,
        endpoint: GattEndpoint,
        is_public: bool = False,
        manufacturer_data: bytes = b"",
        advertising_interval_ms: float = ADVERTISING_INTERVAL_MS,
        att_mtu_max: int = ATT_MTU_MAX,
    ) -> None:
        self.name = name
        self.fault_trace: FaultTrace | None = None
        self.handler_errors = 0
        self._endpoint = endpoint
        self._advertising_interval_ms = advertising_interval_ms
        self._advertising_data = lock_advertisement(SERVICE_UUID, COMPANY_ID, manufacturer_data)
        self._advertising_set: device.AdvertisingSet | None = None
        self._connection: device.Connection | None = None
        self._radio_faults: RadioFaults | None = None
        self._is_placed_in_range = True
        # A cut that comes while the radio still boots waits for its turn, and then holds.
        self._switching = asyncio.Lock()
        kinds = hci.AddressType
        self._device = SimDevice(
            link,
            name=name,
            address=hci.Address(
                address, kinds.PUBLIC_DEVICE if is_public else kinds.RANDOM_DEVICE
            ),
            connections_max=1,
        )
        self._server = AttServer(
            self._device, att_mtu_max=att_mtu_max, on_error=self._handler_failed
        )
        self._device.serve(self._server)
        self._server.on_fault_disconnect = self.disconnect
        self._event = gatt.Characteristic[bytes](
            EVENT_UUID, _Property.NOTIFY, gatt.Characteristic.Permissions(0)
        )
        service = gatt.Service(SERVICE_UUID, [self._command(), self._event])
        self._server.add_service(service)
        self._server.moved_from = service.handle
        self._device.on(device.Device.EVENT_CONNECTION, self._connected)

    @property
    def address(self) -> str:
        """Its address, "AA:BB:CC:DD:EE:FF"."""
        return self._device.address.to_string(with_type_qualifier=False)

    @property
    def is_powered(self) -> bool:
        """True between `power_on` and `power_off`."""
        return self._advertising_set is not None

    @property
    def is_in_range(self) -> bool:
        """False while nobody can hear it."""
        return self._device.controller.in_range

    @property
    def is_connected(self) -> bool:
        """True while a central is connected."""
        return self._connection is not None

    @property
    def att_mtu(self) -> int | None:
        """The ATT MTU of the connection; None without one."""
        return None if self._connection is None else self._connection.att_mtu

    @property
    def faults(self) -> LinkFaults | None:
        """Faults of this lock's connections; None leaves them to the link."""
        return self._device.controller.faults

    @faults.setter
    def faults(self, faults: LinkFaults | None) -> None:
        self._device.controller.faults = faults

    async def power_on(self) -> None:
        """Boot the radio and advertise; nothing happens when it is on.

        Cancellation: call `power_off` before the next `power_on`.
        """
        async with self._switching:
            if not self.is_powered:
                await self._boot()

    async def _boot(self) -> None:
        data = self._advertising_data
        await self._device.power_on()
        is_public = self._device.address.is_public
        own_address_type = hci.OwnAddressType.PUBLIC if is_public else hci.OwnAddressType.RANDOM
        self._advertising_set = await self._device.create_advertising_set(
            device.AdvertisingParameters(
                advertising_event_properties=_EVENT_PROPERTIES,
                primary_advertising_interval_min=self._advertising_interval_ms,
                primary_advertising_interval_max=self._advertising_interval_ms,
                own_address_type=own_address_type,
            ),
            advertising_data=data,
            scan_response_data=name_response(self.name),
        )
        if self._advertising_data != data:  # Changed meanwhile.
            self._advertise()

    async def power_off(self) -> None:
        """Cut the power: the air falls silent, and the endpoint learns that it is disconnected."""
        async with self._switching:
            self._advertising_set = None
            self._device.extended_advertising_sets.clear()
            self._device.connecting_extended_advertising_sets.clear()
            self._device.controller.power_off()
            await self._device.power_off()

    def set_in_range(self, in_range: bool) -> None:  # noqa: FBT001 - the word is in the name.
        """Put the lock into radio range, or out of it."""
        self._is_placed_in_range = in_range
        self._place()

    def set_faults(self, plan: FaultPlan) -> None:
        """Let the radio's part of a plan go wrong from now on, and nothing else."""
        controller = self._device.controller
        faults = RadioFaults.of(plan, self._fault_stream, self.fault_trace)
        self._radio_faults = self._server.faults = controller.radio_faults = faults
        controller.faults = None if faults is None else faults.link
        self._lose_bonds()
        self._place()
        controller.sim_link.faults_changed(controller)

    def _fault_stream(self) -> random.Random:
        return self._device.controller.sim_link.streams.stream(fault_stream_name(self.address))

    def _lose_bonds(self) -> None:
        faults = self._radio_faults
        if faults is not None and faults.plan.ble_bond_lost and self._device.bonds.all_keys:
            self._device.bonds.all_keys.clear()
            faults.note("ble_bond_lost")

    def _place(self) -> None:
        controller, faults = self._device.controller, self._radio_faults
        is_faded = faults is not None and faults.plan.ble_out_of_range
        in_range = self._is_placed_in_range and not is_faded
        if faults is not None and is_faded and controller.in_range:
            faults.note("ble_out_of_range")
        controller.in_range = in_range

    def set_advertisement(self, manufacturer_data: bytes) -> None:
        """Advertise other manufacturer data; whoever scans hears them at once.

        Args:
            manufacturer_data: What follows the company identifier, at most 6 bytes.

        Raises:
            ValueTooLong: When they do not fit.
        """
        self._advertising_data = lock_advertisement(SERVICE_UUID, COMPANY_ID, manufacturer_data)
        self._advertise()

    def _advertise(self) -> None:
        if self._advertising_set is not None:
            self._device.controller.advertise(
                self._advertising_set.advertising_handle, self._advertising_data
            )

    def disconnect(self, reason: int = _REMOTE_USER) -> None:
        """End the connection, if there is one.

        Args:
            reason: HCI error code that the central is told.
        """
        if self._connection is not None:
            self._device.controller.disconnect(self._connection.handle, reason)

    # ------------------------------------------------------------------ events of the device

    def _command(self) -> gatt.Characteristic[bytes]:
        return gatt.Characteristic(
            COMMAND_UUID,
            _Property.WRITE | _Property.WRITE_WITHOUT_RESPONSE,
            gatt.Characteristic.Permissions.WRITEABLE,
            gatt.CharacteristicValue(write=self._written),
        )

    def _written(self, _connection: device.Connection, value: bytes) -> None:
        if self._radio_faults is not None:
            value = self._radio_faults.written(value)
        self._endpoint.received(value)

    def _connected(self, connection: device.Connection) -> None:
        self._connection = connection
        self._server.begin()
        self._lose_bonds()
        connection.on(connection.EVENT_DISCONNECTION, self._disconnected)
        connection.on(
            connection.EVENT_CONNECTION_ATT_MTU_UPDATE,
            lambda: self._endpoint.mtu_changed(connection.att_mtu),
        )
        self._endpoint.connected(connection.att_mtu, self._notifier(connection))

    def _disconnected(self, _reason: int) -> None:
        self._connection = None
        self._endpoint.disconnected()
        if self._advertising_set is not None:
            self._device.controller.resume_advertising(self._advertising_set.advertising_handle)

    def _notifier(self, connection: device.Connection) -> Callable[[bytes], None]:
        def notify(value: bytes) -> None:
            self._server.notify(connection, self._event.handle, value)

        return notify

    def _handler_failed(self, error: Exception) -> None:
        self.handler_errors += 1
        # Its words may hold what was written, PINs included: only its kind is told.
        logger.error("%s: the endpoint failed with %s", self.name, type(error).__name__)
