"""A lock's radio on the light link: a few words of memory while nobody is connected."""

from __future__ import annotations

import logging
import random
from typing import Protocol

from firmware_sim.faults.plan import FaultPlan
from firmware_sim.radio.air import AirLink
from firmware_sim.radio.device_faults import FaultTrace, RadioFaults, fault_stream_name
from firmware_sim.radio.endpoint import GattEndpoint
from firmware_sim.radio.faults import LinkFaults
from firmware_sim.radio.interface import PeripheralSettings
from firmware_sim.radio.light.advertised import advertised_data
from firmware_sim.radio.light.frames import KEYS_MISSING, POWER_OFF, SUCCESS
from firmware_sim.radio.light.session import LightSession

logger = logging.getLogger(__name__)


class LightMedium(Protocol):
    """What a lock tells the air."""

    def advertising_changed(self, lock: LightPeripheral) -> None:
        """Its data are other ones now."""

    def reconsider(self, lock: LightPeripheral) -> None:
        """It advertises, or is silent, or can be reached in another way, from now on."""

    def range_changed(self, lock: LightPeripheral) -> None:
        """It came into range or left it."""

    def fault_stream(self, name: str) -> random.Random:
        """A random stream of the run."""

    def bonds_of(self, address: str) -> dict[object, None]:
        """The centrals whose keys a lock has."""


