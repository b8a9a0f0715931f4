"""Listens for advertisements while the gateway is up, so that no healthy lock is ever polled.

A lock that has something to tell says so in its manufacturer data, and a lock that was out of
reach is heard when it comes back. Both wake that device's session; what to make of a sighting is
decided in `gateway.reconcile`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from gateway.errors import LinkClosed, LinkError
from gateway.links.ble import BleCentral, bleak_errors
from protocols.errors import RemoteProtocolError
from protocols.strike.gatt import COMPANY_ID, Advertisement

logger = logging.getLogger(__name__)

# A radio that is missing or switched off comes back by hand: half a minute is soon enough.
RESTART_S: Final = 30.0
# A stack that does not confirm within this is gone, and its scan with it.
STOP_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One advertisement of a strike device.

    Attributes:
        address: The device's address, in upper case.
        has_news: True when its log holds records that nobody has read.
        log_next_low: Low 16 bits of the index that its next log record will get.
        is_changed: True when its data differ from those heard last, or were never heard.
    """

    address: str
    has_news: bool
    log_next_low: int
    is_changed: bool


class NewsWatch:
    """The scanner and what it heard last; `run` it in a task, once."""

    def __init__(self, central: BleCentral, sighted: Callable[[Sighting], None]) -> None:
        self._central = central
        self._sighted = sighted
        self._heard: dict[str, Advertisement] = {}
        self.refused_count = 0

    async def run(self) -> None:
        """Listen until cancelled; a radio that fails is tried again."""
        while True:
            try:
                await self._listen()
            except LinkError as error:
                logger.warning("no advertisements for now: %s", error)
            await asyncio.sleep(RESTART_S)

    async def _listen(self) -> None:
        scanner = self._central.scanner(self._detected)
        with bleak_errors(LinkClosed, "can't listen for advertisements"):
            await scanner.start()
        try:
            await asyncio.Event().wait()  # Nothing sets it: until cancelled.
        finally:
            await self._stop(scanner)

    async def _stop(self, scanner: BleakScanner) -> None:
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                with bleak_errors(LinkClosed, "can't stop listening"):
                    await scanner.stop()
        except (LinkClosed, TimeoutError) as error:
            # We are being cancelled: an error here would take the cancellation's place.
            logger.debug("%s", error)

    def _detected(self, device: BLEDevice, heard: AdvertisementData) -> None:
        data = heard.manufacturer_data.get(COMPANY_ID)
        if data is None:
            return
        try:
            advertisement = Advertisement.decode(bytes(data))
        except RemoteProtocolError:
            # The company identifier is anybody's: not worth a line each.
            self.refused_count += 1
            return
        address = device.address.upper()
        self._central.remember(device)
        is_changed = self._heard.get(address) != advertisement
        self._heard[address] = advertisement
        self._sighted(
            Sighting(
                address=address,
                has_news=advertisement.has_news,
                log_next_low=advertisement.log_next_low,
                is_changed=is_changed,
            )
        )
