"""A lock's end of one light connection: its attribute server, without HCI and L2CAP.

It lives as long as the connection; a lock that nobody is connected to has none. Requests are
answered in the turn of the loop in which they arrive, with the same error codes as those of the
bumble peripheral.

Source of the layouts: Bluetooth Core 5.4, Vol 3 Part F, 3.4.
"""

from __future__ import annotations

import struct
from typing import Final, Protocol

from bumble import att

from firmware_sim.errors import ValueTooLong
from firmware_sim.radio.air import AirLink, Frame
from firmware_sim.radio.att_server import ATT_HEADER_BYTES, MOVED_BY
from firmware_sim.radio.device_faults import RadioFaults
from firmware_sim.radio.faults import LinkFaults
from firmware_sim.radio.light.frames import REMOTE_USER_ENDED, Encrypt, Encrypted
from firmware_sim.radio.light.table import (
    DISCOVERY,
    TABLE,
    Attribute,
    discovered,
    handle_of,
    table_hash,
)
from protocols.strike.gatt import COMMAND_UUID, EVENT_UUID

# Opcodes and error codes, as plain numbers: an enum's operators cost more than an answer does.
_ERROR_RESPONSE: Final = int(att.Opcode.ATT_ERROR_RESPONSE)
_EXCHANGE_MTU: Final = int(att.Opcode.ATT_EXCHANGE_MTU_REQUEST)
_READ: Final = int(att.Opcode.ATT_READ_REQUEST)
_READ_BLOB: Final = int(att.Opcode.ATT_READ_BLOB_REQUEST)
_WRITE: Final = int(att.Opcode.ATT_WRITE_REQUEST)
_WRITE_COMMAND: Final = int(att.Opcode.ATT_WRITE_COMMAND)
_PREPARE: Final = int(att.Opcode.ATT_PREPARE_WRITE_REQUEST)
_EXECUTE: Final = int(att.Opcode.ATT_EXECUTE_WRITE_REQUEST)
_NOTIFICATION: Final = int(att.Opcode.ATT_HANDLE_VALUE_NOTIFICATION)
_CONFIRMATION: Final = int(att.Opcode.ATT_HANDLE_VALUE_CONFIRMATION)
_READS: Final = (_READ, _READ_BLOB)
_WRITES: Final = (_WRITE, _WRITE_COMMAND, _PREPARE)
_COMMAND_FLAG: Final = 0x40  # Source: Bluetooth Core 5.4, Vol 3 Part F, 3.3.1.
_Code = att.ErrorCode

_HANDLE: Final = struct.Struct("<H")
_PART: Final = struct.Struct("<HH")  # Handle, offset.
_ERROR: Final = struct.Struct("<BBHB")  # Opcode, opcode in error, handle, error code.
# Parts of a long value that the queue holds: 512 bytes at the least MTU are 29 parts.
_QUEUE_PARTS_MAX: Final = 64
# Longest attribute value. Source: Bluetooth Core 5.4, Vol 3 Part F, 3.2.9.
_VALUE_BYTES_MAX: Final = 512
# Source: Bluetooth Core 5.4, Vol 3 Part G, 3.3.3.3.
_CONFIGURATION_BYTES: Final = 2
_NOTIFY_FLAG: Final = 1

_DEVICE_NAME: Final = handle_of("00002a00-0000-1000-8000-00805f9b34fb")
_DATABASE_HASH: Final = handle_of("00002b2a-0000-1000-8000-00805f9b34fb")
_COMMAND: Final = handle_of(COMMAND_UUID)
_EVENT: Final = handle_of(EVENT_UUID)
_EVENT_CONFIGURATION: Final = _EVENT + 1
# The service's declaration lies two before its first value.
_MOVED_FROM: Final = _COMMAND - 2
# What a connection keeps of its own, and how it begins.
_OWN_VALUES: Final = {
    handle_of("00002a05-0000-1000-8000-00805f9b34fb") + 1: bytes(2),
    handle_of("00002b29-0000-1000-8000-00805f9b34fb"): bytes(1),
    _EVENT_CONFIGURATION: bytes(2),
}


