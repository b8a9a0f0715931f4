from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bumble import att, hci
from bumble.core import UUID
from bumble.gatt import Characteristic, CharacteristicValue, Descriptor, Service
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.kernel.loop import SimLoop
from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.att_client import AttClient, AttRefused, ConnectionLost
from firmware_sim.radio.att_server import AttServer
from firmware_sim.radio.central_device import Central
from firmware_sim.radio.device import SimDevice
from firmware_sim.radio.discovery import database_hash, discover
from firmware_sim.radio.link import SimLink
from firmware_sim.radio.service_cache import ServiceCache

SERVICE = "5a7e0000-0000-4000-8000-000000000000"
LOCK = hci.Address("F0:00:00:00:00:01")
Properties = Characteristic.Properties
Permissions = Characteristic.Permissions


async def later(_connection: Any, value: bytes) -> None:
    await asyncio.sleep(0.5)
    if value == b"bad":
        raise att.ATT_Error(0x80)


async def joined(*characteristics: Any, mtu: int = 64) -> tuple[Any, Any]:
    """A device with one service, and a central connected to it."""
    link = SimLink(Streams(2))
    device = SimDevice(link, name="device", address=LOCK)
    device.serve(AttServer(device, att_mtu_max=mtu, on_error=lambda _error: None))
    device.add_service(Service(SERVICE, list(characteristics)))
    await device.power_on()
    await device.start_advertising()
    central = Central(link, name="central")
    await central.boot()
    connection = await central.open(LOCK)
    await connection.att.exchange_mtu(517)
    return device, connection


def characteristic(value: Any, permissions: int = 3, number: int = 1) -> Any:
    return Characteristic(
        f"5a7e{number:04x}-0000-4000-8000-000000000000",
        Properties.READ | Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE,
        Permissions(permissions),
        value,
    )


async def test_write_when_handler_takes_its_time_then_the_answer_comes_after_it() -> None:
    value = characteristic(CharacteristicValue(write=later))
    _, connection = await joined(value)
    start_s = asyncio.get_running_loop().time()
    await connection.att.write(value.handle, b"good")
    assert asyncio.get_running_loop().time() - start_s == pytest.approx(0.5)
    with pytest.raises(AttRefused, match="0x80") as refusal:
        await connection.att.write(value.handle, b"bad")
    assert refusal.value.code == 0x80
    connection.att.write_command(value.handle, b"bad")
    await connection.att.write(value.handle, b"good")


async def test_write_when_value_is_static_then_it_is_kept() -> None:
    value = characteristic(b"before")
    _, connection = await joined(value)
    await connection.att.write(value.handle, b"after")
    assert await connection.att.read(value.handle) == b"after"
    connection.att.write_command(value.handle, b"again")
    assert await connection.att.read(value.handle) == b"again"


async def test_write_when_it_needs_encryption_then_it_is_refused_without() -> None:
    encrypted = int(Permissions.WRITEABLE | Permissions.WRITE_REQUIRES_ENCRYPTION)
    value = characteristic(CharacteristicValue(write=lambda _c, _v: None), encrypted)
    _, connection = await joined(value)
    with pytest.raises(AttRefused) as refusal:
        await connection.att.write(value.handle, b"x")
    assert refusal.value.code == att.ErrorCode.INSUFFICIENT_ENCRYPTION
    await connection.pair()
    await connection.att.write(value.handle, b"x")


async def test_write_when_two_long_ones_meet_then_both_arrive_whole() -> None:
    written: list[bytes] = []
    value = characteristic(CharacteristicValue(write=lambda _c, v: written.append(v)))
    _, connection = await joined(value)
    async with asyncio.TaskGroup() as tasks:
        for content in (b"a" * 300, b"b" * 200, b"c"):
            tasks.create_task(connection.att.write(value.handle, content), name=content.decode())
    assert sorted(written) == [b"a" * 300, b"b" * 200, b"c"]


@pytest.mark.parametrize("turns", range(1, 20, 3))
async def test_write_when_a_long_one_was_cancelled_then_nothing_of_it_is_in_the_next(
    turns: int,
) -> None:
    written: list[bytes] = []
    value = characteristic(CharacteristicValue(write=lambda _c, v: written.append(v)))
    _, connection = await joined(value)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(connection.att.write(value.handle, b"a" * 500), name="given up")
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    await connection.att.write(value.handle, b"b" * 100)
    assert written == [b"b" * 100]


async def test_read_when_value_is_long_then_all_of_it_comes() -> None:
    values = [characteristic(bytes(range(n)), number=n) for n in (62, 63, 64, 126, 200)]
    _, connection = await joined(*values)
    for value in values:
        assert await connection.att.read(value.handle) == value.value


async def test_read_when_a_part_of_a_long_value_is_refused_then_so_is_the_whole() -> None:
    device, connection = await joined(characteristic(bytes(200)))
    server = device.gatt_server
    answers = iter([b"\x0b" + bytes(63), b"\x01\x0c\x00\x00\x0e"])
    server.receive = lambda c, _pdu: server.send_gatt_pdu(c, next(answers))
    with pytest.raises(AttRefused, match="0x0e"):
        await connection.att.read(1)


