from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bumble import core, hci

from firmware_sim.errors import DeviceConflict
from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.advertising import Properties
from firmware_sim.radio.controller import SimController
from firmware_sim.radio.device import SimDevice
from firmware_sim.radio.link import SimLink

ADDRESS = hci.Address("F0:00:00:00:00:01")
Status = hci.HCI_ErrorCode
Kinds = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType


@pytest.fixture
async def device() -> SimDevice:
    device = SimDevice(SimLink(Streams(4)), name="device", address=ADDRESS)
    await device.power_on()
    return device


async def status_of(device: SimDevice, command: hci.HCI_SyncCommand[Any]) -> int:
    event = await device.send_sync_command_raw(command)
    return int(event.return_parameters.status)


def parameters(properties: int) -> hci.HCI_LE_Set_Extended_Advertising_Parameters_Command:
    return hci.HCI_LE_Set_Extended_Advertising_Parameters_Command(
        advertising_handle=0,
        advertising_event_properties=properties,
        primary_advertising_interval_min=160,
        primary_advertising_interval_max=160,
        primary_advertising_channel_map=7,
        own_address_type=hci.OwnAddressType.RANDOM,
        peer_address_type=0,
        peer_address=hci.Address.ANY,
        advertising_filter_policy=0,
        advertising_tx_power=0,
        primary_advertising_phy=1,
        secondary_advertising_max_skip=0,
        secondary_advertising_phy=1,
        advertising_sid=0,
        scan_request_notification_enable=0,
    )


def old_parameters(kind: int) -> hci.HCI_LE_Set_Advertising_Parameters_Command:
    return hci.HCI_LE_Set_Advertising_Parameters_Command(
        advertising_interval_min=160,
        advertising_interval_max=160,
        advertising_type=kind,
        own_address_type=hci.OwnAddressType.RANDOM,
        peer_address_type=hci.Address.PUBLIC_DEVICE_ADDRESS,
        peer_address=hci.Address.ANY,
        advertising_channel_map=7,
        advertising_filter_policy=0,
    )


async def test_set_when_it_advertises_then_its_parameters_and_address_stay(
    device: SimDevice,
) -> None:
    await device.start_advertising()
    address = hci.HCI_LE_Set_Advertising_Set_Random_Address_Command(
        advertising_handle=0, random_address=hci.Address("F0:00:00:00:00:02")
    )
    assert await status_of(device, parameters(0x13)) == Status.COMMAND_DISALLOWED_ERROR
    assert await status_of(device, address) == Status.COMMAND_DISALLOWED_ERROR


async def test_advertising_when_directed_then_it_is_refused(device: SimDevice) -> None:
    unsupported = Status.UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE_ERROR
    directed = int(Properties.DIRECTED_ADVERTISING | Properties.CONNECTABLE_ADVERTISING)
    assert await status_of(device, parameters(directed)) == unsupported
    assert await status_of(device, old_parameters(Kinds.ADV_DIRECT_IND)) == unsupported


async def test_data_when_there_is_no_such_set_then_they_are_refused(device: SimDevice) -> None:
    whole = hci.HCI_LE_Set_Extended_Advertising_Data_Command.Operation.COMPLETE_DATA
    unknown = Status.UNKNOWN_ADVERTISING_IDENTIFIER_ERROR
    data = hci.HCI_LE_Set_Extended_Advertising_Data_Command(
        advertising_handle=9, operation=whole, fragment_preference=1, advertising_data=b""
    )
    response = hci.HCI_LE_Set_Extended_Scan_Response_Data_Command(
        advertising_handle=9, operation=whole, fragment_preference=1, scan_response_data=b""
    )
    assert await status_of(device, data) == unknown
    assert await status_of(device, response) == unknown


async def test_data_when_the_same_again_then_nothing_is_news(device: SimDevice) -> None:
    await device.start_advertising(advertising_data=b"\x02\x01\x06", scan_response_data=b"")
    [advertiser] = device.controller.advertisers
    [advertising_set] = device.extended_advertising_sets.values()
    before = advertiser.version
    await advertising_set.set_advertising_data(b"\x02\x01\x06")
    await advertising_set.set_scan_response_data(b"")
    assert advertiser.version == before
    await advertising_set.set_advertising_data(b"\x02\x01\x04")
    await advertising_set.set_scan_response_data(b"\x02\x09x")
    assert advertiser.version == before + 2
    for command in (
        hci.HCI_LE_Set_Scan_Response_Data_Command(scan_response_data=b""),
        hci.HCI_LE_Set_Advertising_Data_Command(advertising_data=b""),
    ):
        assert await status_of(device, command) == Status.SUCCESS


