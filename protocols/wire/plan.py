"""Reads a construct declaration into the few shapes that the code generator knows.

The walk goes over construct's own nodes, since they are what defines the bytes. A node, an option
or a class that is not known here raises `Unsupported`; its codec then stays interpreted.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import struct
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import construct as c

from protocols.errors import StrikeplateError
from protocols.wire.binding import BoundField, BoundRecord, ManyWord


class Unsupported(StrikeplateError):  # noqa: N818 - it says what happened, as the tree's leaves do.
    """A layout that the generator does not know; construct goes on interpreting it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Integer:
    """An integer of fixed size, perhaps an enum outside."""

    name: str
    code: str  # struct's format character
    order: str  # "<" or ">"
    enum: type[enum.IntEnum] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FixedBytes:
    """So many bytes."""

    name: str
    size: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PrefixedBytes:
    """A length, then that many bytes, of UTF-8 when ``is_text``."""

    name: str
    length: Integer
    is_text: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """One record inside another; its bytes lie among its neighbours'."""

    name: str
    plan: Plan


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """A tuple of records, counted, or to the end of the message when ``count`` is None."""

    name: str
    plan: Plan
    count: Integer | None


Part: TypeAlias = Integer | FixedBytes | PrefixedBytes | Nested | Many


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to read and write for one record.

    Attributes:
        message: The frozen dataclass.
        twin: A class with the same slots that is not frozen. An instance is filled by plain
            assignments and then becomes the dataclass by assigning ``__class__``: about a tenth of
            the time of the frozen ``__init__``, which goes through ``object.__setattr__`` for
            each field (measured by ``benchmarks/codec.py``).
        parts: The fields in wire order.
    """

    message: type
    twin: type
    parts: tuple[Part, ...]


# Formats that struct and construct's FormatField treat alike, as integers.
_INTEGER_CODES: Final = "BHLQbhlq"
_UNSIGNED_CODES: Final = "BHLQ"
# Spellings under which str.encode means UTF-8.
_UTF8_NAMES: Final = ("utf8", "utf-8")


def plan_message(record: BoundRecord, declaration: Any) -> Plan:
    """Plan a whole message: a Struct that ends with Terminated.

    Raises:
        Unsupported: When the declaration holds anything that is not known here.
    """
    _require(type(declaration) is c.Struct, "a message is a Struct")
    *nodes, last = declaration.subcons
    _require(last is c.Terminated, "a message ends with Terminated")
    plan = _plan_record(record, nodes)
    for part in plan.parts[:-1]:
        _require(not _runs_to_end(part), "only the last field runs to the end")
    return plan


def fits_one_run(plan: Plan) -> bool:
    """True when one Struct covers a whole record: fixed fields, one byte order."""
    fixed = list(_flattened(plan))
    orders = {part.order for part in fixed if isinstance(part, Integer)}
    return len(orders) <= 1 and all(isinstance(part, Integer | FixedBytes) for part in fixed)


def fixed_size(plan: Plan) -> int:
    """Bytes of a record that ``fits_one_run``."""
    return sum(
        part.size if isinstance(part, FixedBytes) else struct.calcsize(part.order + part.code)
        for part in _flattened(plan)
        if isinstance(part, FixedBytes | Integer)
    )


def _flattened(plan: Plan) -> Iterator[Part]:
    for part in plan.parts:
        if isinstance(part, Nested):
            yield from _flattened(part.plan)
        else:
            yield part


def _plan_record(record: BoundRecord, nodes: list[Any]) -> Plan:
    _require([node.name for node in nodes] == [f.name for f in record.fields], "fields in order")
    parts = tuple(
        _plan_field(field, _unnamed(node))
        for field, node in zip(record.fields, nodes, strict=True)
    )
    return Plan(message=record.message, twin=_twin_of(record.message), parts=parts)


def _plan_field(field: BoundField, node: Any) -> Part:
    if field.many is not None and field.record is not None:
        return _plan_many(field.name, field.many, field.record, node)
    if field.record is not None:
        return Nested(name=field.name, plan=_plan_inner(field.record, node))
    if type(node) is c.FormatField:
        return _plan_integer(field, node)
    _require(field.enum is None, "an integer carries an enum")
    if type(node) is c.Bytes:
        _require(isinstance(node.length, int) and node.length > 0, "a fixed number of bytes")
        return FixedBytes(name=field.name, size=node.length)
    is_text = type(node) is c.StringEncoded
    if is_text:
        _require(node.encoding in _UTF8_NAMES, "text is UTF-8")
        node = _unnamed(node.subcon)
    return _plan_prefixed(field.name, node, is_text=is_text)


def _plan_integer(field: BoundField, node: Any) -> Integer:
    order, code = node.fmtstr
    _require(order in "<>" and code in _INTEGER_CODES, "an integer of fixed byte order")
    return Integer(name=field.name, code=code, order=order, enum=field.enum)


def _plan_prefixed(name: str, node: Any, *, is_text: bool) -> PrefixedBytes:
    _require(
        type(node) is c.Prefixed and not node.includelength,
        f"only known nodes, no {type(node).__name__}",
    )
    _require(_unnamed(node.subcon) is c.GreedyBytes, "a length and its bytes")
    return PrefixedBytes(name=name, length=_plan_length(node.lengthfield), is_text=is_text)


def _plan_many(name: str, many: ManyWord, record: BoundRecord, node: Any) -> Many:
    if many is ManyWord.TO_END:
        _require(type(node) is c.GreedyRange and not node.discard, "records to the end")
        return Many(name=name, plan=_plan_inner(record, node.subcon), count=None)
    # construct spells PrefixedArray as this pair; its expressions are the ones that binding made.
    _require(type(node) is c.FocusedSeq, "counted records")
    count, items = (_unnamed(sub) for sub in node.subcons)
    return Many(
        name=name,
        plan=_plan_inner(record, items.subcon),
        count=_plan_length(count.subcon),
    )


def _plan_inner(record: BoundRecord, node: Any) -> Plan:
    struct = _unnamed(node)
    _require(type(struct) is c.Struct, "a record is a Struct")
    plan = _plan_record(record, struct.subcons)
    _require(not any(map(_runs_to_end, plan.parts)), "only the message runs to the end")
    return plan


def _plan_length(node: Any) -> Integer:
    node = _unnamed(node)
    _require(type(node) is c.FormatField, "a length is an integer")
    order, code = node.fmtstr
    _require(order in "<>" and code in _UNSIGNED_CODES, "a length is unsigned")
    return Integer(name="length", code=code, order=order)


def _runs_to_end(part: Part) -> bool:
    return isinstance(part, Many) and part.count is None


def _unnamed(node: Any) -> Any:
    # A `parsed` hook is code that only construct can call.
    _require(node.parsed is None, "no hooks")
    while type(node) is c.Renamed:
        node = node.subcon
        _require(node.parsed is None, "no hooks")
    return node


def _twin_of(message: type) -> type:
    fields = [field.name for field in dataclasses.fields(message)]
    _require(message.__mro__ == (message, object), "a message inherits from nothing")
    _require(
        not {"__new__", "__post_init__"} & message.__dict__.keys()
        and list(inspect.signature(message).parameters) == fields,
        "constructing a message only stores its fields",
    )
    twin = type(message.__name__, (), {"__slots__": message.__dict__.get("__slots__", ())})
    try:
        twin().__class__ = message
    except TypeError as error:
        raise Unsupported(f"{message.__name__} has more than slots for its fields") from error
    return twin


def _require(condition: bool, rule: str) -> None:  # noqa: FBT001 - a condition, as in assert.
    if not condition:
        raise Unsupported(f"the generator can not take this layout, its rule: {rule}")