class LightPeripheral:
    """The radio of a lock; made by `LightRadio.peripheral`.

    Args:
        medium: The air.
        address: "AA:BB:CC:DD:EE:FF".
        name: Told in the scan response, shortened to 29 bytes of UTF-8.
        endpoint: The device behind the GATT service.
        manufacturer_data: What it advertises after the company identifier, at most 6 bytes.
        settings: What many locks have alike.

    Attributes:
        address: As given, in capitals.
        name: As given.
        settings: As given.
        manufacturer_data: What it advertises now.
        is_powered: True between `power_on` and `power_off`.
        faults: Faults of this lock's connections; None leaves them to the link.
        radio_faults: Everything that goes wrong with its radio; None is nothing.
        handler_errors: How often the endpoint failed; each was answered as an ATT error.
        fault_trace: Where faults that fire are noted, of plans set from now on; None = nowhere.

    Raises:
        ValueTooLong: When the manufacturer data do not fit.
    """

    __slots__ = (
        "_endpoint",
        "_is_placed_in_range",
        "_medium",
        "_session",
        "address",
        "fault_trace",
        "faults",
        "handler_errors",
        "is_powered",
        "manufacturer_data",
        "name",
        "radio_faults",
        "settings",
    )

    def __init__(
        self,
        medium: LightMedium,
        *,
        address: str,
        name: str,
        endpoint: GattEndpoint,
        manufacturer_data: bytes,
        settings: PeripheralSettings,
    ) -> None:
        advertised_data(manufacturer_data)
        self.address = _in_capitals(address)
        self.name = name
        self.settings = settings
        self.manufacturer_data = manufacturer_data
        self.is_powered = False
        self.faults: LinkFaults | None = None
        self.radio_faults: RadioFaults | None = None
        self.handler_errors = 0
        self.fault_trace: FaultTrace | None = None
        self._medium = medium
        self._endpoint = endpoint
        self._is_placed_in_range = True
        self._session: LightSession | None = None

    # ------------------------------------------------------------------ what others may see

    @property
    def is_in_range(self) -> bool:
        """False while nobody can hear it."""
        faults = self.radio_faults
        return self._is_placed_in_range and (faults is None or not faults.plan.ble_out_of_range)

    @property
    def is_connected(self) -> bool:
        """True while a central is connected."""
        return self._session is not None

    @property
    def is_advertising(self) -> bool:
        """True while it can be heard."""
        return self.is_powered and self._session is None and self.is_in_range

    @property
    def att_mtu(self) -> int | None:
        """The ATT MTU of the connection; None without one."""
        return None if self._session is None else self._session.att_mtu

    @property
    def att_mtu_max(self) -> int:
        """Largest ATT MTU that it agrees to."""
        return self.settings.att_mtu_max

    # ------------------------------------------------------------------ what the bench does

    async def power_on(self) -> None:
        """Advertise; nothing happens when it is on.

        Cancellation: there is nothing to cancel; it is on at once.
        """
        if not self.is_powered:
            self.is_powered = True
            self._medium.reconsider(self)

    async def power_off(self) -> None:
        """Cut the power: the air falls silent, and the endpoint learns that it is disconnected.

        Cancellation: there is nothing to cancel; it is off at once.
        """
        self.is_powered = False
        if self._session is not None:
            self._session.air.abandon(self._session)
            self.session_ended(POWER_OFF)
        self._medium.reconsider(self)

    def set_in_range(self, in_range: bool) -> None:  # noqa: FBT001 - the word is in the name.
        """Put the lock into radio range, or out of it."""
        was_in_range = self.is_in_range
        self._is_placed_in_range = in_range
        self._moved(was_in_range=was_in_range)

    def set_faults(self, plan: FaultPlan) -> None:
        """Let the radio's part of a plan go wrong from now on, and nothing else."""
        was_in_range = self.is_in_range
        self.radio_faults = RadioFaults.of(plan, self._fault_stream, self.fault_trace)
        self.faults = None if self.radio_faults is None else self.radio_faults.link
        self._lose_bonds()
        self._moved(was_in_range=was_in_range)
        if was_in_range and not self.is_in_range and self.radio_faults is not None:
            self.radio_faults.note("ble_out_of_range")
        self._medium.reconsider(self)

    def set_advertisement(self, manufacturer_data: bytes) -> None:
        """Advertise other manufacturer data; whoever scans hears them at once.

        Raises:
            ValueTooLong: When they are more than 6 bytes.
        """
        advertised_data(manufacturer_data)
        if manufacturer_data != self.manufacturer_data:
            self.manufacturer_data = manufacturer_data
            self._medium.advertising_changed(self)

    def disconnect(self) -> None:
        """End the connection, if there is one."""
        if self._session is not None:
            self._session.disconnect()

    def _moved(self, *, was_in_range: bool) -> None:
        if self.is_in_range != was_in_range:
            self._medium.range_changed(self)
            if self._session is not None:
                self._session.air.range_changed()

    def _fault_stream(self) -> random.Random:
        return self._medium.fault_stream(fault_stream_name(self.address))

    def _lose_bonds(self) -> None:
        faults = self.radio_faults
        if faults is not None and faults.plan.ble_bond_lost:
            bonds = self._medium.bonds_of(self.address)
            if bonds:
                bonds.clear()
                faults.note("ble_bond_lost")

    # ------------------------------------------------------------------ what its session asks

    def begin_session(self, air: AirLink) -> LightSession:
        """A central connects."""
        self._lose_bonds()
        self._session = LightSession(self, air)
        return self._session

    def session_ready(self) -> None:
        """Both ends of the connection are in place."""
        if self._session is not None:
            self._endpoint.connected(self._session.att_mtu, self._session.notify)

    def session_ended(self, reason: int) -> None:
        """See `Served.session_ended`."""
        del reason  # A lock makes no difference.
        if self._session is not None:
            self._session = None
            self._endpoint.disconnected()
            self._medium.reconsider(self)

    def mtu_changed(self, att_mtu: int) -> None:
        """See `Served.mtu_changed`."""
        self._endpoint.mtu_changed(att_mtu)

    def written(self, value: bytes) -> bool:
        """See `Served.written`."""
        if self.radio_faults is not None:
            value = self.radio_faults.written(value)
        try:
            self._endpoint.received(value)
        except Exception as error:  # noqa: BLE001 - a request is answered whatever happens.
            self.handler_errors += 1
            # Its words may hold what was written, PINs included: only its kind is told.
            logger.error("%s: the endpoint failed with %s", self.name, type(error).__name__)  # noqa: TRY400
            return False
        return True

    def encrypt(self, central: object, *, is_bonded: bool) -> int:
        """See `Served.encrypt`."""
        bonds = self._medium.bonds_of(self.address)
        if is_bonded and central not in bonds:
            return KEYS_MISSING
        bonds[central] = None
        return SUCCESS


def _in_capitals(address: str) -> str:
    """The address in capitals: the very string, where it is that already."""
    capitals = address.upper()
    return address if address == capitals else capitals
