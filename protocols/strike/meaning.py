"""What a field's value means, in words for people: instants as dates, bits by name, and so on."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from protocols.doorlock.schedule import OPEN_END_S
from protocols.doorlock.vocabulary import DaysMask
from protocols.strike.features import Feature
from protocols.strike.frame import FrameFlag

_EPOCH: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_HOUR_MIN: Final = 60


def meaning_of(name: str, value: object) -> str:
    """A short text for one value.

    Args:
        name: The field's name in its message; its unit or its bits follow from it.
        value: The decoded value.
    """
    known = _BY_NAME.get(name)
    if known is not None:
        return known(value)
    match value:
        case enum.IntEnum():
            return f"{value.name} ({int(value)})"
        case str():
            # ascii() keeps what a peer put in from reaching a terminal as control characters.
            return ascii(value)
        case bytes():
            return f"{len(value)} bytes"
        case _:
            return str(value)


def _instant(value: Any) -> str:
    moment = _EPOCH + dt.timedelta(seconds=value)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _local_instant(value: Any) -> str:
    moment = _EPOCH + dt.timedelta(seconds=value)
    return f"{moment:%Y-%m-%dT%H:%M:%S} local"


def _end(value: Any) -> str:
    return "no end" if value == OPEN_END_S else _instant(value)


def _time_of_day(value: Any) -> str:
    hours, minutes = divmod(value, _HOUR_MIN)
    return f"{hours:02}:{minutes:02} local"


def _offset(value: Any) -> str:
    hours, minutes = divmod(abs(value), _HOUR_MIN)
    return f"UTC{'-' if value < 0 else '+'}{hours:02}:{minutes:02}"


def _volts(value: Any) -> str:
    return f"{value / 1000:.2f} V"


def _yes_or_no(value: Any) -> str:
    return {0: "no", 1: "yes"}.get(value, f"{value} (neither yes nor no)")


def _bits_of(kind: type[enum.IntFlag]) -> Callable[[Any], str]:
    def named(value: Any) -> str:
        names = [str(bit.name) for bit in kind if bit.value.bit_count() == 1 and value & bit]
        rest = value & ~sum(bit for bit in kind if bit.value.bit_count() == 1)
        if rest:
            names.append(f"unknown {rest:#x}")
        return ", ".join(names) or "none"

    return named


# Names of fields whose numbers need more than a number; all other values speak for themselves.
_BY_NAME: Final[Mapping[str, Callable[[Any], str]]] = MappingProxyType(
    {
        "battery_mv": _volts,
        "days_mask": _bits_of(DaysMask),
        "end_min": _time_of_day,
        "end_s": _end,
        "features": _bits_of(Feature),
        "flags": _bits_of(FrameFlag),
        "has_more": _yes_or_no,
        "is_occupied": _yes_or_no,
        "local_end_s": _local_instant,
        "local_start_s": _local_instant,
        "start_min": _time_of_day,
        "start_s": _instant,
        "utc_offset_min": _offset,
        "utc_s": _instant,
    }
)
