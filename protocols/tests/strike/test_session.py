from __future__ import annotations

from typing import Any

import pytest

from protocols.doorlock.vocabulary import (
    AlarmCode,
    CredentialType,
    RecordKind,
    Status,
)
from protocols.errors import LocalProtocolError, MalformedFrame
from protocols.strike.frame import Frame
from protocols.strike.messages import (
    Alarm,
    GetInfo,
    GetStatus,
    ListOccupied,
    LockDoor,
    LogPage,
    OccupiedList,
    ReadLog,
    SetCredential,
    SetTime,
    StatusReply,
)
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
from protocols.wire.layout import Tlv

OK = StatusReply(status=Status.SUCCESS)
ALARM = Alarm(log_index=1, utc_s=2, alarm=AlarmCode.LOCK_JAMMED)
PIN = SetCredential(
    credential_type=CredentialType.PIN,
    credential_index=3,
    revision=1,
    user_index=3,
    credential_data=b"8315402",
)


def session(role: Role, *, mtu: int = 517, **options: Any) -> Session:
    return Session(role, PlaintextProvider(), mtu, request_timeout_s=10.0, **options)


@pytest.fixture
def gateway() -> Session:
    return session(Role.INITIATOR)


@pytest.fixture
def lock() -> Session:
    return session(Role.RESPONDER)


def raw(number: int, transaction: int, body: bytes = b"") -> bytes:
    """A whole frame in one fragment that begins a connection."""
    frame = Frame(message_type=number, transaction=transaction, body=body)
    return b"\xc0" + frame.encode()


def hand(fragments: list[bytes], peer: Session, now: float = 0.0) -> list[Any]:
    return [event for fragment in fragments for event in peer.receive(fragment, now)]


def test_request_when_answered_then_both_sides_know_what_and_the_number_rests(
    gateway: Session, lock: Session
) -> None:
    assert hand(gateway.send(PIN, 0.0), lock) == [RequestReceived(1, PIN)]
    assert (gateway.last_transaction, gateway.open_count, lock.open_count) == (1, 1, 1)
    assert hand(lock.send(OK, 0.0, in_reply_to=1), gateway) == [ReplyReceived(1, PIN, OK)]
    assert (gateway.open_count, lock.open_count, gateway.next_deadline) == (0, 0, None)
    assert (gateway.received_count, lock.received_count) == (1, 1)
    assert gateway.refused_count == lock.refused_count == 0


def test_event_when_sent_then_it_comes_without_a_transaction(
    gateway: Session, lock: Session
) -> None:
    assert hand(lock.send(ALARM, 0.0), gateway) == [EventReceived(ALARM)]


def test_replies_when_in_another_order_then_each_finds_its_request(
    gateway: Session, lock: Session
) -> None:
    hand(gateway.send(GetStatus(), 0.0), lock)
    hand(gateway.send(LockDoor(), 0.0), lock)
    assert hand(lock.send(OK, 0.0, in_reply_to=2), gateway) == [ReplyReceived(2, LockDoor(), OK)]
    assert hand(lock.send(OK, 0.0, in_reply_to=1), gateway) == [ReplyReceived(1, GetStatus(), OK)]


def test_transactions_when_more_than_255_then_they_go_round_and_skip_the_open_one(
    gateway: Session, lock: Session
) -> None:
    hand(gateway.send(GetInfo(), 0.0), lock)
    numbers = []
    for _ in range(600):
        (asked,) = hand(gateway.send(LockDoor(), 0.0), lock)
        numbers.append(asked.transaction)
        (answer,) = hand(lock.send(OK, 0.0, in_reply_to=asked.transaction), gateway)
        assert answer == ReplyReceived(asked.transaction, LockDoor(), OK)
    assert numbers == [2 + at % 254 for at in range(600)]


# --- time ------------------------------------------------------------------------------------


def due(side: Session) -> float | None:
    return side.next_deadline


