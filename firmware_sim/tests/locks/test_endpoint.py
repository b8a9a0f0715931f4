"""A lock behind its GATT service, asked by the other role of the same session."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.locks.endpoint import StrikeEndpoint
from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.radio.endpoint import GattEndpoint
from firmware_sim.tests.locks.rig import FROM_THE_START, PIN, Rig
from protocols.doorlock.vocabulary import (
    LockOperationType,
    LockState,
    Status,
    UserStatus,
    UserType,
)
from protocols.strike import messages as m
from protocols.strike.events import EventReceived, FrameRefused, ReplyReceived
from protocols.strike.provider import PlaintextProvider
from protocols.strike.session import Session
from protocols.strike.transaction import Role


class Central:
    """A gateway's side of one connection to a lock on a table."""

    def __init__(self, rig: Rig, mtu: int = 23) -> None:
        self.rig = rig
        self.now = 0.0
        self.endpoint = StrikeEndpoint(rig.firmware, now=lambda: self.now)
        self.told: list[Any] = []
        self.values: list[bytes] = []
        self.connect(mtu)

    def connect(self, mtu: int = 23) -> None:
        self.mtu = mtu
        self.session = Session(Role.INITIATOR, PlaintextProvider(), mtu)
        endpoint: GattEndpoint = self.endpoint
        endpoint.connected(mtu, self._notified)

    def change_mtu(self, mtu: int) -> None:
        self.mtu = mtu
        self.session.set_mtu(mtu)
        self.endpoint.mtu_changed(mtu)

    def _notified(self, value: bytes) -> None:
        assert len(value) <= self.mtu - 3
        self.values.append(value)
        self.told += self.session.receive(value, self.now)

    def ask(self, message: Any) -> Any:
        before = len(self.told)
        for fragment in self.session.send(message, self.now):
            self.endpoint.received(fragment)
        (reply,) = [event for event in self.told[before:] if isinstance(event, ReplyReceived)]
        assert reply.request is message
        return reply.message


@pytest.mark.parametrize("mtu", [23, 24, 64, 185, 247, 517])
def test_requests_are_answered_over_any_mtu(mtu: int) -> None:
    rig = Rig("latch-m")
    central = Central(rig, mtu)
    assert central.ask(m.GetInfo()).profile_id == "latch-m"
    for slot in range(1, 40):
        rig.program(slot, f"{slot:07}")
    page = central.ask(FROM_THE_START)
    assert len(page.records) == 60
    assert central.ask(m.GetStatus()).memory_digest == rig.memory.digest()


def test_mtu_that_changes_on_the_way_is_followed() -> None:
    central = Central(Rig())
    assert central.ask(m.GetInfo()).serial_number == "SN-1"
    in_small_pieces = len(central.values)
    central.change_mtu(247)
    assert central.ask(m.GetInfo()).serial_number == "SN-1"
    assert len(central.values) == in_small_pieces + 1


def test_every_programming_request_is_one_write_before_its_reply() -> None:
    rig = Rig()
    central = Central(rig)
    written: list[int] = []
    before = len(rig.journal)
    central.endpoint.connected(23, lambda _value: written.append(len(rig.journal)))
    session = Session(Role.INITIATOR, PlaintextProvider(), 23)
    request = m.SetUser(
        user_index=1,
        revision=1,
        user_status=UserStatus.OCCUPIED_ENABLED,
        user_type=UserType.UNRESTRICTED_USER,
        user_name="Jane",
    )
    for fragment in session.send(request, 0.0):
        central.endpoint.received(fragment)
    assert written == [before + 1]
    for fragment in session.send(request, 0.0):
        central.endpoint.received(fragment)
    assert written == [before + 1, before + 1]


def test_event_of_a_request_comes_after_its_reply() -> None:
    central = Central(Rig("generic-jit"))
    assert central.ask(m.UnlockDoor()) == m.StatusReply(status=Status.SUCCESS)
    reply, event = central.told
    assert isinstance(reply, ReplyReceived)
    assert isinstance(event, EventReceived)
    assert event.message.operation is LockOperationType.UNLOCK
    assert central.ask(m.GetStatus()).lock_state is LockState.NOT_FULLY_LOCKED


def test_events_are_told_while_connected_and_lost_otherwise() -> None:
    rig = Rig("latch-m")
    central = Central(rig)
    rig.enter("1234567")
    assert [type(event.message) for event in central.told] == [m.AccessDenied]
    central.endpoint.disconnected()
    rig.enter("1234567")
    assert len(central.told) == 1
    central.connect()
    rig.enter("1234567")
    assert [event.message.log_index for event in central.told] == [0, 2]


def test_requests_sent_at_once_are_answered_in_order() -> None:
    central = Central(Rig())
    wire: list[bytes] = []
    asked = [m.GetInfo(), m.GetStatus(), m.ReadLog(from_index=0)]
    for message in asked:
        wire += central.session.send(message, 0.0)
    for fragment in wire:
        central.endpoint.received(fragment)
    assert [event.request for event in central.told] == asked


