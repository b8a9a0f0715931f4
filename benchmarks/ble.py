"""Radio benchmark: bleak on the simulated radio against bumble itself.

One exchange is a 16-byte write without response, answered by a 16-byte notification:

* ours: bleak's own client, the bleak backend, and a lock's GATT service, on SimLink;
* bumble: bumble's own `Device` and `Peer` as central to the same lock on the same SimLink;
* stock: bumble's own device on both sides, on bumble's own LocalLink and Controller.

Rounds are interleaved (each of the three once per round), a ratio is taken inside each round and
the median of the rounds is judged, and only the thread's own CPU time counts, so that the noise of
a shared machine hits all or none. All three run on the platform's event loop.

Then, in virtual time: what a whole gateway session costs (connect, MTU, discovery, subscription,
eight exchanges of 20 to 60 bytes, disconnection) with 10, 100 and 1,000 locks on one link, and the
memory of a lock. Exit code 1 when a bound is missed.

Run: ``python benchmarks/ble.py [--rounds N] [--json FILE]``; less than a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import gc
import itertools
import json
import os
import pathlib
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from bleak import BleakClient
from bumble.controller import Controller
from bumble.core import UUID
from bumble.device import Device, DeviceConfiguration, Peer
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import Address
from bumble.host import Host
from bumble.link import LocalLink

from firmware_sim.kernel.loop import SimLoop
from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.backend import BleakBackend, bleak_backend
from firmware_sim.radio.central import CentralPool
from firmware_sim.radio.device import SimDevice
from firmware_sim.radio.link import SimLink
from firmware_sim.radio.peripheral import LockPeripheral
from protocols.strike.gatt import COMMAND_UUID, EVENT_UUID, SERVICE_UUID

# Bounds of issue 2, "Must hold": round trips per second, as ratios.
OURS_TO_BUMBLE_MIN: Final = 0.7
OURS_TO_STOCK_MIN: Final = 1.0
# Time of a session with 1,000 locks against 10.
SESSION_GROWTH_MAX: Final = 2.0
# What bumble's own peripheral takes is 66 KiB; the design allows a little more for the lock's.
LOCK_KIB_MAX: Final = 70.0
# Goal, printed beside the figure; not judged, since it depends on the machine.
SESSION_MS_GOAL: Final = 15.0

VALUE: Final = bytes(range(16))
EXCHANGES: Final = 150  # per round
FLEETS: Final = (10, 100, 1000)
SESSIONS: Final = 10  # per fleet and round
REQUEST_BYTES: Final = (20, 60, 34, 48, 26, 52, 40, 22)
INTERVAL_MS: Final = 20.0  # of advertising, on the platform's loop

Exchange = Callable[[], Awaitable[object]]


class Echo:
    """A device that answers every value with itself."""

    notify: Callable[[bytes], None]

    def connected(self, att_mtu: int, notify: Callable[[bytes], None]) -> None:
        """Keep the way back."""
        del att_mtu
        self.notify = notify

    def mtu_changed(self, att_mtu: int) -> None:
        """Nothing depends on it."""

    def received(self, value: bytes) -> None:
        """Answer."""
        self.notify(value)

    def disconnected(self) -> None:
        """Nothing is kept."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to exchange values.

    Attributes:
        connect_ms: Connection, MTU, discovery and subscription, less the wait for the
            advertisement, in CPU time.
        exchange: One round trip.
    """

    name: str
    connect_ms: float
    exchange: Exchange


def main() -> int:
    """Measure, print, judge; the process's exit code."""
    arguments = _arguments()
    memory_kib, sessions_ms = _run_fleets(arguments.rounds)
    figures = asyncio.run(_race(arguments.rounds))
    figures |= {"lock_kib": memory_kib, "session_ms": sessions_ms}
    figures["session_growth"] = sessions_ms[FLEETS[-1]] / sessions_ms[FLEETS[0]]
    print(f"Python {platform.python_version()}, {arguments.rounds} rounds of {EXCHANGES}")
    _print(figures)
    figures["missed"] = misses = _judge(figures)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 1 if misses else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare bleak on the simulated radio to bumble.")
    parser.add_argument("--rounds", type=int, default=21, help="interleaved rounds (default 21)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures")
    return parser.parse_args()


# ---------------------------------------------------------------------- round trips


