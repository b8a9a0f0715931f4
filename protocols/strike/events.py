"""What a session tells its owner."""

from __future__ import annotations

import dataclasses
from typing import Any

from protocols.doorlock.vocabulary import Status


@dataclasses.dataclass(frozen=True, slots=True)
class RequestReceived:
    """RESPONDER: the peer asks; answer with `send(reply, now, in_reply_to=transaction)`."""

    transaction: int
    message: Any


@dataclasses.dataclass(frozen=True, slots=True)
class ReplyReceived:
    """INITIATOR: the peer answered."""

    transaction: int
    request: Any
    message: Any


@dataclasses.dataclass(frozen=True, slots=True)
class EventReceived:
    """INITIATOR: the peer reports something by itself."""

    message: Any


@dataclasses.dataclass(frozen=True, slots=True)
class RequestTimedOut:
    """INITIATOR: no reply came in time; whether the request was done is unknown."""

    transaction: int
    request: Any


@dataclasses.dataclass(frozen=True, slots=True)
class FrameRefused:
    """Bytes from the peer that were dropped; the session goes on.

    Attributes:
        reason: A short sentence of ours; never bytes of the peer.
        length: Bytes that were dropped.
        transaction: RESPONDER: the request that can still be answered, or None.
        answer: The status to answer it with (`StatusReply`); None exactly when `transaction` is.
    """

    reason: str
    length: int
    transaction: int | None = None
    answer: Status | None = None


Event = RequestReceived | ReplyReceived | EventReceived | RequestTimedOut | FrameRefused
