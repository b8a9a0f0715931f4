from __future__ import annotations

import dataclasses
import enum
from typing import Annotated, Any

import construct as c
import pytest

from protocols.errors import LocalProtocolError, MalformedFrame
from protocols.wire.binding import bind
from protocols.wire.layout import (
    COUNTED,
    TO_END,
    U8,
    Codec,
    EnumWord,
    ShortBytes,
    Tlv,
    codec,
    message,
)
from protocols.wire.plan import Unsupported, plan_message


class Kind(enum.IntEnum):
    """An enum for layouts that carry one oddly."""

    ONE = 1


class Byte(c.FormatField):  # type: ignore[misc] # construct is untyped
    """Not construct's own class, so what it does is not known."""


def hooked(node: Any) -> Any:
    return node * (lambda *_: None)


@message
class Float:
    value: Annotated[float, c.Float32l]


@message
class NativeOrder:
    value: Annotated[int, c.Int16un]


@message
class Subclassed:
    value: Annotated[int, Byte("<", "B")]


@message
class Variable:
    value: Annotated[int, c.VarInt]


@message
class Hooked:
    value: Annotated[int, hooked(c.Int8ul)]


@message
class HookedInside:
    value: Annotated[bytes, c.Prefixed(c.Int8ul, hooked(c.GreedyBytes))]


@message
class NoBytes:
    value: Annotated[bytes, c.Bytes(0)]


@message
class OtherText:
    value: Annotated[str, c.PascalString(c.Int8ul, "utf-16-le")]


@message
class PaddedText:
    value: Annotated[str, c.PaddedString(4, "utf8")]


@message
class LengthCountsItself:
    value: Annotated[bytes, c.Prefixed(c.Int8ul, c.GreedyBytes, includelength=True)]


@message
class SignedLength:
    value: Annotated[bytes, c.Prefixed(c.Int8sl, c.GreedyBytes)]


@message
class VariableLength:
    value: Annotated[bytes, c.Prefixed(c.VarInt, c.GreedyBytes)]


@message
class PrefixedFixed:
    value: Annotated[bytes, c.Prefixed(c.Int8ul, c.Bytes(2))]


@message
class EnumInVariable:
    value: Annotated[Kind, EnumWord(c.VarInt)]


@message
class NotLast:
    items: Annotated[tuple[Tlv, ...], TO_END]
    extra: U8


@message
class Tail:
    size: U8
    items: Annotated[tuple[Tlv, ...], TO_END]


@message
class TailInside:
    inner: Tail


@message
class Strict:
    value: U8

    def __post_init__(self) -> None:
        if self.value > 9:
            raise ValueError(self.value)


@message
class Base:
    value: U8


@message
class Derived(Base):
    more: U8


@dataclasses.dataclass(frozen=True, kw_only=True)
class WithDict:
    value: U8


@dataclasses.dataclass(frozen=True, slots=True)
class WithoutArgument:
    value: U8
    constant: U8 = dataclasses.field(init=False, default=3)


# A value of each, and its bytes.
UNSUPPORTED: list[tuple[Any, bytes]] = [
    (Float(value=1.5), b"\0\0\xc0\x3f"),
    (Subclassed(value=7), b"\7"),
    (Variable(value=300), b"\xac\2"),
    (Hooked(value=7), b"\7"),
    (HookedInside(value=b"ab"), b"\2ab"),
    (NoBytes(value=b""), b""),
    (OtherText(value="é"), b"\2\xe9\0"),
    (PaddedText(value="ab"), b"ab\0\0"),
    (LengthCountsItself(value=b"ab"), b"\3ab"),
    (SignedLength(value=b"ab"), b"\2ab"),
    (VariableLength(value=b"ab"), b"\2ab"),
    (PrefixedFixed(value=b"ab"), b"\2ab"),
    (EnumInVariable(value=Kind.ONE), b"\1"),
    (TailInside(inner=Tail(size=1, items=(Tlv(tag=2, value=b"x"),))), b"\1\2\1x"),
    (Strict(value=9), b"\x09"),
    (Derived(value=1, more=2), b"\1\2"),
    (WithDict(value=7), b"\7"),
]