async def _race(rounds: int) -> dict[str, Any]:
    ways = [await _ours(), await _bumble(), await _stock()]
    for way in ways:
        await _time_exchanges(way.exchange)
    gc.collect()
    gc.disable()
    try:
        times_s = [[await _time_exchanges(way.exchange) for way in ways] for _ in range(rounds)]
    finally:
        gc.enable()
    return {
        "round_trips_per_s": {
            way.name: round(1 / statistics.median(column))
            for way, column in zip(ways, zip(*times_s, strict=True), strict=True)
        },
        "connect_ms": {way.name: round(way.connect_ms, 2) for way in ways},
        "ours_to_bumble": statistics.median(bumble / ours for ours, bumble, _ in times_s),
        "ours_to_stock": statistics.median(stock / ours for ours, _, stock in times_s),
    }


async def _time_exchanges(exchange: Exchange) -> float:
    """CPU seconds of one exchange."""
    started = time.thread_time()
    for _ in range(EXCHANGES):
        assert await exchange() == VALUE
    return (time.thread_time() - started) / EXCHANGES


async def _timed(work: Awaitable[Exchange], name: str) -> Way:
    started = time.thread_time()
    exchange = await work
    return Way(name=name, connect_ms=(time.thread_time() - started) * 1e3, exchange=exchange)


async def _ours() -> Way:
    link = SimLink(Streams(1))
    lock = await _lock(link, 0, advertising_interval_ms=INTERVAL_MS)
    backend = bleak_backend(CentralPool(link, 1))
    return await _timed(_connect_bleak(lock.address, backend), "ours")


async def _connect_bleak(address: str, backend: BleakBackend) -> Exchange:
    client = BleakClient(address, backend=backend.client)
    await client.connect()
    values: asyncio.Queue[bytes] = asyncio.Queue()
    await client.start_notify(EVENT_UUID, lambda _, value: values.put_nowait(bytes(value)))
    command = client.services.get_characteristic(COMMAND_UUID)
    assert command is not None

    async def exchange() -> bytes:
        await client.write_gatt_char(command, VALUE, response=False)
        return await values.get()

    return exchange


async def _bumble() -> Way:
    link = SimLink(Streams(1))
    lock = await _lock(link, 0, advertising_interval_ms=INTERVAL_MS)
    central = SimDevice(link, name="central")
    await central.power_on()
    return await _timed(_connect_bumble(central, lock.address), "bumble")


async def _stock() -> Way:
    link = LocalLink()  # type: ignore[no-untyped-call] # bumble left it without types.
    address = "F0:00:00:00:00:02"
    lock = _stock_device(link, address)
    event = Characteristic[bytes](
        EVENT_UUID, Characteristic.Properties.NOTIFY, Characteristic.Permissions(0)
    )

    async def answer(connection: Any, value: bytes) -> None:
        await lock.notify_subscriber(connection, event, value)

    command = Characteristic[bytes](
        COMMAND_UUID,
        Characteristic.Properties.WRITE | Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
        Characteristic.WRITEABLE,
        CharacteristicValue(write=answer),
    )
    lock.add_service(Service(SERVICE_UUID, [command, event]))
    await lock.power_on()
    await lock.start_advertising(
        advertising_interval_min=INTERVAL_MS, advertising_interval_max=INTERVAL_MS
    )
    central = _stock_device(link, "F0:00:00:00:00:01")
    await central.power_on()
    return await _timed(_connect_bumble(central, address), "stock")


def _stock_device(link: LocalLink, address: str) -> Device:
    controller = Controller("stock", link=link)
    configuration = DeviceConfiguration(name="stock", address=Address(address))
    configuration.classic_smp_enabled = False
    return Device(config=configuration, host=Host(controller, controller))


async def _connect_bumble(central: Device, address: str) -> Exchange:
    peer = Peer(await central.connect(Address(address)))
    await peer.request_mtu(517)
    await peer.discover_services()
    for service in peer.services:
        await service.discover_characteristics()
    command = peer.get_characteristics_by_uuid(UUID(COMMAND_UUID))[0]
    event = peer.get_characteristics_by_uuid(UUID(EVENT_UUID))[0]
    values: asyncio.Queue[bytes] = asyncio.Queue()
    await peer.subscribe(event, values.put_nowait)

    async def exchange() -> bytes:
        await peer.write_value(command, VALUE, with_response=False)
        return await values.get()

    return exchange


# ---------------------------------------------------------------------- sessions


