from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bumble import hci
from bumble.core import UUID
from bumble.device import Device, DeviceConfiguration, Peer
from bumble.host import Host
from bumble.snoop import Snooper

from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.controller import SimController
from firmware_sim.radio.device import SimDevice
from firmware_sim.radio.link import SimLink
from protocols.strike.gatt import COMMAND_UUID, EVENT_UUID


class Recorder(Snooper):
    def __init__(self) -> None:
        self.packets: list[tuple[int, bytes]] = []

    def snoop(self, hci_packet: bytes, direction: Snooper.Direction) -> None:
        self.packets.append((int(direction), hci_packet))


def stock_device(link: SimLink, address: str) -> Any:
    """A central of bumble's own, HCI packets as bytes, on a simulated controller."""
    controller = SimController("stock", link)
    configuration = DeviceConfiguration(name="stock", address=hci.Address(address))
    configuration.classic_smp_enabled = False
    return Device(config=configuration, host=Host(controller, controller))


async def talk(device: Device, lock: Any, echo: Any) -> list[object]:
    """A session by bumble's own means; returns what happened."""
    await device.power_on()
    log: list[object] = []
    connection: Any = await device.connect(hci.Address(lock.address))
    connection.on(connection.EVENT_DISCONNECTION, lambda reason: log.append(("end", reason)))
    peer = Peer(connection)
    log.append(await peer.request_mtu(517))
    await peer.discover_services()
    for service in peer.services:
        await service.discover_characteristics()
    values: asyncio.Queue[bytes] = asyncio.Queue()
    command = peer.get_characteristics_by_uuid(UUID(COMMAND_UUID))[0]
    event = peer.get_characteristics_by_uuid(UUID(EVENT_UUID))[0]
    log.extend((command.handle, event.handle))
    await peer.subscribe(event, values.put_nowait)
    for value in (b"short", bytes(240)):
        await peer.write_value(command, value, with_response=False)
        log.append(await values.get())
    log.append(await connection.get_rssi())
    await connection.disconnect()
    log.append(asyncio.get_running_loop().time())
    return log + list(echo.events)


@pytest.mark.parametrize("kind", ["objects", "bytes"])
async def test_session_when_packets_pass_as_objects_or_bytes_then_all_is_the_same(
    sim_radio: Any, kind: str
) -> None:
    lock = await sim_radio.lock()
    device: Device
    if kind == "objects":
        device = SimDevice(sim_radio.link, name="phone")
    else:
        device = stock_device(sim_radio.link, "C0:00:00:00:00:01")
    log = await talk(device, lock, sim_radio.echoes[0])
    assert log[:6] == [247, 16, 18, b"short", bytes(240), -50]
    assert log[6] == ("end", hci.HCI_ErrorCode.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR)
    assert log[8:] == [
        ("connected", 23),
        ("mtu", 247),
        b"short",
        bytes(240),
        "disconnected",
    ]


async def test_stock_host_when_its_controller_loses_power_then_it_is_told(sim_radio: Any) -> None:
    lock = await sim_radio.lock()
    device = stock_device(sim_radio.link, "C0:00:00:00:00:01")
    await device.power_on()
    reasons: list[int] = []
    connection = await device.connect(hci.Address(lock.address))
    connection.on(connection.EVENT_DISCONNECTION, reasons.append)
    device.host.hci_sink.power_off()
    await asyncio.sleep(0.01)
    assert reasons == [0x15]


async def test_snooper_when_attached_then_it_sees_both_directions_and_nothing_else_changes(
    sim_radio: Any,
) -> None:
    lock = await sim_radio.lock()
    device = SimDevice(sim_radio.link, name="phone")
    recorder = Recorder()
    device.host.snooper = recorder
    log = await talk(device, lock, sim_radio.echoes[0])
    assert log[3] == b"short"
    acl = [
        (direction, hci.HCI_Packet.from_bytes(packet))
        for direction, packet in recorder.packets
        if packet[0] == hci.HCI_ACL_DATA_PACKET
    ]
    carried = [(direction, bytes(packet)[9:]) for direction, packet in acl]
    assert (0, b"\x52\x10\x00short") in carried
    assert (1, b"\x1b\x12\x00short") in carried
    assert any(packet[0] == hci.HCI_COMMAND_PACKET for _, packet in recorder.packets)
    assert any(packet[0] == hci.HCI_EVENT_PACKET for _, packet in recorder.packets)


async def test_device_when_given_a_stock_host_then_it_is_refused() -> None:
    device = SimDevice(SimLink(Streams(1)), name="phone")
    with pytest.raises(TypeError, match="simulated host"):
        device.host = Host()


async def test_command_when_cancelled_then_its_late_answer_is_dropped() -> None:
    device = SimDevice(SimLink(Streams(1)), name="phone")
    await device.power_on()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(
            device.send_sync_command(hci.HCI_LE_Rand_Command()), name="command"
        )
        await asyncio.sleep(0)
        task.cancel()
    result = await device.send_sync_command(hci.HCI_Read_BD_ADDR_Command())
    assert result.bd_addr == hci.Address("00:00:00:00:00:00")


async def test_frames_when_there_is_no_connection_then_they_vanish(sim_radio: Any) -> None:
    device = SimDevice(sim_radio.link, name="phone")
    await device.power_on()
    host: Any = device.host
    host.send_l2cap_pdu(7, 4, b"x")
    host.on_acl(7, b"\x01\x00\x04\x00x")
    device.on_att(7, b"x")
    assert host.emit("flow") is True
    device.controller.on_packet(bytes(hci.HCI_AclDataPacket(7, 0, 0, 1, b"x")))
    device.controller.on_packet(bytes(hci.HCI_Command_Status_Event(0, 1, 0)))
