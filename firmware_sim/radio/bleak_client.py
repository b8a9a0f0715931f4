"""bleak's client on the simulated radio, with the manners of the BlueZ backend."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, ClassVar, Final, Never, TypeVar

from bleak.args import SizedBuffer
from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import att, core, hci

from firmware_sim.radio.att_client import AttRefused, ConnectionLost, PairingRefused
from firmware_sim.radio.att_server import ATT_HEADER_BYTES
from firmware_sim.radio.discovery import ServiceRecord
from firmware_sim.radio.interface import Adapter, Connection
from firmware_sim.radio.service_cache import ServiceCache

T = TypeVar("T")

# Longest attribute value. Source: Bluetooth Core 5.4, Vol 3 Part F, 3.2.9.
VALUE_BYTES_MAX: Final = 512
# Client Characteristic Configuration. Source: Bluetooth Assigned Numbers, 3.7.
_CCCD_UUID: Final = "00002902-0000-1000-8000-00805f9b34fb"
_NOTIFY: Final = b"\x01\x00"
_INDICATE: Final = b"\x02\x00"
_NOTHING: Final = b"\x00\x00"


@contextlib.contextmanager
def _bleak_errors() -> Iterator[None]:
    """The one seam where the radio's errors become bleak's."""
    try:
        yield
    except AttRefused as refused:
        raise BleakGATTProtocolError(refused.code) from refused
    except (ConnectionLost, PairingRefused, core.BaseBumbleError, hci.HCI_Error) as error:
        raise BleakError(str(error)) from error


class SimClient(BaseBleakClient):
    """A client; made by bleak's own `BleakClient`.

    A device is connected by its address alone, at its next advertisement, without a scan before.

    Args:
        address_or_ble_device: Who to connect to.
        services: Only these services are told of; None for all.
        disconnected_callback: Called when an established connection is over.
        timeout: Seconds for connecting, service discovery included.
    """

    pool: ClassVar[Adapter]
    cache: ClassVar[ServiceCache]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        services: set[str] | None = None,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **_kwargs: Any,
    ) -> None:
        super().__init__(
            address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout
        )
        self._device = (
            address_or_ble_device if isinstance(address_or_ble_device, BLEDevice) else None
        )
        self._requested = services
        self._connection: Connection | None = None
        self._is_established = False

    # ------------------------------------------------------------------ connection

    @property
    def name(self) -> str:
        """Name from the advertisement, else the address with dashes, as BlueZ has it."""
        name = None if self._device is None else self._device.name
        return name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """ATT MTU in use."""
        return att.ATT_DEFAULT_MTU if self._connection is None else self._connection.att.mtu

    @property
    def is_connected(self) -> bool:
        """True while connected."""
        return self._is_established and self._connection is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:  # noqa: FBT001 - bleak's interface.
        """Connect, agree on an MTU, pair if asked to, and find the services.

        Cancellation: the attempt is given up, a connection made meanwhile is ended.

        Raises:
            BleakDeviceNotFoundError: When a device known by its address alone was not heard.
            BleakError: When anything else went wrong.
            TimeoutError: When it took too long.
        """
        if self._connection is not None:
            raise BleakError("Client is already connected")
        try:
            async with asyncio.timeout(kwargs.get("timeout", self._timeout)):
                with _bleak_errors():
                    await self._establish(
                        pair=pair, trusts_cache=kwargs.get("dangerous_use_bleak_cache", False)
                    )
        except TimeoutError as error:
            if self._connection is None and self._device is None:
                self._not_found(error)
            raise
        finally:
            if not self._is_established:
                await self._drop()

    async def _establish(self, *, pair: bool, trusts_cache: bool) -> None:
        self._connection = connection = await self.pool.connect(self._target())
        connection.on_closed(self._closed)
        await connection.att.exchange_mtu(self.pool.att_mtu)
        if pair:
            await connection.pair()
        records = connection.known_services
        if records is None:
            records = await self.cache.services(
                self.address, connection.att, trusts_cache=trusts_cache
            )
        if self._connection is None:
            raise ConnectionLost(hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR)
        self.services = self._collection(records)
        self._is_established = True

    def _target(self) -> object:
        details = None if self._device is None else self._device.details
        heard = details.get("address") if isinstance(details, dict) else None
        try:
            return self.pool.target(self.address, heard)
        except ValueError as error:
            self._not_found(error)

    def _not_found(self, cause: Exception) -> Never:
        raise BleakDeviceNotFoundError(
            self.address, f"Device with address {self.address} was not found."
        ) from cause

    async def disconnect(self) -> None:
        """End the connection, if there is one; out of range that takes the supervision timeout."""
        await self._drop()

    async def _drop(self) -> None:
        connection = self._connection
        if connection is not None:
            await connection.disconnect()

    def _closed(self) -> None:
        self._connection = None
        self.services = None
        if self._is_established:
            self._is_established = False
            if self._disconnected_callback is not None:
                self._disconnected_callback()

    async def pair(self, *_args: Any, **_kwargs: Any) -> None:
        """Pair and encrypt, Just Works.

        Raises:
            BleakError: When the device refuses, or there is no connection.
        """
        connection = self._connected()
        with _bleak_errors():
            await connection.pair()

    async def unpair(self) -> None:
        """Forget the keys of the device and disconnect."""
        await self.pool.forget(self._target())
        await self._drop()

    def _connected(self) -> Connection:
        if self._connection is None or not self._is_established:
            raise BleakError("Not connected")
        return self._connection

    # ------------------------------------------------------------------ values

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, **_kwargs: Any
    ) -> bytearray:
        """Read a characteristic; there is no cache of values."""
        return await self._read(characteristic.handle)

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, **_kwargs: Any
    ) -> bytearray:
        """Read a descriptor."""
        return await self._read(descriptor.handle)

    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: SizedBuffer,
        response: bool,  # noqa: FBT001 - bleak's interface.
    ) -> None:
        """Write a characteristic.

        Raises:
            BleakError: Of a value longer than the MTU less 3 bytes without response, or than 512
                bytes with; and when there is no connection.
            BleakGATTProtocolError: When the device answered with an error.
        """
        connection = self._connected()
        value = bytes(data)
        room = VALUE_BYTES_MAX if response else connection.att.mtu - ATT_HEADER_BYTES
        if len(value) > room:
            raise BleakError(f"Failed to initiate write: {len(value)} bytes, and {room} fit")
        with _bleak_errors():
            if response:
                await self._transact(
                    connection, connection.att.write(characteristic.handle, value)
                )
            else:
                connection.att.write_command(characteristic.handle, value)

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write a descriptor."""
        connection = self._connected()
        with _bleak_errors():
            await self._transact(connection, connection.att.write(descriptor.handle, bytes(data)))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_kwargs: Any
    ) -> None:
        """Subscribe; notifications are preferred over indications.

        Raises:
            BleakError: When the characteristic offers neither, or is subscribed to already, which
                BlueZ and Core Bluetooth refuse too.
        """
        connection = self._connected()
        if connection.att.is_listening(characteristic.handle):
            raise BleakError("Notifications are on already")
        if "notify" in characteristic.properties:
            bits = _NOTIFY
        elif "indicate" in characteristic.properties:
            bits = _INDICATE
        else:
            raise BleakError("Characteristic does not support notifications or indications")
        connection.att.listen(characteristic.handle, lambda value: callback(bytearray(value)))
        try:
            await self._configure(connection, characteristic, bits)
        except BaseException:
            connection.att.listen(characteristic.handle, None)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe.

        Raises:
            BleakError: When there is no subscription, as from BlueZ.
        """
        connection = self._connected()
        if not connection.att.is_listening(characteristic.handle):
            raise BleakError("There are no notifications to stop")
        connection.att.listen(characteristic.handle, None)
        await self._configure(connection, characteristic, _NOTHING)

    async def _configure(
        self, connection: Connection, characteristic: BleakGATTCharacteristic, bits: bytes
    ) -> None:
        descriptor = characteristic.get_descriptor(_CCCD_UUID)
        if descriptor is None:
            raise BleakError("Characteristic has no configuration descriptor")
        with _bleak_errors():
            await self._transact(connection, connection.att.write(descriptor.handle, bits))

    async def _read(self, handle: int) -> bytearray:
        connection = self._connected()
        with _bleak_errors():
            return bytearray(await self._transact(connection, connection.att.read(handle)))

    @staticmethod
    async def _transact(connection: Connection, work: Coroutine[Any, Any, T]) -> T:
        """Await a request; as the standard has it, one without answer ends the connection."""
        try:
            return await work
        except TimeoutError as error:
            await connection.disconnect()
            raise BleakError("the device did not answer") from error

    # ------------------------------------------------------------------ services

    def _collection(self, records: tuple[ServiceRecord, ...]) -> BleakGATTServiceCollection:
        collection = BleakGATTServiceCollection()
        for record in records:
            if self._requested and record.uuid not in self._requested:
                continue
            service = BleakGATTService(record, record.handle, record.uuid)
            collection.add_service(service)
            for found in record.characteristics:
                characteristic = BleakGATTCharacteristic(
                    found,
                    found.handle,
                    found.uuid,
                    sorted(gatt_char_props_to_strs(found.properties)),
                    lambda: self.mtu_size - ATT_HEADER_BYTES,
                    service,
                )
                collection.add_characteristic(characteristic)
                for descriptor in found.descriptors:
                    collection.add_descriptor(
                        BleakGATTDescriptor(
                            descriptor, descriptor.handle, descriptor.uuid, characteristic
                        )
                    )
        return collection
