"""The air of the light link: who hears whom, and who gets connected to whom.

Theory of operation. As on the bumble link, an advertiser has an interval and a phase and keeps no
timer: the instant of its next event is computed when somebody waits for it, which is a scanning
adapter that has not heard its present data, or one that wants to connect to it. The phase follows
from the run's seed and the address alone, so nothing is kept for it.

Source of the intervals: Bluetooth Core 5.4, Vol 6 Part B, 4.4.2.2. The random delay of up to
10 ms that real advertisers add to each event is not modelled, as on the bumble link.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from firmware_sim.errors import DeviceConflict
from firmware_sim.kernel.streams import Streams, derive_seed
from firmware_sim.radio.air import AirLink
from firmware_sim.radio.device import random_static_address
from firmware_sim.radio.faults import NO_FAULTS, LinkFaults
from firmware_sim.radio.light.connection import Holder, LightConnection
from firmware_sim.radio.light.peripheral import LightPeripheral
from firmware_sim.radio.link import DEFAULT_RSSI_DBM, RssiModel

# Bits of a derived seed, and of the part that a phase is made of.
_SEED_BITS: Final = 256
_PHASE_BITS: Final = 53


@dataclass(slots=True, kw_only=True)
class Scan:
    """A scan in progress at one adapter.

    Attributes:
        is_active: Asks for scan responses.
        filters_duplicates: Reports an advertiser once, and again when its data change.
        address: Of the adapter, "AA:BB:CC:DD:EE:FF".
        report: Called with what is heard, and its strength in dBm.
        heard: Data last reported, by advertiser.
    """

    is_active: bool
    filters_duplicates: bool
    address: str
    report: Callable[[LightPeripheral, int], None]
    heard: dict[LightPeripheral, bytes] = field(default_factory=dict)

    def lacks(self, lock: LightPeripheral) -> bool:
        """True when the advertiser's present data were not reported yet."""
        return self.heard.get(lock) != lock.manufacturer_data

    def wants(self, lock: LightPeripheral) -> bool:
        """True when the next event of that advertiser is to be reported."""
        return not self.filters_duplicates or self.lacks(lock)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attempt:
    """An adapter waits for a lock.

    Attributes:
        adapter: Who waits.
        supervision_timeout_s: Seconds of silence after which the connection ends.
        made: Resolved with the connection.
    """

    adapter: Holder
    supervision_timeout_s: float
    made: asyncio.Future[LightConnection]


class Scanner(Protocol):
    """An adapter, as the air sees it."""

    @property
    def scan(self) -> Scan | None:
        """The scan in progress."""


