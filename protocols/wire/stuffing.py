"""Consistent Overhead Byte Stuffing: frames without a zero byte, so that zero can end them.

Source: S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on
Networking 7 (2), 1999. The stuffing itself is done by the `cobs` package.
"""

from __future__ import annotations

import typing
from typing import Final

from cobs import cobs

from protocols.errors import LimitExceeded, MalformedFrame, RemoteProtocolError
from protocols.wire.buffer import ReceiveBuffer

# Ends a stuffed frame on the wire; never inside one.
DELIMITER: Final = b"\0"


def cobs_encode(data: bytes) -> bytes:
    """Stuff a frame; at most one byte longer for every 254 begun, no zero byte, no delimiter."""
    return typing.cast("bytes", cobs.encode(data))


def cobs_decode(data: bytes) -> bytes:
    """Undo the stuffing of one frame, given without its delimiter.

    Raises:
        MalformedFrame: When the bytes are not a stuffed frame.
    """
    try:
        return typing.cast("bytes", cobs.decode(data))
    except cobs.DecodeError:
        fault = MalformedFrame("not a COBS frame", raw=data)
    raise fault


class FrameSplitter:
    """Cuts a byte stream at its delimiters and undoes the stuffing.

    The same stream gives the same results however it is cut into chunks. A fault is a result too,
    in its place among the frames, since it must not cost the frames that arrived with it. Empty
    frames are skipped: a sender may put a delimiter in front of a frame to end line noise.

    Attributes:
        limit: Bytes that a stuffed frame has at most, without its delimiter.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = ReceiveBuffer(limit)
        self._overlong_size = 0  # bytes of the present frame, once it is too long to keep

    def receive(self, data: bytes) -> list[bytes | RemoteProtocolError]:
        """Take the next bytes of the stream; the frames, or faults, that they complete.

        A frame over the limit is dropped, and reported as `LimitExceeded` where it ends; one that
        is not stuffed rightly is reported as `MalformedFrame`.
        """
        results: list[bytes | RemoteProtocolError] = []
        *ends, rest = bytes(data).split(DELIMITER)
        for piece in ends:
            self._grow(piece)
            results.extend(self._finish())
        self._grow(rest)
        return results

    def _grow(self, piece: bytes) -> None:
        if not self._overlong_size:
            try:
                self._buffer.feed(piece)
            except LimitExceeded:
                self._overlong_size = len(self._buffer)
                self._buffer.take_all()
            else:
                return
        self._overlong_size += len(piece)

    def _finish(self) -> list[bytes | RemoteProtocolError]:
        if self._overlong_size:
            size, self._overlong_size = self._overlong_size, 0
            return [LimitExceeded(f"a stuffed frame of {size} bytes is over {self.limit}")]
        stuffed = self._buffer.take_all()
        if not stuffed:
            return []
        try:
            return [cobs_decode(stuffed)]
        except MalformedFrame as fault:
            return [fault]
