"""Says in words what a layout is, for documents and for whoever looks at captured bytes."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import construct as c

from protocols.errors import MalformedFrame
from protocols.wire.binding import BoundField, ManyWord, bind, to_field_value


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FieldLayout:
    """One field of a layout.

    Attributes:
        name: The dataclass field's name.
        word: The word in text, such as "u16", "bytes[8]", "u8 length + bytes", "enum8 Status".
        size: Bytes, or None where they vary.
    """

    name: str
    word: str
    size: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FieldBytes:
    """One field of a message that was taken apart.

    Attributes:
        layout: The field's layout.
        offset: Position of its first byte in the message body.
        raw: Its bytes, which may hold a PIN.
        value: What they mean.
    """

    layout: FieldLayout
    offset: int
    raw: bytes = dataclasses.field(repr=False)
    value: Any = dataclasses.field(repr=False)


def fields_of(message: type) -> tuple[FieldLayout, ...]:
    """The fields of a message or record, in wire order."""
    return tuple(_layout_of(field) for field in bind(message).fields)


def dissect(message: type, data: bytes) -> tuple[FieldBytes, ...]:
    """Take a message body apart, field by field.

    Raises:
        MalformedFrame: When the bytes are not that message; the offset is that of the field.
    """
    stream = io.BytesIO(data)
    parts = []
    for field in bind(message).fields:
        offset = stream.tell()
        try:
            value = to_field_value(field, field.node.parse_stream(stream))
        except (c.ConstructError, ValueError):
            break
        raw = data[offset : stream.tell()]
        parts.append(FieldBytes(layout=_layout_of(field), offset=offset, raw=raw, value=value))
    else:
        offset = stream.tell()
        if offset == len(data):
            return tuple(parts)
    raise MalformedFrame(f"not a {message.__name__}", raw=data, offset=offset)


def _layout_of(field: BoundField) -> FieldLayout:
    try:
        size = field.node.sizeof()
    except c.SizeofError:
        size = None
    return FieldLayout(name=field.name, word=_word_of(field), size=size)


def _word_of(field: BoundField) -> str:
    if field.record is not None:
        record = field.record.message.__name__
        if field.many is None:
            return record
        counted = field.many is ManyWord.COUNTED
        return f"u8 count + {record} records" if counted else f"{record} records to the end"
    if field.enum is not None:
        return f"enum{8 * field.node.sizeof()} {field.enum.__name__}"
    return _node_word(field.node)


def _node_word(node: Any) -> str:
    if isinstance(node, c.FormatField):
        sign = "s" if node.fmtstr[1].islower() else "u"
        order = "be" if node.fmtstr[0] == ">" and node.length > 1 else ""
        return f"{sign}{8 * node.length}{order}"
    if isinstance(node, c.Bytes):
        return f"bytes[{node.length}]"
    if isinstance(node, c.Prefixed):
        return f"{_node_word(node.lengthfield)} length + bytes"
    if isinstance(node, c.StringEncoded) and isinstance(node.subcon, c.Prefixed):
        return f"{_node_word(node.subcon.lengthfield)} length + UTF-8 text"
    return type(node).__name__
