"""The virtual air: who hears whom, and who gets connected to whom.

bumble's `LocalLink` hands every advertisement to every controller and looks for the receiver of
every packet among all of them. Here an advertisement goes only to those that listen, a connection
knows its two ends, and addresses are indexed, so what one session costs does not depend on how
many devices there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

from bumble import controller as bumble_controller
from bumble import core, hci, link

from firmware_sim.errors import DeviceConflict
from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.advertising import QuietAdvertisingSet, Station
from firmware_sim.radio.air import AirLink
from firmware_sim.radio.faults import NO_FAULTS, LinkFaults

# Received signal strength where nobody cares: a lock on the other side of a room; also what
# bumble's own virtual controller reports.
DEFAULT_RSSI_DBM: Final = -50
# One unit of a supervision timeout. Source: Bluetooth Core 5.4, Vol 4 Part E, 7.8.66.
SUPERVISION_UNIT_S: Final = 0.01

# Signal strength in dBm that a receiver sees of a sender; both as addresses "AA:BB:CC:DD:EE:FF".
RssiModel: TypeAlias = Callable[[str, str], int]


class SimLink(link.LocalLink):
    """A link for simulated controllers.

    Args:
        streams: Named random streams; phases, losses and keys of every device come from here.
        faults: Faults of every connection whose devices have none of their own.
        rssi_dbm: Signal strength between two devices.
    """

    def __init__(
        self,
        streams: Streams,
        *,
        faults: LinkFaults = NO_FAULTS,
        rssi_dbm: RssiModel | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # bumble left it without types.
        self.streams = streams
        self.faults = faults
        self.rssi_dbm: RssiModel = rssi_dbm or (lambda _sender, _receiver: DEFAULT_RSSI_DBM)
        self._owners: dict[hci.Address, bumble_controller.Controller] = {}
        self._random_addresses: dict[bumble_controller.Controller, hci.Address] = {}
        self._advertisers: dict[hci.Address, QuietAdvertisingSet] = {}
        self._scanners: dict[Station, None] = {}
        self._initiators: dict[hci.Address, dict[Station, None]] = {}
        self._news: dict[QuietAdvertisingSet, None] = {}
        self._absences: dict[hci.Address, int] = {}

    # ------------------------------------------------------------------ controllers, addresses

    def add_controller(self, controller: bumble_controller.Controller) -> None:
        """Let a controller take part.

        Raises:
            DeviceConflict: When another one has its public address.
        """
        # The base class keeps a set; its order would be that of memory addresses.
        self._claim(controller.public_address, controller)
        self.on_address_changed(controller)

    def remove_controller(self, controller: bumble_controller.Controller) -> None:
        """Take a controller out; it must neither advertise nor be connected."""
        self._random_addresses.pop(controller, None)
        for address in [a for a, owner in self._owners.items() if owner is controller]:
            del self._owners[address]

    def on_address_changed(self, controller: bumble_controller.Controller) -> None:
        """Note the random address that a controller was given.

        Raises:
            DeviceConflict: When another one has it.
        """
        before = self._random_addresses.get(controller)
        if before == controller.random_address:
            return
        self._claim(controller.random_address, controller)
        self._random_addresses[controller] = controller.random_address
        if before is not None:
            self._owners.pop(before, None)

    def find_le_controller(self, address: hci.Address) -> bumble_controller.Controller | None:
        """The controller that has an address."""
        return self._owners.get(address)

    def has_address(self, text: str) -> bool:
        """Whether a device has that address, public or random."""
        random_address = hci.Address(text)
        public_address = hci.Address(random_address.address_bytes, hci.AddressType.PUBLIC_DEVICE)
        return random_address in self._owners or public_address in self._owners

    def identity(self, text: str) -> hci.Address:
        """The typed address of a device known by its text alone, as a host's address book has it.

        Args:
            text: "AA:BB:CC:DD:EE:FF"; an unknown one counts as random.

        Raises:
            ValueError: When the text is no address.
        """
        random_address = hci.Address(text)
        public_address = hci.Address(random_address.address_bytes, hci.AddressType.PUBLIC_DEVICE)
        is_public = public_address in self._owners and random_address not in self._owners
        return public_address if is_public else random_address

    def _claim(self, address: hci.Address, controller: bumble_controller.Controller) -> None:
        if not any(address.address_bytes):
            return  # Not set: the address of all controllers that have none.
        if self._owners.setdefault(address, controller) is not controller:
            raise DeviceConflict(f"two devices have the radio address {address}")

    # ------------------------------------------------------------------ advertising

    def advertising_started(self, advertiser: QuietAdvertisingSet) -> None:
        """See `advertising.Medium`.

        Raises:
            DeviceConflict: When another set advertises under its address.
        """
        address = advertiser.address
        if address is None:
            return
        if self._advertisers.setdefault(address, advertiser) is not advertiser:
            raise DeviceConflict(f"two advertisers have the radio address {address}")
        self._reconsider(advertiser)

    def advertising_stopped(self, advertiser: QuietAdvertisingSet) -> None:
        """See `advertising.Medium`."""
        address = advertiser.address
        if address is not None and self._advertisers.get(address) is advertiser:
            del self._advertisers[address]

    def advertising_changed(self, advertiser: QuietAdvertisingSet) -> None:
        """Changed data go out at once, to whoever listens."""
        if self._scanners and advertiser not in self._news:
            self._news[advertiser] = None
            asyncio.get_running_loop().call_soon(self._tell_news, advertiser)

    def advertising_event(self, advertiser: QuietAdvertisingSet) -> None:
        """Scanners hear it, and the first central that waits for it is connected."""
        for scanner in tuple(self._scanners):
            if scanner.scan is not None and scanner.scan.wants(advertiser):
                self._report(advertiser, scanner)
        self._connect_first(advertiser)
        self._reconsider(advertiser)

    def _tell_news(self, advertiser: QuietAdvertisingSet) -> None:
        del self._news[advertiser]
        if not advertiser.enabled:
            return
        for scanner in tuple(self._scanners):
            scan = scanner.scan
            if scan is not None and scan.heard.get(advertiser) != advertiser.version:
                self._report(advertiser, scanner)
        self._reconsider(advertiser)

    def _report(self, advertiser: QuietAdvertisingSet, scanner: Station) -> None:
        if scanner.scan is not None and self._receives(scanner, advertiser):
            scanner.scan.heard[advertiser] = advertiser.version
            rssi_dbm = self.signal_dbm(advertiser.station, scanner)
            scanner.report(advertiser, rssi_dbm)

    def _reconsider(self, advertiser: QuietAdvertisingSet) -> None:
        advertiser.expect(is_awaited=advertiser.enabled and self._is_awaited(advertiser))

    def _is_awaited(self, advertiser: QuietAdvertisingSet) -> bool:
        address = advertiser.address
        if address in self._initiators and self._takes_connections(advertiser):
            for initiator in self._initiators[address]:
                if self._hears(initiator, advertiser):
                    return True
        for scanner in self._scanners:
            if (
                scanner.scan is not None
                and scanner.scan.wants(advertiser)
                and self._hears(scanner, advertiser)
            ):
                return True
        return False

    # ------------------------------------------------------------------ listening

    def scan_started(self, scanner: Station) -> None:
        """A controller scans from now on, or scans in another way."""
        self._scanners[scanner] = None
        self._reconsider_all()

    def scan_stopped(self, scanner: Station) -> None:
        """A controller does not scan any more."""
        del self._scanners[scanner]
        self._reconsider_all()

    def initiation_started(self, initiator: Station, address: hci.Address) -> None:
        """A controller waits for an advertiser to connect to."""
        self._initiators.setdefault(address, {})[initiator] = None
        advertiser = self._advertisers.get(address)
        if advertiser is not None and advertiser.station.radio_faults is not None:
            advertiser.station.radio_faults.refuses_connection()
        self._reconsider_one(address)

    def initiation_stopped(self, initiator: Station, address: hci.Address) -> None:
        """A controller does not wait for that advertiser any more."""
        waiting = self._initiators.get(address, {})
        waiting.pop(initiator, None)
        if not waiting:
            self._initiators.pop(address, None)
        self._reconsider_one(address)

    def range_changed(self, station: Station) -> None:
        """A controller came into range or left it.

        Whoever was away is news to a scanner when it is back, as a stack that has not heard of a
        device for a while forgets it. Source: BlueZ, TemporaryTimeout (30 s) in main.conf; and
        its discovery restarts the scan, with its filter of duplicates, every few seconds.
        """
        for advertiser in station.advertisers:
            if not station.in_range and advertiser.address is not None:
                self._absences[advertiser.address] = self.absences(advertiser.address) + 1
                for scanner in self._scanners:
                    if scanner.scan is not None:
                        scanner.scan.heard.pop(advertiser, None)
            self._reconsider(advertiser)
        if station in self._scanners or any(station in w for w in self._initiators.values()):
            self._reconsider_all()

    def faults_changed(self, station: Station) -> None:
        """Other things go wrong with a controller's radio from now on."""
        for advertiser in station.advertisers:
            self._reconsider(advertiser)

    def absences(self, address: hci.Address) -> int:
        """How often an advertiser left the range so far."""
        return self._absences.get(address, 0)

    def signal_dbm(self, sender: Station, receiver: Station) -> int:
        """Strength at which a receiver hears a sender, in dBm."""
        usual_dbm = self.rssi_dbm(
            sender.own_address.to_string(with_type_qualifier=False),
            receiver.own_address.to_string(with_type_qualifier=False),
        )
        faults = sender.radio_faults
        return usual_dbm if faults is None else faults.signal_dbm(usual_dbm)

    def heard_dbm(self, sender: hci.Address, receiver: hci.Address) -> int:
        """The same for two addresses of a connection."""
        usual_dbm = self.rssi_dbm(
            sender.to_string(with_type_qualifier=False),
            receiver.to_string(with_type_qualifier=False),
        )
        faults = getattr(self._owners.get(sender), "radio_faults", None)
        return usual_dbm if faults is None else faults.signal_dbm(usual_dbm)

    @staticmethod
    def _hears(listener: Station, advertiser: QuietAdvertisingSet) -> bool:
        sender = advertiser.station
        return listener.in_range and sender.in_range and sender is not listener

    def _receives(self, listener: Station, advertiser: QuietAdvertisingSet) -> bool:
        """Whether this very advertisement arrives."""
        faults = advertiser.station.radio_faults
        return self._hears(listener, advertiser) and (
            faults is None or not faults.misses_advertisement()
        )

    @staticmethod
    def _takes_connections(advertiser: QuietAdvertisingSet) -> bool:
        faults = advertiser.station.radio_faults
        return advertiser.is_connectable and (faults is None or not faults.plan.ble_slots_full)

    def _reconsider_all(self) -> None:
        for advertiser in tuple(self._advertisers.values()):
            self._reconsider(advertiser)

    def _reconsider_one(self, address: hci.Address) -> None:
        advertiser = self._advertisers.get(address)
        if advertiser is not None:
            self._reconsider(advertiser)

    # ------------------------------------------------------------------ connections

    def _connect_first(self, advertiser: QuietAdvertisingSet) -> None:
        """Connect the central that has waited longest for this advertiser, if any."""
        address = advertiser.address
        if address is None or not self._takes_connections(advertiser):
            return
        for initiator in tuple(self._initiators.get(address, ())):
            if self._receives(initiator, advertiser):
                self._connect(initiator, advertiser, address)
                return

    def _connect(
        self, initiator: Station, advertiser: QuietAdvertisingSet, address: hci.Address
    ) -> None:
        request = initiator.initiation(address)
        air = AirLink(
            faults=lambda: self.faults,
            stream=lambda: self.streams.stream(f"radio/{address}/air"),
            supervision_timeout_s=request.timeout * SUPERVISION_UNIT_S,
        )
        air.join(
            central=initiator.open_as_central(request, air),
            peripheral=advertiser.station.open_as_peripheral(request, air, advertiser),
        )

    def send_acl_data(
        self,
        sender_controller: bumble_controller.Controller,
        destination_address: hci.Address,
        transport: core.PhysicalTransport,
        data: bytes,
    ) -> None:
        """Carry a packet of a connection, from that connection's own address.

        The base class takes the sender's random address, which a device that advertises with
        its public address does not go by.
        """
        if transport == core.PhysicalTransport.LE:
            connection = sender_controller.le_connections.get(destination_address)
            if connection is not None:
                connection.on_acl_pdu(data)
