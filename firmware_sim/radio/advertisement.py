"""Advertising data: the structures in it, built for a lock and taken apart for a scanner.

Source: Bluetooth Core Specification Supplement 11, Part A; Bluetooth Core 5.4, Vol 3 Part C, 11.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bumble import core

from firmware_sim.errors import ValueTooLong

# Octets of legacy advertising data and of a scan response, each.
# Source: Bluetooth Core 5.4, Vol 6 Part B, 2.3.1.
LEGACY_BYTES_MAX: Final = 31
# Longest name that fits a scan response beside the two bytes of its header.
NAME_BYTES_MAX: Final = LEGACY_BYTES_MAX - 2
# General discoverable, no BR/EDR. Source: Core Specification Supplement 11, Part A, 1.3.
_FLAGS_LE_ONLY: Final = b"\x06"
_BASE_UUID_TAIL: Final = "-0000-1000-8000-00805f9b34fb"

_Type = core.AdvertisingData.Type
_UUID_LISTS: Final = {
    _Type.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    _Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    _Type.INCOMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    _Type.COMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    _Type.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
    _Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
}
_SERVICE_DATA: Final = {
    _Type.SERVICE_DATA_16_BIT_UUID: 2,
    _Type.SERVICE_DATA_32_BIT_UUID: 4,
    _Type.SERVICE_DATA_128_BIT_UUID: 16,
}


@functools.cache
def uuid_text(data: bytes) -> str:
    """A UUID as bleak writes it.

    Args:
        data: 2, 4 or 16 bytes, little-endian.
    """
    if len(data) == 16:  # noqa: PLR2004 - the whole UUID.
        return str(uuid.UUID(bytes=data[::-1]))
    return f"{int.from_bytes(data, 'little'):08x}{_BASE_UUID_TAIL}"


@dataclass(slots=True)
class AdvertisedData:
    """What an advertiser says about itself.

    Attributes:
        name: Its local name.
        manufacturer_data: By company identifier.
        service_data: By service UUID.
        service_uuids: Services that it has.
        tx_power_dbm: Its transmit power.
        structures: Every structure: type and data.
    """

    name: str | None = None
    manufacturer_data: dict[int, bytes] = field(default_factory=dict)
    service_data: dict[str, bytes] = field(default_factory=dict)
    service_uuids: list[str] = field(default_factory=list)
    tx_power_dbm: int | None = None
    structures: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, data: bytes) -> None:
        """Merge what an advertisement or a scan response holds; later parts win."""
        for kind, value in _structures(data):
            self.structures.append((kind, value))
            if kind in _UUID_LISTS:
                size = _UUID_LISTS[_Type(kind)]
                for start in range(0, len(value) - size + 1, size):
                    text = uuid_text(value[start : start + size])
                    if text not in self.service_uuids:
                        self.service_uuids.append(text)
            elif kind in _SERVICE_DATA:
                size = _SERVICE_DATA[_Type(kind)]
                if len(value) >= size:
                    self.service_data[uuid_text(value[:size])] = value[size:]
            else:
                self._add_fact(kind, value)

    def _add_fact(self, kind: int, value: bytes) -> None:
        if kind == _Type.COMPLETE_LOCAL_NAME or (
            kind == _Type.SHORTENED_LOCAL_NAME and self.name is None
        ):
            self.name = value.decode("utf-8", "replace")
        elif kind == _Type.MANUFACTURER_SPECIFIC_DATA and len(value) >= 2:  # noqa: PLR2004 - its id
            self.manufacturer_data[int.from_bytes(value[:2], "little")] = value[2:]
        elif kind == _Type.TX_POWER_LEVEL and len(value) == 1:
            self.tx_power_dbm = int.from_bytes(value, "little", signed=True)


def lock_advertisement(service_uuid: str, company_id: int, manufacturer_data: bytes) -> bytes:
    """The advertising data of a lock: flags, its service, its manufacturer data.

    Args:
        service_uuid: 128 bits, as text.
        company_id: Before the manufacturer data.
        manufacturer_data: What follows it.

    Raises:
        ValueTooLong: When it is more than 31 octets.
    """
    data = (
        _structure(_Type.FLAGS, _FLAGS_LE_ONLY)
        + _structure(
            _Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, uuid.UUID(service_uuid).bytes[::-1]
        )
        + _structure(
            _Type.MANUFACTURER_SPECIFIC_DATA, company_id.to_bytes(2, "little") + manufacturer_data
        )
    )
    if len(data) > LEGACY_BYTES_MAX:
        raise ValueTooLong("an advertisement", length=len(data), length_max=LEGACY_BYTES_MAX)
    return data


def name_response(name: str) -> bytes:
    """The scan response of a device: its name, shortened to what fits."""
    encoded = name.encode()
    if len(encoded) <= NAME_BYTES_MAX:
        return _structure(_Type.COMPLETE_LOCAL_NAME, encoded)
    shortened = encoded[:NAME_BYTES_MAX].decode("utf-8", "ignore").encode()
    return _structure(_Type.SHORTENED_LOCAL_NAME, shortened)


def _structure(kind: int, value: bytes) -> bytes:
    return bytes([len(value) + 1, kind]) + value


def _structures(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        length = data[position]
        end = position + 1 + length
        if length and end <= len(data):
            yield data[position + 1], data[position + 2 : end]
        position = end
