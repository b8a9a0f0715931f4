"""A small ATT client: one request at a time, values in and out, errors as exceptions.

bumble's client makes a dataclass of every PDU, and a set of every characteristic's subscribers,
whose order is that of memory addresses; and it cancels what waits for an answer when the
connection ends, which looks like the cancellation of the task that waits.

Source of the layouts: Bluetooth Core 5.4, Vol 3 Part F, 3.4.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Final, NoReturn

from bumble import att

from firmware_sim.errors import SimulationError
from firmware_sim.radio.att_server import ATT_HEADER_BYTES

# An ATT transaction that takes longer is lost, and the connection with it.
# Source: Bluetooth Core 5.4, Vol 3 Part F, 3.3.3.
TRANSACTION_TIMEOUT_S: Final = 30.0
# Opcode, handle and offset before a part of a long value.
_PREPARE_HEADER_BYTES: Final = 5
_EXECUTE_CANCEL: Final = 0
_EXECUTE_WRITE: Final = 1

_Op = att.Opcode
_HANDLE: Final = struct.Struct("<BH")
_PREPARE: Final = struct.Struct("<BHH")
_ERROR: Final = struct.Struct("<BBHB")  # Opcode, opcode in error, handle, error code.
# What ends the reading of a long value. Source: Bluetooth Core 5.4, Vol 3 Part F, 3.4.4.5.
_END_OF_VALUE: Final = (att.ErrorCode.ATTRIBUTE_NOT_LONG, att.ErrorCode.INVALID_OFFSET)


class AttRefused(SimulationError):  # noqa: N818 - leaves of the error tree say what happened.
    """The server answered with an ATT error.

    Attributes:
        code: ATT error code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"ATT error 0x{self.code:02x}"


class ConnectionLost(SimulationError):  # noqa: N818 - see AttRefused.
    """The connection is over, or did not come about.

    Attributes:
        reason: HCI error code.
    """

    def __init__(self, reason: int) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"no connection, HCI reason 0x{self.reason:02x}"


