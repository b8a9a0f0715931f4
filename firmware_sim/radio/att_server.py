"""The ATT server of a simulated peripheral: every request is answered, and at once.

bumble's server leaves a request without an answer when a handler raises anything but an ATT
error, or when there is no handler; the client then waits 30 seconds. It also takes values longer
than the MTU allows, and writes and reads whatever it is asked to, permitted or not.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import struct
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, cast

from bumble import att, core, device, gatt_server, utils

from firmware_sim.errors import ValueTooLong
from firmware_sim.radio.device_faults import RadioFaults

_Code = att.ErrorCode
_Op = att.Opcode
_HANDLE: Final = struct.Struct("<H")
# Source: Bluetooth Core 5.4, Vol 3 Part F, 3.2.2.
LAST_HANDLE: Final = 0xFFFF
# How far handles move when a fault moves them: beyond every handle that a lock has had.
MOVED_BY: Final = 0x100
_ERROR: Final = struct.Struct("<BBHB")  # Opcode, opcode in error, handle, error code.
# Opcode and handle before the value of a write or a notification.
# Source: Bluetooth Core 5.4, Vol 3 Part F, 3.4.5.1 and 3.4.7.1.
ATT_HEADER_BYTES: Final = 3

_WRITES: Final = (_Op.ATT_WRITE_COMMAND, _Op.ATT_WRITE_REQUEST, _Op.ATT_PREPARE_WRITE_REQUEST)
_READS: Final = (_Op.ATT_READ_REQUEST, _Op.ATT_READ_BLOB_REQUEST)
_COMMAND_FLAG: Final = 0x40  # Source: Bluetooth Core 5.4, Vol 3 Part F, 3.3.1.
# As plain numbers: an enum's operators cost more than everything else that a write does here.
_READABLE: Final = int(att.Attribute.READABLE)
_WRITEABLE: Final = int(att.Attribute.WRITEABLE)
# Requests of a discovery, which every central makes alike; parsed once each.
_DISCOVERY: Final = frozenset(
    (
        _Op.ATT_FIND_INFORMATION_REQUEST,
        _Op.ATT_FIND_BY_TYPE_VALUE_REQUEST,
        _Op.ATT_READ_BY_TYPE_REQUEST,
        _Op.ATT_READ_BY_GROUP_TYPE_REQUEST,
    )
)
_DISCOVERY_CACHE_SIZE: Final = 256


class GuardedValue(att.AttributeValueV2[Any]):
    """A dynamic attribute value whose handlers raise nothing but ATT errors.

    Args:
        inner: The value as its service declared it.
        on_error: Called with what a handler raised beside ATT errors.
    """

    def __init__(
        self,
        inner: att.AttributeValue[Any] | att.AttributeValueV2[Any],
        on_error: Callable[[Exception], None],
    ) -> None:
        super().__init__()
        self._inner = inner
        self._on_error = on_error

    def read(self, bearer: att.Bearer) -> Any:
        """Read; a handler that fails counts as an unlikely error."""
        try:
            result = self._inner.read(cast("Any", bearer))
        except Exception as error:
            raise self._att_error(error, _Code.READ_NOT_PERMITTED) from error
        return self._guard(result) if inspect.isawaitable(result) else result

    def write(self, bearer: att.Bearer, value: Any) -> Awaitable[None] | None:
        """Write; a handler that fails counts as an unlikely error."""
        try:
            result = self._inner.write(cast("Any", bearer), value)
        except Exception as error:
            raise self._att_error(error, _Code.WRITE_NOT_PERMITTED) from error
        return self._guard(result) if inspect.isawaitable(result) else None

    async def _guard(self, result: Awaitable[Any]) -> Any:
        try:
            return await result
        except Exception as error:
            raise self._att_error(error, _Code.UNLIKELY_ERROR) from error

    def _att_error(self, error: Exception, missing: _Code) -> att.ATT_Error:
        if isinstance(error, att.ATT_Error):
            return error
        if isinstance(error, core.InvalidOperationError):
            return att.ATT_Error(missing)  # There is no such handler.
        self._on_error(error)
        return att.ATT_Error(_Code.UNLIKELY_ERROR)


class AttServer(gatt_server.Server):
    """A GATT server that answers in the turn of the loop in which it was asked.

    Args:
        owner: The device.
        att_mtu_max: Largest ATT MTU that it agrees to.
        on_error: Called with what a handler raised beside ATT errors.

    Attributes:
        faults: What goes wrong with the device's radio; None is nothing.
        on_fault_disconnect: Ends the connection in the name of a fault.
        moved_from: First handle of those that move when handles move.
    """

    def __init__(
        self, owner: device.Device, *, att_mtu_max: int, on_error: Callable[[Exception], None]
    ) -> None:
        super().__init__(owner)
        self.max_mtu = self._own_mtu_max = att_mtu_max
        self.faults: RadioFaults | None = None
        self.on_fault_disconnect: Callable[[], None] = _nothing
        self.moved_from = LAST_HANDLE
        self._on_error = on_error
        self._operations = 0

    def add_attribute(self, attribute: att.Attribute[Any]) -> None:
        """Add an attribute, its handlers guarded."""
        if isinstance(attribute.value, att.AttributeValue | att.AttributeValueV2):
            attribute.value = cast("Any", GuardedValue(attribute.value, self._on_error))
        super().add_attribute(attribute)

    def receive(self, connection: device.Connection, pdu: bytes) -> None:
        """Take a request or command.

        Args:
            connection: Where it came from.
            pdu: The ATT PDU, opcode first.
        """
        op = pdu[0]
        handle = _HANDLE.unpack_from(pdu, 1)[0] if len(pdu) >= ATT_HEADER_BYTES else 0
        self._operations += 1
        if self.faults is not None and self.faults.ends_connection(self._operations):
            self.on_fault_disconnect()
            return
        refusal = self._refusal(connection, op, handle, pdu)
        if refusal is not None:
            self._refuse(connection, op, handle, refusal)
        elif op in (_Op.ATT_WRITE_COMMAND, _Op.ATT_WRITE_REQUEST):
            self._write(connection, op, handle, pdu[ATT_HEADER_BYTES:])
        else:
            parse = _parse_discovery if op in _DISCOVERY else att.ATT_PDU.from_bytes
            try:
                request = parse(pdu)
            except (struct.error, IndexError, ValueError):
                self._refuse(connection, op, handle, _Code.INVALID_PDU)
            else:
                self.on_gatt_pdu(connection, request)

    def begin(self) -> None:
        """A connection begins: its ATT operations are counted from 1."""
        self._operations = 0

    def on_att_exchange_mtu_request(
        self, bearer: att.Bearer, request: att.ATT_Exchange_MTU_Request
    ) -> None:
        """Agree on an MTU; see Bluetooth Core 5.4, Vol 3 Part F, 3.4.2."""
        self.max_mtu = self._own_mtu_max
        if self.faults is not None:
            self.max_mtu = self.faults.limited_mtu(self._own_mtu_max, request.client_rx_mtu)
        super().on_att_exchange_mtu_request(bearer, request)

    def on_gatt_pdu(self, bearer: att.Bearer, att_pdu: att.ATT_PDU) -> None:
        """Handle a parsed request; the base class formats it for its log whether logged or not."""
        handler = getattr(self, f"on_{att_pdu.name.lower()}", self.on_att_request)
        connection = cast("device.Connection", bearer)
        # bumble turns its coroutines into plain functions that start a task nobody looks after.
        coroutine = getattr(handler, "__wrapped__", None)
        if coroutine is not None:
            work = self._finish(connection, att_pdu.op_code, coroutine(self, bearer, att_pdu))
            utils.AsyncRunner.spawn(work)  # type: ignore[no-untyped-call] # bumble's own.
            return
        with self._answering(connection, att_pdu.op_code):
            handler(bearer, att_pdu)

    def on_att_request(self, bearer: att.Bearer, pdu: att.ATT_PDU) -> None:
        """Refuse a request that this server doesn't know."""
        self._refuse(
            cast("device.Connection", bearer), pdu.op_code, 0, _Code.REQUEST_NOT_SUPPORTED
        )

    def send_response(self, bearer: att.Bearer, response: att.ATT_PDU) -> None:
        """Send an answer, without formatting it for a log."""
        self.send_gatt_pdu(bearer, bytes(response))

    def notify(self, connection: device.Connection, handle: int, value: bytes) -> bool:
        """Send a notification to a central that subscribed.

        Args:
            connection: Where to.
            handle: Of the characteristic's value.
            value: At most the connection's MTU less 3 bytes.

        Returns:
            False when the central is not subscribed; nothing is sent then.

        Raises:
            ValueTooLong: When the value does not fit the MTU.
        """
        if len(value) > connection.att_mtu - ATT_HEADER_BYTES:
            room = connection.att_mtu - ATT_HEADER_BYTES
            raise ValueTooLong("a notification", length=len(value), length_max=room)
        configuration = self.subscribers.get(connection, {}).get(handle)
        if not configuration or not configuration[0] & 1:
            return False
        values: tuple[bytes, ...] = (value,)
        if self.faults is not None:
            values = self.faults.notified(value)
            if self.faults.is_stale(handle):
                handle += MOVED_BY
        head = bytes([_Op.ATT_HANDLE_VALUE_NOTIFICATION]) + _HANDLE.pack(handle)
        for each in values:
            self.send_gatt_pdu(connection, head + each)
        return True

    # ------------------------------------------------------------------ requests

    def _refusal(
        self, connection: device.Connection, op: int, handle: int, pdu: bytes
    ) -> _Code | None:
        if len(pdu) > connection.att_mtu:
            return _Code.INVALID_PDU
        if op not in _WRITES and op not in _READS:
            return None
        attribute = self.get_attribute(handle)
        if attribute is None or (
            self.faults is not None and handle >= self.moved_from and self.faults.is_stale(handle)
        ):
            return _Code.INVALID_HANDLE
        permissions = int(attribute.permissions)
        if op in _WRITES and not permissions & _WRITEABLE:
            return _Code.WRITE_NOT_PERMITTED
        if op in _READS and not permissions & _READABLE:
            return _Code.READ_NOT_PERMITTED
        return None

    def _refuse(self, connection: device.Connection, op: int, handle: int, code: int) -> None:
        if not op & _COMMAND_FLAG:  # A command is never answered.
            pdu = _ERROR.pack(_Op.ATT_ERROR_RESPONSE, op, handle, code)
            self.send_gatt_pdu(connection, pdu)

    def _write(self, connection: device.Connection, op: int, handle: int, value: bytes) -> None:
        attribute = cast("att.Attribute[Any]", self.get_attribute(handle))
        result: Awaitable[None] | None
        if not isinstance(attribute.value, GuardedValue) or int(attribute.permissions) & ~(
            _READABLE | _WRITEABLE
        ):
            result = attribute.write_value(connection, value)
        else:
            try:
                result = attribute.value.write(connection, value)
            except att.ATT_Error as error:
                self._refuse(connection, op, handle, error.error_code)
                return
        if result is not None:
            answer = self._finish_write(connection, op, handle, result)
            utils.AsyncRunner.spawn(answer)  # type: ignore[no-untyped-call] # bumble's own.
        elif op == _Op.ATT_WRITE_REQUEST:
            self.send_gatt_pdu(connection, bytes([_Op.ATT_WRITE_RESPONSE]))

    async def _finish_write(
        self, connection: device.Connection, op: int, handle: int, result: Awaitable[None]
    ) -> None:
        with self._answering(connection, op, handle):
            await result
            if op == _Op.ATT_WRITE_REQUEST:
                self.send_gatt_pdu(connection, bytes([_Op.ATT_WRITE_RESPONSE]))

    async def _finish(self, connection: device.Connection, op: int, work: Awaitable[None]) -> None:
        with self._answering(connection, op):
            await work

    @contextlib.contextmanager
    def _answering(
        self, connection: device.Connection, op: int, handle: int = 0
    ) -> Iterator[None]:
        """Answer a request with an error, whatever goes wrong."""
        try:
            yield
        except att.ATT_Error as error:
            self._refuse(connection, op, handle or error.att_handle, error.error_code)
        except Exception as error:  # noqa: BLE001 - a request is answered whatever happens.
            self._on_error(error)
            self._refuse(connection, op, handle, _Code.UNLIKELY_ERROR)


def _nothing() -> None:
    """Do nothing."""


@functools.lru_cache(maxsize=_DISCOVERY_CACHE_SIZE)
def _parse_discovery(pdu: bytes) -> att.ATT_PDU:
    """Parse a request of a discovery; equal bytes give one object, which nobody changes."""
    return att.ATT_PDU.from_bytes(pdu)
