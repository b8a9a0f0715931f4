"""Links over Bluetooth LE, by bleak only: one central, its connection limit, its connections.

`BleCentral` stands for the machine's radio. The backend is given from outside (a simulated radio)
or is the platform's own. A connection is made by known address; the device object of an earlier
sighting, where there is one, saves the scan that some platforms need before they connect.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final, Protocol

from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakError

from gateway.errors import ConnectFailed, LinkClosed, LinkError
from gateway.links.inbox import Inbox
from protocols.errors import LocalProtocolError
from protocols.strike.gatt import COMMAND_UUID, EVENT_UUID, SERVICE_UUID
from protocols.strike.limits import ATT_HEADER_SIZE, ATT_MTU_MIN

logger = logging.getLogger(__name__)

# Connections at once. Real controllers hold 3 to 20 links; BlueZ with common USB dongles is
# reliable up to about 7.
CONNECTION_LIMIT: Final = 7
# One attempt to connect, service discovery included: bleak's own default of 30 s keeps a slot
# from healthy devices for too long; a lock that advertises once a second is reached in 2 s.
CONNECT_TIMEOUT_S: Final = 10.0
# A stack that does not confirm a disconnection has lost the device anyway.
DISCONNECT_TIMEOUT_S: Final = 5.0
# Characters of a stack's own words that go into our sentence.
_REASON_LENGTH_MAX: Final = 160


class BleBackend(Protocol):
    """The two classes that bleak calls a backend."""

    @property
    def client(self) -> type[BaseBleakClient]:
        """Connects."""

    @property
    def scanner(self) -> type[BaseBleakScanner]:
        """Listens."""


@contextlib.contextmanager
def bleak_errors(kind: type[LinkError], doing: str) -> Iterator[None]:
    """The one seam where errors of bleak and its stack become ours.

    Raises:
        LinkError: Of the given kind, for whatever the radio stack raised.
    """
    try:
        yield
    except (BleakError, OSError, EOFError) as error:  # TimeoutError is an OSError.
        words = str(error)[:_REASON_LENGTH_MAX] or type(error).__name__
        if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
            # The system bus of a machine without a radio; its errno would tell nobody that.
            words = "this machine has no Bluetooth service that answers"
        raise kind(f"{doing}: {words}") from error


class BleLink:
    """A connection to the strike service of one device; opened by `BleCentral.connect`."""

    def __init__(
        self, make_client: Callable[[Callable[[BleakClient], None]], BleakClient]
    ) -> None:
        self._inbox = Inbox()
        self._client = make_client(self._disconnected)
        self._command: BleakGATTCharacteristic | None = None
        self._needs_response = False

    @property
    def mtu(self) -> int:
        """See `Link.mtu`; what the stack agreed with the device, and 23 until it knows."""
        if self._command is None:
            return ATT_MTU_MIN
        # `BleakClient.mtu_size` stays at 23 on BlueZ; the characteristic knows the real one.
        room = self._command.max_write_without_response_size
        return max(ATT_MTU_MIN, room + ATT_HEADER_SIZE)

    @property
    def is_closed(self) -> bool:
        """See `Link.is_closed`."""
        return self._inbox.is_closed

    async def open(self) -> None:
        """Connect, find the strike service and subscribe to its events.

        Raises:
            BleakError: When any of it fails; the caller maps what the stack raises.
        """
        await self._client.connect()
        command = self._client.services.get_characteristic(COMMAND_UUID)
        if command is None:
            raise BleakError("it has no strike service")
        self._command = command
        self._needs_response = "write-without-response" not in command.properties
        await self._client.start_notify(EVENT_UUID, self._notified)

    async def send(self, value: bytes) -> None:
        """See `Link.send`.

        Raises:
            LocalProtocolError: When the value does not fit the MTU.
        """
        if len(value) > self.mtu - ATT_HEADER_SIZE:
            raise LocalProtocolError(f"a value of {len(value)} bytes at an MTU of {self.mtu}")
        self._inbox.check_open()
        with bleak_errors(LinkClosed, "can't write"):
            await self._client.write_gatt_char(
                self._command or COMMAND_UUID, value, response=self._needs_response
            )

    async def receive(self) -> bytes:
        """See `Link.receive`."""
        return await self._inbox.get()

    async def aclose(self) -> None:
        """See `Link.aclose`."""
        self._inbox.close("the link was closed")
        try:
            async with asyncio.timeout(DISCONNECT_TIMEOUT_S):
                with bleak_errors(LinkClosed, "can't disconnect"):
                    await self._client.disconnect()
        except (LinkClosed, TimeoutError) as error:
            # The device is out of reach or the stack is gone: there is nothing left to end.
            logger.debug("%s", error)

    def _notified(self, _: BleakGATTCharacteristic, value: bytearray) -> None:
        if not self._inbox.put(bytes(value)):
            self._inbox.close("the device sends faster than it is read")

    def _disconnected(self, _: BleakClient) -> None:
        self._inbox.close("the device disconnected")


class BleCentral:
    """The radio of this machine: opens links, within its connection limit."""

    def __init__(
        self,
        backend: BleBackend | None = None,
        *,
        connection_limit: int = CONNECTION_LIMIT,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        self._backend = backend
        self._connect_timeout_s = connect_timeout_s
        self._free_connections = asyncio.Semaphore(connection_limit)
        self._seen: dict[str, BLEDevice] = {}

    def remember(self, device: BLEDevice) -> None:
        """Keep the stack's own handle of a device that was heard: it saves a scan."""
        self._seen[device.address.upper()] = device

    @contextlib.asynccontextmanager
    async def connect(self, address: str) -> AsyncIterator[BleLink]:
        """Hold a link to a known address; waits while every connection is in use.

        Cancellation: a connection on its way is given up, an open one ended.

        Raises:
            ConnectFailed: When the device was not reached or is not one of ours.
        """
        async with self._free_connections:
            link = BleLink(functools.partial(self._client, self._seen.get(address, address)))
            try:
                with bleak_errors(ConnectFailed, f"can't connect to {address}"):
                    await link.open()
                yield link
            finally:
                # After a cancellation too: a stack keeps connections that nobody ended.
                await link.aclose()

    def scanner(self, detected: Callable[[BLEDevice, AdvertisementData], None]) -> BleakScanner:
        """A scanner that hears a strike device once, and again when its data change.

        Raises:
            LinkClosed: When this machine has no radio.
        """
        with bleak_errors(LinkClosed, "can't listen for advertisements"):
            return BleakScanner(
                detected,
                [SERVICE_UUID],
                # Duplicates are of no use: only changed data can be news.
                bluez={"filters": {"DuplicateData": False}},
                backend=None if self._backend is None else self._backend.scanner,
            )

    def _client(
        self, device: BLEDevice | str, disconnected: Callable[[BleakClient], None]
    ) -> BleakClient:
        return BleakClient(
            device,
            disconnected,
            timeout=self._connect_timeout_s,
            backend=None if self._backend is None else self._backend.client,
        )
