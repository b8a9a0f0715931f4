"""Defects of bumble's LocalLink and Controller that must not come back.

Each test fails on those two; all speak bumble's own API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bumble import att, core, hci
from bumble.core import UUID, AdvertisingData
from bumble.device import Device, Peer
from bumble.gatt import Characteristic, CharacteristicValue, Service

from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.att_server import AttServer
from firmware_sim.radio.device import SimDevice
from firmware_sim.radio.link import SimLink

VALUE_UUID = UUID("5a7e0001-0000-4000-8000-000000000000")
SERVICE_UUID = UUID("5a7e0000-0000-4000-8000-000000000000")
LOCK = hci.Address("F0:00:00:00:00:01")
ABSENT = hci.Address("F0:00:00:00:00:99")


@pytest.fixture
def air() -> SimLink:
    return SimLink(Streams(3), rssi_dbm=lambda sender, _receiver: -40 - int(sender[-2:], 16))


async def central(air: SimLink, **details: Any) -> SimDevice:
    device = SimDevice(air, name="central", **details)
    await device.power_on()
    return device


async def lock(
    air: SimLink,
    value: CharacteristicValue[bytes] | bytes = b"hello",
    *,
    address: hci.Address = LOCK,
    **advertising: Any,
) -> SimDevice:
    device = SimDevice(air, name="lock", address=address)
    device.serve(AttServer(device, att_mtu_max=64, on_error=lambda _error: None))
    properties = Characteristic.Properties
    device.add_service(
        Service(
            SERVICE_UUID,
            [
                Characteristic(
                    VALUE_UUID,
                    properties.READ | properties.WRITE | properties.WRITE_WITHOUT_RESPONSE,
                    Characteristic.READABLE | Characteristic.WRITEABLE,
                    value,
                )
            ],
        )
    )
    await device.power_on()
    settings: dict[str, Any] = {
        "auto_restart": True,
        "advertising_data": b"\x02\x01\x06",
        "scan_response_data": b"\x05\x09name",
        "advertising_interval_min": 100.0,
        "advertising_interval_max": 100.0,
    }
    await device.start_advertising(**(settings | advertising))
    return device


async def find_value(connection: Any) -> tuple[Peer, Any]:
    peer = Peer(connection)
    await peer.request_mtu(517)
    await peer.discover_services()
    for service in peer.services:
        await service.discover_characteristics()
    return peer, peer.get_characteristics_by_uuid(VALUE_UUID)[0]


async def test_cancelled_connect_when_device_is_absent_then_it_ends_and_the_next_one_works(
    air: SimLink,
) -> None:
    loop = asyncio.get_running_loop()
    phone = await central(air)
    with pytest.raises(core.TimeoutError):
        await phone.connect(ABSENT, timeout=2.0)
    assert loop.time() == pytest.approx(2.0)
    present = await lock(air)
    late = await lock(air, address=ABSENT)
    await phone.connect(LOCK, timeout=2.0)
    await asyncio.sleep(1.0)
    assert len(present.connections) == 1
    assert not late.connections


async def test_data_when_lock_has_a_public_address_then_they_arrive(air: SimLink) -> None:
    address = hci.Address("00:1B:DC:07:00:01", hci.AddressType.PUBLIC_DEVICE)
    await lock(air, address=address, own_address_type=hci.OwnAddressType.PUBLIC)
    phone = await central(air)
    connection = await phone.connect(address, timeout=5.0)
    peer, value = await find_value(connection)
    assert await peer.read_value(value) == b"hello"


@pytest.mark.parametrize(
    ("active", "names"), [("yes", [b"name"]), ("", [])], ids=["active", "passive"]
)
async def test_scan_response_when_lock_has_one_then_only_active_scans_get_it(
    air: SimLink, active: str, names: list[bytes]
) -> None:
    await lock(air)
    phone = await central(air)
    heard: list[Any] = []
    phone.on(Device.EVENT_ADVERTISEMENT, heard.append)
    await phone.start_scanning(active=bool(active))
    await asyncio.sleep(1.05)
    await phone.stop_scanning()
    assert 10 <= len(heard) <= 11  # One each 100 ms: not two.
    for advertisement in heard:
        data = advertisement.data
        assert data.get_all(AdvertisingData.COMPLETE_LOCAL_NAME, raw=True) == names
        assert data.get_all(AdvertisingData.FLAGS, raw=True) == [b"\x06"]


async def test_rssi_when_devices_differ_then_reports_and_reading_tell_them_apart(
    air: SimLink,
) -> None:
    await lock(air)
    await lock(air, address=ABSENT)
    phone = await central(air)
    heard: dict[str, int] = {}
    phone.on(Device.EVENT_ADVERTISEMENT, lambda a: heard.update({str(a.address): a.rssi}))
    await phone.start_scanning()
    await asyncio.sleep(0.2)
    await phone.stop_scanning()
    assert heard == {str(LOCK): -41, str(ABSENT): -40 - 0x99}
    connection: Any = await phone.connect(LOCK)
    assert await connection.get_rssi() == -41
    with pytest.raises(hci.HCI_Error):
        await phone.send_sync_command(hci.HCI_Read_RSSI_Command(handle=0x0EFF))


async def test_connection_parameters_when_connected_then_both_ends_report_the_same(
    air: SimLink,
) -> None:
    device = await lock(air)
    phone = await central(air)
    connection = await phone.connect(LOCK)
    other_end = next(iter(device.connections.values()))
    assert other_end.parameters == connection.parameters
    assert connection.parameters.supervision_timeout == 720


async def test_connection_slots_when_all_are_taken_then_the_next_is_refused(air: SimLink) -> None:
    await lock(air)
    phone = await central(air, connections_max=1)
    await phone.connect(LOCK)
    with pytest.raises(hci.HCI_Error) as refusal:
        await phone.connect(ABSENT)
    assert refusal.value.error_code == hci.HCI_ErrorCode.CONNECTION_LIMIT_EXCEEDED_ERROR
    with pytest.raises(hci.HCI_Error) as refusal:
        await phone.connect(LOCK)
    assert refusal.value.error_code == hci.HCI_ErrorCode.CONNECTION_ALREADY_EXISTS_ERROR


async def advertise_with_old_commands(
    device: SimDevice, *, kind: int, interval_units: int
) -> None:
    commands: list[Any] = [
        hci.HCI_LE_Set_Advertising_Parameters_Command(
            advertising_interval_min=interval_units,
            advertising_interval_max=interval_units,
            advertising_type=kind,
            own_address_type=hci.OwnAddressType.RANDOM,
            peer_address_type=hci.Address.PUBLIC_DEVICE_ADDRESS,
            peer_address=hci.Address.ANY,
            advertising_channel_map=7,
            advertising_filter_policy=0,
        ),
        hci.HCI_LE_Set_Advertising_Data_Command(advertising_data=b"\x02\x01\x06"),
        hci.HCI_LE_Set_Scan_Response_Data_Command(scan_response_data=b"\x05\x09name"),
        hci.HCI_LE_Set_Advertising_Enable_Command(advertising_enable=1),
    ]
    for command in commands:
        await device.send_sync_command(command)


async def test_interval_when_set_by_old_commands_then_its_unit_is_625_us(air: SimLink) -> None:
    device = SimDevice(air, name="lock", address=LOCK)
    await device.power_on()
    kinds = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
    await advertise_with_old_commands(device, kind=kinds.ADV_IND, interval_units=160)
    phone = await central(air)
    heard: list[Any] = []
    phone.on(Device.EVENT_ADVERTISEMENT, heard.append)
    await phone.start_scanning(legacy=True)
    await asyncio.sleep(1.05)
    assert 10 <= len(heard) <= 11
    assert heard[0].is_connectable
    assert heard[0].data.get_all(AdvertisingData.COMPLETE_LOCAL_NAME, raw=True) == [b"name"]
    await phone.connect(LOCK, timeout=1.0)
    await device.send_sync_command(hci.HCI_LE_Set_Advertising_Enable_Command(advertising_enable=0))


async def test_interval_when_it_is_zero_then_the_shortest_counts(air: SimLink) -> None:
    device = SimDevice(air, name="lock", address=LOCK)
    await device.power_on()
    kinds = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
    await advertise_with_old_commands(device, kind=kinds.ADV_NONCONN_IND, interval_units=0)
    phone = await central(air)
    heard: list[Any] = []
    phone.on(Device.EVENT_ADVERTISEMENT, heard.append)
    await phone.start_scanning(legacy=True)
    await asyncio.sleep(1.01)
    assert 50 <= len(heard) <= 51  # Each 20 ms.


@pytest.mark.parametrize("scan", [{"legacy": True}, {}], ids=["old commands", "new commands"])
async def test_report_when_advertiser_takes_no_connection_then_it_says_so(
    air: SimLink, scan: dict[str, Any]
) -> None:
    device = SimDevice(air, name="lock", address=LOCK)
    await device.power_on()
    kinds = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
    await advertise_with_old_commands(device, kind=kinds.ADV_SCAN_IND, interval_units=160)
    phone = await central(air)
    heard: list[Any] = []
    phone.on(Device.EVENT_ADVERTISEMENT, heard.append)
    await phone.start_scanning(**scan)
    await asyncio.sleep(0.2)
    assert not heard[0].is_connectable
    with pytest.raises(core.TimeoutError):
        await phone.connect(LOCK, timeout=1.0)


async def test_write_when_longer_than_the_mtu_then_it_never_reaches_the_lock(air: SimLink) -> None:
    written: list[bytes] = []
    await lock(air, CharacteristicValue(write=lambda _c, value: written.append(value)))
    phone = await central(air)
    peer, value = await find_value(await phone.connect(LOCK))
    client = peer.gatt_client
    await client.send_command(att.ATT_Write_Command(value.handle, bytes(62)))
    await client.send_command(att.ATT_Write_Command(value.handle, bytes(61)))
    refusal = await client.send_request(att.ATT_Write_Request(value.handle, bytes(62)))
    assert refusal.error_code == att.ErrorCode.INVALID_PDU
    assert written == [bytes(61)]


def _fail(*_args: Any) -> Any:
    raise RuntimeError("a defect")


async def _fail_later(*_args: Any) -> Any:
    await asyncio.sleep(0)
    raise RuntimeError("a defect")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (CharacteristicValue(read=_fail, write=_fail), 0x0E),
        (CharacteristicValue(read=_fail_later, write=_fail_later), 0x0E),
        (CharacteristicValue(), None),
    ],
    ids=["failing", "failing later", "missing"],
)
@pytest.mark.parametrize("verb", ["read", "write"])
async def test_request_when_its_handler_fails_then_it_is_answered_at_once(
    air: SimLink, value: Any, code: int | None, verb: str
) -> None:
    loop = asyncio.get_running_loop()
    await lock(air, value)
    phone = await central(air)
    peer, found = await find_value(await phone.connect(LOCK))
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "read": lambda: peer.read_value(found),
        "write": lambda: peer.write_value(found, b"x", with_response=True),
    }
    start_s = loop.time()
    with pytest.raises(att.ATT_Error) as refusal:
        await calls[verb]()
    assert loop.time() == start_s
    assert refusal.value.error_code == (code or {"read": 0x02, "write": 0x03}[verb])


async def test_request_when_attribute_does_not_permit_it_then_it_is_refused(air: SimLink) -> None:
    await lock(air)
    phone = await central(air)
    peer, _ = await find_value(await phone.connect(LOCK))
    service = peer.services[0]
    with pytest.raises(att.ATT_Error) as refusal:
        await peer.write_value(service.handle, b"other", with_response=True)
    assert refusal.value.error_code == att.ErrorCode.WRITE_NOT_PERMITTED
    with pytest.raises(att.ATT_Error) as refusal:
        await peer.read_value(0x0EFF)
    assert refusal.value.error_code == att.ErrorCode.INVALID_HANDLE


async def test_host_when_it_dies_then_its_links_end_and_the_lock_is_free_again(
    air: SimLink,
) -> None:
    device = await lock(air)
    phone = await central(air)
    await phone.connect(LOCK)
    phone.controller.power_off()
    assert device.connections
    await asyncio.sleep(0.8)
    assert not device.connections
    other = SimDevice(air, name="other")
    await other.power_on()
    await other.connect(LOCK, timeout=1.0)


async def test_reset_when_connected_and_scanning_then_nothing_goes_on(air: SimLink) -> None:
    device = await lock(air)
    phone = await central(air)
    await phone.connect(LOCK)
    await phone.start_scanning()
    await phone.reset()
    assert phone.controller.scan is None
    await asyncio.sleep(0.8)
    assert not device.connections


async def test_second_connect_when_one_is_pending_then_controller_takes_as_many_as_it_may(
    air: SimLink,
) -> None:
    several = await central(air, initiations_max=2)
    one = SimDevice(air, name="one")
    await one.power_on()

    async def initiate(device: SimDevice, address: hci.Address) -> None:
        await device.send_async_command(
            hci.HCI_LE_Extended_Create_Connection_Command(
                initiator_filter_policy=0,
                own_address_type=hci.OwnAddressType.RANDOM,
                peer_address_type=address.address_type,
                peer_address=address,
                initiating_phys=1,
                scan_intervals=[96],
                scan_windows=[96],
                connection_interval_mins=[24],
                connection_interval_maxs=[40],
                max_latencies=[0],
                supervision_timeouts=[42],
                min_ce_lengths=[0],
                max_ce_lengths=[0],
            )
        )

    several.connect_own_address_type = one.connect_own_address_type = hci.OwnAddressType.RANDOM
    await initiate(several, ABSENT)
    await initiate(several, LOCK)
    await initiate(one, ABSENT)
    with pytest.raises(hci.HCI_Error) as refusal:
        await initiate(one, LOCK)
    assert refusal.value.error_code == hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR
    await lock(air)
    await asyncio.sleep(0.2)
    assert [c.peer_address for c in several.connections.values()] == [LOCK]


async def test_disconnect_when_connection_is_over_then_it_fails_instead_of_hanging(
    air: SimLink,
) -> None:
    await lock(air)
    phone = await central(air)
    reasons: list[int] = []
    connection = await phone.connect(LOCK)
    connection.on(connection.EVENT_DISCONNECTION, reasons.append)
    await connection.disconnect()
    with pytest.raises(hci.HCI_Error):
        await connection.disconnect()
    assert reasons == [hci.HCI_ErrorCode.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR]


async def test_unknown_command_when_it_has_no_result_then_its_host_is_told(air: SimLink) -> None:
    phone = await central(air)
    with pytest.raises(hci.HCI_Error):
        await phone.send_async_command(hci.HCI_Read_Clock_Offset_Command(connection_handle=1))


async def test_random_numbers_when_seed_is_the_same_then_they_are_too() -> None:
    numbers = []
    for _ in range(2):
        phone = await central(SimLink(Streams(5)))
        result = await phone.send_sync_command(hci.HCI_LE_Rand_Command())
        numbers.append((phone.address, phone.irk, result.random_number))
    assert numbers[0] == numbers[1]
    assert phone.address.is_static
    assert any(phone.irk)
