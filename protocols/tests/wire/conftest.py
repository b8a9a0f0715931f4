"""Layouts that strain the generator, and strategies for values and bytes of any message."""

from __future__ import annotations

import collections
import dataclasses
import enum
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import construct as c
import pytest
from hypothesis import strategies as st

from protocols.strike.messages import MESSAGES
from protocols.wire.binding import BoundField, BoundRecord, ManyWord, bind
from protocols.wire.layout import (
    COUNTED,
    ENUM8,
    S16,
    TO_END,
    U8,
    U32,
    Bytes4,
    Bytes8,
    Codec,
    EnumWord,
    Extensions,
    ShortBytes,
    ShortText,
    Tlv,
    codec,
    message,
)
from protocols.wire.open_enum import OpenIntEnum


class Closed(enum.IntEnum):
    """An enum that refuses numbers without a member."""

    RED = 1
    BLUE = 0x102


class Open(OpenIntEnum):
    """An enum that keeps them."""

    ZERO = 0
    NINE = 9


@message
class Nothing:
    pass


@message
class Fixed:
    small: U8
    digest: Bytes8
    signed: Annotated[int, c.Int8sl]
    wide: Annotated[int, c.Int64sl]


@message
class Point:
    x: S16
    y: S16


@message
class Label:
    text: ShortText
    blob: ShortBytes


@message
class Framed:
    open: Annotated[Open, ENUM8]
    corner: Point
    # With the nested record above, a naive choice of variable names collides.
    corner_x: U8


@message
class BothOrders:
    big: Annotated[int, c.Int16ub]
    little: U32


@message
class Lists:
    points: Annotated[tuple[Point, ...], COUNTED]
    labels: Annotated[tuple[Label, ...], COUNTED]
    mixed: Annotated[tuple[BothOrders, ...], COUNTED]
    frames: Annotated[tuple[Framed, ...], COUNTED]
    tail: Annotated[tuple[Point, ...], TO_END] = ()


@message
class Everything:
    big: Annotated[int, c.Int32ub]
    little: U32
    byte: U8
    also_big: Annotated[int, c.Int64ub]
    color: Annotated[Closed, EnumWord(c.Int16ub)]
    framed: Framed
    label: Label
    long: Annotated[bytes, c.Prefixed(c.Int16ub, c.GreedyBytes)]
    digest: Bytes4
    extensions: Extensions = ()


@message
class MixedTail:
    tail: Annotated[tuple[BothOrders, ...], TO_END]


@message
class LabelTail:
    head: Label
    tail: Annotated[tuple[Label, ...], TO_END]


