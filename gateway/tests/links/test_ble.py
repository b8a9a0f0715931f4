"""BLE links over bleak itself, on a backend without a radio."""

from __future__ import annotations

import asyncio

import pytest
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError, BleakGATTProtocolError

from gateway.errors import ConfigError, ConnectFailed, LinkClosed
from gateway.links.ble import CONNECTION_LIMIT, DISCONNECT_TIMEOUT_S, BleCentral
from gateway.links.inbox import INBOX_LIMIT
from gateway.links.open import Carriers, open_link
from gateway.ports import DirectEdge
from gateway.tests.links.loopback import Air, Peripheral
from protocols.errors import LocalProtocolError

ADDRESS = "F0:00:00:00:00:01"


def make(peripheral: Peripheral | None = None) -> tuple[Air, BleCentral]:
    air = Air({} if peripheral is None else {ADDRESS: peripheral})
    return air, BleCentral(air, connect_timeout_s=10)


async def test_connect_known_address_carries_values_both_ways() -> None:
    peripheral = Peripheral()
    _, central = make(peripheral)
    async with central.connect(ADDRESS) as link:
        assert link.mtu == 247
        await link.send(b"command")
        peripheral.notify(b"event")
        assert await link.receive() == b"event"
    assert peripheral.connected_to == [ADDRESS]
    assert peripheral.written == [(b"command", False)]
    assert link.is_closed


async def test_send_without_the_property_asks_for_a_response() -> None:
    peripheral = Peripheral(properties=("write",))
    _, central = make(peripheral)
    async with central.connect(ADDRESS) as link:
        await link.send(b"command")
    assert peripheral.written == [(b"command", True)]


async def test_mtu_follows_the_stack_and_never_falls_below_the_standard() -> None:
    peripheral = Peripheral(mtu=23)
    _, central = make(peripheral)
    async with central.connect(ADDRESS) as link:
        assert link.mtu == 23
        with pytest.raises(LocalProtocolError, match="21 bytes at an MTU of 23"):
            await link.send(bytes(21))
        peripheral.mtu = 100
        await link.send(bytes(21))
        peripheral.mtu = 3
        assert link.mtu == 23


async def test_connect_uses_the_handle_of_an_earlier_sighting() -> None:
    peripheral = Peripheral()
    _, central = make(peripheral)
    device = BLEDevice(ADDRESS, None, {"path": "/org/bluez/hci0/dev_F0"})
    central.remember(device)
    async with central.connect(ADDRESS):
        pass
    assert peripheral.connected_to == [device]


@pytest.mark.parametrize(
    ("peripheral", "words"),
    [
        (None, "can't connect to F0:00:00:00:00:01: not found"),
        (Peripheral(connect_error=BleakError("le-connection-abort")), "le-connection-abort"),
        (Peripheral(connect_error=TimeoutError()), "TimeoutError"),
        (
            Peripheral(connect_error=FileNotFoundError(2, "No such file")),
            "F0:00:00:00:00:01: this machine has no Bluetooth service that answers",
        ),
        (Peripheral(connect_error=EOFError()), "EOFError"),
        (Peripheral(has_service=False), "no strike service"),
        (Peripheral(notify_error=BleakGATTProtocolError(0x0E)), "Unlikely Error"),
        (Peripheral(connect_error=BleakError("x" * 5000)), "x{160}\\Z"),
    ],
)
async def test_connect_failing_anyhow_is_one_error_and_frees_the_connection(
    peripheral: Peripheral | None, words: str
) -> None:
    air, central = make(peripheral)
    for _ in range(CONNECTION_LIMIT + 1):  # More often than there are connections.
        with pytest.raises(ConnectFailed, match=words):
            async with central.connect(ADDRESS):
                pytest.fail("there is no link")
    assert air.connection_count == 0


async def test_receive_after_the_device_disconnects_raises() -> None:
    peripheral = Peripheral()
    _, central = make(peripheral)
    async with central.connect(ADDRESS) as link:
        peripheral.notify(b"last")
        peripheral.drop()
        assert await link.receive() == b"last"
        with pytest.raises(LinkClosed, match="the device disconnected"):
            await link.receive()
        with pytest.raises(LinkClosed, match="the device disconnected"):
            await link.send(b"x")


async def test_send_that_the_stack_refuses_is_a_closed_link() -> None:
    peripheral = Peripheral(write_error=BleakError("In Progress"))
    _, central = make(peripheral)
    async with central.connect(ADDRESS) as link:
        with pytest.raises(LinkClosed, match="can't write: In Progress"):
            await link.send(b"x")


async def test_receive_from_a_device_that_floods_closes_the_link() -> None:
    peripheral = Peripheral()
    _, central = make(peripheral)
    async with central.connect(ADDRESS) as link:
        for _ in range(1000):
            peripheral.notify(b"flood")
        assert link.is_closed
        for _ in range(INBOX_LIMIT):
            assert await link.receive() == b"flood"
        with pytest.raises(LinkClosed, match="faster than it is read"):
            await link.receive()


async def test_connect_beyond_the_limit_waits_for_a_free_connection() -> None:
    addresses = [f"F0:00:00:00:00:{number:02X}" for number in range(20)]
    air = Air({address: Peripheral() for address in addresses})
    central = BleCentral(air, connection_limit=3)

    async def use(address: str) -> None:
        async with central.connect(address):
            await asyncio.sleep(1)

    async with asyncio.TaskGroup() as tasks:
        for address in addresses:
            tasks.create_task(use(address))
    assert air.connection_count_max == 3
    assert air.connection_count == 0


async def test_connect_cancelled_frees_the_connection() -> None:
    peripheral = Peripheral(connect_s=100)
    air, central = make(peripheral)
    for _ in range(CONNECTION_LIMIT + 1):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1), central.connect(ADDRESS):
                pytest.fail("there is no link")
    assert air.connection_count == 0


@pytest.mark.parametrize(
    "peripheral",
    [Peripheral(disconnect_error=BleakError("gone")), Peripheral(disconnect_s=1000)],
)
async def test_close_of_a_lost_device_neither_raises_nor_hangs(peripheral: Peripheral) -> None:
    _, central = make(peripheral)
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    async with central.connect(ADDRESS):
        pass
    assert loop.time() - started_at <= DISCONNECT_TIMEOUT_S + 1


async def test_open_link_of_a_ble_moniker_connects() -> None:
    _, central = make(Peripheral())
    carriers = Carriers(ble=central, edge=DirectEdge())
    async with open_link(f"ble:{ADDRESS.lower()}", carriers) as link:
        assert not link.is_closed


@pytest.mark.parametrize(
    ("moniker", "words"),
    [
        ("tcp:127.0.0.1:1", "scheme 'tcp' is not one of ble"),
        ("ble:nonsense", "six pairs"),
        ("ble:AA:BB:CC:DD:EE:FF?x=1", "takes none"),
        ("nonsense:", "names nothing"),
    ],
)
def test_open_link_of_anything_else_says_what_is_known(moniker: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        open_link(moniker, Carriers(ble=None, edge=DirectEdge()))


def test_open_link_without_a_radio_says_so() -> None:
    with pytest.raises(ConfigError, match="no Bluetooth radio"):
        open_link(f"ble:{ADDRESS}", Carriers(ble=None, edge=DirectEdge()))