def test_tick_when_a_deadline_is_here_then_timed_out_once(gateway: Session) -> None:
    gateway.send(LockDoor(), 5.0)
    gateway.send(GetInfo(), 6.0)
    assert due(gateway) == 15.0
    assert gateway.tick(14.999) == []
    assert gateway.tick(15.0) == [RequestTimedOut(1, LockDoor())]
    assert due(gateway) == 16.0
    assert gateway.tick(20.0) == [RequestTimedOut(2, GetInfo())]
    assert due(gateway) is None
    assert gateway.tick(99.0) == []


def test_tick_when_several_are_due_then_in_the_order_of_asking(gateway: Session) -> None:
    requests = [GetInfo(), LockDoor(), GetStatus()]
    for request in requests:
        gateway.send(request, 0.0)
    assert gateway.tick(99.0) == [
        RequestTimedOut(number, request) for number, request in enumerate(requests, start=1)
    ]


def test_reply_when_late_then_refused_and_the_number_is_free_again(
    gateway: Session, lock: Session
) -> None:
    hand(gateway.send(LockDoor(), 0.0), lock)
    reply = lock.send(OK, 0.0, in_reply_to=1)
    timed_out, refused = hand(reply, gateway, now=10.0)
    assert timed_out == RequestTimedOut(1, LockDoor())
    assert refused == FrameRefused("a reply after its deadline", 9)
    # Another one is a reply to nothing.
    assert isinstance(gateway.receive(b"\xc1" + reply[0][1:], 10.0)[0], FrameRefused)
    assert gateway.refused_count == 2


def test_numbers_when_all_expired_then_the_oldest_is_taken_again(gateway: Session) -> None:
    for at in range(255):
        gateway.send(LockDoor(), float(at * 10))
        gateway.tick(at * 10 + 10.0)
    gateway.send(GetInfo(), 3000.0)
    assert gateway.last_transaction == 1
    gateway.send(GetInfo(), 3000.0)
    assert gateway.last_transaction == 2
    # Both expire again, but 3 has rested longer by now.
    gateway.tick(3010.0)
    gateway.send(GetInfo(), 3010.0)
    assert gateway.last_transaction == 3


def test_unfinished_message_when_nothing_follows_for_half_the_timeout_then_dropped(
    lock: Session,
) -> None:
    gateway = session(Role.INITIATOR, mtu=23)
    head, tail = gateway.send(PIN, 0.0)
    assert lock.receive(head, 0.0) == []
    dropped = lock.receive(tail, 5.0)
    assert dropped == [FrameRefused("an unfinished message got no more fragments", 19)]
    assert hand(gateway.send(LockDoor(), 5.0), lock, 5.0) == [RequestReceived(2, LockDoor())]


def test_unfinished_message_when_it_grows_slowly_then_kept(lock: Session) -> None:
    head, tail = session(Role.INITIATOR, mtu=23).send(PIN, 0.0)
    lock.receive(head, 100.0)
    assert lock.receive(tail, 104.9) == [RequestReceived(1, PIN)]


# --- the caller's faults ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "message", "in_reply_to", "sentence"),
    [
        (Role.INITIATOR, ALARM, None, "no event sent by initiator"),
        (Role.INITIATOR, OK, None, "no reply sent by initiator"),
        (Role.INITIATOR, OK, 1, "no reply sent by initiator"),
        (Role.INITIATOR, LockDoor(), 1, "LockDoor is no reply"),
        (Role.RESPONDER, LockDoor(), None, "no request sent by responder"),
        (Role.RESPONDER, OK, None, "no reply sent by responder"),
        (Role.RESPONDER, OK, 7, "no reply sent by responder"),
        (Role.RESPONDER, ALARM, 1, "Alarm is no reply"),
        (Role.INITIATOR, "text", None, "str is no message"),
        (Role.INITIATOR, SetTime(utc_s=-1, utc_offset_min=0), None, "SetTime"),
    ],
)
def test_send_when_the_role_may_not_then_local_error(
    role: Role, message: object, in_reply_to: int | None, sentence: str
) -> None:
    with pytest.raises(LocalProtocolError, match=sentence):
        session(role).send(message, 0.0, in_reply_to=in_reply_to)