def test_malformed_frames_are_counted_noted_and_survived() -> None:
    rig = Rig()
    central = Central(rig)
    for value in (b"", b"\xc0", b"\xc1" + bytes(18), bytes(20), b"\xff" * 20):
        central.endpoint.received(value)
    assert central.endpoint.refused_count >= 4
    noted = [data for kind, data in rig.trace.noted if kind == "frame_refused"]
    assert len(noted) == central.endpoint.refused_count
    assert all(len(data["reason"]) < 80 and data["length"] <= 1024 for data in noted)
    central.connect()
    assert central.ask(m.GetInfo()).serial_number == "SN-1"


def test_request_of_unknown_type_is_answered() -> None:
    central = Central(Rig())
    # First and last fragment 0: version 1, type 0x3F, transaction 9, no parts, no body.
    central.endpoint.received(bytes((0xC0, 0x01, 0x3F, 0x09, 0x00)))
    # Its own session asked nothing, so it refuses the answer; on the wire it is a StatusReply.
    assert central.values == [bytes((0xC0, 0x01, 0x80, 0x09, 0x00, 0x81)) + bytes(4)]
    assert isinstance(central.told[0], FrameRefused)


def test_body_that_is_no_such_request_is_answered_with_invalid_field() -> None:
    central = Central(Rig())
    central.endpoint.received(bytes((0xC0, 0x01, 0x03, 0x09, 0x00, 0x01)))
    assert central.values == [bytes((0xC0, 0x01, 0x80, 0x09, 0x00, 0x85)) + bytes(4)]


def test_values_and_changes_without_a_connection_are_ignored() -> None:
    central = Central(Rig())
    central.endpoint.disconnected()
    central.endpoint.received(bytes((0xC0, 0x01, 0x01, 0x01, 0x00)))
    central.endpoint.mtu_changed(247)
    assert central.values == []


def test_half_a_request_of_an_earlier_connection_is_forgotten() -> None:
    central = Central(Rig())
    request = m.SetCredential(
        credential_type=PIN,
        credential_index=1,
        revision=1,
        user_index=1,
        credential_data=b"12345678",
    )
    first, *_ = central.session.send(request, 0.0)
    central.endpoint.received(first)
    central.endpoint.disconnected()
    central.connect()
    assert central.ask(m.GetInfo()).serial_number == "SN-1"


def test_request_that_can_not_be_persisted_gets_no_reply_and_the_next_one_does() -> None:
    rig = Rig("generic-jit")
    central = Central(rig)
    rig.is_disk_full = True
    with pytest.raises(Exception, match="No space left"):
        central.ask(m.UnlockDoor())
    assert central.values == []
    rig.is_disk_full = False
    assert central.ask(m.GetStatus()).lock_state is LockState.LOCKED
    rig.enter("9999")
    assert isinstance(central.told[-1].message, m.AccessDenied)


def test_central_that_leaves_during_a_reply_gets_no_event() -> None:
    rig = Rig("generic-jit")
    central = Central(rig, 247)
    values: list[bytes] = []

    def leave(value: bytes) -> None:
        values.append(value)
        central.endpoint.disconnected()

    central.endpoint.connected(247, leave)
    central.session = Session(Role.INITIATOR, PlaintextProvider(), 247)
    (fragment,) = central.session.send(m.UnlockDoor(), 0.0)
    central.endpoint.received(fragment)
    assert len(values) == 1
    assert rig.firmware.log_next_index == 1


def test_endpoint_without_a_trace_counts_all_the_same() -> None:
    rig = Rig()
    endpoint = StrikeEndpoint(LockFirmware(rig, rig.memory, rig.rtc), now=lambda: 0.0)
    endpoint.connected(23, lambda _value: None)
    endpoint.received(b"")
    endpoint.disconnected()
    endpoint.connected(247, lambda _value: None)
    assert endpoint.refused_count == 1
    assert endpoint.connection_count == 2


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_no_bytes_from_the_air_raise_or_change_the_memory(values: list[bytes]) -> None:
    rig = Rig()
    rig.program(1, "4711")
    digest = rig.memory.digest()
    central = Central(rig)
    for value in values:
        central.endpoint.received(value)
    assert rig.memory.digest() == digest
    assert rig.enter("4711")[0]


@given(st.integers(0, 0x3F), st.binary(max_size=40))
def test_no_well_framed_request_raises(message_type: int, body: bytes) -> None:
    rig = Rig()
    central = Central(rig, 247)
    central.endpoint.received(bytes((0xC0, 0x01, message_type, 0x01, 0x00)) + body)
    reply, *events = central.values
    assert (reply[2] & 0x80, reply[3]) == (0x80, 1)
    assert all(0x40 <= event[2] < 0x80 for event in events)


def test_request_that_resets_a_weak_lock_gets_no_answer_and_the_next_one_does() -> None:
    rig = Rig()
    rig.firmware.hardware.set_battery_mv(4000, 0.0)
    rig.firmware.hardware.jam(True, 0.0)
    central = Central(rig)
    told = len(central.told)
    for fragment in central.session.send(m.UnlockDoor(), 0.0):
        central.endpoint.received(fragment)
    assert rig.resets == 1
    assert not any(isinstance(event, ReplyReceived) for event in central.told[told:])
    central.connect()
    assert central.ask(m.GetStatus()).lock_state is LockState.NOT_FULLY_LOCKED
