"""The `sim` fidelity: bumble devices on a simulated link, HCI and all."""

from __future__ import annotations

from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.central import CentralPool
from firmware_sim.radio.endpoint import GattEndpoint
from firmware_sim.radio.interface import PeripheralSettings
from firmware_sim.radio.link import SimLink
from firmware_sim.radio.peripheral import LockPeripheral


class SimRadio:
    """One simulated air of bumble devices.

    Args:
        streams: Named random streams of the run.

    Attributes:
        link: The air.
    """

    def __init__(self, streams: Streams) -> None:
        self.link = SimLink(streams)

    def peripheral(
        self,
        *,
        address: str,
        name: str,
        endpoint: GattEndpoint,
        manufacturer_data: bytes,
        settings: PeripheralSettings,
    ) -> LockPeripheral:
        """See `Radio.peripheral`."""
        return LockPeripheral(
            self.link,
            address=address,
            name=name,
            endpoint=endpoint,
            is_public=settings.is_public,
            manufacturer_data=manufacturer_data,
            advertising_interval_ms=settings.advertising_interval_ms,
            att_mtu_max=settings.att_mtu_max,
        )

    def is_taken(self, address: str) -> bool:
        """See `Radio.is_taken`."""
        return self.link.has_address(address)

    def adapter(self, size: int) -> CentralPool:
        """See `Radio.adapter`."""
        return CentralPool(self.link, size)
