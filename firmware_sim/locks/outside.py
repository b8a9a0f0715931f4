"""Somebody who knows the programming code changes the memory at the keypad of the lock.

Whoever does that asks nobody: the lock writes the change itself, one revision above what it held,
and a gateway finds out when it looks. The rules of the brand hold at the keypad too; what becomes
of a code that another slot holds has a rule of its own there (`DuplicateRules.keypad`).
"""

from __future__ import annotations

import dataclasses
import random
from typing import Final

from firmware_sim.locks.core import LockCore
from firmware_sim.locks.programming import (
    clear_credential,
    code_problem,
    pin_key,
    set_credential,
    set_user,
)
from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.pins import owner_of
from firmware_sim.memory.records import Record
from protocols.doorlock.vocabulary import (
    CredentialType,
    RecordKind,
    Status,
    UserStatus,
    UserType,
)
from protocols.profiles.parser import DuplicateRule
from protocols.strike.messages import ClearCredential, SetCredential, SetUser, StatusReply

# Tries for digits that the brand accepts and nobody has.
_TRIES: Final = 20
_SLOT_NOUGHT: Final = 0


@dataclasses.dataclass(frozen=True, slots=True)
class KeypadAnswer:
    """What came of a code that somebody programmed.

    Attributes:
        says_done: What the keypad tells the person: True when it sounds like a success.
        slot: The slot that holds the code now; None when it was not stored, whatever the keypad
            says.
    """

    says_done: bool
    slot: int | None


_NOT_DONE: Final = KeypadAnswer(says_done=False, slot=None)
_IGNORED: Final = KeypadAnswer(says_done=True, slot=None)


class KeypadMenu:
    """The programming menu of a lock.

    Args:
        core: The lock.
    """

    __slots__ = ("_core",)

    def __init__(self, core: LockCore) -> None:
        self._core = core

    def add(self, digits: str) -> KeypadAnswer:
        """Add a code that always opens, in the first free slot.

        Args:
            digits: The code.

        Raises:
            StateFileError: When it could not be persisted.
        """
        core = self._core
        slot = _free_slot(core, _held(core))
        if not core.state.is_powered or core.faults.is_down or not slot:
            return _NOT_DONE
        return _program(core, slot, None, digits)

    def change(self, stream: random.Random) -> tuple[str, int] | None:
        """Change, delete or add a code, as a draw has it.

        Args:
            stream: Where the person's whims come from.

        Returns:
            What was done (``changed``, ``deleted`` or ``added``) and to which slot; None when the
            lock had no place for it, took none of the digits that were tried, or only said so.

        Raises:
            StateFileError: When it could not be persisted.
        """
        core = self._core
        held = _held(core)
        what = stream.choice(("changed", "deleted", "added"))
        if not held:
            what = "added"
        if what == "added":
            slot = _free_slot(core, held)
            done = bool(slot) and _program_some(core, slot, None, stream)
        else:
            slot = stream.choice(list(held))
            if what == "deleted":
                done = _is_success(_delete(core, slot))
            else:
                done = _program_some(core, slot, held[slot], stream)
        return (what, slot) if done else None


def _held(core: LockCore) -> dict[int, int]:
    """Slots with a PIN, each with its user."""
    return {
        record.key.index: owner
        for record in core.memory.live(RecordKind.CREDENTIAL)
        if (owner := owner_of(record)) is not None
        and record.key.index <= core.profile.pin_slot_count
    }


def _free_slot(core: LockCore, held: dict[int, int]) -> int:
    """The first slot whose PIN and user are free; 0 = there is none."""
    users = {record.key.index for record in core.memory.live(RecordKind.USER)}
    slots = range(1, core.profile.pin_slot_count + 1)
    return next((slot for slot in slots if slot not in held and slot not in users), _SLOT_NOUGHT)


def _program_some(core: LockCore, slot: int, owner: int | None, stream: random.Random) -> bool:
    """Try digits until the lock says that it has taken some; True when it has."""
    for _ in range(_TRIES):
        length = stream.choice(core.profile.code_lengths)
        digits = "".join(stream.choices("0123456789", k=length))
        answer = _program(core, slot, owner, digits)
        if answer.says_done:
            return answer.slot is not None
    return False


def _program(core: LockCore, slot: int, owner: int | None, digits: str) -> KeypadAnswer:
    """Write a code into a slot.

    Args:
        core: The lock.
        slot: The slot.
        owner: Whose; None makes a user of its own for it.
        digits: The code.
    """
    profile, memory = core.profile, core.memory
    rule = profile.duplicates.keypad
    problem = code_problem(profile, memory, pin_key(slot), digits.encode(), rule)
    if problem is not None:
        is_ignored = problem is Status.DUPLICATE and rule is DuplicateRule.IGNORED
        return _IGNORED if is_ignored else _NOT_DONE
    revision = _next_revision(core, slot)
    if owner is None:
        user = SetUser(
            user_index=slot,
            revision=revision,
            user_status=UserStatus.OCCUPIED_ENABLED,
            user_type=UserType.UNRESTRICTED_USER,
            user_name="",
        )
        if not _is_success(set_user(profile, memory, user)):
            return _NOT_DONE
    credential = SetCredential(
        credential_type=CredentialType.PIN,
        credential_index=slot,
        revision=revision,
        user_index=slot if owner is None else owner,
        credential_data=digits.encode(),
    )
    is_stored = _is_success(set_credential(profile, memory, credential, rule))
    return KeypadAnswer(says_done=True, slot=slot) if is_stored else _NOT_DONE


def _delete(core: LockCore, slot: int) -> StatusReply:
    message = ClearCredential(
        credential_type=CredentialType.PIN,
        credential_index=slot,
        revision=_next_revision(core, slot),
    )
    return clear_credential(core.profile, core.memory, message)


def _next_revision(core: LockCore, slot: int) -> int:
    """One above everything that belongs to a slot: its PIN, its user, that user's schedules."""
    return 1 + max((record.revision for record in _of_slot(core.memory, slot)), default=0)


def _of_slot(memory: LockMemory, slot: int) -> list[Record]:
    pin = memory.record(pin_key(slot))
    owner = owner_of(pin)
    of_user = [
        record
        for record in memory.records()
        if record.key.kind is not RecordKind.CREDENTIAL and record.key.index in (slot, owner)
    ]
    return of_user if pin is None else [pin, *of_user]


def _is_success(reply: StatusReply) -> bool:
    return reply.status is Status.SUCCESS
