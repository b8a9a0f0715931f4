from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bumble import hci, pairing, smp
from bumble.keys import PairingKeys

from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.device import SimDevice
from firmware_sim.radio.link import SimLink
from firmware_sim.radio.pairing import SeededSession


async def keys_of_a_pairing(seed: int, *, sc: bool = True, passkey: bool = False) -> list[Any]:
    link = SimLink(Streams(seed))
    address = hci.Address("00:1B:DC:00:00:09", hci.AddressType.PUBLIC_DEVICE)
    lock = SimDevice(link, name="lock", address=address)
    phone = SimDevice(link, name="phone")
    shown: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    for device in (lock, phone):
        await device.power_on()
        configure = device.smp_manager.pairing_config_factory

        def adapt(connection: Any, configure: Any = configure, device: Any = device) -> Any:
            configuration = configure(connection)
            configuration.sc = sc
            if passkey:
                ability = pairing.PairingDelegate.IoCapability
                delegate = configuration.delegate
                if device is lock:
                    delegate.io_capability = ability.DISPLAY_OUTPUT_ONLY
                    delegate.display_number = _shower(shown)
                else:
                    delegate.io_capability = ability.KEYBOARD_INPUT_ONLY
                    delegate.get_number = _reader(shown)
            return configuration

        device.smp_manager.pairing_config_factory = adapt
    await lock.start_advertising(own_address_type=hci.OwnAddressType.PUBLIC)
    connection = await phone.connect(address)
    await connection.pair()
    assert connection.is_encrypted
    await asyncio.sleep(1.0)  # Keys are exchanged once the link is encrypted.
    facts: list[Any] = [shown.result() if passkey else None]
    for device in (lock, phone):
        assert device.keystore is not None
        [(name, keys)] = await device.keystore.get_all()
        assert isinstance(keys, PairingKeys)
        facts.append((name, keys.to_dict()))
    return facts


def _shower(shown: asyncio.Future[int]) -> Any:
    async def display_number(number: int, digits: int) -> None:
        assert digits == 6
        shown.set_result(number)

    return display_number


def _reader(shown: asyncio.Future[int]) -> Any:
    async def get_number() -> int:
        return await shown

    return get_number


@pytest.mark.parametrize(
    "kind", [{}, {"passkey": True}, {"sc": False}], ids=["just works", "passkey", "legacy"]
)
async def test_keys_when_seed_is_the_same_then_they_are_the_same_and_else_not(
    kind: dict[str, bool],
) -> None:
    first = await keys_of_a_pairing(1, **kind)
    assert await keys_of_a_pairing(1, **kind) == first
    assert await keys_of_a_pairing(2, **kind) != first


async def test_session_when_its_manager_is_not_seeded_then_it_is_refused() -> None:
    link = SimLink(Streams(1))
    device = SimDevice(link, name="phone")
    manager = smp.Manager(device, lambda _c: pairing.PairingConfig())
    session = SeededSession.__new__(SeededSession)
    session.manager = manager
    with pytest.raises(TypeError, match="seeded manager"):
        session.r = b"\x01"
