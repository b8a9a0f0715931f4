"""Advertisers that cost nothing while nobody listens.

Theory of operation. An advertising set has an interval and a phase. A real one sends at every
interval; this one keeps no timer. Only when somebody waits for it (a scanner that has not heard
its present data, a scanner that wants every event, or a central that initiates a connection) the
instant of its next event is computed from interval and phase, and one timer is set. The phase is
drawn from the device's own random stream, when it first matters.

Source of the intervals: Bluetooth Core 5.4, Vol 6 Part B, 4.4.2.2. The random delay of up to
10 ms that real advertisers add to each event is not modelled: events are exactly periodic.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from bumble import controller, hci, ll

from firmware_sim.radio.air import AirEnd, AirLink
from firmware_sim.radio.device_faults import RadioFaults

# One unit of an advertising interval. Source: Bluetooth Core 5.4, Vol 4 Part E, 7.8.53.
INTERVAL_UNIT_S: Final = 0.000625
# Shortest advertising interval: 20 ms. Source: as above.
INTERVAL_MIN_S: Final = 0.02

Properties = hci.HCI_LE_Set_Extended_Advertising_Parameters_Command.AdvertisingProperties


class Station(Protocol):
    """What the link asks of a controller."""

    @property
    def in_range(self) -> bool:
        """True while it can be heard and hears."""

    @property
    def radio_faults(self) -> RadioFaults | None:
        """What goes wrong with its radio; None is nothing."""

    @property
    def scan(self) -> Scan | None:
        """The scan in progress."""

    @property
    def own_address(self) -> hci.Address:
        """The address it goes by."""

    @property
    def advertisers(self) -> Iterable[QuietAdvertisingSet]:
        """Its advertising sets."""

    def report(self, advertiser: QuietAdvertisingSet, rssi_dbm: int) -> None:
        """Take an advertisement."""

    def initiation(self, advertiser: hci.Address) -> ll.ConnectInd:
        """End the initiation towards that advertiser: how it asks for the connection."""

    def open_as_central(self, request: ll.ConnectInd, air: AirLink) -> AirEnd:
        """The connection that it initiated is there."""

    def open_as_peripheral(
        self, request: ll.ConnectInd, air: AirLink, advertiser: QuietAdvertisingSet
    ) -> AirEnd:
        """A central connected to one of its advertising sets."""


class Medium(Protocol):
    """What an advertising set tells the link."""

    def advertising_started(self, advertiser: QuietAdvertisingSet) -> None:
        """It advertises from now on."""

    def advertising_stopped(self, advertiser: QuietAdvertisingSet) -> None:
        """It is silent from now on."""

    def advertising_changed(self, advertiser: QuietAdvertisingSet) -> None:
        """Its data are other ones now."""

    def advertising_event(self, advertiser: QuietAdvertisingSet) -> None:
        """It sends, now."""


@dataclass(slots=True, kw_only=True)
class Scan:
    """A scan in progress at one controller.

    Attributes:
        is_active: Asks for scan responses.
        filters_duplicates: Reports an advertiser once, and again when its data change.
        is_legacy: The host uses the HCI commands and events of Bluetooth 4.
        heard: Data version last reported, by advertiser.
    """

    is_active: bool
    filters_duplicates: bool
    is_legacy: bool = False
    heard: dict[QuietAdvertisingSet, int] = field(default_factory=dict)

    def wants(self, advertiser: QuietAdvertisingSet) -> bool:
        """True when the next event of that advertiser is to be reported."""
        if not self.filters_duplicates:
            return True
        return self.heard.get(advertiser) != advertiser.version


class QuietAdvertisingSet(controller.AdvertisingSet):
    """An advertising set of a simulated controller.

    Args:
        owner: The controller it belongs to, as bumble knows it.
        station: The same, as the link knows it.
        handle: Its advertising handle.
        medium: The link.
        stream: Tells the random stream that the phase is drawn from.

    Attributes:
        version: Changes whenever the data change.
    """

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(
        self,
        owner: controller.Controller,
        handle: int,
        *,
        station: Station,
        medium: Medium,
        stream: Callable[[], random.Random],
    ) -> None:
        super().__init__(controller=owner, handle=handle)
        self.version = 0
        self.station = station
        self._medium = medium
        self._stream = stream
        self._started_s = 0.0
        self._anchor_s: float | None = None

    @property
    def properties(self) -> int:
        """Advertising event properties, as the host set them."""
        return self.parameters.advertising_event_properties if self.parameters else 0

    @property
    def is_connectable(self) -> bool:
        """True when a central may connect at an event."""
        return bool(self.properties & Properties.CONNECTABLE_ADVERTISING)

    @property
    def is_scannable(self) -> bool:
        """True when it answers scan requests."""
        return bool(self.properties & Properties.SCANNABLE_ADVERTISING)

    @property
    def interval_s(self) -> float:
        """Seconds from one event to the next."""
        units = self.parameters.primary_advertising_interval_min if self.parameters else 0
        return max(units * INTERVAL_UNIT_S, INTERVAL_MIN_S)

    def start(self) -> None:
        """Advertise, with a new phase; no timer is set by that alone."""
        if self.enabled:
            return
        self.enabled = True
        self._started_s = asyncio.get_running_loop().time()
        self._anchor_s = None
        self._medium.advertising_started(self)

    def stop(self) -> None:
        """Be silent."""
        if not self.enabled:
            return
        super().stop()
        self._medium.advertising_stopped(self)

    def data_changed(self) -> None:
        """Note that the data are other ones now."""
        self.version += 1
        if self.enabled:
            self._medium.advertising_changed(self)

    def expect(self, *, is_awaited: bool) -> None:
        """Set the timer of the next event, or clear it when nobody waits for one."""
        if not is_awaited:
            if self.timer_handle is not None:
                self.timer_handle.cancel()
                self.timer_handle = None
        elif self.timer_handle is None:
            loop = asyncio.get_running_loop()
            self.timer_handle = loop.call_at(self._next_event_s(loop.time()), self._send)

    def _next_event_s(self, now: float) -> float:
        """Loop time of the first event after now."""
        interval_s = self.interval_s
        if self._anchor_s is None:
            self._anchor_s = self._started_s + self._stream().random() * interval_s
        if now < self._anchor_s:
            return self._anchor_s
        # An event of this very instant has passed; the tolerance is far below a clock tick.
        passed = math.floor((now - self._anchor_s) / interval_s + 1e-9)
        return self._anchor_s + (passed + 1) * interval_s

    def _send(self) -> None:
        self.timer_handle = None
        self._medium.advertising_event(self)
