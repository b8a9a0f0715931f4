"""What GATT servers were found to have, kept from one connection to the next.

A kept record is used when the server still has the database hash that it had then; that costs one
request instead of eight. Source: Bluetooth Core 5.4, Vol 3 Part G, 2.5.2 and 7.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware_sim.radio.att_client import AttClient
from firmware_sim.radio.discovery import ServiceRecord, database_hash, discover


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    hash: bytes | None
    services: tuple[ServiceRecord, ...]


class ServiceCache:
    """The services of devices, by address.

    Args:
        is_enabled: False looks at every connection anew.
    """

    def __init__(self, *, is_enabled: bool) -> None:
        self._is_enabled = is_enabled
        self._kept: dict[str, _Kept] = {}

    async def services(
        self, address: str, client: AttClient, *, trusts_cache: bool = False
    ) -> tuple[ServiceRecord, ...]:
        """The services of a device.

        Args:
            address: Of the device.
            client: To ask it.
            trusts_cache: True takes a kept record without asking whether it still holds.

        Raises:
            AttRefused: When the server refuses.
            ConnectionLost: When the connection ended first.
            TimeoutError: When there was no answer.
        """
        kept = self._kept.get(address)
        if kept is not None and trusts_cache:
            return kept.services
        found_hash = await database_hash(client) if self._is_enabled else None
        if kept is not None and found_hash is not None and kept.hash == found_hash:
            return kept.services
        services = await discover(client)
        self._kept[address] = _Kept(hash=found_hash, services=services)
        return services

    def forget(self, address: str | None = None) -> None:
        """Forget one device, or all of them."""
        if address is None:
            self._kept.clear()
        else:
            self._kept.pop(address, None)