async def _lock(link: SimLink, number: int, **details: Any) -> LockPeripheral:
    lock = LockPeripheral(
        link,
        address=f"F0:00:00:01:{number >> 8:02X}:{number & 0xFF:02X}",
        name=f"lock {number}",
        endpoint=Echo(),
        **details,
    )
    await lock.power_on()
    return lock


def _run_fleets(rounds: int) -> tuple[float, dict[int, float]]:
    with asyncio.Runner(loop_factory=SimLoop) as runner:
        return runner.run(_fleets(rounds))


async def _fleets(rounds: int) -> tuple[float, dict[int, float]]:
    """KiB of a lock, and CPU milliseconds of a session by the number of locks."""
    fleets: dict[int, tuple[list[LockPeripheral], BleakBackend]] = {}
    memory_kib = 0.0
    for size in FLEETS:
        link = SimLink(Streams(size))
        backend = bleak_backend(CentralPool(link, 2))
        gc.collect()
        before = _resident_kib()
        locks = [await _lock(link, number) for number in range(size)]
        gc.collect()
        memory_kib = (_resident_kib() - before) / size  # The last fleet, the largest, counts.
        fleets[size] = locks, backend
    times_s: dict[int, list[float]] = {size: [] for size in FLEETS}
    gc.freeze()
    for number in itertools.count():
        for size, (locks, backend) in fleets.items():
            started = time.thread_time()
            for visit in range(SESSIONS):
                # Another lock each time: 37 and the sizes have no common factor.
                await _session(locks[(number * SESSIONS + visit) * 37 % size], backend)
            if number:  # The first round warms up.
                times_s[size].append((time.thread_time() - started) / SESSIONS)
        if number == rounds:
            break
    gc.unfreeze()
    return memory_kib, {size: statistics.median(t) * 1e3 for size, t in times_s.items()}


async def _session(lock: LockPeripheral, backend: BleakBackend) -> None:
    values: asyncio.Queue[bytes] = asyncio.Queue()
    async with BleakClient(lock.address, backend=backend.client) as client:
        await client.start_notify(EVENT_UUID, lambda _, value: values.put_nowait(bytes(value)))
        for length in REQUEST_BYTES:
            await client.write_gatt_char(COMMAND_UUID, bytes(length), response=False)
            assert len(await values.get()) == length


def _resident_kib() -> float:
    """Memory of this process that is in RAM."""
    statm = pathlib.Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024
    import resource  # noqa: PLC0415 - only where there is no /proc.

    # The peak, in bytes on macOS; it only grows while a fleet is built.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ---------------------------------------------------------------------- figures


def _print(figures: dict[str, Any]) -> None:
    print(f"{'':22}{'ours':>10}{'bumble':>10}{'stock':>10}")
    for label, key in (("round trips/s", "round_trips_per_s"), ("connect, ms CPU", "connect_ms")):
        row = figures[key]
        print(f"{label:22}{row['ours']:>10}{row['bumble']:>10}{row['stock']:>10}")
    print(
        f"ours / bumble         {figures['ours_to_bumble']:>10.2f}  at least {OURS_TO_BUMBLE_MIN}"
    )
    print(f"ours / stock          {figures['ours_to_stock']:>10.2f}  at least {OURS_TO_STOCK_MIN}")
    for size, session_ms in figures["session_ms"].items():
        goal = f"goal {SESSION_MS_GOAL:g}"
        print(f"{f'session, {size} locks':22}{session_ms:>10.2f}  ms CPU, {goal}")
    growth = figures["session_growth"]
    print(f"session, 1000 / 10    {growth:>10.2f}  at most {SESSION_GROWTH_MAX:g}")
    print(f"memory of a lock      {figures['lock_kib']:>10.1f}  KiB, at most {LOCK_KIB_MAX:g}")


def _judge(figures: dict[str, Any]) -> list[str]:
    checks = {
        "ours / bumble": figures["ours_to_bumble"] >= OURS_TO_BUMBLE_MIN,
        "ours / stock": figures["ours_to_stock"] >= OURS_TO_STOCK_MIN,
        "session, 1000 / 10": figures["session_growth"] <= SESSION_GROWTH_MAX,
        "memory of a lock": figures["lock_kib"] <= LOCK_KIB_MAX,
    }
    misses = [name for name, held in checks.items() if not held]
    for name in misses:
        print(f"MISSED: {name}")
    return misses


if __name__ == "__main__":
    sys.exit(main())
