"""Bounds of what callers name things, and instants as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.errors import InvalidInput

# Characters of a name or key: as long as Seam's longest documented one (display_name, 255).
TEXT_LENGTH_MAX: Final = 255
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def check_text(field: str, value: str | None) -> None:
    """Refuse a name or key that is empty, too long, or not storable.

    Args:
        field: The parameter's name, for the error.
        value: The text; None passes.

    Raises:
        InvalidInput: When it is refused.
    """
    if value is None:
        return
    if not value:
        raise InvalidInput(f"{field} must not be empty", fields={field: "Must not be empty"})
    if len(value) > TEXT_LENGTH_MAX:
        sentence = f"Must have at most {TEXT_LENGTH_MAX} characters"
        raise InvalidInput(f"{field} is too long", fields={field: sentence})
    if not is_storable(value):
        raise InvalidInput(f"{field} is not text", fields={field: "Has a character without text"})


def is_storable(value: str) -> bool:
    """False for text that a database can't hold: PostgreSQL no NUL, and none a lone surrogate."""
    return "\x00" not in value and not any("\ud800" <= one <= "\udfff" for one in value)


def known(identifier: str) -> str:
    """An identifier as a query can carry it; what can't be stored is the id of nothing."""
    return identifier if is_storable(identifier) else ""


def iso_utc(at_ms: int) -> str:
    """An instant as event bodies hold it: `2025-07-13T15:00:00.000Z`.

    Args:
        at_ms: Milliseconds since 1970.
    """
    instant = _EPOCH + timedelta(milliseconds=at_ms)
    return instant.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def iso_utc_or_none(at_ms: int | None) -> str | None:
    """As `iso_utc`; None stays None."""
    return None if at_ms is None else iso_utc(at_ms)
