from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError, MalformedFrame
from protocols.strike.frame import KNOWN_FLAGS, Frame, FrameFlag
from protocols.strike.limits import HEADER_SIZE, PARTS_SIZE_MAX

frames = st.builds(
    Frame,
    message_type=st.integers(0, 255),
    transaction=st.integers(0, 255),
    body=st.binary(max_size=60),
    session_id=st.none() | st.integers(0, 255),
    counter=st.none() | st.integers(0, 0xFFFF),
    tag=st.none() | st.binary(min_size=8, max_size=8),
)


@given(frames)
def test_frame_when_encoded_then_it_decodes_to_itself(frame: Frame) -> None:
    assert Frame.decode(frame.encode()) == frame


@given(st.binary(max_size=40))
def test_frame_when_any_bytes_are_decoded_then_they_encode_to_themselves_or_are_refused(
    data: bytes,
) -> None:
    try:
        frame = Frame.decode(data)
    except MalformedFrame:
        return
    assert frame.encode() == data


def test_frame_when_all_parts_are_there_then_they_lie_where_the_page_says() -> None:
    frame = Frame(
        message_type=0x05,
        transaction=9,
        body=b"BODY",
        session_id=0xA1,
        counter=0x0201,
        tag=b"8 bytes!",
    )
    assert frame.encode().hex(" ") == ("01 05 09 07 a1 01 02 42 4f 44 59 38 20 62 79 74 65 73 21")
    assert len(frame.encode()) == HEADER_SIZE + PARTS_SIZE_MAX + len(b"BODY")
    assert frame.flags == KNOWN_FLAGS


@pytest.mark.parametrize("size", range(HEADER_SIZE + PARTS_SIZE_MAX))
def test_frame_when_shorter_than_its_parts_then_refused(size: int) -> None:
    whole = bytes.fromhex("01050907") + bytes(PARTS_SIZE_MAX)
    assert Frame.decode(whole).body == b""
    with pytest.raises(MalformedFrame, match="shorter than"):
        Frame.decode(whole[:size])


@pytest.mark.parametrize("version", [0, 2, 255])
def test_frame_when_of_another_version_then_refused_at_byte_0(version: int) -> None:
    with pytest.raises(MalformedFrame, match="version at byte 0"):
        Frame.decode(bytes((version, 2, 1, 0)))


@pytest.mark.parametrize("bit", range(3, 8))
def test_frame_when_a_flag_is_unknown_then_refused_at_byte_3(bit: int) -> None:
    with pytest.raises(MalformedFrame, match="unknown flags at byte 3"):
        Frame.decode(bytes((1, 2, 1, 1 << bit)) + bytes(20))


@pytest.mark.parametrize(
    "change",
    [
        {"message_type": 256},
        {"transaction": -1},
        {"session_id": 256},
        {"counter": 65_536},
        {"counter": -1},
        {"tag": b"7 bytes"},
    ],
)
def test_frame_when_a_value_does_not_fit_then_local_error(change: dict[str, int | bytes]) -> None:
    frame = dataclasses.replace(Frame(message_type=1, transaction=1, body=b""), **change)  # type: ignore[arg-type]  # the point is a wrong value.
    with pytest.raises(LocalProtocolError):
        frame.encode()


def test_frame_when_shown_then_its_body_is_not() -> None:
    frame = Frame(message_type=5, transaction=1, body=b"8315402", tag=b"8315402.")
    assert "8315402" not in repr(frame)


def test_flags_when_no_part_is_there_then_none() -> None:
    assert Frame(message_type=5, transaction=1, body=b"").flags == FrameFlag(0)