async def test_old_enable_when_nothing_was_set_up_then_it_is_refused(device: SimDevice) -> None:
    enable = hci.HCI_LE_Set_Advertising_Enable_Command(advertising_enable=1)
    assert await status_of(device, enable) == Status.COMMAND_DISALLOWED_ERROR


async def test_scan_parameters_when_it_scans_then_they_stay(device: SimDevice) -> None:
    await device.start_scanning(active=True)
    await device.stop_scanning()
    await device.start_scanning(active=False)
    for legacy in (True, False):
        with pytest.raises(hci.HCI_Error) as refusal:
            await device.start_scanning(legacy=legacy)
        assert refusal.value.error_code == Status.COMMAND_DISALLOWED_ERROR
    scan = device.controller.scan
    assert scan is not None
    assert not scan.is_active


async def test_cancel_when_no_connection_is_pending_then_it_is_refused(device: SimDevice) -> None:
    with pytest.raises(hci.HCI_Error) as refusal:
        await device.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
    assert refusal.value.error_code == Status.COMMAND_DISALLOWED_ERROR
    device.controller.cancel_initiation(hci.Address("F0:00:00:00:00:09"))


async def test_update_when_there_is_no_such_connection_then_it_is_refused(
    device: SimDevice,
) -> None:
    with pytest.raises(hci.HCI_Error):
        await device.send_async_command(
            hci.HCI_LE_Connection_Update_Command(
                connection_handle=9,
                connection_interval_min=24,
                connection_interval_max=40,
                max_latency=0,
                supervision_timeout=42,
                min_ce_length=0,
                max_ce_length=0,
            )
        )


async def test_report_when_nobody_scans_then_there_is_none(device: SimDevice) -> None:
    await device.start_advertising()
    [advertiser] = device.controller.advertisers
    device.controller.report(advertiser, -50)
    await asyncio.sleep(1.0)
    assert device.controller.scan is None


async def test_addresses_when_they_change_then_the_link_knows_the_present_one() -> None:
    link = SimLink(Streams(1))
    controller = SimController("a", link)
    assert link.find_le_controller(ADDRESS) is None
    controller.random_address = ADDRESS
    controller.random_address = ADDRESS
    assert link.find_le_controller(ADDRESS) is controller
    assert controller.own_address == ADDRESS
    other = hci.Address("F0:00:00:00:00:02")
    controller.random_address = other
    assert link.find_le_controller(ADDRESS) is None
    with pytest.raises(DeviceConflict):
        SimController("b", link).random_address = other
    link.remove_controller(controller)
    assert link.find_le_controller(other) is None
    public = hci.Address("00:1B:DC:00:00:01", hci.AddressType.PUBLIC_DEVICE)
    SimController("c", link, public_address=public)
    assert link.identity("00:1b:dc:00:00:01") == public
    assert link.identity("F0:00:00:00:00:02").is_random


async def test_acl_data_when_sent_by_way_of_the_link_then_they_arrive(sim_radio: Any) -> None:
    lock = await sim_radio.lock()
    phone = SimDevice(sim_radio.link, name="phone")
    await phone.power_on()
    connection = await phone.connect(hci.Address(lock.address))
    del connection
    write = b"\x52\x10\x00value"
    frame = len(write).to_bytes(2, "little") + b"\x04\x00" + write
    for address, transport in (
        (hci.Address(lock.address), core.PhysicalTransport.LE),
        (hci.Address(lock.address), core.PhysicalTransport.BR_EDR),
        (ADDRESS, core.PhysicalTransport.LE),
    ):
        sim_radio.link.send_acl_data(phone.controller, address, transport, frame)
    await asyncio.sleep(0.1)
    assert sim_radio.echoes[0].events == [("connected", 23), b"value"]


async def test_controller_when_it_has_no_host_then_packets_vanish() -> None:
    controller = SimController("a", SimLink(Streams(1)))
    controller.send_hci_packet(hci.HCI_Command_Status_Event(0, 1, 0))
    await asyncio.sleep(0)
