"""Binds a dataclass to its construct declaration: which field is an enum, a record, a list.

The words in a dataclass's annotations give both halves: the construct nodes (the layout) and what
construct itself does not know (the enum or the record class a value has outside). ``bind`` reads
the annotations once; everything else in this room works on the result.
"""

from __future__ import annotations

import dataclasses
import enum
import typing
from collections.abc import Mapping
from typing import Any, TypeAlias

import construct as c

# What a message may lie in when it is decoded; bleak hands over bytearrays.
Buffer: TypeAlias = bytes | bytearray | memoryview


@dataclasses.dataclass(frozen=True, slots=True)
class EnumWord:
    """Marks an annotation as an open enum that an integer word carries."""

    carrier: Any


class ManyWord(enum.Enum):
    """Marks a ``tuple[Record, ...]``: how the receiver knows where it ends."""

    COUNTED = enum.auto()  # a count byte comes first
    TO_END = enum.auto()  # it runs to the end of the message


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BoundField:
    """One field of a record: its construct node, and what its value is outside.

    Attributes:
        name: The dataclass field's name.
        node: The construct node, without a name.
        enum: Class of the value, when an enum word carries it.
        record: The record that the value is, or, with ``many``, that each item is.
        many: How a tuple of records ends; None for a single value.
    """

    name: str
    node: Any
    enum: type[enum.IntEnum] | None = None
    record: BoundRecord | None = None
    many: ManyWord | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BoundRecord:
    """A dataclass and its fields in wire order."""

    message: type
    fields: tuple[BoundField, ...]

    def subcons(self) -> list[Any]:
        """The named construct nodes, for a ``construct.Struct``."""
        return [field.name / field.node for field in self.fields]


def bind(message: type) -> BoundRecord:
    """Read the annotations of a dataclass.

    Raises:
        TypeError: When an annotation is not a word, or a list is of records that may be empty.
    """
    hints = typing.get_type_hints(message, include_extras=True)
    return BoundRecord(
        message=message,
        fields=tuple(
            _bind_field(message, field.name, hints[field.name])
            for field in dataclasses.fields(message)
        ),
    )


def _bind_field(message: type, name: str, hint: Any) -> BoundField:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        record = bind(hint)
        return BoundField(name=name, node=c.Struct(*record.subcons()), record=record)
    kind, word = (*typing.get_args(hint), None, None)[:2]
    if isinstance(word, EnumWord):
        return BoundField(name=name, node=word.carrier, enum=kind)
    if isinstance(word, ManyWord):
        return _bind_many(message, name, typing.get_args(kind)[0], word)
    if isinstance(word, c.Construct):
        return BoundField(name=name, node=word)
    raise TypeError(f"{message.__name__}.{name} is not annotated with a wire word")


def _bind_many(message: type, name: str, item: type, word: ManyWord) -> BoundField:
    record = bind(item)
    node = c.Struct(*record.subcons())
    if _takes_nothing(node):
        # construct would read a list of such records for ever.
        raise TypeError(f"{message.__name__}.{name} is a list of records that may be empty")
    many = c.PrefixedArray(c.Int8ul, node) if word is ManyWord.COUNTED else c.GreedyRange(node)
    return BoundField(name=name, node=many, record=record, many=word)


def _takes_nothing(node: Any) -> bool:
    try:
        node.parse(b"")
    except c.ConstructError:
        return False
    return True


def to_value(record: BoundRecord, parsed: Mapping[str, Any]) -> Any:
    """What construct parsed, as the dataclass.

    Raises:
        ValueError: When a closed enum has no member of the number.
    """
    values = {field.name: to_field_value(field, parsed[field.name]) for field in record.fields}
    return record.message(**values)


def to_field_value(field: BoundField, parsed: Any) -> Any:
    """What construct parsed for one field, as the dataclass holds it.

    Raises:
        ValueError: When a closed enum has no member of the number.
    """
    if field.enum is not None:
        return field.enum(parsed)
    if field.record is None:
        return parsed
    if field.many is None:
        return to_value(field.record, parsed)
    return tuple(to_value(field.record, item) for item in parsed)


def to_plain(record: BoundRecord, value: Any) -> dict[str, Any]:
    """The dataclass as what construct builds from.

    Raises:
        TypeError: When a value is not of the class that the annotations name.
    """
    _require(value, record.message)
    plain: dict[str, Any] = {}
    for field in record.fields:
        item = getattr(value, field.name)
        if field.record is None:
            plain[field.name] = item
        elif field.many is None:
            plain[field.name] = to_plain(field.record, item)
        else:
            _require(item, tuple)
            plain[field.name] = [to_plain(field.record, entry) for entry in item]
    return plain


def _require(value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        # Only the types are named: the value may be a PIN (DESIGN D22).
        raise TypeError(f"expected {kind.__name__}, not {type(value).__name__}")