class _Refused(Exception):  # noqa: N818 - it never leaves this file.
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Served(Protocol):
    """What a session asks of its lock.

    Attributes:
        name: The value of Device Name.
    """

    name: str

    @property
    def att_mtu_max(self) -> int:
        """Largest ATT MTU that it agrees to."""

    @property
    def is_in_range(self) -> bool:
        """False while nobody can hear it."""

    @property
    def faults(self) -> LinkFaults | None:
        """Faults of its connections; None leaves them to the link."""

    @property
    def radio_faults(self) -> RadioFaults | None:
        """Everything that goes wrong with its radio; None is nothing."""

    def mtu_changed(self, att_mtu: int) -> None:
        """Both sides agreed on another MTU."""

    def written(self, value: bytes) -> bool:
        """Take a value that a central wrote; False when that failed."""

    def encrypt(self, central: object, *, is_bonded: bool) -> int:
        """Encrypt with known keys or new ones; an HCI error code."""

    def session_ended(self, reason: int) -> None:
        """The connection is over."""


class LightSession:
    """The lock's end of a connection.

    Args:
        lock: The lock.
        air: The way to the other end.

    Attributes:
        att_mtu: ATT MTU in use.
        air: As given.
    """

    __slots__ = ("_lock", "_operations", "_own", "_queue", "air", "att_mtu")

    def __init__(self, lock: Served, air: AirLink) -> None:
        self.att_mtu = int(att.ATT_DEFAULT_MTU)
        self.air = air
        self._lock = lock
        self._operations = 0
        self._own = dict(_OWN_VALUES)
        self._queue: list[tuple[int, int, bytes]] = []

    # ------------------------------------------------------------------ the air's end

    @property
    def in_range(self) -> bool:
        """See `AirEnd.in_range`."""
        return self._lock.is_in_range

    @property
    def faults(self) -> LinkFaults | None:
        """See `AirEnd.faults`."""
        return self._lock.faults

    def note_loss(self, knob: str, times: int) -> None:
        """See `AirEnd.note_loss`."""
        if self._lock.radio_faults is not None:
            self._lock.radio_faults.note(knob, times=times)

    def lost(self, reason: int) -> None:
        """See `AirEnd.lost`."""
        self._lock.session_ended(reason)

    def receive(self, frame: Frame) -> None:
        """See `AirEnd.receive`."""
        if isinstance(frame, bytes):
            self._operation(frame)
        elif isinstance(frame, Encrypt):
            code = self._lock.encrypt(frame.central, is_bonded=frame.is_bonded)
            self.air.send(self, Encrypted(code))

    # ------------------------------------------------------------------ what the lock does

    def notify(self, value: bytes) -> None:
        """Send a notification; dropped while the central is not subscribed.

        Raises:
            ValueTooLong: When the value does not fit the MTU.
        """
        room = self.att_mtu - ATT_HEADER_BYTES
        if len(value) > room:
            raise ValueTooLong("a notification", length=len(value), length_max=room)
        if not self._own[_EVENT_CONFIGURATION][0] & _NOTIFY_FLAG:
            return
        handle = _EVENT
        values: tuple[bytes, ...] = (value,)
        faults = self._lock.radio_faults
        if faults is not None:
            values = faults.notified(value)
            if faults.is_stale(handle):
                handle += MOVED_BY
        for each in values:
            self.air.send(self, bytes([_NOTIFICATION]) + _HANDLE.pack(handle) + each)

    def disconnect(self) -> None:
        """End the connection."""
        self.air.terminate(self, REMOTE_USER_ENDED)

    # ------------------------------------------------------------------ requests

    def _operation(self, pdu: bytes) -> None:
        if not pdu:
            return
        op = pdu[0]
        self._operations += 1
        faults = self._lock.radio_faults
        if faults is not None and faults.ends_connection(self._operations):
            self.disconnect()
            return
        handle = _HANDLE.unpack_from(pdu, 1)[0] if len(pdu) >= ATT_HEADER_BYTES else 0
        try:
            answer = self._answer(op, handle, pdu)
        except _Refused as refused:
            answer = _ERROR.pack(_ERROR_RESPONSE, op, handle, refused.code)
        except (struct.error, IndexError):
            answer = _ERROR.pack(_ERROR_RESPONSE, op, handle, _Code.INVALID_PDU)
        if answer is not None and not op & _COMMAND_FLAG:  # A command is never answered.
            self.air.send(self, answer)

    def _answer(self, op: int, handle: int, pdu: bytes) -> bytes | None:
        if len(pdu) > self.att_mtu:
            raise _Refused(_Code.INVALID_PDU)
        if op in _WRITES or op in _READS:
            attribute = self._attribute(op, handle)
            if op in _READS:
                return self._read(op, attribute, pdu)
            if op == _PREPARE:
                return self._prepare(pdu)
            self._write(handle, pdu[ATT_HEADER_BYTES:])
            return bytes([op + 1])
        if op in DISCOVERY:
            answer = discovered(pdu, self.att_mtu)
            if answer is None:
                raise _Refused(_Code.ATTRIBUTE_NOT_FOUND)
            return answer
        if op == _EXCHANGE_MTU:
            return self._agree(pdu)
        if op == _EXECUTE:
            return self._execute(pdu[1])
        if op == _CONFIRMATION:
            return None
        raise _Refused(_Code.REQUEST_NOT_SUPPORTED)

    def _attribute(self, op: int, handle: int) -> Attribute:
        faults = self._lock.radio_faults
        if not 0 < handle <= len(TABLE) or (
            faults is not None and handle >= _MOVED_FROM and faults.is_stale(handle)
        ):
            raise _Refused(_Code.INVALID_HANDLE)
        attribute = TABLE[handle - 1]
        if op in _WRITES and not attribute.is_writeable:
            raise _Refused(_Code.WRITE_NOT_PERMITTED)
        if op in _READS and not attribute.is_readable:
            raise _Refused(_Code.READ_NOT_PERMITTED)
        return attribute

    def _agree(self, pdu: bytes) -> bytes:
        asked = _HANDLE.unpack_from(pdu, 1)[0]
        limit = self._lock.att_mtu_max
        if self._lock.radio_faults is not None:
            limit = self._lock.radio_faults.limited_mtu(limit, asked)
        # Answered before the new MTU counts; an MTU below the least is no MTU.
        if asked >= att.ATT_DEFAULT_MTU:
            self.att_mtu = min(limit, asked)
            self._lock.mtu_changed(self.att_mtu)
        return bytes([_EXCHANGE_MTU + 1]) + _HANDLE.pack(limit)

    def _read(self, op: int, attribute: Attribute, pdu: bytes) -> bytes:
        value = self._value(attribute)
        if op == _READ:
            return bytes([op + 1]) + value[: self.att_mtu - 1]
        offset = _PART.unpack_from(pdu, 1)[1]
        if offset > len(value):
            raise _Refused(_Code.INVALID_OFFSET)
        if len(value) < self.att_mtu:
            raise _Refused(_Code.ATTRIBUTE_NOT_LONG)
        return bytes([op + 1]) + value[offset : offset + self.att_mtu - 1]

    def _value(self, attribute: Attribute) -> bytes:
        if attribute.handle == _DEVICE_NAME:
            return self._lock.name.encode()
        if attribute.handle == _DATABASE_HASH:
            return table_hash()
        if attribute.handle in self._own:
            return self._own[attribute.handle]
        return attribute.value or b""

    def _write(self, handle: int, value: bytes) -> None:
        if handle == _COMMAND:
            if not self._lock.written(value):
                raise _Refused(_Code.UNLIKELY_ERROR)
        elif len(self._own[handle]) != _CONFIGURATION_BYTES or len(value) == _CONFIGURATION_BYTES:
            self._own[handle] = value

    def _prepare(self, pdu: bytes) -> bytes:
        handle, offset = _PART.unpack_from(pdu, 1)
        if len(self._queue) >= _QUEUE_PARTS_MAX:
            raise _Refused(_Code.PREPARE_QUEUE_FULL)
        self._queue.append((handle, offset, pdu[1 + _PART.size :]))
        # Acknowledged by an echo.
        return bytes([_PREPARE + 1]) + pdu[1:]

    def _execute(self, flag: int) -> bytes:
        queue, self._queue = self._queue, []
        values: dict[int, bytearray] = {}
        for handle, offset, part in queue if flag else ():
            value = values.setdefault(handle, bytearray())
            if offset > len(value):
                raise _Refused(_Code.INVALID_OFFSET)
            value[offset : offset + len(part)] = part
            if len(value) > _VALUE_BYTES_MAX:
                raise _Refused(_Code.INVALID_ATTRIBUTE_LENGTH)
        for handle, value in values.items():
            self._write(handle, bytes(value))
        return bytes([_EXECUTE + 1])
