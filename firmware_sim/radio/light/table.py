"""The attribute table of a lock, declared once for all locks of the light link.

It is the table of the bumble peripheral, handle by handle; the contract suite holds the two to
one another. Answers to the requests of a discovery depend on the table and the MTU alone, so all
locks share them.

Source of the layouts: Bluetooth Core 5.4, Vol 3 Part F, 3.4, and Part G, 3 and 7.
"""

from __future__ import annotations

import functools
import struct
import uuid
from dataclasses import dataclass
from typing import Final

from bumble import att
from bumble.crypto.cryptography import aes_cmac

from firmware_sim.radio.advertisement import uuid_text
from firmware_sim.radio.discovery import CharacteristicRecord, DescriptorRecord, ServiceRecord
from protocols.strike.gatt import COMMAND_UUID, EVENT_UUID, SERVICE_UUID

# Attribute types. Source: Bluetooth Assigned Numbers, 3.4 to 3.8.
_PRIMARY_SERVICE: Final = b"\x00\x28"
_CHARACTERISTIC: Final = b"\x03\x28"
_CONFIGURATION: Final = b"\x02\x29"
_DATABASE_HASH: Final = b"\x2a\x2b"
# Characteristic properties. Source: Bluetooth Core 5.4, Vol 3 Part G, 3.3.1.1.
_READ: Final = 0x02
_WRITE_WITHOUT_RESPONSE: Final = 0x04
_WRITE: Final = 0x08
_NOTIFY: Final = 0x10
_INDICATE: Final = 0x20

