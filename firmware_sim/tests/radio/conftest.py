"""A link, locks that echo, and a pool of centrals behind bleak's classes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner

from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.backend import BleakBackend, bleak_backend
from firmware_sim.radio.central import CentralPool
from firmware_sim.radio.link import SimLink
from firmware_sim.radio.peripheral import LockPeripheral
from protocols.strike.gatt import COMMAND_UUID, EVENT_UUID


class Echo:
    """An endpoint that answers every value with itself, and remembers what happened."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.notify: Callable[[bytes], None] = lambda _value: None
        self.answer: Callable[[bytes], None] | None = None

    def connected(self, att_mtu: int, notify: Callable[[bytes], None]) -> None:
        self.events.append(("connected", att_mtu))
        self.notify = notify

    def mtu_changed(self, att_mtu: int) -> None:
        self.events.append(("mtu", att_mtu))

    def received(self, value: bytes) -> None:
        self.events.append(value)
        (self.answer or self.notify)(value)

    def disconnected(self) -> None:
        self.events.append("disconnected")


@dataclass
class Radio:
    """Everything that a test of the radio needs."""

    link: SimLink
    pool: CentralPool
    backend: BleakBackend
    locks: list[LockPeripheral] = field(default_factory=list)
    echoes: list[Echo] = field(default_factory=list)

    async def lock(self, *, power: bool = True, **details: Any) -> LockPeripheral:
        number = len(self.locks)
        echo = Echo()
        settings: dict[str, Any] = {
            "address": f"F0:00:00:00:{number >> 8:02X}:{number & 0xFF:02X}",
            "name": f"lock {number}",
            "endpoint": echo,
        }
        lock = LockPeripheral(self.link, **(settings | details))
        self.locks.append(lock)
        self.echoes.append(echo)
        if power:
            await lock.power_on()
        return lock

    def client(self, target: Any, *, timeout_s: float = 30.0, **details: Any) -> BleakClient:
        return BleakClient(target, timeout=timeout_s, backend=self.backend.client, **details)

    def scanner(self, *args: Any, **details: Any) -> BleakScanner:
        return BleakScanner(*args, backend=self.backend.scanner, **details)

    @contextlib.asynccontextmanager
    async def session(self, lock: LockPeripheral) -> AsyncIterator[Session]:
        async with self.client(lock.address) as client:
            session = Session(client)
            await client.start_notify(EVENT_UUID, session.take)
            yield session


class Session:
    """A client that is subscribed to a lock's events."""

    def __init__(self, client: BleakClient) -> None:
        self.client = client
        self.values: asyncio.Queue[bytes] = asyncio.Queue()

    def take(self, _characteristic: object, value: bytearray) -> None:
        self.values.put_nowait(bytes(value))

    async def ask(self, value: bytes) -> bytes:
        await self.client.write_gatt_char(COMMAND_UUID, value, response=False)
        return await self.values.get()


@pytest.fixture
async def radio() -> Radio:
    link = SimLink(Streams(7))
    pool = CentralPool(link, 2)
    return Radio(link=link, pool=pool, backend=bleak_backend(pool))
