"""Hypothesis strategies drawn from wire layouts: values, messages, and damaged bytes.

``values_of(declaration)`` follows a construct declaration and draws what its ``build`` takes. The
fields of a Struct are drawn in their order into a context, so that ``this.kind`` in a Switch, a
count in an Array or a lambda in Bytes see what was drawn before them. ``messages_of(cls)`` draws
instances of a wire dataclass. ``wire_of`` and ``damaged`` make bytes that are nearly right, with a
hook that repairs a checksum after the damage: without it a fuzzer never gets past the checksum.

A node that refuses some of its values (an adapter that checks, an expression over many fields)
needs a strategy given by field name: ``values_of(declaration, pin=st.binary(min_size=4))``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

import construct as c
from hypothesis import strategies as st

from protocols.wire.binding import BoundField, BoundRecord, bind
from protocols.wire.layout import codec
from protocols.wire.open_enum import OpenIntEnum

T = TypeVar("T")

Values: TypeAlias = st.SearchStrategy[Any]
Context: TypeAlias = Mapping[str, Any]

# Longer lists, texts and byte strings find no more faults and make examples slow to shrink.
ITEMS_MAX: Final = 8
BYTES_MAX: Final = 64
# Faults in one damaged frame: more of them and hardly a frame gets past its first field.
FAULTS_MAX: Final = 3
# Numbers at which lengths, counts and enums change their meaning.
_EDGE_BYTES: Final = (0x00, 0x01, 0x02, 0x7F, 0x80, 0xFE, 0xFF)


def values_of(declaration: Any, **overrides: Values) -> Values:
    """Values that ``declaration.build`` takes.

    Args:
        declaration: Any construct node.
        overrides: Strategies by field name, at any depth, instead of those derived.

    Raises:
        TypeError: When a node is of a kind that this module does not know.
    """
    return _values(declaration, c.Container(), overrides)


def messages_of(cls: type[T]) -> st.SearchStrategy[T]:
    """Instances of a wire dataclass that its codec can encode; open enums hold any number."""
    return _records(bind(cls))


def wire_of(cls: type, *, faults_max: int = FAULTS_MAX) -> st.SearchStrategy[bytes]:
    """Bytes of a message, with up to ``faults_max`` faults; 0 gives only right ones."""
    made: Any = codec(cls)
    return damaged(messages_of(cls).map(made.encode), faults_max=faults_max)


@st.composite
def damaged(
    draw: st.DrawFn,
    wire: st.SearchStrategy[bytes],
    *,
    faults_max: int = FAULTS_MAX,
    repair: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """Bytes as a bad link or a bad peer would change them.

    Args:
        draw: Given by hypothesis.
        wire: The bytes before the damage.
        faults_max: How many faults there are at most.
        repair: Makes the checksum of damaged bytes right again. Where it is given, some of the
            bytes are repaired and some are not.
    """
    raw = bytearray(draw(wire))
    for _ in range(draw(st.integers(0, faults_max))):
        draw(_FAULTS)(draw, raw)
    if repair is not None and draw(st.booleans()):
        return repair(bytes(raw))
    return bytes(raw)


Fault: TypeAlias = Callable[[st.DrawFn, bytearray], None]


def _flip_bit(draw: st.DrawFn, raw: bytearray) -> None:
    if raw:
        raw[_index(draw, raw)] ^= 1 << draw(st.integers(0, 7))


def _set_edge(draw: st.DrawFn, raw: bytearray) -> None:
    if raw:
        raw[_index(draw, raw)] = draw(st.sampled_from(_EDGE_BYTES))


def _cut_end(draw: st.DrawFn, raw: bytearray) -> None:
    del raw[draw(st.integers(0, len(raw))) :]


def _drop(draw: st.DrawFn, raw: bytearray) -> None:
    at = draw(st.integers(0, len(raw)))
    del raw[at : at + draw(st.integers(1, ITEMS_MAX))]


def _repeat(draw: st.DrawFn, raw: bytearray) -> None:
    at = draw(st.integers(0, len(raw)))
    raw[at:at] = raw[at : at + draw(st.integers(1, ITEMS_MAX))]


def _insert(draw: st.DrawFn, raw: bytearray) -> None:
    at = draw(st.integers(0, len(raw)))
    raw[at:at] = draw(st.binary(min_size=1, max_size=ITEMS_MAX))


def _lengthen(draw: st.DrawFn, raw: bytearray) -> None:
    # Beyond 255, so that one-byte lengths are passed too.
    raw += draw(st.binary(min_size=1, max_size=300))


def _index(draw: st.DrawFn, raw: bytearray) -> int:
    return draw(st.integers(0, len(raw) - 1))


_FAULTS: Final[st.SearchStrategy[Fault]] = st.sampled_from(
    [_flip_bit, _set_edge, _cut_end, _drop, _repeat, _insert, _lengthen]
)


def _records(record: BoundRecord) -> Values:
    fields = {field.name: _field_values(field) for field in record.fields}
    return st.builds(record.message, **fields)


def _field_values(field: BoundField) -> Values:
    if field.enum is not None:
        return _enum_values(field.enum, field.node)
    if field.record is None:
        return values_of(field.node)
    records = _records(field.record)
    return records if field.many is None else st.lists(records, max_size=ITEMS_MAX).map(tuple)


def _enum_values(kind: type[enum.IntEnum], carrier: Any) -> Values:
    members = st.sampled_from(list(kind))
    # A negative number is no value of an open enum.
    numbers = values_of(carrier).filter(lambda number: number >= 0)
    return members | numbers.map(kind) if issubclass(kind, OpenIntEnum) else members


def _values(node: Any, context: Context, overrides: Mapping[str, Values]) -> Values:
    if node.name in overrides:
        return overrides[node.name]
    for kind in type(node).__mro__:
        if kind in _STRATEGIES:
            return _STRATEGIES[kind](node, context, overrides)
    raise TypeError(f"no strategy for a {type(node).__name__} of construct")


Strategy: TypeAlias = Callable[[Any, Context, Mapping[str, Values]], Values]


def _evaluated(parameter: Any, context: Context) -> Any:
    """A parameter that may be an expression; None where it depends on a rebuilt field."""
    return c.evaluate(parameter, context)


def _integers(bits: int, *, signed: bool) -> Values:
    if signed:
        return st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    return st.integers(0, (1 << bits) - 1)


def _format_field(node: Any, _: Context, __: Mapping[str, Values]) -> Values:
    code = node.fmtstr[1]
    match code:
        case "e" | "f" | "d":
            width: Any = {"e": 16, "f": 32, "d": 64}[code]
            return st.floats(width=width, allow_nan=False)
        case "?":
            return st.booleans()
        case _:
            return _integers(8 * node.length, signed=code.islower())


def _bytes_integer(node: Any, context: Context, _: Mapping[str, Values]) -> Values:
    return _integers(8 * _evaluated(node.length, context), signed=node.signed)


def _bits_integer(node: Any, context: Context, _: Mapping[str, Values]) -> Values:
    return _integers(_evaluated(node.length, context), signed=node.signed)


def _bytes(node: Any, context: Context, _: Mapping[str, Values]) -> Values:
    size = _evaluated(node.length, context)
    if size is None:
        return st.binary(max_size=BYTES_MAX)
    return st.binary(min_size=size, max_size=size)


def _fixed_sized(node: Any, context: Context, overrides: Mapping[str, Values]) -> Values:
    if node.subcon is not c.GreedyBytes:
        return _values(node.subcon, context, overrides)
    size = _evaluated(node.length, context)
    return st.binary(min_size=size, max_size=size)


def _null_terminated(node: Any, context: Context, overrides: Mapping[str, Values]) -> Values:
    values = _values(node.subcon, context, overrides)
    if node.subcon is not c.GreedyBytes:
        return values
    return values.map(lambda value: value.replace(node.term, b""))


def _text(node: Any, context: Context, _: Mapping[str, Values]) -> Values:
    capacity = _text_capacity(node.subcon, context)
    alphabet = st.characters(codec=node.encoding, exclude_characters="\0")
    return st.text(alphabet, max_size=min(capacity, BYTES_MAX)).filter(
        lambda text: len(text.encode(node.encoding)) <= capacity
    )


def _text_capacity(node: Any, context: Context) -> int:
    if isinstance(node, c.FixedSized):
        return int(_evaluated(node.length, context))
    if isinstance(node, c.Prefixed) and isinstance(node.lengthfield, c.FormatField):
        return int((1 << 8 * node.lengthfield.length) - 1)
    return BYTES_MAX


def _array(node: Any, context: Context, overrides: Mapping[str, Values]) -> Values:
    count = _evaluated(node.count, context)
    items = _values(node.subcon, context, overrides)
    if count is None:
        return st.lists(items, max_size=ITEMS_MAX)
    return st.lists(items, min_size=count, max_size=count)


def _list(node: Any, context: Context, overrides: Mapping[str, Values]) -> Values:
    return st.lists(_values(node.subcon, context, overrides), max_size=ITEMS_MAX)


def _focused(node: Any, context: Context, overrides: Mapping[str, Values]) -> Values:
    # Also what PrefixedArray is: its count is rebuilt from its items.
    inside = c.Container(dict.fromkeys(sub.name for sub in node.subcons), _=context)
    (focus,) = [sub for sub in node.subcons if sub.name == node.parsebuildfrom]
    return _values(focus, inside, overrides)


def _switch(node: Any, context: Context, overrides: Mapping[str, Values]) -> Values:
    key = _evaluated(node.keyfunc, context)
    return _values(node.cases.get(key, node.default), context, overrides)


def _if_then_else(node: Any, context: Context, overrides: Mapping[str, Values]) -> Values:
    chosen = node.thensubcon if _evaluated(node.condfunc, context) else node.elsesubcon
    return _values(chosen, context, overrides)


@st.composite
def _struct(draw: st.DrawFn, node: Any, context: Context, overrides: Mapping[str, Values]) -> Any:
    drawn = c.Container()
    for sub in node.subcons:
        value = draw(_values(sub, c.Container(drawn, _=context), overrides))
        if sub.name:
            drawn[sub.name] = value
    return drawn


def _sequence(node: Any, context: Context, overrides: Mapping[str, Values]) -> Values:
    return st.tuples(*[_values(sub, context, overrides) for sub in node.subcons]).map(list)


def _inner(node: Any, context: Context, overrides: Mapping[str, Values]) -> Values:
    return _values(node.subcon, context, overrides)


def _nothing(*_: object) -> Values:
    return st.none()  # What build computes by itself, or leaves out.


_STRATEGIES: Final[Mapping[type, Strategy]] = {
    c.FormatField: _format_field,
    c.BytesInteger: _bytes_integer,
    c.BitsInteger: _bits_integer,
    # Nine groups of seven bits: as far as any format here would go.
    type(c.VarInt): lambda *_: st.integers(0, (1 << 63) - 1),
    type(c.Flag): lambda *_: st.booleans(),
    c.Bytes: _bytes,
    type(c.GreedyBytes): lambda *_: st.binary(max_size=BYTES_MAX),
    c.FixedSized: _fixed_sized,
    c.NullTerminated: _null_terminated,
    c.StringEncoded: _text,
    c.Enum: lambda node, *_: st.sampled_from(sorted(map(str, node.encmapping))),
    c.FlagsEnum: lambda node, *_: st.fixed_dictionaries(dict.fromkeys(node.flags, st.booleans())),
    c.Mapping: lambda node, *_: st.sampled_from(sorted(node.encmapping, key=repr)),
    c.Const: lambda node, *_: st.just(node.value),
    c.Array: _array,
    c.GreedyRange: _list,
    c.FocusedSeq: _focused,
    c.Switch: _switch,
    c.IfThenElse: _if_then_else,
    c.Struct: _struct,
    c.Sequence: _sequence,
    c.RawCopy: lambda node, *rest: _inner(node, *rest).map(lambda value: {"value": value}),
    c.Computed: _nothing,
    c.Rebuild: _nothing,
    c.Checksum: _nothing,
    type(c.Pass): _nothing,
    type(c.Tell): _nothing,
    type(c.Terminated): _nothing,
    # Nodes that only say where or how the value inside them lies.
    c.Renamed: _inner,
    c.Default: _inner,
    c.Padded: _inner,
    c.Aligned: _inner,
    c.Prefixed: _inner,
    c.Transformed: _inner,
    c.Hex: _inner,
}