class PairingRefused(SimulationError):  # noqa: N818 - see AttRefused.
    """The link could not be encrypted.

    Attributes:
        code: HCI error code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"not paired, HCI error 0x{self.code:02x}"


class AttClient:
    """The client end of a connection's ATT bearer.

    Args:
        send: Sends one PDU.

    Attributes:
        mtu: ATT MTU in use.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.mtu = att.ATT_DEFAULT_MTU
        self._send = send
        self._turn = asyncio.Lock()
        self._answer: asyncio.Future[bytes] | None = None
        # Set while no answer is under way, that of a cancelled request included.
        self._clear = asyncio.Event()
        self._clear.set()
        # A server has one queue of prepared writes for all attributes of a connection.
        self._queue_turn = asyncio.Lock()
        self._has_queued = False
        self._lost_reason: int | None = None
        self._listeners: dict[int, Callable[[bytes], None]] = {}

    def listen(self, handle: int, listener: Callable[[bytes], None] | None) -> None:
        """Hand notifications and indications of a characteristic to a listener, or to nobody."""
        if listener is None:
            self._listeners.pop(handle, None)
        else:
            self._listeners[handle] = listener

    def receive(self, pdu: bytes) -> None:
        """Take a response, notification or indication.

        Args:
            pdu: The ATT PDU, opcode first.
        """
        op = pdu[0]
        if op in (_Op.ATT_HANDLE_VALUE_NOTIFICATION, _Op.ATT_HANDLE_VALUE_INDICATION):
            if len(pdu) < ATT_HEADER_BYTES:
                return
            if op == _Op.ATT_HANDLE_VALUE_INDICATION:
                self._send(bytes([_Op.ATT_HANDLE_VALUE_CONFIRMATION]))
            listener = self._listeners.get(_HANDLE.unpack_from(pdu)[1])
            if listener is not None:
                listener(pdu[ATT_HEADER_BYTES:])
            return
        self._clear.set()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(pdu)

    def is_listening(self, handle: int) -> bool:
        """True while a characteristic has a listener."""
        return handle in self._listeners

    def lose(self, reason: int) -> None:
        """The connection is over: what waits for an answer fails, and so does what comes later.

        Args:
            reason: HCI error code.
        """
        self._lost_reason = reason
        self._listeners.clear()
        self._clear.set()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionLost(reason))

    def command(self, pdu: bytes) -> None:
        """Send a PDU that has no answer.

        Raises:
            ConnectionLost: When there is no connection any more.
        """
        if self._lost_reason is not None:
            raise ConnectionLost(self._lost_reason)
        self._send(pdu)

    async def request(self, pdu: bytes) -> bytes:
        """Send a request, after those that were made before, and return its answer.

        Cancellation: the answer is waited for by the next request, and dropped.

        Raises:
            AttRefused: When the answer is an error.
            ConnectionLost: When the connection ended first.
            TimeoutError: When there was no answer within 30 seconds.
        """
        async with self._turn, asyncio.timeout(TRANSACTION_TIMEOUT_S):
            await self._clear.wait()
            self.command(pdu)
            self._clear.clear()
            self._answer = asyncio.get_running_loop().create_future()
            try:
                answer = await self._answer
            finally:
                self._answer = None
        if answer[0] == _Op.ATT_ERROR_RESPONSE:
            _refused(answer)
        return answer

    # ------------------------------------------------------------------ procedures

    async def exchange_mtu(self, mtu: int) -> int:
        """Agree on the ATT MTU: the smaller of both sides'; 23 where the server knows no other."""
        try:
            answer = await self.request(_HANDLE.pack(_Op.ATT_EXCHANGE_MTU_REQUEST, mtu))
        except AttRefused:
            return self.mtu
        self.mtu = max(att.ATT_DEFAULT_MTU, min(mtu, _HANDLE.unpack_from(answer)[1]))
        return self.mtu

    async def read(self, handle: int) -> bytes:
        """Read a value, whatever its length."""
        value = (await self.request(_HANDLE.pack(_Op.ATT_READ_REQUEST, handle)))[1:]
        part = value
        while len(part) == self.mtu - 1:
            blob = _PREPARE.pack(_Op.ATT_READ_BLOB_REQUEST, handle, len(value))
            try:
                part = (await self.request(blob))[1:]
            except AttRefused as refused:
                if refused.code in _END_OF_VALUE:
                    break
                raise
            value += part
        return value

    async def write(self, handle: int, value: bytes) -> None:
        """Write a value and wait for the confirmation; a long one goes in parts.

        Cancellation: what arrived of a long one is dropped by the next long one.
        """
        if len(value) <= self.mtu - ATT_HEADER_BYTES:
            await self.request(_HANDLE.pack(_Op.ATT_WRITE_REQUEST, handle) + value)
            return
        async with self._queue_turn:
            if self._has_queued:
                await self._execute(_EXECUTE_CANCEL)
            self._has_queued = True
            try:
                await self._prepare(handle, value)
            except AttRefused:
                await self._execute(_EXECUTE_CANCEL)
                raise
            await self._execute(_EXECUTE_WRITE)

    async def _prepare(self, handle: int, value: bytes) -> None:
        """Put a value into the server's queue."""
        room = self.mtu - _PREPARE_HEADER_BYTES
        for start in range(0, len(value), room):
            head = _PREPARE.pack(_Op.ATT_PREPARE_WRITE_REQUEST, handle, start)
            await self.request(head + value[start : start + room])

    async def _execute(self, flag: int) -> None:
        """Have the server write its queue or drop it; a refusal empties it as well."""
        try:
            await self.request(bytes([_Op.ATT_EXECUTE_WRITE_REQUEST, flag]))
        except AttRefused:
            self._has_queued = False
            raise
        self._has_queued = False

    def write_command(self, handle: int, value: bytes) -> None:
        """Write a value of at most the MTU less 3 bytes, without confirmation."""
        self.command(_HANDLE.pack(_Op.ATT_WRITE_COMMAND, handle) + value)


def _refused(answer: bytes) -> NoReturn:
    raise AttRefused(_ERROR.unpack_from(answer)[3])
