"""The life of a transaction, both roles: the one table of a session's transitions.

A transaction number is in one of these states on each side. An INITIATOR's numbers rest in IDLE,
a RESPONDER's in LISTENING, so the table says by itself what a role may do. Number 0 belongs to
events and never leaves its resting state.

Every pair of state and step is in exactly one of four places: `TRANSITIONS`; `PEER_FAULTS`, where
the frame is refused and nothing changes; `CALLER_FAULTS`, where the caller gets an error and
nothing is sent; `IMPOSSIBLE`, which no input can reach.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final


class Role(enum.Enum):
    """Who asks and who answers."""

    INITIATOR = "initiator"  # the gateway
    RESPONDER = "responder"  # the lock


class State(enum.Enum):
    """Where a transaction number stands."""

    IDLE = "idle"  # initiator: free
    ASKED = "asked"  # initiator: request sent, reply awaited
    EXPIRED = "expired"  # initiator: given up; a late reply may still come
    LISTENING = "listening"  # responder: free
    OWING = "owing"  # responder: request received, reply not sent yet


class Step(enum.Enum):
    """What happens to a transaction number."""

    REQUEST_SENT = "request sent"
    REQUEST_RECEIVED = "request received"
    REPLY_SENT = "reply sent"
    REPLY_RECEIVED = "reply received"
    EVENT_SENT = "event sent"
    EVENT_RECEIVED = "event received"
    DEADLINE_PASSED = "deadline passed"


RESTING: Final[Mapping[Role, State]] = MappingProxyType(
    {Role.INITIATOR: State.IDLE, Role.RESPONDER: State.LISTENING}
)

TRANSITIONS: Final[Mapping[tuple[State, Step], State]] = MappingProxyType(
    {
        (State.IDLE, Step.REQUEST_SENT): State.ASKED,
        (State.IDLE, Step.EVENT_RECEIVED): State.IDLE,
        (State.ASKED, Step.REPLY_RECEIVED): State.IDLE,
        (State.ASKED, Step.DEADLINE_PASSED): State.EXPIRED,
        # The late reply is dropped, but from now on the number can't be confused any more.
        (State.EXPIRED, Step.REPLY_RECEIVED): State.IDLE,
        # Only when no number is IDLE: the one that expired first is taken again.
        (State.EXPIRED, Step.REQUEST_SENT): State.ASKED,
        (State.LISTENING, Step.REQUEST_RECEIVED): State.OWING,
        (State.LISTENING, Step.EVENT_SENT): State.LISTENING,
        (State.OWING, Step.REPLY_SENT): State.LISTENING,
    }
)

PEER_FAULTS: Final = frozenset(
    {
        # The lock asks nothing.
        (State.IDLE, Step.REQUEST_RECEIVED),
        (State.ASKED, Step.REQUEST_RECEIVED),
        (State.EXPIRED, Step.REQUEST_RECEIVED),
        # A reply to nothing that was asked.
        (State.IDLE, Step.REPLY_RECEIVED),
        (State.LISTENING, Step.REPLY_RECEIVED),
        (State.OWING, Step.REPLY_RECEIVED),
        # The number is taken until its reply is sent.
        (State.OWING, Step.REQUEST_RECEIVED),
        # The gateway reports nothing.
        (State.LISTENING, Step.EVENT_RECEIVED),
    }
)

CALLER_FAULTS: Final = frozenset(
    {
        # The gateway answers nothing and reports nothing.
        (State.IDLE, Step.REPLY_SENT),
        (State.ASKED, Step.REPLY_SENT),
        (State.EXPIRED, Step.REPLY_SENT),
        (State.IDLE, Step.EVENT_SENT),
        # The lock asks nothing, and answers only what was asked.
        (State.LISTENING, Step.REQUEST_SENT),
        (State.LISTENING, Step.REPLY_SENT),
    }
)

IMPOSSIBLE: Final = frozenset(
    {
        # Only a request that waits for its reply has a deadline.
        (State.IDLE, Step.DEADLINE_PASSED),
        (State.EXPIRED, Step.DEADLINE_PASSED),
        (State.LISTENING, Step.DEADLINE_PASSED),
        (State.OWING, Step.DEADLINE_PASSED),
        # A new request never takes a number that waits, and asks for a resting one first.
        (State.ASKED, Step.REQUEST_SENT),
        (State.OWING, Step.REQUEST_SENT),
        # Number 0 rests always.
        (State.ASKED, Step.EVENT_SENT),
        (State.ASKED, Step.EVENT_RECEIVED),
        (State.EXPIRED, Step.EVENT_SENT),
        (State.EXPIRED, Step.EVENT_RECEIVED),
        (State.OWING, Step.EVENT_SENT),
        (State.OWING, Step.EVENT_RECEIVED),
    }
)
