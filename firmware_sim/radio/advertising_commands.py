"""The HCI commands by which a host advertises, for a simulated controller.

Both generations of commands act on quiet advertising sets. The stock controller reads the
interval of the older ones in milliseconds instead of units of 0.625 ms, has an advertiser of its
own for them, and ignores what kind of advertising was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, cast

from bumble import hci

from firmware_sim.radio.advertising import Properties, QuietAdvertisingSet, Station
from firmware_sim.radio.hci_controller import HciController

# The set behind the advertising commands of Bluetooth 4; a host's own handles go from 0 to 0xEF.
LEGACY_HANDLE: Final = 0xFF

_Type = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
# Source: Bluetooth Core 5.4, Vol 4 Part E, 7.8.53, table 7.2. Directed advertising is refused.
_LEGACY_PROPERTIES: Final = {
    _Type.ADV_IND: Properties.CONNECTABLE_ADVERTISING | Properties.SCANNABLE_ADVERTISING,
    _Type.ADV_SCAN_IND: Properties.SCANNABLE_ADVERTISING,
    _Type.ADV_NONCONN_IND: Properties(0),
}
_SUCCESS: Final = hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)
_UNSUPPORTED: Final = hci.HCI_ErrorCode.UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE_ERROR
_DISALLOWED: Final = hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR


class AdvertisingCommands(HciController):
    """A controller whose advertising sets keep no timers while nobody listens."""

    @property
    def advertisers(self) -> Iterable[QuietAdvertisingSet]:
        """Every advertising set."""
        return cast("Iterable[QuietAdvertisingSet]", tuple(self.advertising_sets.values()))

    def _advertising_set(self, handle: int) -> QuietAdvertisingSet:
        existing = self.advertising_sets.get(handle)
        if existing is None:
            existing = self.advertising_sets[handle] = QuietAdvertisingSet(
                self,
                handle,
                station=cast("Station", self),
                medium=self.sim_link,
                stream=lambda: self.stream,
            )
        return cast("QuietAdvertisingSet", existing)

    def advertise(self, handle: int, data: bytes) -> None:
        """Change the advertising data of a set, as its host's command does.

        Args:
            handle: Advertising handle.
            data: At most 31 octets.
        """
        advertiser = self._advertising_set(handle)
        if advertiser.data != data:
            advertiser.data = bytearray(data)
            advertiser.data_changed()

    def resume_advertising(self, handle: int) -> None:
        """Let a set advertise again that a connection stopped, as its host's command does."""
        self._advertising_set(handle).start()

    # ------------------------------------------------------------------ extended commands

    def on_hci_le_set_advertising_set_random_address_command(
        self, command: hci.HCI_LE_Set_Advertising_Set_Random_Address_Command
    ) -> hci.HCI_StatusReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.52."""
        if self._advertising_set(command.advertising_handle).enabled:
            return hci.HCI_StatusReturnParameters(_DISALLOWED)
        return super().on_hci_le_set_advertising_set_random_address_command(command)

    def on_hci_le_set_extended_advertising_parameters_command(
        self, command: hci.HCI_LE_Set_Extended_Advertising_Parameters_Command
    ) -> hci.HCI_LE_Set_Extended_Advertising_Parameters_ReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.53."""
        advertiser = self._advertising_set(command.advertising_handle)
        status = None
        if advertiser.enabled:
            status = _DISALLOWED
        elif command.advertising_event_properties & Properties.DIRECTED_ADVERTISING:
            status = _UNSUPPORTED
        if status is not None:
            return hci.HCI_LE_Set_Extended_Advertising_Parameters_ReturnParameters(
                status=status, selected_tx_power=0
            )
        return super().on_hci_le_set_extended_advertising_parameters_command(command)

    def on_hci_le_set_extended_advertising_data_command(
        self, command: hci.HCI_LE_Set_Extended_Advertising_Data_Command
    ) -> hci.HCI_StatusReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.54."""
        advertiser = self.advertising_sets.get(command.advertising_handle)
        before = bytes(advertiser.data) if advertiser else b""
        result = super().on_hci_le_set_extended_advertising_data_command(command)
        if isinstance(advertiser, QuietAdvertisingSet) and advertiser.data != before:
            advertiser.data_changed()
        return result

    def on_hci_le_set_extended_scan_response_data_command(
        self, command: hci.HCI_LE_Set_Extended_Scan_Response_Data_Command
    ) -> hci.HCI_StatusReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.55."""
        advertiser = self.advertising_sets.get(command.advertising_handle)
        before = bytes(advertiser.scan_response_data) if advertiser else b""
        result = super().on_hci_le_set_extended_scan_response_data_command(command)
        if isinstance(advertiser, QuietAdvertisingSet) and advertiser.scan_response_data != before:
            advertiser.data_changed()
        return result

    # ------------------------------------------------------------------ Bluetooth 4 commands

    def on_hci_le_set_advertising_parameters_command(
        self, command: hci.HCI_LE_Set_Advertising_Parameters_Command
    ) -> hci.HCI_StatusReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.5."""
        properties = _LEGACY_PROPERTIES.get(_Type(command.advertising_type))
        if properties is None:
            return hci.HCI_StatusReturnParameters(_UNSUPPORTED)
        result = self.on_hci_le_set_extended_advertising_parameters_command(
            hci.HCI_LE_Set_Extended_Advertising_Parameters_Command(
                advertising_handle=LEGACY_HANDLE,
                advertising_event_properties=properties | Properties.USE_LEGACY_ADVERTISING_PDUS,
                primary_advertising_interval_min=command.advertising_interval_min,
                primary_advertising_interval_max=command.advertising_interval_max,
                primary_advertising_channel_map=command.advertising_channel_map,
                own_address_type=command.own_address_type,
                peer_address_type=command.peer_address_type,
                peer_address=command.peer_address,
                advertising_filter_policy=command.advertising_filter_policy,
                advertising_tx_power=0,
                primary_advertising_phy=hci.Phy.LE_1M,
                secondary_advertising_max_skip=0,
                secondary_advertising_phy=hci.Phy.LE_1M,
                advertising_sid=0,
                scan_request_notification_enable=0,
            )
        )
        return hci.HCI_StatusReturnParameters(result.status)

    def on_hci_le_set_advertising_data_command(
        self, command: hci.HCI_LE_Set_Advertising_Data_Command
    ) -> hci.HCI_StatusReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.7."""
        self.advertise(LEGACY_HANDLE, command.advertising_data)
        return _SUCCESS

    def on_hci_le_set_scan_response_data_command(
        self, command: hci.HCI_LE_Set_Scan_Response_Data_Command
    ) -> hci.HCI_StatusReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.8."""
        advertiser = self._advertising_set(LEGACY_HANDLE)
        if advertiser.scan_response_data != command.scan_response_data:
            advertiser.scan_response_data = bytearray(command.scan_response_data)
            advertiser.data_changed()
        return _SUCCESS

    def on_hci_le_set_advertising_enable_command(
        self, command: hci.HCI_LE_Set_Advertising_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.9."""
        advertiser = self._advertising_set(LEGACY_HANDLE)
        if not command.advertising_enable:
            advertiser.stop()
        elif advertiser.parameters is None:
            return hci.HCI_StatusReturnParameters(_DISALLOWED)
        else:
            advertiser.random_address = self.random_address
            advertiser.start()
        return _SUCCESS
