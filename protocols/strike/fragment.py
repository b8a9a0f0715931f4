"""Cuts messages into fragments that fit an ATT value, and joins them again.

A fragment is one header byte and at least one byte of the message:

    bit 7     FIRST: a message begins here
    bit 6     LAST: the message ends here
    bits 5-0  sequence: counts every fragment of one direction of a connection, from 0, modulo 64

The sequence runs on from message to message, and a message takes its numbers when it is cut, so a
lost, repeated, late or foreign fragment shows wherever it happens, and a message that its sender
gave up half-way shows as a gap. The receiver drops the unfinished message and waits for the next
FIRST; a whole message is never built from fragments of two. A FIRST with the number expected,
inside an unfinished message, means a sender that interleaves two: both are dropped.

How it judges the distance from the number expected to the number received (modulo 64):

    0         the next fragment
    1 to 31   so many were lost: what is unfinished is dropped; a FIRST begins anew right here
    32 to 63  a repeat or a late one: it is dropped itself, and what is unfinished with it

Only a loss of exactly 64 fragments in a row (or 128, ...) escapes the count. It can't lie inside
one message, since none has more than 63 fragments (`MESSAGE_SIZE_MAX`). To join the head of one
to the tail of another it would have to begin inside the first and end inside the second; for
requests, `Session` rules that out by never leaving more than 63 fragments unanswered and by
dropping what stays unfinished for half a request time-out. Replies have no such second bound, but
a Bluetooth link acknowledges every packet, and a sealed frame's tag refuses any such mixture.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Final

from protocols.errors import (
    FragmentLost,
    LimitExceeded,
    LocalProtocolError,
    MalformedFrame,
    RemoteProtocolError,
)
from protocols.strike.limits import (
    ATT_HEADER_SIZE,
    ATT_MTU_MIN,
    ATT_VALUE_SIZE_MAX,
    FRAGMENT_COUNT_MAX,
    MESSAGE_SIZE_MAX,
    SEQUENCE_COUNT,
)

FIRST: Final = 0x80
LAST: Final = 0x40
SEQUENCE_MASK: Final = SEQUENCE_COUNT - 1
FRAGMENT_HEADER_SIZE: Final = 1
# Distances from the expected number that mean "lost"; the other half of the circle means "late".
_LOSS_MAX: Final = SEQUENCE_COUNT // 2 - 1


class Fragmenter:
    """Cuts the messages of one direction of one connection.

    Args:
        mtu: ATT_MTU of the connection, octets.

    Raises:
        LocalProtocolError: When the MTU is below 23.
    """

    def __init__(self, mtu: int) -> None:
        self._sequence = 0
        self._payload_size = 0
        self.set_mtu(mtu)

    def set_mtu(self, mtu: int) -> None:
        """Take a newly negotiated ATT_MTU; messages cut before keep their fragments.

        Raises:
            LocalProtocolError: When the MTU is below 23.
        """
        if mtu < ATT_MTU_MIN:
            raise LocalProtocolError(f"an ATT MTU is at least {ATT_MTU_MIN}, not {mtu}")
        value_size = min(mtu - ATT_HEADER_SIZE, ATT_VALUE_SIZE_MAX)
        self._payload_size = value_size - FRAGMENT_HEADER_SIZE

    def count(self, message: bytes) -> int:
        """Fragments that a message takes at the present MTU."""
        return -(-len(message) // self._payload_size)

    def split(self, message: bytes) -> list[bytes]:
        """Cut a message into fragments of at most `mtu - 3` bytes.

        Args:
            message: A whole frame, 1 to `MESSAGE_SIZE_MAX` bytes.

        Raises:
            LocalProtocolError: When the message is empty or too long; nothing was counted.
        """
        if not 0 < len(message) <= MESSAGE_SIZE_MAX:
            raise LocalProtocolError(f"a message has 1 to {MESSAGE_SIZE_MAX} bytes")
        fragments: list[bytes] = []
        for start in range(0, len(message), self._payload_size):
            end = start + self._payload_size
            marks = (FIRST if start == 0 else 0) | (LAST if end >= len(message) else 0)
            fragments.append(bytes((marks | self._sequence,)) + message[start:end])
            self._sequence = (self._sequence + 1) & SEQUENCE_MASK
        return fragments


class AssemblyState(enum.Enum):
    """What a reassembler is doing between two fragments."""

    READY = enum.auto()  # the last message is complete
    COLLECTING = enum.auto()  # a message is unfinished
    SKIPPING = enum.auto()  # after a fault: up to the next FIRST


@dataclasses.dataclass(frozen=True, slots=True)
class Assembly:
    """What one fragment led to; both at once when a message came whole right after a loss.

    Attributes:
        message: A whole message, if this fragment ended one.
        fault: What is wrong with the stream, if something is.
    """

    message: bytes | None = dataclasses.field(default=None, repr=False)
    fault: RemoteProtocolError | None = None


class Reassembler:
    """Joins the fragments of one direction of one connection; never raises.

    Args:
        limit: Bytes of the longest message that is taken.
        first_sequence: Number of the first fragment; not 0 for a capture that begins later.
    """

    def __init__(self, limit: int = MESSAGE_SIZE_MAX, *, first_sequence: int = 0) -> None:
        self._limit = limit
        self._expected = first_sequence & SEQUENCE_MASK
        self._parts: list[bytes] = []
        self._size = 0
        self.state = AssemblyState.READY

    def receive(self, fragment: bytes) -> Assembly:
        """Take one fragment, as it came in an ATT value.

        Returns:
            The message that it completed and the fault that it showed. Faults are `FragmentLost`
            (a gap, a repeat, an interleaving), `LimitExceeded` and `MalformedFrame`; after each
            the unfinished message is gone and the next FIRST begins anew. The tail of a message
            whose loss was told already is dropped without another fault.
        """
        if len(fragment) <= FRAGMENT_HEADER_SIZE:
            self._skip()
            return Assembly(fault=MalformedFrame("a fragment carries no byte", raw=fragment))
        header = fragment[0]
        distance = (header - self._expected) & SEQUENCE_MASK
        if distance > _LOSS_MAX:
            self._skip()
            return Assembly(fault=FragmentLost("a fragment came twice or late", raw=fragment))
        self._expected = (header + 1) & SEQUENCE_MASK
        fault: RemoteProtocolError | None = None
        if distance:
            fault = FragmentLost(f"{distance} fragments are missing", raw=fragment)
            self._skip()
        return self._place(header, fragment, fault)

    def abandon(self) -> int:
        """Drop an unfinished message; returns its size so far, 0 when there is none."""
        size = self._size
        if self.state is AssemblyState.COLLECTING:
            self._skip()
        return size

    def _place(self, header: int, fragment: bytes, fault: RemoteProtocolError | None) -> Assembly:
        if header & FIRST:
            if self.state is AssemblyState.COLLECTING:
                # What follows may belong to either, so neither is safe to go on with.
                self._skip()
                return Assembly(fault=FragmentLost("a message began inside another", raw=fragment))
            self.state = AssemblyState.COLLECTING
        elif self.state is AssemblyState.READY:
            self._skip()
            return Assembly(fault=FragmentLost("a fragment continues nothing", raw=fragment))
        elif self.state is AssemblyState.SKIPPING:
            return Assembly(fault=fault)
        self._parts.append(fragment[FRAGMENT_HEADER_SIZE:])
        self._size += len(fragment) - FRAGMENT_HEADER_SIZE
        if self._size > self._limit or len(self._parts) > FRAGMENT_COUNT_MAX:
            self._skip()
            return Assembly(fault=LimitExceeded("a message is too long", raw=fragment))
        if not header & LAST:
            return Assembly(fault=fault)
        message = b"".join(self._parts)
        self._skip()
        self.state = AssemblyState.READY
        return Assembly(message=message, fault=fault)

    def _skip(self) -> None:
        self._parts.clear()
        self._size = 0
        self.state = AssemblyState.SKIPPING
