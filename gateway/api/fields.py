"""The words that parameter models are written in: types with their bounds and messages.

Values arrive as JSON has them (query text is turned into the same values before), so types are
strict: no number is taken for text or the reverse. The messages are those of the documented
validator (Zod), and none repeats a value: it may be a PIN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, NoReturn, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)
from pydantic.json_schema import WithJsonSchema
from pydantic_core import PydanticCustomError

from gateway.access.text import iso_utc
from gateway.api.instants import parse_instant

# Longest name, key or label kept. Documented for account names only; a lock's own user name is
# far shorter, and the domain cuts it to what the profile holds.
TEXT_MAX: Final = 255

# Longest mail address (RFC 5321: 64 octets before the @, 255 after it).
EMAIL_MAX: Final = 320

# E.164: a plus and at most 15 digits.
_PHONE_PATTERN: Final = r"^\+[1-9][0-9]{1,14}$"

# One @ with something on both sides and no blanks: delivery alone proves an address.
_EMAIL_PATTERN: Final = r"^[^@\s]+@[^@\s]+\.[^@\s.]+$"

# A PIN, and what may be typed at a keypad: its digits and the two keys beside the zero.
_DIGITS_PATTERN: Final = r"^[0-9]+$"
_KEYS_PATTERN: Final = r"^[0-9*#]+$"

# What is wrong with text that does not match, by the pattern.
PATTERN_SENTENCES: Final[Mapping[str, str]] = {
    _PHONE_PATTERN: "Invalid phone number: write it as in +14155550100",
    _EMAIL_PATTERN: "Invalid email",
    _DIGITS_PATTERN: "Must be digits",
    _KEYS_PATTERN: "Must be digits, `*` or `#`",
}

# Most ids in one list. Documented for the lists of events (100) only.
IDS_MAX: Final = 1000

# Custom metadata is documented with at most 50 pairs.
_METADATA_PAIRS_MAX: Final = 50


class Parameters(BaseModel):
    """Base of a route's parameters: unknown names are ignored, never refused."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    def given(self, name: str) -> bool:
        """True when the caller named this parameter, be it with null."""
        return name in self.model_fields_set


# Key in a parameter's schema that says: null is a value of its own here, not an omission.
NULLABLE_KEY: Final = "x-null-is-a-value"


def json_type(value: object) -> str:
    """Name of a value's JSON type, as validation messages call it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Mapping):
        return "object"
    return "array"


def expected(kind: str, value: object) -> PydanticCustomError:
    """The fault "Expected <kind>, received <type of value>"."""
    return PydanticCustomError(
        "expected",
        "Expected {kind}, received {received}",
        {"kind": kind, "received": json_type(value)},
    )


def demand(sentence: str) -> NoReturn:
    """Refuse the parameters as a whole.

    Raises:
        PydanticCustomError: Always; the model's own error carries it on.
    """
    raise PydanticCustomError("demand", "{sentence}", {"sentence": sentence})


def _whole(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise expected("number", value)
    if isinstance(value, float):
        # JSON has one kind of number: SDKs send 20.0 for a limit of twenty.
        if not math.isfinite(value) or not value.is_integer():
            raise PydanticCustomError("whole", "Expected integer, received float")
        value = int(value)
    if abs(value) > 2**53:  # JSON numbers are exact up to here only (RFC 8259 section 6).
        raise PydanticCustomError("whole", "Number is out of range")
    return value


def _instant(value: Any) -> Any:
    if not isinstance(value, str):
        raise expected("string", value)
    try:
        return parse_instant(value)
    except ValueError:
        raise PydanticCustomError("instant", "Invalid datetime") from None


Id = str  # Any string is a valid id to look up.
Text = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_MAX)]
Whole = Annotated[int, BeforeValidator(_whole), WithJsonSchema({"type": "number"})]
Limit = Annotated[Whole, Field(ge=0)]
Instant = Annotated[
    int,
    BeforeValidator(_instant),
    PlainSerializer(iso_utc, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
# Two instants; a query that is not strict may hold them with a comma between.
Between = Annotated[list[Instant], Field(min_length=2, max_length=2)]
Ids = Annotated[list[Id], Field(max_length=IDS_MAX)]
Email = Annotated[str, StringConstraints(max_length=EMAIL_MAX, pattern=_EMAIL_PATTERN)]
Phone = Annotated[str, StringConstraints(pattern=_PHONE_PATTERN)]

# Text that may be empty, such as the name of a code.
Label = Annotated[str, StringConstraints(max_length=TEXT_MAX)]
Search = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_MAX)]

# Names of an enum whose values grow with every release: an unknown one matches nothing.
Names = Annotated[list[str], Field(max_length=IDS_MAX)]

# Longer than the buffer of any keypad.
EnteredCode = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_KEYS_PATTERN)]

# A custom PIN at the edge: 4 to 12 digits; the device's profile narrows it further.
Code = Annotated[str, StringConstraints(min_length=4, max_length=12, pattern=_DIGITS_PATTERN)]

# A PIN asked for with a grant is documented with 4 to 9 digits.
GrantCode = Annotated[str, StringConstraints(min_length=4, max_length=9, pattern=_DIGITS_PATTERN)]


def _metadata(value: Any) -> Any:
    if not isinstance(value, dict):
        raise expected("object", value)
    if len(value) > _METADATA_PAIRS_MAX:
        raise PydanticCustomError("metadata", "Object must contain at most 50 pairs")
    if not all(isinstance(item, str | bool) for item in value.values()):
        raise PydanticCustomError("metadata", "Expected strings or booleans as values")
    return value


MetadataFilter = Annotated[dict[str, Any], BeforeValidator(_metadata)]

T = TypeVar("T")
Nullable = Annotated[T | None, Field(json_schema_extra={NULLABLE_KEY: True})]
