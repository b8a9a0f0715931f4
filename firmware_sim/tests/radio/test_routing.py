from __future__ import annotations

from typing import Any

import bleak

from firmware_sim.radio.routing import BACKEND_ID, route_unmodified
from protocols.strike.gatt import COMMAND_UUID

# No public interface of bleak: this test tells when a new version does without them.
NAMES = ("get_platform_client_backend_type", "get_platform_scanner_backend_type")


async def test_route_when_a_program_names_no_backend_then_it_uses_this_radio(radio: Any) -> None:
    lock = await radio.lock()
    kept = [getattr(bleak, name) for name in NAMES]
    with route_unmodified(radio.backend):
        device = await bleak.BleakScanner.find_device_by_name(lock.name)
        assert device is not None
        async with bleak.BleakClient(device) as client:
            assert client.backend_id == BACKEND_ID
            assert client.services.get_characteristic(COMMAND_UUID) is not None
    assert kept == [getattr(bleak, name) for name in NAMES]