class LightAir:
    """The air between locks and adapters.

    Args:
        streams: Named random streams of the run.
        faults: Faults of every connection whose lock has none of its own.

    Attributes:
        rssi_dbm: Signal strength between a lock and an adapter.
    """

    def __init__(self, streams: Streams, *, faults: LinkFaults = NO_FAULTS) -> None:
        self.streams = streams
        self.faults = faults
        self.rssi_dbm: RssiModel = lambda _sender, _receiver: DEFAULT_RSSI_DBM
        self._adapter_count = 0
        self._locks: dict[str, LightPeripheral] = {}
        self._scanners: dict[Scanner, None] = {}
        self._attempts: dict[str, dict[Attempt, None]] = {}
        self._timers: dict[LightPeripheral, asyncio.TimerHandle] = {}
        self._news: dict[LightPeripheral, None] = {}
        self._absences: dict[str, int] = {}
        self._bonds: dict[str, dict[object, None]] = {}

    # ------------------------------------------------------------------ locks

    def add(self, lock: LightPeripheral) -> None:
        """Let a lock take part.

        Raises:
            DeviceConflict: When another one has its address.
        """
        if self._locks.setdefault(lock.address.upper(), lock) is not lock:
            raise DeviceConflict(f"two devices have the radio address {lock.address}")

    def has_address(self, address: str) -> bool:
        """Whether a lock has that address."""
        return address.upper() in self._locks

    def fault_stream(self, name: str) -> random.Random:
        """See `LightMedium.fault_stream`."""
        return self.streams.stream(name)

    def bonds_of(self, address: str) -> dict[object, None]:
        """See `LightMedium.bonds_of`."""
        return self._bonds.setdefault(address, {})

    def absences(self, lock: LightPeripheral) -> int:
        """How often a lock left the range so far."""
        return self._absences.get(lock.address, 0)

    def advertising_changed(self, lock: LightPeripheral) -> None:
        """Changed data go out at once, to whoever listens."""
        if self._scanners and lock not in self._news:
            self._news[lock] = None
            asyncio.get_running_loop().call_soon(self._tell_news, lock)

    def range_changed(self, lock: LightPeripheral) -> None:
        """Whoever was away is news to a scanner when it is back, as on the bumble link."""
        if not lock.is_in_range:
            self._absences[lock.address] = self.absences(lock) + 1
            for scanner in self._scanners:
                if scanner.scan is not None:
                    scanner.scan.heard.pop(lock, None)
        self.reconsider(lock)

    def reconsider(self, lock: LightPeripheral) -> None:
        """Set the timer of a lock's next event, or clear it when nobody waits for one."""
        if lock.is_advertising and self._is_awaited(lock):
            if lock not in self._timers:
                loop = asyncio.get_running_loop()
                at = self._next_event_s(lock, loop.time())
                self._timers[lock] = loop.call_at(at, self._advertise, lock)
        elif lock in self._timers:
            self._timers.pop(lock).cancel()

    # ------------------------------------------------------------------ adapters

    def adapter_address(self) -> str:
        """A random static address for a new adapter."""
        name = f"radio/adapter-{self._adapter_count}"
        self._adapter_count += 1
        return random_static_address(self.streams.stream(name)).to_string(
            with_type_qualifier=False
        )

    def scan_started(self, scanner: Scanner) -> None:
        """An adapter scans from now on, or scans in another way."""
        self._scanners[scanner] = None
        self._reconsider_all()

    def scan_stopped(self, scanner: Scanner) -> None:
        """An adapter does not scan any more; nothing happens when it did not."""
        if scanner in self._scanners:
            del self._scanners[scanner]
            self._reconsider_all()

    def attempt_started(self, address: str, attempt: Attempt) -> None:
        """An adapter waits for a lock from now on."""
        self._attempts.setdefault(address, {})[attempt] = None
        lock = self._locks.get(address)
        if lock is not None:
            if lock.radio_faults is not None and lock.is_advertising:
                lock.radio_faults.refuses_connection()
            self.reconsider(lock)

    def attempt_ended(self, address: str, attempt: Attempt) -> None:
        """An adapter does not wait any more; nothing happens when it did not."""
        waiting = self._attempts.get(address, {})
        waiting.pop(attempt, None)
        if not waiting:
            self._attempts.pop(address, None)
        lock = self._locks.get(address)
        if lock is not None:
            self.reconsider(lock)

    # ------------------------------------------------------------------ advertising

    def _reconsider_all(self) -> None:
        for lock in tuple(self._locks.values()):
            self.reconsider(lock)

    def _is_awaited(self, lock: LightPeripheral) -> bool:
        if lock.address in self._attempts and _takes_connections(lock):
            return True
        return any(
            scanner.scan is not None and scanner.scan.wants(lock) for scanner in self._scanners
        )

    def _next_event_s(self, lock: LightPeripheral, now: float) -> float:
        """Loop time of the first event after now."""
        interval_s = lock.settings.advertising_interval_ms / 1000
        derived = derive_seed(self.streams.seed, f"radio/{lock.address}/phase")
        phase_s = (derived >> _SEED_BITS - _PHASE_BITS) / (1 << _PHASE_BITS) * interval_s
        # An event of this very instant has passed; the tolerance is far below a clock tick.
        passed = math.floor((now - phase_s) / interval_s + 1e-9)
        return phase_s + (passed + 1) * interval_s

    def _advertise(self, lock: LightPeripheral) -> None:
        del self._timers[lock]
        for scanner in tuple(self._scanners):
            if scanner.scan is not None and scanner.scan.wants(lock):
                self._report(lock, scanner.scan)
        self._connect_first(lock)
        self.reconsider(lock)

    def _tell_news(self, lock: LightPeripheral) -> None:
        del self._news[lock]
        if not lock.is_advertising:
            return
        for scanner in tuple(self._scanners):
            if scanner.scan is not None and scanner.scan.lacks(lock):
                self._report(lock, scanner.scan)
        self.reconsider(lock)

    def _report(self, lock: LightPeripheral, scan: Scan) -> None:
        if _misses(lock):
            return
        scan.heard[lock] = lock.manufacturer_data
        rssi_dbm, faults = self.rssi_dbm(lock.address, scan.address), lock.radio_faults
        scan.report(lock, rssi_dbm if faults is None else faults.signal_dbm(rssi_dbm))

    # ------------------------------------------------------------------ connections

    def _connect_first(self, lock: LightPeripheral) -> None:
        """Connect the adapter that has waited longest for this lock, if any."""
        if not _takes_connections(lock):
            return
        for attempt in tuple(self._attempts.get(lock.address, ())):
            # One that was cancelled a moment ago is still in the list.
            if not attempt.made.done() and not _misses(lock):
                self.attempt_ended(lock.address, attempt)
                self._connect(attempt, lock)
                return

    def _connect(self, attempt: Attempt, lock: LightPeripheral) -> None:
        air = AirLink(
            faults=lambda: self.faults,
            stream=lambda: self.streams.stream(f"radio/{lock.address}/air"),
            supervision_timeout_s=attempt.supervision_timeout_s,
        )
        connection = LightConnection(attempt.adapter, lock, air, is_plain=self.faults is NO_FAULTS)
        air.join(central=connection, peripheral=lock.begin_session(air))
        lock.session_ready()
        attempt.made.set_result(connection)


def _misses(lock: LightPeripheral) -> bool:
    return lock.radio_faults is not None and lock.radio_faults.misses_advertisement()


def _takes_connections(lock: LightPeripheral) -> bool:
    return lock.radio_faults is None or not lock.radio_faults.plan.ble_slots_full