@pytest.mark.parametrize(("value", "wire"), UNSUPPORTED, ids=lambda item: type(item).__name__)
def test_codec_when_layout_is_unknown_to_the_generator_stays_interpreted(
    value: Any, wire: bytes
) -> None:
    made: Codec[Any] = codec(type(value))
    assert made.source == ""
    assert made.decode_tuple is None
    assert made.encode(value) == wire
    assert made.decode(wire) == value
    with pytest.raises(MalformedFrame, match=f"not a {type(value).__name__}: TerminatedError"):
        made.decode(wire + b"\0")
    with pytest.raises(LocalProtocolError, match="does not fit its layout: TypeError"):
        made.encode(object())


@pytest.mark.parametrize("cls", [NativeOrder, NotLast, WithoutArgument])
def test_generator_when_layout_is_unknown_says_so(cls: type) -> None:
    with pytest.raises(Unsupported, match="the generator can not take this layout, its rule: "):
        plan_message(bind(cls), codec(cls).declaration)


def test_interpreted_codec_when_constructor_refuses_is_malformed() -> None:
    with pytest.raises(MalformedFrame, match="not a Strict: ValueError"):
        codec(Strict).decode(b"\x0a")


@pytest.mark.parametrize(
    "declaration",
    [
        c.Int8ul,
        c.Struct("tag" / c.Int8ul, "value" / c.Prefixed(c.Int8ul, c.GreedyBytes)),
        c.Struct("value" / c.Prefixed(c.Int8ul, c.GreedyBytes), "tag" / c.Int8ul, c.Terminated),
        c.Struct("tag" / c.Int8ul, c.Terminated),
    ],
)
def test_plan_when_declaration_is_not_that_of_the_dataclass_is_refused(declaration: Any) -> None:
    with pytest.raises(Unsupported):
        plan_message(bind(Tlv), declaration)


@message
class Rows:
    rows: Annotated[tuple[Tlv, ...], COUNTED]


@message
class RowsToEnd:
    rows: Annotated[tuple[Tlv, ...], TO_END]


_ROW = c.Struct("tag" / c.Int8ul, "value" / c.Prefixed(c.Int8ul, c.GreedyBytes))


@pytest.mark.parametrize(
    ("cls", "node"),
    [
        (Rows, c.GreedyRange(_ROW)),
        (Rows, c.PrefixedArray(c.VarInt, _ROW)),
        (Rows, c.PrefixedArray(c.Int8ul, c.Int8ul)),
        (RowsToEnd, c.Array(2, _ROW)),
        (RowsToEnd, c.GreedyRange(_ROW, discard=True)),
    ],
)
def test_plan_when_list_is_declared_otherwise_is_refused(cls: type, node: Any) -> None:
    with pytest.raises(Unsupported):
        plan_message(bind(cls), c.Struct("rows" / node, c.Terminated))


def test_bind_when_annotation_is_no_word_is_a_type_error() -> None:
    @message
    class Plain:
        value: int

    with pytest.raises(TypeError, match=r"Plain\.value is not annotated with a wire word"):
        bind(Plain)


def test_bind_when_listed_records_may_be_empty_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"Endless\.items is a list of records that may be empty"):
        bind(Endless)


@message
class Nothing:
    pass


@message
class Endless:
    items: Annotated[tuple[Nothing, ...], TO_END]


def test_count_is_one_byte_and_refuses_more_records() -> None:
    row = Tlv(tag=1, value=b"")
    made = codec(Rows)
    assert made.encode(Rows(rows=(row,) * 255)) == b"\xff" + b"\1\0" * 255
    with pytest.raises(LocalProtocolError, match="FormatFieldError in rows"):
        made.encode(Rows(rows=(row,) * 256))


def test_short_bytes_refuses_more_than_255_bytes() -> None:
    @message
    class Held:
        value: ShortBytes

    made = codec(Held)
    assert made.encode(Held(value=b"x" * 255))[0] == 255
    with pytest.raises(LocalProtocolError):
        made.encode(Held(value=b"x" * 256))
