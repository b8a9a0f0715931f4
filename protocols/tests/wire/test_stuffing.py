from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LimitExceeded, MalformedFrame, RemoteProtocolError
from protocols.wire.stuffing import DELIMITER, FrameSplitter, cobs_decode, cobs_encode

LIMIT = 12


# Source: worked examples of the Wikipedia article on COBS.
@pytest.mark.parametrize(
    ("data", "stuffed"),
    [
        ("", "01"),
        ("00", "01 01"),
        ("00 00", "01 01 01"),
        ("11 22 00 33", "03 11 22 02 33"),
        ("11 22 33 44", "05 11 22 33 44"),
        ("11 00 00 00", "02 11 01 01 01"),
    ],
)
def test_cobs_gives_the_published_examples(data: str, stuffed: str) -> None:
    assert cobs_encode(bytes.fromhex(data)) == bytes.fromhex(stuffed)
    assert cobs_decode(bytes.fromhex(stuffed)) == bytes.fromhex(data)


@given(st.binary(max_size=600))
def test_cobs_when_decoded_gives_the_data_and_holds_no_zero(data: bytes) -> None:
    stuffed = cobs_encode(data)
    assert DELIMITER not in stuffed
    assert len(stuffed) <= len(data) + 1 + len(data) // 254
    assert cobs_decode(stuffed) == data


@pytest.mark.parametrize("stuffed", [b"\5ab", b"\2\0", b"\xff" + b"a" * 9])
def test_cobs_when_stuffing_is_wrong_is_malformed(stuffed: bytes) -> None:
    with pytest.raises(MalformedFrame) as caught:
        cobs_decode(stuffed)
    assert caught.value.raw_length == len(stuffed)
    assert caught.value.__context__ is None


@given(st.binary(max_size=60))
def test_cobs_decode_of_any_bytes_gives_data_or_malformed_frame(stuffed: bytes) -> None:
    try:
        data = cobs_decode(stuffed)
    except MalformedFrame:
        return
    assert len(data) <= max(len(stuffed) - 1, 0)


def shown(results: list[bytes | RemoteProtocolError]) -> list[str | bytes]:
    return [item if isinstance(item, bytes) else repr(item) for item in results]


def test_splitter_keeps_a_frame_until_its_delimiter() -> None:
    splitter = FrameSplitter(LIMIT)
    assert splitter.receive(b"\3\x11") == []
    assert splitter.receive(b"\x22\2\x33") == []
    assert splitter.receive(b"\0") == [b"\x11\x22\0\x33"]


def test_splitter_when_delimiters_repeat_skips_empty_frames() -> None:
    assert FrameSplitter(LIMIT).receive(b"\0\0\2a\0\0\2b\0\0") == [b"a", b"b"]


def test_splitter_reports_faults_in_their_place() -> None:
    wire = b"\2a\0" + b"\x09ab\0" + b"\2b\0" + b"\1" * (LIMIT + 1) + b"\0" + b"\2c\0"
    first, bad, second, overlong, third = FrameSplitter(LIMIT).receive(wire)
    assert (first, second, third) == (b"a", b"b", b"c")
    assert isinstance(bad, MalformedFrame)
    assert isinstance(overlong, LimitExceeded)
    assert str(overlong) == "a stuffed frame of 13 bytes is over 12"


def test_splitter_when_frame_has_exactly_the_limit_takes_it() -> None:
    stuffed = cobs_encode(b"x" * (LIMIT - 1))
    assert len(stuffed) == LIMIT
    assert FrameSplitter(LIMIT).receive(stuffed + b"\0") == [b"x" * (LIMIT - 1)]


@given(st.lists(st.binary(max_size=20), max_size=6), st.lists(st.integers(0, 120), max_size=8))
def test_splitter_however_the_stream_is_cut_gives_the_same(
    frames: list[bytes], cuts: list[int]
) -> None:
    wire = b"".join(cobs_encode(frame) + DELIMITER for frame in frames)
    damaged = wire.replace(b"\x05", b"\xfe")
    for stream in (wire, damaged):
        whole = shown(FrameSplitter(LIMIT).receive(stream))
        splitter = FrameSplitter(LIMIT)
        edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
        pieces = [stream[start:stop] for start, stop in itertools.pairwise(edges)]
        assert [item for piece in pieces for item in shown(splitter.receive(piece))] == whole


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_splitter_of_any_bytes_never_holds_more_than_its_limit(chunks: list[bytes]) -> None:
    splitter = FrameSplitter(LIMIT)
    for chunk in chunks:
        splitter.receive(chunk)
        assert len(splitter._buffer) <= LIMIT
