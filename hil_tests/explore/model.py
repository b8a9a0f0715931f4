"""What a lock may hold, by what it was asked and what it answered.

A model of its own: for each record the set of contents that are possible. An answer "done" leaves
one; a refusal leaves what was; no answer leaves both. What is seen settles it, and what is seen
and was never possible is a violation: a lost write, or one that came back from the dead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from firmware_sim.memory.view import SlotView, UserView
from hil_tests.errors import SafetyViolated
from hil_tests.oracles.sight import Sight, pin_digest
from protocols.profiles.parser import Profile
from protocols.profiles.vocabulary import PinStorage

_RULE: Final = "memory"


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One record: its revision, and what it says; `says` is None for a cleared one.

    `says` may hold a PIN, so it is not shown.
    """

    revision: int
    says: tuple[Any, ...] | None = dataclasses.field(repr=False)


NOTHING: Final = Part(0, None)
# What a record is ("user", "pin", "window", "span", "holiday"), its index, and which one of it.
Key = tuple[str, int, int]
_OF_USER: Final = ("user", "window", "span")
Writes = Mapping[Key, Part]
_KINDS: Final = {
    "user": "user",
    "credential": "pin",
    "year_day_schedule": "window",
    "week_day_schedule": "span",
    "holiday_schedule": "holiday",
}


def user_key(user: int) -> Key:
    """Key of a user."""
    return "user", user, 0


def pin_key(slot: int) -> Key:
    """Key of a PIN."""
    return "pin", slot, 1


class MemoryModel:
    """The possible contents of one lock's memory.

    Args:
        device: Bench name of the lock.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._possible: dict[Key, frozenset[Part]] = {}

    def asked(self, writes: Writes, answer: bool | None) -> None:  # noqa: FBT001 - three-valued.
        """Something that writes was done, or asked for and answered.

        Args:
            writes: What it writes when it is done.
            answer: True = done, False = refused, None = no answer.

        Raises:
            SafetyViolated: When the lock took what it must have refused, as it held something
                newer.
        """
        if answer is False:
            return
        for key, part in writes.items():
            before = self._of(key)
            if answer and all(_is_newer(each, part) for each in before):
                known = ", ".join(sorted(_told(each) for each in before))
                raise SafetyViolated(
                    _RULE, self._device, f"{key[0]} {key[1]} took {_told(part)}, after {known}"
                )
            self._possible[key] = frozenset({part}) if answer else before | {part}

    def lied(self, writes: Writes) -> None:
        """The lock may have said "done" without doing it, just now."""
        for key, part in writes.items():
            self._possible[key] = self._of(key) | {part}

    def seen(self, sight: Sight) -> None:
        """Compare with what the lock holds, and go on from there.

        Raises:
            SafetyViolated: When it holds what it can't hold.
        """
        found = parts_of(sight)
        for key in sorted({*found, *self._possible}):
            part = found.get(key, NOTHING)
            possible = self._of(key)
            if part not in possible:
                known = ", ".join(sorted(_told(each) for each in possible))
                raise SafetyViolated(
                    _RULE, self._device, f"{key[0]} {key[1]} is {_told(part)}, not {known}"
                )
            self._possible[key] = frozenset({part})

    def forget(self, sight: Sight) -> None:
        """Somebody else changed the memory: what it holds now is what it shall."""
        self._possible = {key: frozenset({part}) for key, part in parts_of(sight).items()}

    def revision(self, *indices: int) -> int:
        """The highest revision that anything of some slots or users may have."""
        return max(
            (
                part.revision
                for (kind, index, _), parts in self._possible.items()
                if index in indices and kind != "holiday"
                for part in parts
            ),
            default=0,
        )

    def live_of_user(self, user: int) -> list[Key]:
        """The records of a user, its schedules among them, that may be there."""
        return [
            key
            for key, parts in self._possible.items()
            if key[0] in _OF_USER
            and key[1] == user
            and any(part.says is not None for part in parts)
        ]

    def holiday_revision(self, index: int) -> int:
        """The highest revision that a holiday may have."""
        return max(part.revision for part in self._of(("holiday", index, 0)))

    def _of(self, key: Key) -> frozenset[Part]:
        return self._possible.get(key, frozenset({NOTHING}))


def parts_of(sight: Sight) -> dict[Key, Part]:
    """The records that a lock holds."""
    memory = sight.memory
    parts: dict[Key, Part] = {}
    for slot in memory.slots:
        if slot.revision is not None:
            owner = None if slot.user is None else slot.user.index
            says = (owner, slot.code or sight.digests[slot.slot])
            parts[pin_key(slot.slot)] = Part(slot.revision, says)
        if slot.user is not None:
            parts |= _of_user(slot, slot.user)
    for holiday in memory.holidays:
        lasts = (holiday.starts_at, holiday.ends_at, holiday.mode)
        parts["holiday", holiday.index, 0] = Part(holiday.revision, lasts)
    for tombstone in memory.tombstones:
        key = (_KINDS[tombstone.kind], tombstone.index, tombstone.sub_index)
        parts[key] = Part(tombstone.revision, None)
    return parts


def _of_user(slot: SlotView, user: UserView) -> dict[Key, Part]:
    parts = {user_key(user.index): Part(user.revision, (user.status, user.type, user.name))}
    for window in slot.year_day:
        key = ("window", user.index, window.index)
        parts[key] = Part(window.revision, (window.starts_at, window.ends_at))
    for span in slot.week_day:
        key = ("span", user.index, span.index)
        parts[key] = Part(span.revision, (span.days, span.start, span.end))
    return parts


def pin_part(profile: Profile, slot: int, user: int, revision: int, code: str) -> Part:
    """What a lock of that kind shows of a PIN: its digits, or their digest."""
    is_clear = profile.pin_storage is PinStorage.CLEAR
    return Part(revision, (user, code if is_clear else pin_digest(slot, user, code)))


def _is_newer(held: Part, part: Part) -> bool:
    """Whether what is held keeps a part out: nothing but the same may come a second time."""
    if held.revision == part.revision:
        return held != part
    return held.revision > part.revision


def _told(part: Part) -> str:
    if not part.revision:
        return "never written"
    return f"revision {part.revision}{' cleared' if part.says is None else ''}"
