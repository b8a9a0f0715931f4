"""Laws of two joined sessions, over any message, any MTU, and any link that is not honest."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from protocols.doorlock.vocabulary import Status
from protocols.strike.frame import Frame
from protocols.strike.limits import FRAGMENT_COUNT_MAX, MESSAGE_SIZE_MAX, OPEN_REQUESTS_MAX
from protocols.strike.messages import GetInfo, LockDoor, SetTime, StatusReply
from protocols.strike.provider import PlaintextProvider
from protocols.strike.session import (
    EventReceived,
    FrameRefused,
    ReplyReceived,
    RequestReceived,
    RequestTimedOut,
    Role,
    Session,
)

mtus = st.integers(23, 517)
# Bytes of the longest reason that a refusal may give.
REASON_SIZE_MAX = 80


def pair(mtu: int) -> tuple[Session, Session]:
    provider = PlaintextProvider()
    return Session(Role.INITIATOR, provider, mtu), Session(Role.RESPONDER, provider, mtu)


@given(data=st.data())
def test_sessions_when_joined_then_every_message_comes_as_sent_at_any_mtu(
    data: st.DataObject, messages: Any
) -> None:
    gateway, lock = pair(23)
    for _ in range(data.draw(st.integers(1, 5), label="exchanges")):
        for side in (gateway, lock):
            side.set_mtu(data.draw(mtus, label="mtu"))
        request = data.draw(messages.request, label="request")
        reply = data.draw(messages.replies_to(request), label="reply")
        event = data.draw(messages.event, label="event")
        got: list[Any] = []
        for fragment in gateway.send(request, 0.0):
            assert not got
            got = lock.receive(fragment, 0.0)
        number = gateway.last_transaction
        assert got == [RequestReceived(number, request)]
        got = [item for part in lock.send(event, 0.0) for item in gateway.receive(part, 0.0)]
        assert got == [EventReceived(event)]
        answer = lock.send(reply, 0.0, in_reply_to=number)
        got = [item for part in answer for item in gateway.receive(part, 0.0)]
        assert got == [ReplyReceived(number, request, reply)]
    assert gateway.refused_count == lock.refused_count == 0


@given(data=st.data(), mtu=st.integers(23, 60))
def test_sessions_when_fragments_are_lost_repeated_or_reordered_then_nothing_wrong_is_delivered(
    data: st.DataObject, mtu: int, messages: Any
) -> None:
    gateway, lock = pair(mtu)
    requests = data.draw(st.lists(messages.request, min_size=1, max_size=4), label="requests")
    sent: dict[int, Any] = {}
    stream: list[bytes] = []
    for request in requests:
        stream += gateway.send(request, 0.0)
        sent[gateway.last_transaction] = request
    assert len(stream) <= FRAGMENT_COUNT_MAX
    order = st.lists(st.integers(0, len(stream) - 1), max_size=2 * len(stream))
    got = [
        event for at in data.draw(order, label="order") for event in lock.receive(stream[at], 0.0)
    ]
    for event in got:
        assert isinstance(event, RequestReceived | FrameRefused)
        if isinstance(event, RequestReceived):
            assert event.message == sent[event.transaction]
    taken = [event.transaction for event in got if isinstance(event, RequestReceived)]
    assert len(taken) == len(set(taken))


def numbered(stream: list[bytes]) -> list[bytes]:
    """The same fragments with a whole sequence, so that garbage gets through to the frames."""
    return [bytes((item[0] & 0xC0 | at & 0x3F,)) + item[1:] for at, item in enumerate(stream)]


garbage = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=520),
        st.builds(
            lambda kind, number, flags, body: b"\xc0" + bytes((1, kind, number, flags)) + body,
            st.integers(0, 255),
            st.integers(0, 6),
            st.sampled_from([0, 0, 0, 1, 7]),
            st.binary(max_size=60),
        ),
    ),
    max_size=30,
)


@given(st.sampled_from(Role), st.one_of(garbage, garbage.map(numbered)))
def test_receive_when_fed_garbage_then_it_never_raises_and_everything_is_counted(
    role: Role, stream: list[bytes]
) -> None:
    side = Session(role, PlaintextProvider(), 23)
    if role is Role.INITIATOR:
        side.send(GetInfo(), 0.0)
    refused = received = 0
    for at, fragment in enumerate(stream):
        for event in side.receive(fragment, float(at)):
            if isinstance(event, FrameRefused):
                refused += 1
                assert len(event.reason) <= REASON_SIZE_MAX
                assert event.length <= MESSAGE_SIZE_MAX
            else:
                received += not isinstance(event, RequestTimedOut)
    assert (side.refused_count, side.received_count) == (refused, received)
    assert side.open_count <= OPEN_REQUESTS_MAX


@settings(max_examples=10)
@given(st.integers(0, 255), st.binary(min_size=1, max_size=64), st.integers(1100, 65_535))
def test_receive_when_fed_64_kib_in_any_pieces_then_refused_or_unfinished_within_bounds(
    header: int, pattern: bytes, size: int
) -> None:
    data = (pattern * (size // len(pattern) + 1))[:size]
    whole = Session(Role.RESPONDER, PlaintextProvider(), 23)
    for event in whole.receive(bytes((header,)) + data, 0.0):
        assert isinstance(event, FrameRefused)
        assert event.length == size + 1
    pieces = Session(Role.RESPONDER, PlaintextProvider(), 23)
    stream = [
        bytes((0x80,)) + data[:20],
        *(b"\0" + data[at : at + 20] for at in range(20, size, 20)),
    ]
    events = [event for item in numbered(stream) for event in pieces.receive(item, 0.0)]
    assert [event.reason for event in events if isinstance(event, FrameRefused)] == [
        "a message is too long"
    ]
    assert len(events) == 1


class Link(RuleBasedStateMachine):
    """A gateway, a lock and a link that loses, repeats, reorders and cuts messages short."""

    def __init__(self) -> None:
        super().__init__()
        self.gateway, self.lock = pair(23)
        self.now = 0.0
        self.count = 0
        # Fragments under way, each with the instant of its sending.
        self.to_lock: list[bytes] = []
        self.to_gateway: list[bytes] = []
        self.asked: dict[int, SetTime] = {}
        self.open: list[int] = []

    @precondition(lambda self: self.gateway.open_count < 4)
    @rule(padding=st.integers(0, 1), mtu=st.sampled_from([23, 30, 185]))
    def ask(self, padding: int, mtu: int) -> None:
        self.gateway.set_mtu(mtu)
        self.count += 1
        request = SetTime(utc_s=self.count, utc_offset_min=padding)
        self.to_lock += self.gateway.send(request, self.now)
        self.asked[self.gateway.last_transaction] = request

    @precondition(lambda self: bool(self.open))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        number = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        # The reply tells which request it answers, so that a mix-up would show.
        reply = StatusReply(status=Status.SUCCESS, revision=self.asked[number].utc_s)
        self.to_gateway += self.lock.send(reply, self.now, in_reply_to=number)

    @precondition(lambda self: bool(self.to_lock))
    @rule(keep=st.booleans(), take=st.booleans(), late=st.booleans())
    def carry_to_lock(self, *, keep: bool, take: bool, late: bool) -> None:
        fragment = self.to_lock.pop(-1 if late else 0)
        if keep:
            self.to_lock.insert(0, fragment)
        if take:
            for event in self.lock.receive(fragment, self.now):
                if isinstance(event, RequestReceived):
                    assert event.message == self.asked[event.transaction]
                    self.open.append(event.transaction)
                else:
                    assert isinstance(event, FrameRefused)

    @precondition(lambda self: bool(self.to_gateway))
    @rule(keep=st.booleans(), take=st.booleans(), late=st.booleans())
    def carry_to_gateway(self, *, keep: bool, take: bool, late: bool) -> None:
        fragment = self.to_gateway.pop(-1 if late else 0)
        if keep:
            self.to_gateway.insert(0, fragment)
        if take:
            for event in self.gateway.receive(fragment, self.now):
                if isinstance(event, ReplyReceived):
                    assert event.request == self.asked[event.transaction]
                    assert event.message.revision == event.request.utc_s
                else:
                    assert isinstance(event, FrameRefused | RequestTimedOut)

    @rule(step=st.sampled_from([0.1, 3.0, 11.0]))
    def wait(self, step: float) -> None:
        self.now += step
        if step > 10:
            # A link holds nothing for longer than a request lives.
            self.to_lock.clear()
            self.to_gateway.clear()
        assert all(isinstance(event, RequestTimedOut) for event in self.gateway.tick(self.now))

    @invariant()
    def bounded(self) -> None:
        assert self.gateway.open_count <= 4
        assert self.lock.open_count <= 4
        deadline = self.gateway.next_deadline
        assert (deadline is None) == (self.gateway.open_count == 0)


TestLink = Link.TestCase
TestLink.settings = settings(stateful_step_count=40)


def test_frame_when_a_session_sends_then_its_header_has_four_bytes() -> None:
    gateway, _ = pair(517)
    (fragment,) = gateway.send(LockDoor(), 0.0)
    assert fragment[1:].hex(" ") == "01 10 01 00"
    assert Frame.decode(fragment[1:]).flags == 0
