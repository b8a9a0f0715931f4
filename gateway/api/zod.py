"""Faults that pydantic found, in the words and the names that the SDKs read."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError

from gateway.api.fields import PATTERN_SENTENCES, json_type
from gateway.errors import InvalidInput

# pydantic's error type to the JSON type that was expected.
_EXPECTED: Final = {
    "string_type": "string",
    "bool_type": "boolean",
    "list_type": "array",
    "dict_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
}

# Most faults told of one request: a body of thousands of wrong items needs no thousand messages.
_FAULTS_MAX: Final = 50


def refusal(error: ValidationError) -> InvalidInput:
    """The refusal that names every parameter at fault."""
    fields: dict[str, str] = {}
    for fault in error.errors(include_url=False)[:_FAULTS_MAX]:
        name = ".".join(str(part) for part in fault["loc"])
        fields.setdefault(name, _message(fault))
    return invalid(fields)


def invalid(fields: dict[str, str]) -> InvalidInput:
    """A refusal whose sentence is made from its first fault."""
    name, message = next(iter(fields.items()))
    if message == "Required":
        return InvalidInput(f"`{name}` is required", fields=fields)
    return InvalidInput(f"`{name}`: {message}" if name else message, fields=fields)


def _message(fault: Any) -> str:  # noqa: PLR0911 - one sentence a kind of fault.
    kind: str = fault["type"]
    context: dict[str, Any] = fault.get("ctx", {})
    if kind == "missing":
        return "Required"
    if kind in _EXPECTED:
        return f"Expected {_EXPECTED[kind]}, received {json_type(fault['input'])}"
    if kind == "string_too_short":
        return f"String must contain at least {context['min_length']} character(s)"
    if kind == "string_too_long":
        return f"String must contain at most {context['max_length']} character(s)"
    if kind in {"too_short", "too_long"}:
        bound, number = (
            ("at least", "min_length") if kind == "too_short" else ("at most", "max_length")
        )
        return f"Array must contain {bound} {context[number]} element(s)"
    if kind == "literal_error":
        choices = context["expected"].replace(" or ", ", ").replace(", ", " | ")
        return f"Invalid enum value. Expected {choices}"
    if kind == "greater_than_equal":
        return f"Number must be greater than or equal to {context['ge']}"
    if kind == "string_pattern_mismatch":
        return PATTERN_SENTENCES.get(context["pattern"], "Invalid")
    # The API's own faults (`PydanticCustomError`) come with their sentence.
    return str(fault["msg"])
