"""A radio of either fidelity, locks that echo, and an adapter behind bleak's classes.

`radio` runs a test once on each fidelity: what it pins is the contract that they share.
`sim_radio` is for what only the bumble link has: HCI, controllers, bumble's own objects.
"""

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
from firmware_sim.radio.interface import Peripheral, PeripheralSettings
from firmware_sim.radio.light.adapter import LightAdapter
from firmware_sim.radio.light.radio import LightRadio
from firmware_sim.radio.open_radio import RadioKind, open_radio
from firmware_sim.radio.peripheral import ADVERTISING_INTERVAL_MS, ATT_MTU_MAX
from firmware_sim.radio.sim_radio import SimRadio
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

    fidelity: SimRadio | LightRadio
    pool: Any
    backend: BleakBackend
    locks: list[Any] = field(default_factory=list)
    echoes: list[Echo] = field(default_factory=list)

    @property
    def link(self) -> Any:
        """What carries frames, with the faults of all of them."""
        return self.fidelity.link if isinstance(self.fidelity, SimRadio) else self.fidelity.air

    @property
    def is_light(self) -> bool:
        return isinstance(self.fidelity, LightRadio)

    @property
    def scan(self) -> Any:
        """The scan in progress; None without one."""
        return self.pool.scan if self.is_light else self.pool._centrals[0].controller.scan

    @property
    def slots_taken(self) -> int:
        """Connections that the adapter has, those on their way included."""
        if self.is_light:
            return len(self.pool._connections) + len(self.pool._attempts)
        return sum(self.pool._loads.values())

    def bonds_of(self, lock: Peripheral) -> list[str]:
        """The devices whose keys the adapter has, that lock's only."""
        if self.is_light:
            return [address for address in self.pool.bonds if address == lock.address]
        names = [name for central in self.pool._centrals for name in central.bonds.all_keys]
        return [name for name in names if name.startswith(lock.address)]

    async def lock(self, *, power: bool = True, **details: Any) -> Any:
        number = len(self.locks)
        echo = Echo()
        settings: dict[str, Any] = {
            "address": f"F0:00:00:00:{number >> 8:02X}:{number & 0xFF:02X}",
            "name": f"lock {number}",
            "endpoint": echo,
            "manufacturer_data": b"",
        }
        shared: dict[str, Any] = {
            "is_public": False,
            "advertising_interval_ms": ADVERTISING_INTERVAL_MS,
            "att_mtu_max": ATT_MTU_MAX,
        }
        shared = {name: details.pop(name, value) for name, value in shared.items()}
        lock: Peripheral = self.fidelity.peripheral(
            **(settings | details), settings=PeripheralSettings(**shared)
        )
        self.locks.append(lock)
        self.echoes.append(echo)
        if power:
            await lock.power_on()
        return lock

    def adapter(self, size: int, **details: Any) -> None:
        """Use another adapter from now on."""
        kind = CentralPool if isinstance(self.fidelity, SimRadio) else LightAdapter
        self.pool = kind(self.link, size, **details)
        self.backend = bleak_backend(self.pool)

    def client(self, target: Any, *, timeout_s: float = 30.0, **details: Any) -> BleakClient:
        return BleakClient(target, timeout=timeout_s, backend=self.backend.client, **details)

    def scanner(self, *args: Any, **details: Any) -> BleakScanner:
        return BleakScanner(*args, backend=self.backend.scanner, **details)

    @contextlib.asynccontextmanager
    async def session(self, lock: Peripheral) -> AsyncIterator[Session]:
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


def _radio(kind: RadioKind) -> Radio:
    fidelity: Any = open_radio(kind, Streams(7))
    pool = fidelity.adapter(2)
    return Radio(fidelity=fidelity, pool=pool, backend=bleak_backend(pool))


@pytest.fixture(params=list(RadioKind))
async def radio(request: pytest.FixtureRequest) -> Radio:
    return _radio(request.param)


@pytest.fixture
async def sim_radio() -> Radio:
    return _radio(RadioKind.SIM)


@pytest.fixture
async def light_radio() -> Radio:
    return _radio(RadioKind.LIGHT)
