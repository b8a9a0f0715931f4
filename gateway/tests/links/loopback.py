"""A bleak backend without a radio: clients and scanners meet scripted peripherals in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError

from protocols.strike.gatt import COMMAND_UUID, COMPANY_ID, EVENT_UUID, SERVICE_UUID


@dataclass
class Peripheral:
    """One device in the air."""

    mtu: int = 247
    properties: tuple[str, ...] = ("write", "write-without-response")
    has_service: bool = True
    connect_error: BaseException | None = None
    connect_s: float = 0.01
    notify_error: BaseException | None = None
    write_error: BaseException | None = None
    disconnect_s: float = 0.0
    disconnect_error: BaseException | None = None
    written: list[tuple[bytes, bool]] = field(default_factory=list)
    connected_to: list[Any] = field(default_factory=list)  # what each client was given
    client: LoopbackClient | None = None

    def notify(self, value: bytes) -> None:
        assert self.client is not None
        assert self.client.notified is not None
        self.client.notified(bytearray(value))

    def drop(self) -> None:
        """The link breaks."""
        assert self.client is not None
        self.client.lost()


@dataclass
class Air:
    """Everything in radio range."""

    peripherals: dict[str, Peripheral] = field(default_factory=dict)
    scanners: list[LoopbackScanner] = field(default_factory=list)
    scan_error: BaseException | None = None
    stop_error: BaseException | None = None
    scan_count: int = 0
    connection_count: int = 0
    connection_count_max: int = 0

    @property
    def client(self) -> type[BaseBleakClient]:
        return type("AirClient", (LoopbackClient,), {"air": self})

    @property
    def scanner(self) -> type[BaseBleakScanner]:
        return type("AirScanner", (LoopbackScanner,), {"air": self})

    def advertise(
        self, address: str, data: bytes | None, *, uuids: tuple[str, ...] = (SERVICE_UUID,)
    ) -> None:
        for scanner in self.scanners:
            scanner.hear(address, data, uuids)


class LoopbackClient(BaseBleakClient):
    air: Air

    def __init__(
        self,
        address_or_ble_device: Any,
        services: Any = None,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **_: Any,
    ) -> None:
        del services
        super().__init__(
            address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout
        )
        self._given = address_or_ble_device
        self._connected = False
        self.notified: NotifyCallback | None = None

    @property
    def peripheral(self) -> Peripheral:
        return self.air.peripherals[self.address]

    @property
    def name(self) -> str:
        return self.address

    @property
    def mtu_size(self) -> int:
        return 23  # As BlueZ, which never tells here.

    @property
    def is_connected(self) -> bool:
        return self._connected

    async def connect(self, pair: bool, **_: Any) -> None:  # noqa: FBT001 - bleak's interface.
        del pair
        if self.address not in self.air.peripherals:
            await asyncio.sleep(self._timeout)
            raise BleakDeviceNotFoundError(self.address, "not found")
        peripheral = self.peripheral
        peripheral.connected_to.append(self._given)
        await asyncio.sleep(peripheral.connect_s)
        if peripheral.connect_error is not None:
            raise peripheral.connect_error
        peripheral.client = self
        self._connected = True
        self.air.connection_count += 1
        self.air.connection_count_max = max(
            self.air.connection_count, self.air.connection_count_max
        )
        self.services = _services(peripheral)

    async def disconnect(self) -> None:
        if self.address not in self.air.peripherals or not self._connected:
            return
        await asyncio.sleep(self.peripheral.disconnect_s)
        self._connected = False
        self.air.connection_count -= 1
        if self.peripheral.disconnect_error is not None:
            raise self.peripheral.disconnect_error

    def lost(self) -> None:
        self._connected = False
        self.air.connection_count -= 1
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def pair(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError

    async def unpair(self) -> None:
        raise NotImplementedError

    async def read_gatt_char(self, *_: Any, **__: Any) -> bytearray:
        raise NotImplementedError

    async def read_gatt_descriptor(self, *_: Any, **__: Any) -> bytearray:
        raise NotImplementedError

    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: Any,
        response: bool,  # noqa: FBT001 - bleak's interface.
    ) -> None:
        assert characteristic.uuid == COMMAND_UUID
        if not self._connected:
            raise BleakError("Not connected")
        if self.peripheral.write_error is not None:
            raise self.peripheral.write_error
        self.peripheral.written.append((bytes(data), response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        raise NotImplementedError

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_: Any
    ) -> None:
        assert characteristic.uuid == EVENT_UUID
        if self.peripheral.notify_error is not None:
            raise self.peripheral.notify_error
        self.notified = callback

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        raise NotImplementedError


class LoopbackScanner(BaseBleakScanner):
    air: Air

    def __init__(
        self, detection_callback: Any, service_uuids: Any, *_: Any, **options: Any
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        # The contract with every backend: duplicates are filtered.
        assert options["bluez"] == {"filters": {"DuplicateData": False}}

    async def start(self) -> None:
        self.air.scan_count += 1
        if self.air.scan_error is not None:
            raise self.air.scan_error
        self.seen_devices = {}
        self.air.scanners.append(self)

    async def stop(self) -> None:
        self.air.scanners.remove(self)
        if self.air.stop_error is not None:
            raise self.air.stop_error

    def hear(self, address: str, data: bytes | None, uuids: tuple[str, ...]) -> None:
        if not self.is_allowed_uuid(list(uuids)):
            return
        heard = AdvertisementData(
            None, {} if data is None else {COMPANY_ID: data}, {}, list(uuids), None, -50, ()
        )
        device = self.create_or_update_device(address, address, None, {}, heard)
        self.call_detection_callbacks(device, heard)


def _services(peripheral: Peripheral) -> BleakGATTServiceCollection:
    services = BleakGATTServiceCollection()
    uuid = SERVICE_UUID if peripheral.has_service else "0000180f-0000-1000-8000-00805f9b34fb"
    service = BleakGATTService(None, 1, uuid)
    services.add_service(service)
    if peripheral.has_service:
        for handle, uuid, properties in (
            (3, COMMAND_UUID, list(peripheral.properties)),
            (5, EVENT_UUID, ["notify"]),
        ):
            services.add_characteristic(
                BleakGATTCharacteristic(
                    None,
                    handle,
                    uuid,
                    properties,  # type: ignore[arg-type] # bleak's closed list of names.
                    lambda: peripheral.mtu - 3,
                    service,
                )
            )
    return services
