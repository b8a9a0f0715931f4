"""Advertising reports: what a scanning host is told about one advertising event."""

from __future__ import annotations

from typing import Final

from bumble import hci

from firmware_sim.radio.advertising import Properties, QuietAdvertisingSet

_Extended = hci.HCI_LE_Extended_Advertising_Report_Event
_Legacy = hci.HCI_LE_Advertising_Report_Event
# The properties that have the same bit in a report's event type.
# Source: Bluetooth Core 5.4, Vol 4 Part E, 7.7.65.13.
_REPORTED: Final = (
    Properties.CONNECTABLE_ADVERTISING
    | Properties.SCANNABLE_ADVERTISING
    | Properties.USE_LEGACY_ADVERTISING_PDUS
)


def extended_reports(
    advertiser: QuietAdvertisingSet, address: hci.Address, rssi_dbm: int, *, is_active: bool
) -> hci.HCI_LE_Extended_Advertising_Report_Event:
    """The advertisement, and the scan response if the scan is active and there is one to get.

    Args:
        advertiser: Who sent it.
        address: Under which address.
        rssi_dbm: How strong it was.
        is_active: True when the scanner asks for scan responses.
    """
    event_type = advertiser.properties & _REPORTED
    parts = [(event_type, advertiser.data)]
    if is_active and advertiser.is_scannable:
        scan_response = event_type | _Extended.EventType.SCAN_RESPONSE
        parts.append((scan_response, advertiser.scan_response_data))
    return _Extended(
        [
            _Extended.Report(
                event_type=int(kind),
                address_type=address.address_type,
                address=address,
                primary_phy=hci.Phy.LE_1M,
                secondary_phy=0,  # None: legacy PDUs are sent on the primary channels only.
                advertising_sid=_Extended.NO_ADI_FIELD_PROVIDED,
                tx_power=_Extended.TX_POWER_INFORMATION_NOT_AVAILABLE,
                rssi=rssi_dbm,
                periodic_advertising_interval=0,
                direct_address_type=0,
                direct_address=hci.Address.ANY,
                data=bytes(data),
            )
            for kind, data in parts
        ]
    )


def legacy_reports(
    advertiser: QuietAdvertisingSet, address: hci.Address, rssi_dbm: int, *, is_active: bool
) -> hci.HCI_LE_Advertising_Report_Event:
    """The same for a host that scans with the commands of Bluetooth 4."""
    if advertiser.is_connectable:
        event_type = _Legacy.EventType.ADV_IND
    elif advertiser.is_scannable:
        event_type = _Legacy.EventType.ADV_SCAN_IND
    else:
        event_type = _Legacy.EventType.ADV_NONCONN_IND
    parts = [(event_type, advertiser.data)]
    if is_active and advertiser.is_scannable:
        parts.append((_Legacy.EventType.SCAN_RSP, advertiser.scan_response_data))
    return _Legacy(
        [
            _Legacy.Report(
                event_type=kind,
                address_type=address.address_type,
                address=address,
                data=bytes(data),
                rssi=rssi_dbm,
            )
            for kind, data in parts
        ]
    )
