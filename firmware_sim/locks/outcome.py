"""What comes of an entry at the keypad."""

from __future__ import annotations

import dataclasses
import enum


class EntryReason(enum.StrEnum):
    """Why a lock opened or did not; the words of `/bench/devices/{name}/keypad`."""

    OPENED = "opened"
    UNKNOWN_CODE = "unknown_code"
    OUTSIDE_SCHEDULE = "outside_schedule"
    DISABLED = "disabled"
    LOCKED_OUT = "locked_out"
    INCOMPLETE = "incomplete"
    DURESS = "duress"
    NON_ACCESS = "non_access"
    PRIVACY = "privacy"
    JAMMED = "jammed"
    NO_POWER = "no_power"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeypadOutcome:
    """What comes of an entry.

    Attributes:
        opened: True when the bolt was withdrawn.
        reason: Why, or why not.
        slot: PIN slot of the code, where the lock knows it.
    """

    opened: bool
    reason: EntryReason
    slot: int | None = None
