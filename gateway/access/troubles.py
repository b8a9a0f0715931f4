"""Errors and warnings of objects: JSON lists in which each documented code stands at most once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

Trouble = dict[str, Any]
# The key that holds the code: which of the two lists it is.
CodeKey = Literal["error_code", "warning_code"]

# A sentence for each code that the domain raises by itself.
MESSAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "failed_to_set_on_device": "Setting the code on the device failed; it is tried again",
        "failed_to_update": "The requested change is not on the device yet; it is tried again",
        "failed_to_remove_from_device": "Removing the code failed; it is tried again",
        "failed_to_delete": "The code is past its end and still on the device",
        "failed_to_issue": "The start has passed and the code is not on the device yet",
        "duplicate_code_on_device": "The device has the same code in another slot",
        "no_space_for_access_code_on_device": "Every code slot of the device is taken",
        "code_constraints_violated": "The device refused the code; it is rarely tried again",
        "conflicting_external_modification": "The code was changed on the device; it is set again",
        "cannot_create_requested_access_methods": "Some requested access could not be made",
        "delay_in_setting_on_device": "Setting the code takes longer than usual",
        "delay_in_removing_from_device": "Removing the code takes longer than usual",
        "delay_in_issuing": "The start is near and the code is not on the device yet",
        "being_deleted": "This is being deleted",
        "updating_access_times": "The new access times are not on every device yet",
        "overprovisioned_access": "Access remains on a device where it should not",
        "device_offline": "The device can't be reached",
        "time_zone_mismatch": "The lock shows another local time than its door's time zone has",
    }
)


def added(
    troubles: Sequence[Trouble], key: CodeKey, code: str, at_ms: int, **extra: Any
) -> list[Trouble]:
    """The list with a code in it; one that is there keeps its place and its instant.

    Args:
        troubles: The list.
        key: Which list it is.
        code: The documented code.
        at_ms: When it came up.
        extra: The code's own fields; `message` replaces its usual sentence.
    """
    fresh: Trouble = {
        key: code,
        "message": MESSAGES.get(code, ""),
        "created_at_ms": at_ms,
        **extra,
    }
    if not has(troubles, key, code):
        return [*troubles, fresh]
    return [
        fresh | {"created_at_ms": trouble["created_at_ms"]} if trouble[key] == code else trouble
        for trouble in troubles
    ]


def removed(troubles: Sequence[Trouble], key: CodeKey, codes: Collection[str]) -> list[Trouble]:
    """The list without some codes."""
    return [trouble for trouble in troubles if trouble[key] not in codes]


def has(troubles: Sequence[Trouble], key: CodeKey, code: str) -> bool:
    """True when a code is in the list."""
    return any(trouble[key] == code for trouble in troubles)
