"""The `light` fidelity: one air for fleets of thousands of locks."""

from __future__ import annotations

from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.endpoint import GattEndpoint
from firmware_sim.radio.interface import PeripheralSettings
from firmware_sim.radio.light.adapter import LightAdapter
from firmware_sim.radio.light.air import LightAir
from firmware_sim.radio.light.peripheral import LightPeripheral


class LightRadio:
    """One simulated air without HCI.

    Args:
        streams: Named random streams of the run.

    Attributes:
        air: The air.
    """

    def __init__(self, streams: Streams) -> None:
        self.air = LightAir(streams)

    def peripheral(
        self,
        *,
        address: str,
        name: str,
        endpoint: GattEndpoint,
        manufacturer_data: bytes,
        settings: PeripheralSettings,
    ) -> LightPeripheral:
        """See `Radio.peripheral`."""
        lock = LightPeripheral(
            self.air,
            address=address,
            name=name,
            endpoint=endpoint,
            manufacturer_data=manufacturer_data,
            settings=settings,
        )
        self.air.add(lock)
        return lock

    def is_taken(self, address: str) -> bool:
        """See `Radio.is_taken`."""
        return self.air.has_address(address)

    def adapter(self, size: int) -> LightAdapter:
        """See `Radio.adapter`."""
        return LightAdapter(self.air, size)
