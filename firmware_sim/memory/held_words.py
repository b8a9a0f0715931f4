"""What people call the things that a lock holds, and what they make of a value: never a code."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from firmware_sim.memory.view import iso_of
from protocols.doorlock.digest import RecordKey
from protocols.doorlock.vocabulary import RecordKind

# What violations of a promise call the log.
LOG: Final = "log"
_US_PER_S: Final = 1_000_000
# The device state in flash, by the attributes of `DeviceState`; what is not here is called so.
_STATE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lockout_until_us": "lockout until",
        "strict_until_us": "strict until",
        "log_read_index": "log read up to",
        "utc_offset_min": "minutes from UTC",
        "highest_s": "highest time seen",
        "statement_s": "last statement of time",
        "told_door": "door as logged",
        "told_battery": "battery as logged",
        "is_tamper_told": "plate off as logged",
        "is_privacy_told": "privacy as logged",
    }
)


def record_name(key: RecordKey) -> str:
    """What people call a record."""
    match key.kind:
        case RecordKind.CREDENTIAL:
            return f"slot {key.index}"
        case RecordKind.HOLIDAY_SCHEDULE:
            return f"holiday {key.index}"
        case RecordKind.YEAR_DAY_SCHEDULE:
            return f"year-day schedule {key.sub_index} of user {key.index}"
        case RecordKind.WEEK_DAY_SCHEDULE:
            return f"week-day schedule {key.sub_index} of user {key.index}"
        case _:
            return f"{key.kind.name.lower()} {key.index}"


def state_name(name: str) -> str:
    """What people call an attribute of the device state."""
    return _STATE_WORDS.get(name, name.replace("_", " "))


def state_text(name: str, value: Any) -> str:
    """A value of the device state, for people."""
    if name == "first_uses":
        uses = (f"user {use.user_index} at {iso_of(use.used_s)}" for use in value)
        return ", ".join(uses) or "none"
    if name.endswith("_us"):
        return iso_of(-(-value // _US_PER_S)) if value else "none"
    if name.endswith("_s"):
        return iso_of(value) if value else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.name.lower() if isinstance(value, enum.IntEnum) else str(value)
