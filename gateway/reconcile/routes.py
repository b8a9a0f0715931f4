"""The ways to a device: today its own moniker; hubs and couriers come beside it later.

`reconcile` asks for routes instead of holding a link, so a device that can be reached in two ways
is tried in both, in order.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from gateway.access.sessions import DueDevice
from gateway.drivers.interface import Driver
from gateway.drivers.strike import StrikeDriver
from gateway.links.monikers import bluetooth_address, parse_moniker
from gateway.links.open import Carriers, open_link
from gateway.ports import Clock
from protocols.strike.provider import SessionProvider

OnEvent = Callable[[object], None]
# A provider belongs to one side of one connection: each gets a new one.
MakeProvider = Callable[[], SessionProvider]


class Route(Protocol):
    """One way to one device."""

    @property
    def name(self) -> str:
        """For logs: what is opened."""

    def open(self, on_event: OnEvent) -> AbstractAsyncContextManager[Driver]:
        """Hold a conversation with the device.

        Args:
            on_event: Gets every event message that the device sends by itself.

        Raises:
            ConfigError: When the route names something that can't be opened.
            ConnectFailed: On entering, when the device is not reached this way.
        """


class Routes(Protocol):
    """Knows the ways to every device."""

    def of(self, device: DueDevice) -> Sequence[Route]:
        """The ways to a device, best first."""


class LinkRoute:
    """The device's own link, with the strike protocol on it."""

    def __init__(
        self, moniker: str, carriers: Carriers, *, clock: Clock, make_provider: MakeProvider
    ) -> None:
        self._moniker = moniker
        self._carriers = carriers
        self._clock = clock
        self._make_provider = make_provider

    @property
    def name(self) -> str:
        """See `Route.name`."""
        return self._moniker

    @contextlib.asynccontextmanager
    async def open(self, on_event: OnEvent) -> AsyncIterator[Driver]:
        """See `Route.open`."""
        async with open_link(self._moniker, self._carriers) as link:
            yield StrikeDriver(
                link, clock=self._clock, on_event=on_event, provider=self._make_provider()
            )


class LinkRoutes:
    """Every device by its own moniker only."""

    def __init__(self, carriers: Carriers, *, clock: Clock, make_provider: MakeProvider) -> None:
        self._carriers = carriers
        self._clock = clock
        self._make_provider = make_provider

    def of(self, device: DueDevice) -> Sequence[Route]:
        """See `Routes.of`."""
        return (
            LinkRoute(
                device.moniker,
                self._carriers,
                clock=self._clock,
                make_provider=self._make_provider,
            ),
        )


def address_of(moniker: str) -> str | None:
    """The Bluetooth address that advertisements of a device carry; None where it has none.

    Raises:
        ConfigError: When the moniker is not one.
    """
    parsed = parse_moniker(moniker)
    return bluetooth_address(parsed) if parsed.scheme == "ble" else None
