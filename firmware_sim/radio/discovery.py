"""What a GATT server has: found by asking it, kept as plain records.

Source: Bluetooth Core 5.4, Vol 3 Part G, 4.4 to 4.7.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from bumble import att

from firmware_sim.radio.advertisement import uuid_text
from firmware_sim.radio.att_client import AttClient, AttRefused

_LAST_HANDLE: Final = 0xFFFF
_Op = att.Opcode
_RANGE: Final = struct.Struct("<BHH")
_TYPED_RANGE: Final = struct.Struct("<BHHH")
_GROUP: Final = struct.Struct("<HH")
_DECLARATION: Final = struct.Struct("<HBH")  # Handle, properties, value handle.
_HANDLE: Final = struct.Struct("<H")
# Attribute types. Source: Bluetooth Assigned Numbers, 3.5 to 3.8.
_PRIMARY_SERVICE: Final = 0x2800
_CHARACTERISTIC: Final = 0x2803
_DATABASE_HASH: Final = 0x2B2A
# Format byte of Find Information: 16-bit UUIDs.
_SHORT_UUIDS: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptorRecord:
    """A descriptor of a characteristic."""

    handle: int
    uuid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacteristicRecord:
    """A characteristic of a service.

    Attributes:
        handle: Of its value.
        properties: Bits of Bluetooth Core 5.4, Vol 3 Part G, 3.3.1.1.
    """

    handle: int
    uuid: str
    properties: int
    descriptors: tuple[DescriptorRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecord:
    """A primary service."""

    handle: int
    uuid: str
    characteristics: tuple[CharacteristicRecord, ...]


async def discover(client: AttClient) -> tuple[ServiceRecord, ...]:
    """Find every primary service with its characteristics and descriptors.

    Raises:
        AttRefused: When the server refuses.
        ConnectionLost: When the connection ended first.
        TimeoutError: When there was no answer.
    """
    services = await _services(client)
    declarations = await _declarations(client)
    found: list[ServiceRecord] = []
    for first, last, uuid in services:
        inside = [d for d in declarations if first <= d[0] <= last]
        characteristics: list[CharacteristicRecord] = []
        for index, (_, properties, value_handle, char_uuid) in enumerate(inside):
            end = inside[index + 1][0] - 1 if index + 1 < len(inside) else last
            characteristics.append(
                CharacteristicRecord(
                    handle=value_handle,
                    uuid=char_uuid,
                    properties=properties,
                    descriptors=await _descriptors(client, value_handle + 1, end),
                )
            )
        found.append(
            ServiceRecord(handle=first, uuid=uuid, characteristics=tuple(characteristics))
        )
    return tuple(found)


async def database_hash(client: AttClient) -> bytes | None:
    """The hash over a server's attributes; None from a server that has none.

    Source: Bluetooth Core 5.4, Vol 3 Part G, 7.3.
    """
    request = _TYPED_RANGE.pack(_Op.ATT_READ_BY_TYPE_REQUEST, 1, _LAST_HANDLE, _DATABASE_HASH)
    try:
        answer = await client.request(request)
    except AttRefused:
        return None
    return answer[2 + _HANDLE.size :]


async def _services(client: AttClient) -> list[tuple[int, int, str]]:
    """First handle, last handle and UUID of every primary service."""
    services: list[tuple[int, int, str]] = []
    start = 1
    while start <= _LAST_HANDLE:
        request = _TYPED_RANGE.pack(
            _Op.ATT_READ_BY_GROUP_TYPE_REQUEST, start, _LAST_HANDLE, _PRIMARY_SERVICE
        )
        entries = await _entries(client, request)
        if not entries:
            break
        for entry in entries:
            first, last = _GROUP.unpack_from(entry)
            services.append((first, last, uuid_text(entry[_GROUP.size :])))
        start = services[-1][1] + 1
    return services


async def _declarations(client: AttClient) -> list[tuple[int, int, int, str]]:
    """Handle, properties, value handle and UUID of every characteristic declaration."""
    declarations: list[tuple[int, int, int, str]] = []
    start = 1
    while start <= _LAST_HANDLE:
        request = _TYPED_RANGE.pack(
            _Op.ATT_READ_BY_TYPE_REQUEST, start, _LAST_HANDLE, _CHARACTERISTIC
        )
        entries = await _entries(client, request)
        if not entries:
            break
        for entry in entries:
            uuid = uuid_text(entry[_DECLARATION.size :])
            declarations.append((*_DECLARATION.unpack_from(entry), uuid))
        start = declarations[-1][0] + 1
    return declarations


async def _entries(client: AttClient, request: bytes) -> list[bytes]:
    """The entries of one answer about a range of handles; none when there are no more."""
    try:
        answer = await client.request(request)
    except AttRefused as refused:
        if refused.code == att.ErrorCode.ATTRIBUTE_NOT_FOUND:
            return []
        raise
    size = answer[1]
    return [answer[start : start + size] for start in range(2, len(answer), size)]


async def _descriptors(client: AttClient, first: int, last: int) -> tuple[DescriptorRecord, ...]:
    """The descriptors in a range of handles."""
    descriptors: list[DescriptorRecord] = []
    start = first
    while start <= last:
        request = _RANGE.pack(_Op.ATT_FIND_INFORMATION_REQUEST, start, last)
        try:
            answer = await client.request(request)
        except AttRefused as refused:
            if refused.code == att.ErrorCode.ATTRIBUTE_NOT_FOUND:
                break
            raise
        size = _HANDLE.size + (2 if answer[1] == _SHORT_UUIDS else 16)
        for position in range(2, len(answer), size):
            entry = answer[position : position + size]
            uuid = uuid_text(entry[_HANDLE.size :])
            descriptors.append(DescriptorRecord(handle=_HANDLE.unpack_from(entry)[0], uuid=uuid))
        start = descriptors[-1].handle + 1
    return tuple(descriptors)