def test_send_when_a_reply_is_of_another_request_then_local_error_and_still_owed(
    gateway: Session, lock: Session
) -> None:
    hand(gateway.send(LockDoor(), 0.0), lock)
    page = OccupiedList(has_more=0, records=())
    with pytest.raises(LocalProtocolError, match="OccupiedList does not answer request 0x10"):
        lock.send(page, 0.0, in_reply_to=1)
    assert hand(lock.send(OK, 0.0, in_reply_to=1), gateway) == [ReplyReceived(1, LockDoor(), OK)]


def test_send_when_too_many_are_unanswered_then_local_error_and_no_number_is_lost(
    gateway: Session,
) -> None:
    for _ in range(4):
        gateway.send(LockDoor(), 0.0)
    with pytest.raises(LocalProtocolError, match="4 requests are unanswered"):
        gateway.send(LockDoor(), 0.0)
    assert gateway.last_transaction == 4


def test_send_when_unanswered_fragments_would_wrap_the_sequence_then_local_error() -> None:
    gateway = session(Role.INITIATOR, mtu=23)
    # 4 + 5 * 162 = 814 bytes: 43 fragments of 19 bytes.
    long = GetInfo(extensions=(Tlv(tag=1, value=bytes(160)),) * 5)
    assert len(gateway.send(long, 0.0)) == 43
    with pytest.raises(LocalProtocolError, match="leave no room"):
        gateway.send(long, 0.0)
    gateway.tick(10.0)
    assert len(gateway.send(long, 10.0)) == 43


def test_send_when_a_message_is_too_long_then_local_error_and_nothing_is_open(
    gateway: Session,
) -> None:
    with pytest.raises(LocalProtocolError, match="1 to 1024 bytes"):
        gateway.send(GetInfo(extensions=(Tlv(tag=1, value=bytes(255)),) * 4), 0.0)
    assert (gateway.open_count, gateway.last_transaction) == (0, 0)


def test_set_mtu_when_too_small_then_local_error(gateway: Session) -> None:
    with pytest.raises(LocalProtocolError, match="at least 23"):
        gateway.set_mtu(22)


def test_set_mtu_when_negotiated_then_later_messages_use_it() -> None:
    gateway = session(Role.INITIATOR, mtu=23)
    assert len(gateway.send(PIN, 0.0)) == 2
    gateway.set_mtu(185)
    assert len(gateway.send(PIN, 0.0)) == 1


# --- the peer's faults -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "fragment", "reason"),
    [
        (Role.INITIATOR, raw(0x10, 1), "a request received while idle"),
        (Role.INITIATOR, raw(0x80, 1, bytes(5)), "a reply received while idle"),
        (Role.INITIATOR, raw(0x42, 1, bytes(9)), "an event with a transaction"),
        (Role.INITIATOR, raw(0x5F, 0), "an event of unknown type"),
        (Role.INITIATOR, raw(0x42, 0), "not a Alarm"),
        (Role.RESPONDER, raw(0x80, 1, bytes(5)), "a reply received while listening"),
        (Role.RESPONDER, raw(0x42, 0, bytes(9)), "a event received while listening"),
        (Role.RESPONDER, raw(0x10, 0), "a request without a transaction"),
        (Role.RESPONDER, b"\xc0\x01", "shorter than the common header"),
        (Role.RESPONDER, b"\xc0\x02\x10\x01\x00", "another protocol version"),
        (Role.RESPONDER, b"\xc0\x01\x10\x01\x80", "unknown flags"),
        (Role.RESPONDER, b"\xc0\x01\x10\x01\x01\x05", "a sealed frame in a plaintext session"),
        (Role.RESPONDER, b"", "a fragment carries no byte"),
    ],
)
def test_receive_when_the_peer_breaks_a_rule_then_refused_and_nothing_is_open(
    role: Role, fragment: bytes, reason: str
) -> None:
    side = session(role)
    (refused,) = side.receive(fragment, 0.0)
    assert isinstance(refused, FrameRefused)
    assert refused.reason.startswith(reason)
    assert (refused.transaction, refused.answer) == (None, None)
    assert (side.refused_count, side.received_count, side.open_count) == (1, 0, 0)


