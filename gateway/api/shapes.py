"""What kind of JSON value each parameter takes, worked out once for each model.

A query string has only text; turning it into the values that a JSON body would hold needs to
know, of every name, whether a string, a number, a boolean, a list or an object is meant.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Mapping
from typing import Any

from gateway.api.fields import NULLABLE_KEY, Parameters


class Kind(enum.Enum):
    """Kinds of JSON values; the value is the name used in validation messages."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"
    OBJECT = "object"


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """The value that one name takes.

    Attributes:
        kind: Kind of the value.
        is_nullable: Null is a value of its own; elsewhere it is a fault.
        items: Shape of a list's items.
        properties: Shapes of an object's known names; others hold strings.
    """

    kind: Kind
    is_nullable: bool = False
    items: Shape | None = None
    properties: Mapping[str, Shape] = dataclasses.field(default_factory=dict)


@functools.cache
def shapes_of(model: type[Parameters]) -> Mapping[str, Shape]:
    """The shape of every parameter of a model, by name."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    return {
        name: _shape(property_schema, definitions)
        for name, property_schema in schema.get("properties", {}).items()
    }


def _shape(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Shape:
    is_nullable = schema.get(NULLABLE_KEY, False)
    if "anyOf" in schema:
        # An optional parameter: the other branch is null.
        schema = next(branch for branch in schema["anyOf"] if branch.get("type") != "null")
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    kind = Kind("number" if schema["type"] == "integer" else schema["type"])
    return Shape(
        kind,
        is_nullable=is_nullable,
        items=_shape(schema["items"], definitions) if kind is Kind.ARRAY else None,
        properties={
            name: _shape(property_schema, definitions)
            for name, property_schema in schema.get("properties", {}).items()
        },
    )
