"""Errors, warnings and pending mutations: the lists that most objects carry.

In the store they are JSON objects with the documented names, but for instants, which are
integers there (`*_at_ms`) and text outside (`*_at`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.access.text import iso_utc_or_none

Problem = dict[str, Any]

_INSTANT_SUFFIX: Final = "_at_ms"
_UNIT: Final = "_ms"

# A mutation needs a sentence; the code says it all, so the sentence follows from it.
_MUTATION_MESSAGES: Final[Mapping[str, str]] = {
    "creating": "Being created on the device",
    "deferring_creation": "Waits until its time to be programmed on the device",
    "deleting": "Being removed from the device",
    "updating_code": "The new code is being written to the device",
    "updating_name": "The new name is being written to the device",
    "updating_time_frame": "The new time frame is being written to the device",
    "provisioning_access": "Access is being provisioned",
    "revoking_access": "Access is being revoked",
    "updating_access_times": "The new access times are being written to the devices",
}


def shown(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored JSON object as the API shows it: instants as text, at any depth."""
    result: dict[str, Any] = {}
    for name, value in stored.items():
        if name.endswith(_INSTANT_SUFFIX):
            result[name.removesuffix(_UNIT)] = iso_utc_or_none(value)
        elif isinstance(value, dict):
            result[name] = shown(value)
        else:
            result[name] = value
    return result


def problems(stored: Iterable[Mapping[str, Any]], **marks: bool) -> list[Problem]:
    """Errors or warnings of an object.

    Args:
        stored: As the store has them.
        marks: Flags that say whose they are, such as `is_device_error`.
    """
    return [{**shown(problem), **marks} for problem in stored]


def mutations(stored: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """Pending mutations of an object, each with a sentence."""
    return [
        {"message": _MUTATION_MESSAGES.get(mutation["mutation_code"], ""), **shown(mutation)}
        for mutation in stored
    ]