async def test_request_when_server_does_not_know_it_then_it_is_refused() -> None:
    _, connection = await joined(characteristic(b""))
    for pdu, code in (
        (b"\x3e\x00\x00", att.ErrorCode.REQUEST_NOT_SUPPORTED),
        (b"\x0a", att.ErrorCode.INVALID_HANDLE),
        (b"\x02", att.ErrorCode.INVALID_PDU),
        (b"\x10\x01\x00\xff\xff\x00\x2a", att.ErrorCode.UNSUPPORTED_GROUP_TYPE),
    ):
        with pytest.raises(AttRefused) as refusal:
            await connection.att.request(pdu)
        assert refusal.value.code == code


async def test_request_when_the_server_itself_fails_then_it_is_answered_all_the_same() -> None:
    device, connection = await joined(characteristic(b""))
    device.gatt_server.on_att_exchange_mtu_request = lambda _bearer, _pdu: 1 // 0
    with pytest.raises(AttRefused) as refusal:
        await connection.att.request(b"\x02\x40\x00")
    assert refusal.value.code == att.ErrorCode.UNLIKELY_ERROR
    assert await connection.att.exchange_mtu(100) == 64


@pytest.mark.parametrize(
    ("error", "code"), [(att.ATT_Error(0x80), 0x80), (RuntimeError("a defect"), 0x0E)]
)
async def test_request_when_a_value_fails_on_the_way_to_an_answer_then_it_is_answered(
    error: Exception, code: int
) -> None:
    device, connection = await joined(characteristic(b""))

    async def fail(_bearer: Any) -> bytes:
        raise error

    device.gatt_server.attributes[0].read_value = fail
    with pytest.raises(AttRefused) as refusal:
        await discover(connection.att)
    assert refusal.value.code == code


async def test_discovery_when_server_refuses_then_it_fails() -> None:
    device, connection = await joined(characteristic(b""))
    server = device.gatt_server
    receive = server.receive
    for opcode in (0x10, 0x08, 0x04):

        def refuse(c: Any, pdu: bytes, opcode: int = opcode) -> None:
            if pdu[0] == opcode:
                server.send_gatt_pdu(c, bytes([1, opcode, 0, 0, 0x05]))
            else:
                receive(c, pdu)

        server.receive = refuse
        with pytest.raises(AttRefused, match="0x05"):
            await discover(connection.att)


async def test_discovery_when_there_is_no_database_hash_then_services_are_looked_up() -> None:
    device, connection = await joined(characteristic(b""))
    attributes = device.gatt_server.attributes
    hashes = [a for a in attributes if a.type.to_bytes() == b"\x2a\x2b"]
    assert len(await database_hash(connection.att) or b"") == 16
    for attribute in hashes:
        attribute.type = UUID("5a7effff-0000-4000-8000-000000000000")
    assert await database_hash(connection.att) is None
    cache = ServiceCache(is_enabled=True)
    first = await cache.services("x", connection.att)
    assert await cache.services("x", connection.att) == first
    assert first[-1].uuid == SERVICE


async def test_descriptors_when_uuids_are_long_or_ranges_have_gaps_then_all_are_found() -> None:
    long_uuid = "5a7e00d1-0000-4000-8000-000000000000"
    value = Characteristic(
        "5a7e0001-0000-4000-8000-000000000000",
        Properties.READ,
        Permissions.READABLE,
        b"",
        descriptors=[
            Descriptor("2901", att.Attribute.READABLE, b"short"),
            Descriptor(long_uuid, att.Attribute.READABLE, b"long"),
        ],
    )
    _, connection = await joined(value)
    services = await discover(connection.att)
    [found] = services[-1].characteristics
    assert [d.uuid for d in found.descriptors] == [
        "00002901-0000-1000-8000-00805f9b34fb",
        long_uuid,
    ]
    assert await connection.att.read(found.descriptors[1].handle) == b"long"


async def test_client_when_noise_arrives_then_it_is_ignored() -> None:
    sent: list[bytes] = []
    client = AttClient(sent.append)
    client.receive(b"\x1b")
    client.receive(b"\x1b\x01\x00value")
    client.receive(b"\x0bunasked")
    heard: list[bytes] = []
    client.listen(1, heard.append)
    client.receive(b"\x1b\x01\x00value")
    client.receive(b"\x1d\x01\x00value")
    client.listen(1, None)
    client.listen(1, None)
    client.receive(b"\x1b\x01\x00value")
    assert heard == [b"value", b"value"]
    assert sent == [b"\x1e"]
    client.lose(8)
    with pytest.raises(ConnectionLost):
        await client.read(1)


@given(st.binary(min_size=1, max_size=80))
def test_server_when_any_bytes_come_then_a_request_is_answered_and_nothing_raised(
    pdu: bytes,
) -> None:
    async def ask() -> None:
        device, _ = await joined(characteristic(b"value"))
        connection = next(iter(device.connections.values()))
        answers: list[bytes] = []
        device.gatt_server.send_gatt_pdu = lambda _c, answer: answers.append(answer)
        device.gatt_server.receive(connection, pdu)
        await asyncio.sleep(1.0)
        is_request = pdu[0] in att.ATT_REQUESTS
        assert len(answers) == 1 or not is_request
        assert all(len(answer) <= connection.att_mtu for answer in answers)

    with asyncio.Runner(loop_factory=SimLoop) as runner:
        runner.run(ask())
