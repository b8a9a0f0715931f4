"""Instants as callers write them. How the API writes them is in `gateway.access.text`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

# The calendar's ends in UTC: an offset may push a written date over either.
FIRST_MS = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MS
LAST_MS = (datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC) - _EPOCH) // _MS

# A date alone is refused: it names a day, not an instant, and a lock opens to the second.
_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r"(?:([Zz])|([+-])(\d\d):?(\d\d)?)?",
    re.ASCII,
)


def parse_instant(text: str) -> int:
    """Read an ISO 8601 date and time.

    Seconds and fraction may be left out, what is finer than a millisecond is cut off, the offset
    may be `Z`, `+hh`, `+hhmm` or `+hh:mm`. Without an offset the time is UTC, as the official
    SDKs take a date without a zone.

    Returns:
        Milliseconds since 1970-01-01T00:00:00Z.

    Raises:
        ValueError: When the text is anything else, or no date of the calendar.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("Invalid datetime")
    year, month, day, hour, minute, second, fraction, _, sign, offset_h, offset_min = (
        match.groups()
    )
    milliseconds = int((fraction or "0")[:3].ljust(3, "0"))
    zone = UTC
    if sign is not None:
        if int(offset_h) > 23 or int(offset_min or 0) > 59:  # noqa: PLR2004 - hours and minutes of a day.
            raise ValueError("Invalid datetime")
        span = timedelta(hours=int(offset_h), minutes=int(offset_min or 0))
        zone = timezone(-span if sign == "-" else span)
    try:
        instant = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=zone
        )
    except ValueError:
        raise ValueError("Invalid datetime") from None
    # Whole arithmetic: a float of seconds would lose the last millisecond of far dates. The
    # subtraction compares instants, so it can't leave the calendar as a change of zone could.
    at_ms = (instant - _EPOCH) // _MS + milliseconds
    if not FIRST_MS <= at_ms <= LAST_MS:
        raise ValueError("Invalid datetime")
    return at_ms