ZOO = (Nothing, Fixed, Framed, BothOrders, Lists, Everything, MixedTail, LabelTail, Tlv)
EVERY_MESSAGE = (*MESSAGES.values(), *ZOO)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `every_message` once for each of them."""
    if "every_message" in metafunc.fixturenames:
        metafunc.parametrize("every_message", EVERY_MESSAGE, ids=lambda cls: cls.__name__)


@pytest.fixture(scope="session")
def messages() -> tuple[type, ...]:
    return EVERY_MESSAGE


@pytest.fixture(scope="session")
def zoo() -> dict[str, Any]:
    return {cls.__name__: cls for cls in (*ZOO, Point, Label, Closed, Open)}


@pytest.fixture(scope="session")
def values_of() -> Callable[[type], st.SearchStrategy[Any]]:
    """Values of a message that its layout can hold."""
    return lambda cls: _record_values(bind(cls))


@pytest.fixture(scope="session")
def misfits_of() -> Callable[[type], st.SearchStrategy[Any]]:
    """Values of a message whose fields hold anything at all."""
    return lambda cls: _record_values(bind(cls), junk=True) | _JUNK


@pytest.fixture(scope="session")
def misfits_one_by_one() -> Callable[[type], Iterator[Any]]:
    """A plain value with each of its fields, at any depth, replaced by each odd value."""
    return lambda cls: _substituted(_sample(bind(cls)))


@pytest.fixture(scope="session")
def wire_of() -> Callable[[type], st.SearchStrategy[bytes]]:
    """Bytes that are nearly, or rightly, a message: built, then damaged up to three times."""
    return _wire


def _record_values(record: BoundRecord, *, junk: bool = False) -> st.SearchStrategy[Any]:
    strategies = {field.name: _field_values(field, junk=junk) for field in record.fields}
    return st.builds(record.message, **strategies)


def _field_values(field: BoundField, *, junk: bool) -> st.SearchStrategy[Any]:
    values = _valid_values(field, junk=junk)
    # Mostly right, so that the wrong ones are reached.
    return st.one_of(values, values, values, _JUNK) if junk else values


def _valid_values(field: BoundField, *, junk: bool) -> st.SearchStrategy[Any]:
    if field.record is not None:
        records = _record_values(field.record, junk=junk)
        if field.many is None:
            return records
        most = 4 if field.many is ManyWord.COUNTED else 3
        tuples = st.lists(records, max_size=most).map(tuple)
        return tuples | tuples.map(list) if junk else tuples
    if field.enum is not None:
        return _enum_values(field.enum)
    return _node_values(field.node)


def _enum_values(kind: type[enum.IntEnum]) -> st.SearchStrategy[Any]:
    members = st.sampled_from(list(kind))
    return members | st.integers(0, 255).map(kind) if issubclass(kind, OpenIntEnum) else members


def _node_values(node: Any) -> st.SearchStrategy[Any]:
    if isinstance(node, c.FormatField):
        bits = 8 * node.length
        if node.fmtstr[1].islower():
            return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
        return st.integers(0, (1 << bits) - 1)
    if isinstance(node, c.Bytes):
        return st.binary(min_size=node.length, max_size=node.length)
    if isinstance(node, c.StringEncoded):
        return st.text(max_size=20) | st.text(max_size=300).filter(
            lambda text: len(text.encode()) < 256
        )
    return st.binary(max_size=20) | st.binary(max_size=255)


def _sample(record: BoundRecord) -> Any:
    return record.message(**{field.name: _field_sample(field) for field in record.fields})


def _field_sample(field: BoundField) -> Any:
    if field.record is not None:
        return _sample(field.record) if field.many is None else (_sample(field.record),)
    if field.enum is not None:
        return next(iter(field.enum))
    if isinstance(field.node, c.FormatField):
        return 1
    if isinstance(field.node, c.Bytes):
        return b"x" * field.node.length
    return "x" if isinstance(field.node, c.StringEncoded) else b"x"


def _substituted(value: Any) -> Iterator[Any]:
    yield from _ODD_VALUES
    if isinstance(value, tuple):
        for item in _substituted(value[0]):
            yield (item,)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            for item in _substituted(getattr(value, field.name)):
                yield dataclasses.replace(value, **{field.name: item})


class _Indexed:
    """Not an integer, but struct takes it for one."""

    def __index__(self) -> int:
        return 7


class _Lookalike:
    """Has the fields of a Tlv and of a Point without being one."""

    tag = 1
    value = b"x"
    x = y = 0
    extensions = ()


class _Text(str):
    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"?" + super().encode(encoding, errors)


class _Octets(bytes):
    __slots__ = ()


class _Array(bytearray):
    __slots__ = ()


class _Number(int):
    __slots__ = ()


@dataclasses.dataclass(frozen=True)
class _OtherPoint:
    x: int = 1
    y: int = 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _SubTlv(Tlv):
    pass


_TUPLE = collections.namedtuple("_TUPLE", ["tag", "value"])  # noqa: PYI024 - a wrong type on purpose.

_ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 5, 256, 1 << 33, 1 << 70, 1.0, float("nan"), 1j),
    *("", "x", "1234", "\ud800", "é" * 128, "x" * 256, b"", b"x", b"12345678", b"x" * 256),
    *(
        _Array(b"12345678"),
        bytearray(b"12345678"),
        bytearray(b"1234"),
        memoryview(b"12345678"),
        _Octets(b"1234"),
        _Array(b"1234"),
    ),
    *(_Text("text"), _Number(3), _Indexed(), _Lookalike(), _OtherPoint(), object(), Tlv),
    *([], (), {}, set(), range(2), [1], (1,), (None,), ("a", "b"), [Tlv(tag=1, value=b"")]),
    *(_TUPLE(1, b"x"), (_TUPLE(1, b"x"),), (_Lookalike(),), (_OtherPoint(),)),
    *(Tlv(tag=1, value=b"1"), (Tlv(tag=1, value=b"1"),), (_SubTlv(tag=1, value=b"1"),)),
    *((Tlv(tag=300, value=b""),), (Tlv(tag=1, value=bytearray(b"1")),)),  # type: ignore[arg-type] # a wrong value on purpose
    *(Point(x=1, y=2), (Point(x=1, y=2),), (Point(x=1, y="2"),), Label(text="a", blob=b"b")),  # type: ignore[arg-type] # a wrong value on purpose
    *(Open.NINE, Open(77), Closed.BLUE, (Tlv(tag=1, value=memoryview(b"1")),)),  # type: ignore[arg-type] # the same
)

_JUNK: st.SearchStrategy[Any] = st.sampled_from(_ODD_VALUES)


@st.composite
def _wire(draw: st.DrawFn, cls: type) -> bytes:
    made: Codec[Any] = codec(cls)
    raw = bytearray(made.encode_interpreted(draw(_record_values(bind(cls)))))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(raw)))
        match draw(st.sampled_from(["set", "cut", "drop", "insert", "repeat", "extend"])):
            case "set" if at < len(raw):
                raw[at] = draw(st.sampled_from([0, 1, 2, 9, 0x7F, 0x80, 0xFE, 0xFF]))
            case "cut":
                del raw[at:]
            case "drop":
                del raw[at : at + draw(st.integers(1, 8))]
            case "insert":
                raw[at:at] = draw(st.binary(min_size=1, max_size=8))
            case "repeat":
                raw[at:at] = raw[at : at + draw(st.integers(1, 20))]
            case _:
                raw += draw(st.binary(max_size=40))
    return bytes(raw)
