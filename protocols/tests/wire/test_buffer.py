from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LimitExceeded
from protocols.wire.buffer import ReceiveBuffer


def filled(data: bytes, limit: int = 8) -> ReceiveBuffer:
    buffer = ReceiveBuffer(limit)
    buffer.feed(data)
    return buffer


def test_take_gives_the_oldest_bytes_once() -> None:
    buffer = filled(b"abcdef")
    assert buffer.take(2) == b"ab"
    assert buffer.take(3) == b"cde"
    assert len(buffer) == 1


@pytest.mark.parametrize("count", [7, -1])
def test_take_when_too_few_bytes_are_held_takes_none(count: int) -> None:
    buffer = filled(b"abcdef")
    assert buffer.take(count) is None
    assert buffer.take_all() == b"abcdef"
    assert len(buffer) == 0


def test_peek_leaves_the_bytes() -> None:
    buffer = filled(b"abc")
    assert buffer.peek(2) == b"ab"
    assert buffer.peek(4) is None
    assert len(buffer) == 3


@pytest.mark.parametrize(("count", "dropped"), [(0, 0), (2, 2), (9, 3), (-1, 0)])
def test_discard_drops_at_most_what_is_held(count: int, dropped: int) -> None:
    buffer = filled(b"abc")
    assert buffer.discard(count) == dropped
    assert buffer.take_all() == b"abc"[dropped:]


def test_feed_when_limit_would_be_passed_refuses_and_keeps_the_rest() -> None:
    buffer = filled(b"abcdef")
    with pytest.raises(LimitExceeded) as caught:
        buffer.feed(b"ghi")
    assert caught.value.raw_length == 3
    assert buffer.take_all() == b"abcdef"
    buffer.feed(b"12345678")
    assert buffer.take_all() == b"12345678"


@given(st.lists(st.binary(max_size=6) | st.integers(0, 6), max_size=30))
def test_buffer_behaves_like_the_bytes_it_was_fed(steps: list[bytes | int]) -> None:
    buffer, model = ReceiveBuffer(16), b""
    for step in steps:
        if isinstance(step, int):
            expected = model[:step] if step <= len(model) else None
            assert buffer.take(step) == expected
            model = model if expected is None else model[step:]
        elif len(model) + len(step) <= 16:
            buffer.feed(step)
            model += step
        else:
            with pytest.raises(LimitExceeded):
                buffer.feed(step)
        assert len(buffer) == len(model) <= 16
