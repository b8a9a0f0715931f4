"""bleak's scanner on the simulated radio, with the manners of the BlueZ backend."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from bleak.args.bluez import BlueZDiscoveryFilters, BlueZScannerArgs
from bleak.backends.scanner import (
    AdvertisementData,
    AdvertisementDataCallback,
    BaseBleakScanner,
)

from firmware_sim.radio.advertisement import AdvertisedData
from firmware_sim.radio.interface import Adapter, Sighting


class SimScanner(BaseBleakScanner):
    """A scanner; made by bleak's own `BleakScanner`.

    As with BlueZ and bleak's defaults, duplicates are filtered: an advertiser is told once, and
    again when its data change. `bluez={"filters": {"DuplicateData": True}}` asks for every event.
    The filters UUIDs, RSSI and Pattern work too; a passive scan takes `or_patterns`.

    Args:
        detection_callback: Called with every advertisement.
        service_uuids: Only those with one of these services.
        scanning_mode: "passive" asks for no scan responses, so most names stay unknown.
        bluez: Filters and patterns.
    """

    pool: ClassVar[Adapter]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None = None,
        service_uuids: list[str] | None = None,
        scanning_mode: Literal["active", "passive"] = "active",
        *,
        bluez: BlueZScannerArgs | None = None,
        **_kwargs: Any,
    ) -> None:
        arguments = bluez or {}
        self._filters: BlueZDiscoveryFilters = arguments.get("filters", {})
        self._or_patterns = arguments.get("or_patterns", [])
        super().__init__(detection_callback, service_uuids or self._filters.get("UUIDs"))
        self._is_active = scanning_mode == "active"
        self._told: dict[str, tuple[bytes, bytes | None, int]] = {}

    async def start(self) -> None:
        """Scan, from a clean slate."""
        self.seen_devices = {}
        self._told = {}
        await self.pool.listen(
            self._heard,
            is_active=self._is_active,
            filters_duplicates=not self._filters.get("DuplicateData", False),
        )

    async def stop(self) -> None:
        """Scan no more; nothing happens when it does not scan."""
        await self.pool.stop_listening(self._heard)

    def _heard(self, sighting: Sighting) -> None:
        address = sighting.address
        scan_response = sighting.scan_response if self._is_active else None
        if not self._filters.get("DuplicateData", False):
            told = (sighting.data, scan_response, sighting.absences)
            if self._told.get(address) == told:
                return
            self._told[address] = told
        data = AdvertisedData()
        data.add(sighting.data)
        data.add(scan_response or b"")
        if not self._is_wanted(address, data, sighting.rssi_dbm):
            return
        advertisement = AdvertisementData(
            local_name=data.name,
            manufacturer_data=data.manufacturer_data,
            service_data=data.service_data,
            service_uuids=data.service_uuids,
            tx_power=data.tx_power_dbm,
            rssi=sighting.rssi_dbm,
            platform_data=(sighting,),
        )
        details = {"address": sighting.sender}
        device = self.create_or_update_device(address, address, data.name, details, advertisement)
        self.call_detection_callbacks(device, advertisement)

    def _is_wanted(self, address: str, data: AdvertisedData, rssi_dbm: int) -> bool:
        if not self.is_allowed_uuid(data.service_uuids):
            return False
        if rssi_dbm < self._filters.get("RSSI", rssi_dbm):
            return False
        prefix = self._filters.get("Pattern", "")
        if not (address.startswith(prefix) or (data.name or "").startswith(prefix)):
            return False
        return (
            self._is_active
            or not self._or_patterns
            or any(
                kind == pattern[1] and value[pattern[0] :].startswith(pattern[2])
                for pattern in self._or_patterns
                for kind, value in data.structures
            )
        )
