"""What a lock may hold, by what it was asked and what it answered.

A model of its own: for each slot the set of contents that are possible. An answer "done" leaves
one; a refusal leaves what was; no answer leaves both. What is seen settles it, and what is seen
and was never possible is a violation: a lost write, or one that came back from the dead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from hil_tests.errors import SafetyViolated

_RULE: Final = "memory"


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One record of a slot: its revision, and what it says; `says` is None for a cleared one.

    `says` may hold a PIN, so it is not shown.
    """

    revision: int
    says: tuple[Any, ...] | None = dataclasses.field(repr=False)


NOTHING: Final = Part(0, None)
Key = tuple[str, int]


class MemoryModel:
    """The possible contents of one lock's slots; slots and users share their numbers.

    Args:
        device: Bench name of the lock.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._possible: dict[Key, frozenset[Part]] = {}

    def asked(self, writes: Mapping[Key, Part], answer: bool | None) -> None:  # noqa: FBT001 - three-valued.
        """A request that writes was answered.

        Args:
            writes: What it writes when it is done.
            answer: True = done, False = refused, None = no answer.
        """
        if answer is False:
            return
        for key, part in writes.items():
            before = frozenset() if answer else self._of(key)
            self._possible[key] = before | {part}

    def lied(self, writes: Mapping[Key, Part]) -> None:
        """The lock may have said "done" without doing it, just now."""
        for key, part in writes.items():
            self._possible[key] = self._of(key) | {part}

    def seen(self, view: Mapping[str, Any]) -> None:
        """Compare with what the lock holds, and go on from there.

        Raises:
            SafetyViolated: When it holds what it can't hold.
        """
        found = parts_of(view)
        for key in sorted({*found, *self._possible}):
            part = found.get(key, NOTHING)
            possible = self._of(key)
            if part not in possible:
                known = ", ".join(sorted(_told(each) for each in possible))
                raise SafetyViolated(
                    _RULE, self._device, f"{key[0]} {key[1]} is {_told(part)}, not {known}"
                )
            self._possible[key] = frozenset({part})

    def forget(self, view: Mapping[str, Any]) -> None:
        """Somebody else changed the memory: what it holds now is what it shall."""
        self._possible = {key: frozenset({part}) for key, part in parts_of(view).items()}

    def revision(self, slot: int) -> int:
        """The highest revision that anything of a slot may have."""
        keys = (("user", slot), ("pin", slot), ("window", slot))
        return max(part.revision for key in keys for part in self._of(key))

    def _of(self, key: Key) -> frozenset[Part]:
        return self._possible.get(key, frozenset({NOTHING}))


def parts_of(view: Mapping[str, Any]) -> dict[Key, Part]:
    """The records of a view."""
    parts: dict[Key, Part] = {}
    for slot in view["slots"]:
        number, user = slot["slot"], slot["user"]
        if slot["code"] is not None:
            parts["pin", number] = Part(slot["revision"], (slot["code"],))
        if user is not None:
            says = (user["status"], user["type"], user["name"])
            parts["user", number] = Part(user["revision"], says)
        for window in slot["year_day"]:
            span = (window["starts_at"], window["ends_at"])
            parts["window", number] = Part(window["revision"], span)
    kinds = {"user": "user", "credential": "pin", "year_day_schedule": "window"}
    for tombstone in view["tombstones"]:
        key = (kinds[tombstone["kind"]], tombstone["index"])
        parts[key] = Part(tombstone["revision"], None)
    return parts


def _told(part: Part) -> str:
    if not part.revision:
        return "never written"
    return f"revision {part.revision}{' cleared' if part.says is None else ''}"
