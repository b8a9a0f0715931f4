"""What every fidelity of the radio offers: to a device its radio, to bleak an adapter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from firmware_sim.faults.plan import FaultPlan
from firmware_sim.radio.att_client import AttClient
from firmware_sim.radio.device_faults import FaultTrace
from firmware_sim.radio.discovery import ServiceRecord
from firmware_sim.radio.endpoint import GattEndpoint
from firmware_sim.radio.faults import LinkFaults


class Peripheral(Protocol):
    """The radio of one lock.

    Attributes:
        name: Told in the scan response.
        handler_errors: How often the endpoint failed; each was answered as an ATT error.
        fault_trace: Where faults that fire are noted, of plans set from now on; None = nowhere.
        faults: Faults of this lock's connections; None leaves them to the link.
    """

    name: str
    handler_errors: int
    fault_trace: FaultTrace | None

    @property
    def address(self) -> str:
        """Its address, "AA:BB:CC:DD:EE:FF"."""

    @property
    def is_powered(self) -> bool:
        """True between `power_on` and `power_off`."""

    @property
    def is_in_range(self) -> bool:
        """False while nobody can hear it."""

    @property
    def is_connected(self) -> bool:
        """True while a central is connected."""

    @property
    def att_mtu(self) -> int | None:
        """The ATT MTU of the connection; None without one."""

    @property
    def faults(self) -> LinkFaults | None:
        """Faults of this lock's connections; None leaves them to the link."""

    @faults.setter
    def faults(self, faults: LinkFaults | None) -> None: ...

    async def power_on(self) -> None:
        """Boot the radio and advertise; nothing happens when it is on.

        Cancellation: call `power_off` before the next `power_on`.
        """

    async def power_off(self) -> None:
        """Cut the power: the air falls silent, and the endpoint learns that it is disconnected."""

    def set_in_range(self, in_range: bool) -> None:  # noqa: FBT001 - the word is in the name.
        """Put the lock into radio range, or out of it."""

    def set_faults(self, plan: FaultPlan) -> None:
        """Let the radio's part of a plan go wrong from now on, and nothing else."""

    def set_advertisement(self, manufacturer_data: bytes) -> None:
        """Advertise other manufacturer data; whoever scans hears them at once.

        Raises:
            ValueTooLong: When they are more than 6 bytes.
        """

    def disconnect(self) -> None:
        """End the connection, if there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An advertisement, with its scan response if there was one.

    Attributes:
        address: Who sent it, "AA:BB:CC:DD:EE:FF".
        sender: The same as the adapter knows it; what `Adapter.target` takes.
        data: Advertising data.
        scan_response: Scan response data; None from a passive scan.
        rssi_dbm: How strong it was.
        absences: How often its sender had been out of range: it tells a return from a repeat.
    """

    address: str
    sender: object
    data: bytes
    scan_response: bytes | None
    rssi_dbm: int
    absences: int


class Connection(Protocol):
    """A connection of an adapter.

    Attributes:
        att: The ATT client on it.
    """

    att: AttClient

    @property
    def known_services(self) -> tuple[ServiceRecord, ...] | None:
        """What the device has, where the link itself tells; None when the device must be asked."""

    def on_closed(self, callback: Callable[[], None]) -> None:
        """Call back once, when it is over; at once if it is over already."""

    async def disconnect(self) -> None:
        """End it; returns when it is over, out of range at the supervision timeout.

        Cancellation: it ends all the same.
        """

    async def pair(self) -> None:
        """Encrypt, with the keys of an earlier pairing or else of a new one.

        Raises:
            PairingRefused: When the other side refuses, or has lost the keys.
            ConnectionLost: When the connection ended first.
        """


class Adapter(Protocol):
    """What bleak's client and scanner ask of a radio.

    Attributes:
        att_mtu: Largest ATT MTU to ask for.
    """

    att_mtu: int

    def target(self, address: str, sender: object) -> object:
        """Whom to connect to: the sender of a sighting, or a device known by its address alone.

        Args:
            address: "AA:BB:CC:DD:EE:FF".
            sender: `Sighting.sender`; anything else when it was not heard.

        Raises:
            ValueError: When the address is none.
        """

    async def connect(self, target: object) -> Connection:
        """Connect at the device's next advertisement; waits while every slot is taken.

        Cancellation: the attempt is given up.

        Raises:
            ConnectionLost: When the attempt failed.
        """

    async def forget(self, target: object) -> None:
        """Forget the keys of a device."""

    async def listen(
        self, listener: Callable[[Sighting], None], *, is_active: bool, filters_duplicates: bool
    ) -> None:
        """Call a listener for what is heard from now on."""

    async def stop_listening(self, listener: Callable[[Sighting], None]) -> None:
        """Call a listener no more."""

    def vanish(self) -> None:
        """Behave like an adapter whose machine died: no goodbye; devices notice by time-out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeripheralSettings:
    """What a lock's radio is, and many locks' radios are alike.

    Attributes:
        is_public: True when the address is a public one; else it is random static.
        advertising_interval_ms: Milliseconds from one advertisement to the next.
        att_mtu_max: Largest ATT MTU that it agrees to.
    """

    is_public: bool
    advertising_interval_ms: float
    att_mtu_max: int


class Radio(Protocol):
    """One air, in one fidelity."""

    def peripheral(
        self,
        *,
        address: str,
        name: str,
        endpoint: GattEndpoint,
        manufacturer_data: bytes,
        settings: PeripheralSettings,
    ) -> Peripheral:
        """The radio of a new lock, without power.

        Args:
            address: "AA:BB:CC:DD:EE:FF".
            name: Told in the scan response, shortened to 29 bytes of UTF-8.
            endpoint: The device behind the GATT service.
            manufacturer_data: What it advertises after the company identifier, at most 6 bytes.
            settings: What many locks have alike.

        Raises:
            DeviceConflict: When another device has that address.
            ValueTooLong: When the manufacturer data do not fit.
        """

    def is_taken(self, address: str) -> bool:
        """Whether a device has that address, public or random."""

    def adapter(self, size: int) -> Adapter:
        """An adapter with so many controllers."""