_HANDLE: Final = struct.Struct("<H")
_RANGE: Final = struct.Struct("<HH")
_DECLARATION: Final = struct.Struct("<BH")  # Properties, value handle; the UUID follows.
# Opcodes, as plain numbers: an enum's operators cost more than the rest of an answer.
_FIND_INFORMATION: Final = int(att.Opcode.ATT_FIND_INFORMATION_REQUEST)
_READ_BY_TYPE: Final = int(att.Opcode.ATT_READ_BY_TYPE_REQUEST)
_READ_BY_GROUP_TYPE: Final = int(att.Opcode.ATT_READ_BY_GROUP_TYPE_REQUEST)
DISCOVERY: Final = frozenset((_FIND_INFORMATION, _READ_BY_TYPE, _READ_BY_GROUP_TYPE))
# Longest answer that the length byte of an entry allows to a discovery.
_ENTRY_BYTES_MAX: Final = 255
_SHORT_UUID_BYTES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute.

    Attributes:
        handle: Its handle.
        kind: Its type, 2 or 16 bytes, little-endian.
        group_end: Last handle of the service that it declares; its own handle otherwise.
        value: Its value where all locks have it alike; None where it is a lock's or a
            connection's own, or can't be read.
        is_readable: Whether a central may read it.
        is_writeable: Whether a central may write it.
    """

    handle: int
    kind: bytes
    group_end: int
    value: bytes | None
    is_readable: bool
    is_writeable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declared:
    """A characteristic as it is declared: UUID (2 or 16 bytes, little-endian) and properties."""

    uuid: bytes
    properties: int
    value: bytes | None = None


def _little_endian(text: str) -> bytes:
    return uuid.UUID(text).bytes[::-1]


# Appearance: unknown; client features: none. The device name is a lock's own, the hash is
# computed from the table.
_SERVICES: Final = (
    (
        b"\x00\x18",
        (
            _Declared(uuid=b"\x00\x2a", properties=_READ),
            _Declared(uuid=b"\x01\x2a", properties=_READ, value=bytes(2)),
        ),
    ),
    (
        b"\x01\x18",
        (
            _Declared(uuid=b"\x05\x2a", properties=_INDICATE),
            _Declared(uuid=b"\x29\x2b", properties=_READ | _WRITE),
            _Declared(uuid=_DATABASE_HASH, properties=_READ),
        ),
    ),
    (
        _little_endian(SERVICE_UUID),
        (
            _Declared(
                uuid=_little_endian(COMMAND_UUID), properties=_WRITE | _WRITE_WITHOUT_RESPONSE
            ),
            _Declared(uuid=_little_endian(EVENT_UUID), properties=_NOTIFY),
        ),
    ),
)


def _declare() -> tuple[Attribute, ...]:
    attributes: list[Attribute] = []
    for service_uuid, characteristics in _SERVICES:
        first = len(attributes) + 1
        inside: list[Attribute] = []
        for declared in characteristics:
            inside += _characteristic(declared, first + 1 + len(inside))
        attributes.append(
            Attribute(
                handle=first,
                kind=_PRIMARY_SERVICE,
                group_end=first + len(inside),
                value=service_uuid,
                is_readable=True,
                is_writeable=False,
            )
        )
        attributes += inside
    return tuple(attributes)


def _characteristic(declared: _Declared, handle: int) -> list[Attribute]:
    """Declaration, value and, of one that notifies or indicates, configuration."""
    writes = declared.properties & (_WRITE | _WRITE_WITHOUT_RESPONSE)
    declaration = _DECLARATION.pack(declared.properties, handle + 1) + declared.uuid
    found = [
        _plain(handle, _CHARACTERISTIC, declaration),
        Attribute(
            handle=handle + 1,
            kind=declared.uuid,
            group_end=handle + 1,
            value=declared.value,
            is_readable=bool(declared.properties & _READ),
            is_writeable=bool(writes),
        ),
    ]
    if declared.properties & (_NOTIFY | _INDICATE):
        found.append(
            Attribute(
                handle=handle + 2,
                kind=_CONFIGURATION,
                group_end=handle + 2,
                value=None,
                is_readable=True,
                is_writeable=True,
            )
        )
    return found


def _plain(handle: int, kind: bytes, value: bytes) -> Attribute:
    return Attribute(
        handle=handle,
        kind=kind,
        group_end=handle,
        value=value,
        is_readable=True,
        is_writeable=False,
    )


# By handle, less one.
TABLE: Final = _declare()


def handle_of(text: str) -> int:
    """The handle of the value of a characteristic, by its UUID."""
    return next(each.handle for each in TABLE if uuid_text(each.kind) == text)


@functools.cache
def table_hash() -> bytes:
    """The database hash, least significant byte first. Source: Vol 3 Part G, 7.3.1."""
    hashed = (_PRIMARY_SERVICE, _CHARACTERISTIC, _CONFIGURATION)
    parts = [
        _HANDLE.pack(each.handle) + each.kind + (each.value or b"")
        for each in TABLE
        if each.kind in hashed
    ]
    return aes_cmac(m=b"".join(parts), k=bytes(16))[::-1]


@functools.cache
def services() -> tuple[ServiceRecord, ...]:
    """What a discovery finds."""
    found: list[ServiceRecord] = []
    for each in TABLE:
        if each.kind == _PRIMARY_SERVICE:
            inside = TABLE[each.handle : each.group_end]
            found.append(
                ServiceRecord(
                    handle=each.handle,
                    uuid=uuid_text(each.value or b""),
                    characteristics=_records(inside),
                )
            )
    return tuple(found)


def _records(inside: tuple[Attribute, ...]) -> tuple[CharacteristicRecord, ...]:
    """The characteristics among the attributes of a service."""
    starts = [at for at, each in enumerate(inside) if each.kind == _CHARACTERISTIC]
    found: list[CharacteristicRecord] = []
    for start, end in zip(starts, [*starts[1:], len(inside)], strict=True):
        properties, value_handle = _DECLARATION.unpack_from(inside[start].value or b"")
        found.append(
            CharacteristicRecord(
                handle=value_handle,
                uuid=uuid_text(inside[start + 1].kind),
                properties=properties,
                descriptors=tuple(
                    DescriptorRecord(handle=each.handle, uuid=uuid_text(each.kind))
                    for each in inside[start + 2 : end]
                ),
            )
        )
    return tuple(found)


@functools.lru_cache(maxsize=256)  # Eight requests of a discovery, times the MTUs in use.
def discovered(pdu: bytes, mtu: int) -> bytes | None:
    """The answer to a request of a discovery.

    Args:
        pdu: The request, opcode first.
        mtu: ATT MTU of the connection.

    Returns:
        The answer, at most the MTU long; None when nothing is found.

    Raises:
        struct.error: When the request is too short.
    """
    op = pdu[0]
    first, last = _RANGE.unpack_from(pdu, 1)
    if op == _FIND_INFORMATION:
        entries = [
            _HANDLE.pack(each.handle) + each.kind for each in TABLE if first <= each.handle <= last
        ]
        entry = len(entries[0]) if entries else 0
        form = 1 if entry == _HANDLE.size + _SHORT_UUID_BYTES else 2
        return _answer(op, form, entries, mtu)
    kind = pdu[1 + _RANGE.size :]
    found = [each for each in TABLE if first <= each.handle <= last and each.kind == kind]
    if op == _READ_BY_GROUP_TYPE:
        entries = [
            _RANGE.pack(each.handle, each.group_end) + (each.value or b"") for each in found
        ]
    else:
        entries = [_HANDLE.pack(each.handle) + _shared_value(each) for each in found]
    return _answer(op, None, entries, mtu)


def _shared_value(attribute: Attribute) -> bytes:
    return table_hash() if attribute.kind == _DATABASE_HASH else attribute.value or b""


def _answer(op: int, form: int | None, entries: list[bytes], mtu: int) -> bytes | None:
    """Entries of one length, as many as fit; the second byte is their form, or their length."""
    if not entries:
        return None
    size = min(len(entries[0]), mtu - 2, _ENTRY_BYTES_MAX)
    alike: list[bytes] = []
    for each in entries[: (mtu - 2) // size]:
        if len(each) != len(entries[0]):
            break
        alike.append(each[:size])
    # An answer has the opcode after its request's. Source: Vol 3 Part F, 3.4.8.
    return bytes([op + 1, size if form is None else form]) + b"".join(alike)