@pytest.mark.parametrize(
    ("fragment", "status"),
    [
        (raw(0x3F, 9), Status.UNSUPPORTED_COMMAND),
        (raw(0x00, 9), Status.UNSUPPORTED_COMMAND),
        (raw(0x05, 9, b"8315402"), Status.INVALID_FIELD),
    ],
)
def test_receive_when_a_request_is_not_understood_then_it_can_still_be_answered(
    lock: Session, fragment: bytes, status: Status
) -> None:
    (refused,) = lock.receive(fragment, 0.0)
    assert isinstance(refused, FrameRefused)
    assert (refused.transaction, refused.answer) == (9, status)
    assert refused.length == len(fragment) - 1
    assert "8315402" not in repr(refused)
    (reply,) = lock.send(StatusReply(status=status), 0.0, in_reply_to=9)
    assert Frame.decode(reply[1:]).transaction == 9
    assert lock.open_count == 0


def test_receive_when_a_request_repeats_the_number_of_an_open_one_then_refused(
    lock: Session,
) -> None:
    lock.receive(raw(0x10, 1), 0.0)
    (refused,) = lock.receive(b"\xc1" + raw(0x11, 1)[1:], 0.0)
    assert refused == FrameRefused("a request received while owing", 4)
    assert lock.open_count == 1


def test_receive_when_too_many_requests_are_open_then_refused(lock: Session) -> None:
    for at in range(4):
        lock.receive(bytes((0xC0 | at,)) + raw(0x10, at + 1)[1:], 0.0)
    (refused,) = lock.receive(bytes((0xC4,)) + raw(0x10, 5)[1:], 0.0)
    assert refused == FrameRefused("too many requests wait for a reply", 4)
    assert lock.open_count == 4


@pytest.mark.parametrize(
    "fragment",
    [
        raw(0x8F, 1, bytes(9)),  # LogPage, not asked for
        raw(0xBF, 1),  # unknown reply type
        raw(0x8E, 1, b"\x00\x05"),  # announces five records and has none
    ],
)
def test_receive_when_a_reply_does_not_fit_then_the_request_still_waits(
    gateway: Session, fragment: bytes
) -> None:
    ask = ListOccupied(after_kind=RecordKind(0), after_index=0, after_sub_index=0)
    gateway.send(ask, 0.0)
    (refused,) = gateway.receive(fragment, 0.0)
    assert isinstance(refused, FrameRefused)
    assert gateway.open_count == 1
    assert gateway.tick(10.0) == [RequestTimedOut(1, ask)]


def test_receive_when_a_reply_carries_a_newer_status_then_it_is_kept(gateway: Session) -> None:
    gateway.send(LockDoor(), 0.0)
    (answer,) = gateway.receive(raw(0x80, 1, b"\xee" + bytes(4)), 0.0)
    assert isinstance(answer, ReplyReceived)
    assert int(answer.message.status) == 0xEE
    assert not answer.message.status.is_known


def test_session_when_shown_then_no_pin_is(gateway: Session, lock: Session) -> None:
    (asked,) = hand(gateway.send(PIN, 0.0), lock)
    gateway.tick(10.0)
    shown = repr([asked, vars(gateway), vars(lock), RequestTimedOut(1, PIN)])
    assert "8315402" not in shown


def test_session_when_a_request_timed_out_then_it_forgets_it(gateway: Session) -> None:
    gateway.send(PIN, 0.0)
    gateway.tick(10.0)
    assert [item.request for item in gateway._transactions.values()] == [None]


def test_provider_when_it_refuses_a_frame_then_the_session_does_too() -> None:
    class Wary(PlaintextProvider):
        def open(self, frame: Frame) -> Frame:
            raise MalformedFrame("forged", raw=frame.body)

    side = Session(Role.RESPONDER, Wary(), 23)
    assert side.receive(raw(0x10, 1), 0.0) == [FrameRefused("forged", 4)]


def test_log_page_when_it_answers_read_log_then_taken(gateway: Session, lock: Session) -> None:
    hand(gateway.send(ReadLog(from_index=0), 0.0), lock)
    page = LogPage(oldest_index=1, next_index=1, records=())
    assert hand(lock.send(page, 0.0, in_reply_to=1), gateway) == [
        ReplyReceived(1, ReadLog(from_index=0), page)
    ]
