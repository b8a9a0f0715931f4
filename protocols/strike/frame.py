"""The frame around every message: common header, parts by flag, body.

    version 1 | type 1 | transaction 1 | flags 1 | [session id 1] | [counter 2] | body | [tag 8]

A part is there if, and only if, its flag is set. Flags without a meaning in this version must be
zero: they could move everything behind them. All numbers are little-endian.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Final

from protocols.errors import LocalProtocolError, MalformedFrame
from protocols.strike.limits import HEADER_SIZE
from protocols.wire.layout import U8, codec, message

PROTOCOL_VERSION: Final = 1

SESSION_ID_SIZE: Final = 1
COUNTER_SIZE: Final = 2
TAG_SIZE: Final = 8


class FrameFlag(enum.IntFlag):
    """Which parts a frame has."""

    SESSION_ID = 0x01
    COUNTER = 0x02
    TAG = 0x04


# A plain number: the complement of an IntFlag keeps to the flags that it knows.
KNOWN_FLAGS: Final = int(FrameFlag.SESSION_ID | FrameFlag.COUNTER | FrameFlag.TAG)


@message
class FrameHeader:
    """The common header."""

    version: U8  # 1
    message_type: U8  # number of the message
    transaction: U8  # joins a reply to its request; 0 for events
    flags: U8  # FrameFlag


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A frame, taken apart.

    Attributes:
        message_type: Number of the message.
        transaction: Joins a reply to its request; 0 for events.
        body: The message's own bytes; sealed where a provider seals.
        session_id: Which session it belongs to, 0 to 255; None when absent.
        counter: Low 16 bits of the sender's frame counter; None when absent.
        tag: 8 bytes of authentication; None when absent.
    """

    message_type: int
    transaction: int
    body: bytes = dataclasses.field(repr=False)
    session_id: int | None = None
    counter: int | None = None
    tag: bytes | None = dataclasses.field(default=None, repr=False)

    @property
    def flags(self) -> FrameFlag:
        """The flags that go with the parts."""
        flags = _NO_FLAGS
        if self.session_id is not None:
            flags |= FrameFlag.SESSION_ID
        if self.counter is not None:
            flags |= FrameFlag.COUNTER
        if self.tag is not None:
            flags |= FrameFlag.TAG
        return flags

    @property
    def header(self) -> FrameHeader:
        """The common header."""
        return FrameHeader(
            version=PROTOCOL_VERSION,
            message_type=self.message_type,
            transaction=self.transaction,
            flags=int(self.flags),
        )

    def encode(self) -> bytes:
        """The frame's bytes.

        Raises:
            LocalProtocolError: When a number does not fit its word, or the tag has not 8 bytes.
        """
        parts = [_HEADER.encode(self.header)]
        if self.session_id is not None:
            parts.append(_number(self.session_id, SESSION_ID_SIZE))
        if self.counter is not None:
            parts.append(_number(self.counter, COUNTER_SIZE))
        parts.append(self.body)
        if self.tag is not None:
            if len(self.tag) != TAG_SIZE:
                raise LocalProtocolError(f"a tag has {TAG_SIZE} bytes")
            parts.append(self.tag)
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> Frame:
        """Take a whole message apart; the body is not looked at.

        Raises:
            MalformedFrame: When it is shorter than its header and parts, of another version, or
                has flags that this version does not know.
        """
        if len(data) < HEADER_SIZE:
            raise MalformedFrame("shorter than the common header", raw=data)
        header = _HEADER.decode(data[:HEADER_SIZE])
        if header.version != PROTOCOL_VERSION:
            raise MalformedFrame("another protocol version", raw=data, offset=0)
        if header.flags & ~KNOWN_FLAGS:
            raise MalformedFrame("unknown flags", raw=data, offset=3)
        plain = cls(
            message_type=header.message_type,
            transaction=header.transaction,
            body=data[HEADER_SIZE:],
        )
        return _with_parts(plain, FrameFlag(header.flags), data) if header.flags else plain


_HEADER: Final = codec(FrameHeader)
_NO_FLAGS: Final = FrameFlag(0)


def _with_parts(plain: Frame, flags: FrameFlag, data: bytes) -> Frame:
    """The frame with its parts taken out of the body.

    Raises:
        MalformedFrame: When they are not all there.
    """
    start, end = HEADER_SIZE, len(data)
    session_id = counter = tag = None
    if FrameFlag.SESSION_ID in flags:
        session_id = int.from_bytes(data[start : start + SESSION_ID_SIZE], "little")
        start += SESSION_ID_SIZE
    if FrameFlag.COUNTER in flags:
        counter = int.from_bytes(data[start : start + COUNTER_SIZE], "little")
        start += COUNTER_SIZE
    if FrameFlag.TAG in flags:
        end -= TAG_SIZE
        tag = data[end:]
    if start > end:
        raise MalformedFrame("shorter than the parts it announces", raw=data)
    return dataclasses.replace(
        plain, body=data[start:end], session_id=session_id, counter=counter, tag=tag
    )


def _number(value: int, size: int) -> bytes:
    if not 0 <= value < 1 << 8 * size:
        raise LocalProtocolError(f"{value} does not fit {size} bytes")
    return value.to_bytes(size, "little")
