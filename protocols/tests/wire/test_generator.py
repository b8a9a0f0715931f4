from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError, MalformedFrame, ProtocolError
from protocols.strike.messages import MESSAGES, SetTime
from protocols.wire.binding import bind
from protocols.wire.generator import Generated, generate
from protocols.wire.layout import Codec, Tlv, codec
from protocols.wire.open_enum import OpenIntEnum

# The profile's number of examples is for one law of one thing. A test that draws the message too
# needs more of them; one that runs for every message anew can do with fewer.
EXAMPLES = settings().max_examples
ALL_MESSAGES = settings(max_examples=5 * EXAMPLES)
EACH_MESSAGE = settings(max_examples=EXAMPLES // 2)

Strategies = Callable[[type], st.SearchStrategy[Any]]


def exact(value: Any) -> Any:
    """A value with every type in it, so that True is not 1 and bytearray is not bytes."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return type(value), [(name, exact(getattr(value, name))) for name in names]
    if isinstance(value, tuple | list):
        return type(value), [exact(item) for item in value]
    return type(value), getattr(value, "_name_", None), value


def outcome(function: Callable[[Any], Any], argument: Any) -> Any:
    """What a call gives: the exact value, or the exact error."""
    try:
        return exact(function(argument))
    except ProtocolError as error:
        return type(error), str(error), vars(error)


@functools.cache
def only_fast(cls: type) -> Generated:
    """The generated code of a message with nothing to fall back on."""

    def refuse(argument: Any) -> NoReturn:
        raise AssertionError(f"fell back for {argument!r}")

    made: Codec[Any] = codec(cls)
    return generate(
        bind(cls), made.declaration, decode_interpreted=refuse, encode_interpreted=refuse
    )


def test_codec_of_every_message_is_generated(every_message: type) -> None:
    assert "def decode(data):" in codec(every_message).source


@EACH_MESSAGE
@given(data=st.data())
def test_fast_path_alone_round_trips_every_value(
    every_message: type, values_of: Strategies, data: st.DataObject
) -> None:
    value = data.draw(values_of(every_message))
    fast = only_fast(every_message)
    wire = fast.encode(value)
    assert wire == codec(every_message).encode_interpreted(value)
    assert exact(fast.decode(wire)) == exact(value)
    assert exact(fast.decode(bytearray(wire))) == exact(value)


@ALL_MESSAGES
@given(data=st.data())
def test_decode_when_bytes_are_damaged_agrees_with_construct(
    messages: tuple[type, ...], wire_of: Strategies, data: st.DataObject
) -> None:
    cls = data.draw(st.sampled_from(messages))
    made: Codec[Any] = codec(cls)
    wire = data.draw(wire_of(cls))
    assert outcome(made.decode, wire) == outcome(made.decode_interpreted, wire)


@ALL_MESSAGES
@given(data=st.data(), wire=st.binary(max_size=60))
def test_decode_of_any_bytes_agrees_with_construct(
    messages: tuple[type, ...], data: st.DataObject, wire: bytes
) -> None:
    made: Codec[Any] = codec(data.draw(st.sampled_from(messages)))
    assert outcome(made.decode, wire) == outcome(made.decode_interpreted, wire)


def test_encode_of_one_misfit_agrees_with_construct(
    every_message: type, misfits_one_by_one: Callable[[type], Iterable[Any]]
) -> None:
    made: Codec[Any] = codec(every_message)
    accepted = refused = 0
    for value in misfits_one_by_one(every_message):
        expected = outcome(made.encode_interpreted, value)
        assert outcome(made.encode, value) == expected, value
        accepted += expected[0] is bytes
        refused += expected[0] is LocalProtocolError
    # Some odd values are taken: an empty list of TLVs, a bytearray, True.
    assert refused > accepted > 0 or every_message.__name__ == "Nothing"


@ALL_MESSAGES
@given(data=st.data())
def test_encode_of_any_value_agrees_with_construct(
    messages: tuple[type, ...], misfits_of: Strategies, data: st.DataObject
) -> None:
    cls = data.draw(st.sampled_from(messages))
    made: Codec[Any] = codec(cls)
    value = data.draw(misfits_of(cls))
    assert outcome(made.encode, value) == outcome(made.encode_interpreted, value)


@ALL_MESSAGES
@given(data=st.data())
def test_decode_of_what_encode_took_gives_bytes_again(
    messages: tuple[type, ...], wire_of: Strategies, data: st.DataObject
) -> None:
    cls = data.draw(st.sampled_from(messages))
    made: Codec[Any] = codec(cls)
    wire = data.draw(wire_of(cls))
    try:
        value = made.decode(wire)
    except MalformedFrame:
        return
    assert made.encode(value) == wire


@ALL_MESSAGES
@given(data=st.data())
def test_tuples_hold_the_values_of_the_dataclass(
    messages: tuple[type, ...], values_of: Strategies, data: st.DataObject
) -> None:
    def as_tuple(value: Any) -> tuple[Any, ...]:
        return tuple(plain(getattr(value, field.name)) for field in dataclasses.fields(value))

    def plain(item: Any) -> Any:
        if isinstance(item, tuple):
            return tuple(map(as_tuple, item))
        return as_tuple(item) if dataclasses.is_dataclass(item) else item

    cls = data.draw(st.sampled_from(messages))
    value = data.draw(values_of(cls))
    fast = only_fast(cls)
    assert fast.decode_tuple(fast.encode(value)) == as_tuple(value)


@pytest.mark.parametrize("filling", [b"\0", b"\1", b"\x05", b"\xff"])
def test_decode_of_long_bytes_gives_value_or_malformed_frame(
    every_message: type, filling: bytes
) -> None:
    made: Codec[Any] = codec(every_message)
    wire = filling * 4096
    try:
        value = made.decode(wire)
    except MalformedFrame:
        return
    assert made.encode(value) == wire


@pytest.mark.parametrize("size", [65535, 65536])
def test_decode_of_64_kib_gives_value_or_malformed_frame(size: int) -> None:
    made = codec(SetTime)
    with pytest.raises(MalformedFrame, match=f"StreamError|TerminatedError.*{size} bytes"):
        made.decode(b"\xff" * size)
    assert len(made.decode(bytes(65536)).extensions) == (65536 - 6) // 2


def test_unknown_enum_value_survives_the_fast_path(zoo: dict[str, Any]) -> None:
    framed = only_fast(zoo["Framed"]).decode(b"\x4d\1\0\2\0\3")
    assert isinstance(framed.open, OpenIntEnum)
    assert framed.open == 0x4D
    assert not framed.open.is_known
    assert framed.open.name == "UNKNOWN_0x4d"


def test_closed_enum_when_number_has_no_member_is_refused(zoo: dict[str, Any]) -> None:
    made = codec(zoo["Everything"])
    wire = bytearray(
        made.encode_interpreted(
            zoo["Everything"](
                big=1,
                little=2,
                byte=3,
                also_big=4,
                color=zoo["Closed"].RED,
                framed=zoo["Framed"](open=0, corner=zoo["Point"](x=1, y=2), corner_x=3),
                label=zoo["Label"](text="t", blob=b"b"),
                long=b"",
                digest=bytes(4),
            )
        )
    )
    assert made.decode(bytes(wire)).color is zoo["Closed"].RED
    wire[18] = 3  # the low byte of `color`, big-endian, behind 4 + 4 + 1 + 8 bytes
    with pytest.raises(MalformedFrame, match=r"not a Everything: ValueError \(35 bytes\)"):
        made.decode(bytes(wire))


def test_values_do_not_share_state_with_the_bytes_they_came_from() -> None:
    wire = bytearray(b"\1\2ab")
    value = codec(Tlv).decode(wire)
    wire[2:] = b"xy"
    assert value == Tlv(tag=1, value=b"ab")
    assert codec(Tlv).decode(memoryview(b"\1\2ab")) == value
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.tag = 2  # type: ignore[misc] # that it is frozen is the point


@pytest.mark.parametrize("wrong", [None, "text", 7, [1, 2]])
def test_decode_of_what_is_no_buffer_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError):
        codec(Tlv).decode(wrong)


def test_generated_source_shows_in_tracebacks() -> None:
    made: Codec[Any] = codec(MESSAGES[0x04])
    assert made.decode.__code__.co_filename == "<wire codec of SetUser>"
    with pytest.raises(LocalProtocolError):
        made.encode(None)
