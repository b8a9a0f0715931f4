"""The HCI commands by which a host scans, for a simulated controller."""

from __future__ import annotations

from typing import cast

from bumble import hci

from firmware_sim.radio.advertising import QuietAdvertisingSet, Scan, Station
from firmware_sim.radio.hci_controller import HciController
from firmware_sim.radio.reports import extended_reports, legacy_reports


class ScanningCommands(HciController):
    """A controller that tells active scans from passive ones, and filters duplicates.

    Attributes:
        scan: The scan in progress.
    """

    scan: Scan | None = None
    _scan_is_active = False

    def report(self, advertiser: QuietAdvertisingSet, rssi_dbm: int) -> None:
        """See `Station.report`."""
        address = advertiser.address
        if self.scan is None or address is None:
            return
        make = legacy_reports if self.scan.is_legacy else extended_reports
        self.send_hci_packet(make(advertiser, address, rssi_dbm, is_active=self.scan.is_active))

    def on_hci_le_set_extended_scan_parameters_command(
        self, command: hci.HCI_LE_Set_Extended_Scan_Parameters_Command
    ) -> hci.HCI_StatusReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.64."""
        if self.scan is not None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self._scan_is_active = any(command.scan_types)
        return super().on_hci_le_set_extended_scan_parameters_command(command)

    def on_hci_le_set_scan_parameters_command(
        self, command: hci.HCI_LE_Set_Scan_Parameters_Command
    ) -> hci.HCI_StatusReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.10."""
        if self.scan is None:
            self._scan_is_active = bool(command.le_scan_type)
        return super().on_hci_le_set_scan_parameters_command(command)

    def on_hci_le_set_extended_scan_enable_command(
        self, command: hci.HCI_LE_Set_Extended_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.65; enabling again forgets what was heard."""
        result = super().on_hci_le_set_extended_scan_enable_command(command)
        self._switch_scan(is_legacy=False)
        return result

    def on_hci_le_set_scan_enable_command(
        self, command: hci.HCI_LE_Set_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """See Bluetooth Core 5.4, Vol 4 Part E, 7.8.11."""
        result = super().on_hci_le_set_scan_enable_command(command)
        self._switch_scan(is_legacy=True)
        return result

    def _switch_scan(self, *, is_legacy: bool) -> None:
        if not self.le_scan_enable:
            self.stop_scan()
            return
        self.scan = Scan(
            is_active=self._scan_is_active,
            filters_duplicates=self.filter_duplicates,
            is_legacy=is_legacy,
        )
        self.sim_link.scan_started(cast("Station", self))

    def stop_scan(self) -> None:
        """Scan no more."""
        self.le_scan_enable = False
        if self.scan is not None:
            self.scan = None
            self.sim_link.scan_stopped(cast("Station", self))
