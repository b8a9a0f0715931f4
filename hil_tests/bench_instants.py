"""Instants of bench time: as text, as milliseconds since 1970, and the span that they lie in."""

from __future__ import annotations

import datetime as dt
from typing import Final

from hil_tests.errors import BenchError

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MS: Final = dt.timedelta(milliseconds=1)
# Devices count u32 seconds from 2000-01-01 (DESIGN D19), in door-local time too, which lies up to
# 14 hours from UTC; a new bench begins a few seconds before its first instant. Two days leave
# room for both.
EARLIEST_MS: Final = (dt.datetime(2000, 1, 3, tzinfo=dt.UTC) - _EPOCH) // _MS
# The device's count ends in 2136. A clock that runs 5 % fast, the worst that a bench file may ask
# for, gains five years in a century: with 2100 there is still room for windows that end later.
LATEST_MS: Final = (dt.datetime(2100, 1, 1, tzinfo=dt.UTC) - _EPOCH) // _MS


def instant(ms: int) -> str:
    """An instant for people and JSON: ISO 8601 with milliseconds and Z."""
    moment = _EPOCH + ms * _MS
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_instant_ms(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 instant with a zone, rounded down.

    Raises:
        BenchError: When it is none, or no bench can stand there.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BenchError(
            f"{text[:64]!r} is not an instant with a zone, such as 2025-07-13T15:00:00Z"
        )
    ms = (moment - _EPOCH) // _MS
    check_instant(ms)
    return ms


def check_instant(ms: int) -> None:
    """Refuse an instant at which no bench can stand.

    Raises:
        BenchError: When devices could not count it.
    """
    if not EARLIEST_MS <= ms <= LATEST_MS:
        raise BenchError(
            f"bench time lies between {instant(EARLIEST_MS)} and {instant(LATEST_MS)}"
        )
