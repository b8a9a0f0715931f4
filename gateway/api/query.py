"""Query strings: the text that the SDKs' serializer writes, as the values a JSON body would hold.

Two readings. With `_strict=true`, which the official SDKs append, a list is a repeated name, a
boolean is exactly `true` or `false`, and nothing is trimmed. Without it, as people type, `a[]=1`,
`a[0]=1` and `a=1,2` are lists too, `yes`, `no`, `1` and `0` are booleans, and blanks at either
end go. In both, an empty value is an empty list where a list is meant and null elsewhere, and
dots reach into objects (`custom_metadata_has.floor=2`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from gateway.api.shapes import Kind, Shape
from gateway.api.zod import invalid

# Most name-value pairs read: a list may hold 1,000 ids, and a few lists may come together.
_PAIRS_MAX: Final = 5000

# Deepest nesting by dots that is followed, as deep as JSON bodies are read.
_DEPTH_MAX: Final = 32

# A number in ECMAScript's form, short enough for exact reading.
_NUMBER: Final = re.compile(r"-?\d{1,17}(\.\d{1,17})?([eE][+-]?\d{1,3})?", re.ASCII)
_LIST_SUFFIX: Final = re.compile(r"\[\d{0,4}\]\Z", re.ASCII)
_STRICT_BOOLEANS: Final = {"true": True, "false": False}
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_STRING: Final = Shape(Kind.STRING)


def parse_query(text: str, shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """Read a query string.

    Args:
        text: The raw query, without the question mark.
        shapes: What is known of the route's parameters; other names are left out.

    Raises:
        InvalidInput: When there are too many names, or one nests too deeply.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_PAIRS_MAX)
    except ValueError:
        raise invalid({"": f"The query holds more than {_PAIRS_MAX} parameters"}) from None
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    is_strict = groups.pop("_strict", None) == ["true"]
    return _object(groups, shapes, is_strict=is_strict, depth=0)


def _object(
    groups: Mapping[str, list[str]], shapes: Mapping[str, Shape], *, is_strict: bool, depth: int
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    nested: dict[str, dict[str, list[str]]] = {}
    for full_name, texts in groups.items():
        name, dot, rest = full_name.partition(".")
        if dot and name in shapes and shapes[name].kind is Kind.OBJECT:
            nested.setdefault(name, {})[rest] = texts
            continue
        name = full_name
        if not is_strict and name not in shapes:
            name = _LIST_SUFFIX.sub("", name)
            if name in shapes and shapes[name].kind is Kind.ARRAY:
                _extend(values, name, _items(texts, shapes[name], is_strict=False))
            continue
        if name in shapes:
            values[name] = _value(texts, shapes[name], is_strict=is_strict)
    for name, inner in nested.items():
        known = shapes[name].properties
        values[name] = (
            _object(inner, known, is_strict=is_strict, depth=depth + 1)
            if known
            else _free_object(inner, name)
        )
    return values


def _extend(values: dict[str, Any], name: str, items: list[Any]) -> None:
    held = values.get(name)
    values[name] = [*held, *items] if isinstance(held, list) else items


def _free_object(groups: Mapping[str, list[str]], name: str) -> dict[str, Any]:
    """An object whose names are the caller's own: all values are text."""
    result: dict[str, Any] = {}
    for path, texts in groups.items():
        parts = path.split(".")
        if len(parts) > _DEPTH_MAX:
            raise invalid({name: "Nested too deeply"})
        node = result
        for part in parts[:-1]:
            inner = node.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = node[part] = {}
            node = inner
        node[parts[-1]] = _value(texts, _STRING, is_strict=True)
    return result


def _value(texts: list[str], shape: Shape, *, is_strict: bool) -> Any:
    if shape.kind is Kind.ARRAY:
        return _items(texts, shape, is_strict=is_strict)
    if len(texts) > 1:
        return texts  # A list where none is meant: validation says so.
    text = texts[0] if is_strict else texts[0].strip()
    return None if text == "" else _scalar(text, shape.kind, is_strict=is_strict)


def _items(texts: list[str], shape: Shape, *, is_strict: bool) -> list[Any]:
    if not is_strict and len(texts) == 1:
        texts = texts[0].split(",")
    if texts == [""]:
        return []
    kind = shape.items.kind if shape.items is not None else Kind.STRING
    return [
        _scalar(text if is_strict else text.strip(), kind, is_strict=is_strict) for text in texts
    ]


def _scalar(text: str, kind: Kind, *, is_strict: bool) -> Any:
    if kind is Kind.BOOLEAN:
        table = _STRICT_BOOLEANS if is_strict else _BOOLEANS
        return table.get(text if is_strict else text.lower(), text)
    if kind is Kind.NUMBER and _NUMBER.fullmatch(text):
        return int(text) if text.lstrip("-").isdigit() else float(text)
    return text
