"""One side of a strike connection, either role: bytes and instants in, events and bytes out.

Theory of operation: a `Session` lives as long as its connection and does no IO. Its owner hands it
every ATT value (`receive`), sends what `send` returns in that order, and calls `tick` when
`next_deadline` has come. An INITIATOR (gateway) asks and gets events; a RESPONDER (lock) answers
and reports. Every request has a transaction number that its reply repeats; the life of a number is
the table in `protocols.strike.transaction`.

Whose fault it is, is decided here: a caller's mistake raises `LocalProtocolError` and nothing is
sent; whatever the peer does wrong is a `FrameRefused` event and a count, and never an exception.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from protocols.doorlock.vocabulary import Status
from protocols.errors import (
    LimitExceeded,
    LocalProtocolError,
    MalformedFrame,
    RemoteProtocolError,
    UnexpectedMessage,
)
from protocols.strike.events import (
    Event,
    EventReceived,
    FrameRefused,
    ReplyReceived,
    RequestReceived,
    RequestTimedOut,
)
from protocols.strike.fragment import Fragmenter, Reassembler
from protocols.strike.frame import Frame
from protocols.strike.limits import (
    EVENT_TRANSACTION,
    FRAGMENT_COUNT_MAX,
    MESSAGE_SIZE_MAX,
    OPEN_REQUESTS_MAX,
    TRANSACTION_MAX,
)
from protocols.strike.messages import (
    EVENTS,
    REPLIES,
    REPLY,
    REQUESTS,
    TYPE_NUMBERS,
    StatusReply,
)
from protocols.strike.provider import SessionProvider
from protocols.strike.transaction import RESTING, TRANSITIONS, Role, State, Step
from protocols.wire.layout import codec

# One door for the owners of sessions: machine, roles and events.
__all__ = [
    "REQUEST_TIMEOUT_S",
    "Event",
    "EventReceived",
    "FrameRefused",
    "ReplyReceived",
    "RequestReceived",
    "RequestTimedOut",
    "Role",
    "Session",
]

# Seconds that a lock may take for a reply: a write to flash takes milliseconds, but the slowest
# locks known need up to 10 s (zwave-js, 0x003b/be469zp).
REQUEST_TIMEOUT_S: Final = 10.0
# Share of the request time-out after which an unfinished message is dropped: well before its
# sender may give up and send anew, so that old and new fragments never meet.
_PARTIAL_SHARE: Final = 0.5

# First type numbers of events and of replies; requests lie below.
_FIRST_EVENT: Final = 0x40
_FIRST_REPLY: Final = REPLY


@dataclasses.dataclass(slots=True)
class _Transaction:
    """A transaction number that does not rest."""

    state: State
    type_number: int
    # Kept while a reply is awaited only: a request may hold a PIN.
    request: Any = dataclasses.field(default=None, repr=False)
    deadline: float = 0.0
    fragment_count: int = 0


class Session:
    """One side of one connection; single-use.

    Args:
        role: INITIATOR for the gateway, RESPONDER for the lock.
        provider: Seals and opens frames.
        mtu: ATT_MTU of the connection, octets, from 23.
        request_timeout_s: Seconds that an INITIATOR waits for a reply.
        open_requests_max: Requests that may wait for a reply at once.

    Attributes:
        last_transaction: INITIATOR: number of the latest request; 0 before the first.
        received_count: Whole messages taken from the peer.
        refused_count: Fragments and messages of the peer that were refused.
    """

    def __init__(
        self,
        role: Role,
        provider: SessionProvider,
        mtu: int,
        *,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
        open_requests_max: int = OPEN_REQUESTS_MAX,
    ) -> None:
        self.role = role
        self.last_transaction = EVENT_TRANSACTION
        self.received_count = 0
        self.refused_count = 0
        self._provider = provider
        self._request_timeout_s = request_timeout_s
        self._open_requests_max = open_requests_max
        self._fragmenter = Fragmenter(mtu)
        self._reassembler = Reassembler(MESSAGE_SIZE_MAX)
        self._fragment_at = 0.0
        # Only numbers that do not rest, in the order in which they left their rest.
        self._transactions: dict[int, _Transaction] = {}

    # --- outwards ---------------------------------------------------------------------------

    @property
    def open_count(self) -> int:
        """Requests that wait for a reply, on either side."""
        return sum(1 for item in self._transactions.values() if item.state is not State.EXPIRED)

    @property
    def next_deadline(self) -> float | None:
        """When `tick` has something to do; None while nothing is awaited."""
        return min(
            (item.deadline for item in self._transactions.values() if item.state is State.ASKED),
            default=None,
        )

    def set_mtu(self, mtu: int) -> None:
        """Take a newly negotiated ATT_MTU.

        Raises:
            LocalProtocolError: When it is below 23.
        """
        self._fragmenter.set_mtu(mtu)

    def send(self, message: object, now: float, *, in_reply_to: int | None = None) -> list[bytes]:
        """Cut a message into fragments to be sent in this order.

        Args:
            message: INITIATOR: a request; its number is then `last_transaction`. RESPONDER: a
                reply, or an event.
            now: The present instant, loop seconds.
            in_reply_to: RESPONDER: the transaction that a reply answers.

        Raises:
            LocalProtocolError: When this role may not send that now, a field does not fit, the
                message is too long, or too many requests are unanswered. Nothing was sent.
        """
        type_number = TYPE_NUMBERS.get(type(message))
        if type_number is None:
            raise LocalProtocolError(f"{type(message).__name__} is no message of this protocol")
        if type_number >= _FIRST_REPLY:
            return self._send_reply(message, type_number, in_reply_to)
        if in_reply_to is not None:
            raise LocalProtocolError(f"{type(message).__name__} is no reply")
        if type_number >= _FIRST_EVENT:
            self._may(EVENT_TRANSACTION, Step.EVENT_SENT)
            return self._fragmenter.split(self._seal(message, type_number, EVENT_TRANSACTION))
        return self._send_request(message, type_number, now)

    def _send_request(self, message: object, type_number: int, now: float) -> list[bytes]:
        number = self._free_number()
        self._may(number, Step.REQUEST_SENT)
        if self.open_count >= self._open_requests_max:
            raise LocalProtocolError(f"{self._open_requests_max} requests are unanswered already")
        data = self._seal(message, type_number, number)
        count = self._fragmenter.count(data)
        if count + sum(item.fragment_count for item in self._open()) > FRAGMENT_COUNT_MAX:
            raise LocalProtocolError("the unanswered requests leave no room for so long a message")
        fragments = self._fragmenter.split(data)
        self._transactions.pop(number, None)
        self._transactions[number] = _Transaction(
            state=TRANSITIONS[self._state_of(number), Step.REQUEST_SENT],
            type_number=type_number,
            request=message,
            deadline=now + self._request_timeout_s,
            fragment_count=count,
        )
        self.last_transaction = number
        return fragments

    def _send_reply(
        self, message: object, type_number: int, in_reply_to: int | None
    ) -> list[bytes]:
        number = EVENT_TRANSACTION if in_reply_to is None else in_reply_to
        self._may(number, Step.REPLY_SENT)
        request_type = self._transactions[number].type_number
        if not _answers(type_number, request_type):
            name = type(message).__name__
            raise LocalProtocolError(f"{name} does not answer request {request_type:#04x}")
        fragments = self._fragmenter.split(self._seal(message, type_number, number))
        self._step(number, Step.REPLY_SENT)
        return fragments

    def _seal(self, message: Any, type_number: int, transaction: int) -> bytes:
        body = codec(type(message)).encode(message)
        plain = Frame(message_type=type_number, transaction=transaction, body=body)
        return self._provider.seal(plain).encode()

    def _free_number(self) -> int:
        """The resting number after the last one; the one that expired first when none rests."""
        for step in range(TRANSACTION_MAX):
            number = (self.last_transaction + step) % TRANSACTION_MAX + 1
            if number not in self._transactions:
                return number
        return next(
            number for number, item in self._transactions.items() if item.state is State.EXPIRED
        )

    # --- inwards ----------------------------------------------------------------------------

    def receive(self, fragment: bytes, now: float) -> list[Event]:
        """Take one ATT value from the peer; never raises.

        Args:
            fragment: The value as it came.
            now: The present instant, loop seconds. A reply that comes at its deadline is late.

        Returns:
            What happened, in this order: time-outs, what is wrong with the stream, and what the
            message says that this fragment completed.
        """
        events = self.tick(now)
        if now - self._fragment_at >= self._request_timeout_s * _PARTIAL_SHARE:
            dropped = self._reassembler.abandon()
            if dropped:
                events.append(self._refuse("an unfinished message got no more fragments", dropped))
        self._fragment_at = now
        assembly = self._reassembler.receive(fragment)
        if assembly.fault is not None:
            events.append(self._refuse(assembly.fault.reason, assembly.fault.raw_length))
        if assembly.message is not None:
            try:
                frame = self._provider.open(Frame.decode(assembly.message))
                events.append(self._take(frame, len(assembly.message)))
            except RemoteProtocolError as error:
                events.append(self._refuse(error.reason, len(assembly.message)))
        return events

    def tick(self, now: float) -> list[Event]:
        """Give up requests whose deadline is here; earliest first."""
        due = [
            (number, item)
            for number, item in self._transactions.items()
            if item.state is State.ASKED and item.deadline <= now
        ]
        events: list[Event] = []
        for number, item in sorted(due, key=lambda pair: pair[1].deadline):
            self._step(number, Step.DEADLINE_PASSED)
            events.append(RequestTimedOut(transaction=number, request=item.request))
            item.request = None
        return events

    def _take(self, frame: Frame, length: int) -> Event:
        """Understand an opened frame.

        Raises:
            RemoteProtocolError: When it can't be understood and can't be answered either.
        """
        if frame.message_type >= _FIRST_REPLY:
            return self._take_reply(frame)
        if frame.message_type >= _FIRST_EVENT:
            return self._take_event(frame)
        return self._take_request(frame, length)

    def _take_request(self, frame: Frame, length: int) -> Event:
        number = frame.transaction
        if number == EVENT_TRANSACTION:
            raise MalformedFrame("a request without a transaction", raw=frame.body)
        self._expect(frame, Step.REQUEST_RECEIVED)
        if self.open_count >= self._open_requests_max:
            raise LimitExceeded("too many requests wait for a reply", raw=frame.body)
        self._transactions[number] = _Transaction(
            state=TRANSITIONS[self._state_of(number), Step.REQUEST_RECEIVED],
            type_number=frame.message_type,
        )
        kind = REQUESTS.get(frame.message_type)
        if kind is None:
            return self._refuse(
                "a request of unknown type", length, number, Status.UNSUPPORTED_COMMAND
            )
        try:
            message: Any = codec(kind).decode(frame.body)
        except MalformedFrame as error:
            return self._refuse(error.reason, length, number, Status.INVALID_FIELD)
        self.received_count += 1
        return RequestReceived(transaction=number, message=message)

    def _take_reply(self, frame: Frame) -> Event:
        number = frame.transaction
        self._expect(frame, Step.REPLY_RECEIVED)
        asked = self._transactions[number]
        kind = REPLIES.get(frame.message_type)
        if kind is None or not _answers(frame.message_type, asked.type_number):
            raise UnexpectedMessage("a reply of the wrong type", raw=frame.body)
        message: Any = codec(kind).decode(frame.body)
        is_late = asked.state is State.EXPIRED
        self._step(number, Step.REPLY_RECEIVED)
        if is_late:
            raise UnexpectedMessage("a reply after its deadline", raw=frame.body)
        self.received_count += 1
        return ReplyReceived(transaction=number, request=asked.request, message=message)

    def _take_event(self, frame: Frame) -> Event:
        if frame.transaction != EVENT_TRANSACTION:
            raise MalformedFrame("an event with a transaction", raw=frame.body)
        self._expect(frame, Step.EVENT_RECEIVED)
        kind = EVENTS.get(frame.message_type)
        if kind is None:
            raise UnexpectedMessage("an event of unknown type", raw=frame.body)
        message: Any = codec(kind).decode(frame.body)
        self.received_count += 1
        return EventReceived(message=message)

    # --- transactions -----------------------------------------------------------------------

    def _state_of(self, number: int) -> State:
        item = self._transactions.get(number)
        return RESTING[self.role] if item is None else item.state

    def _may(self, number: int, step: Step) -> None:
        if (self._state_of(number), step) not in TRANSITIONS:
            raise LocalProtocolError(f"no {step.value} by {self.role.value} in {number}")

    def _expect(self, frame: Frame, step: Step) -> None:
        state = self._state_of(frame.transaction)
        if (state, step) not in TRANSITIONS:
            raise UnexpectedMessage(f"a {step.value} while {state.value}", raw=frame.body)

    def _step(self, number: int, step: Step) -> None:
        """Move a number that does not rest; one that comes to rest is forgotten."""
        state = TRANSITIONS[self._state_of(number), step]
        if state is RESTING[self.role]:
            del self._transactions[number]
        else:
            self._transactions[number].state = state

    def _open(self) -> list[_Transaction]:
        return [item for item in self._transactions.values() if item.state is not State.EXPIRED]

    def _refuse(
        self,
        reason: str,
        length: int,
        transaction: int | None = None,
        answer: Status | None = None,
    ) -> FrameRefused:
        self.refused_count += 1
        return FrameRefused(reason=reason, length=length, transaction=transaction, answer=answer)


def _answers(reply_type: int, request_type: int) -> bool:
    """True when a reply of this type may answer a request of that type."""
    return reply_type in {TYPE_NUMBERS[StatusReply], REPLY | request_type}
