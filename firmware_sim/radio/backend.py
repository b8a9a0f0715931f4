"""The bleak backend onto the simulated radio: two classes bound to one pool of centrals."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_sim.radio.bleak_client import SimClient
from firmware_sim.radio.bleak_scanner import SimScanner
from firmware_sim.radio.interface import Adapter
from firmware_sim.radio.service_cache import ServiceCache


@dataclass(frozen=True, slots=True, kw_only=True)
class BleakBackend:
    """What bleak's `backend=` takes, for `BleakClient` and for `BleakScanner`.

    Attributes:
        client: The client class.
        scanner: The scanner class.
        services: What devices were found to have.
    """

    client: type[SimClient]
    scanner: type[SimScanner]
    services: ServiceCache


def bleak_backend(pool: Adapter, *, caches_services: bool = False) -> BleakBackend:
    """Bind bleak to an adapter.

    Args:
        pool: The adapter, of any fidelity.
        caches_services: True keeps what a device was found to have, as BlueZ does, for as long as
            the device's database hash stays the same.
    """
    service_cache = ServiceCache(is_enabled=caches_services)

    class PooledClient(SimClient):
        """The client of this pool."""

    class PooledScanner(SimScanner):
        """The scanner of this pool."""

    PooledClient.pool = PooledScanner.pool = pool
    PooledClient.cache = service_cache
    return BleakBackend(client=PooledClient, scanner=PooledScanner, services=service_cache)
