"""Somebody who knows the programming code changes the memory at the keypad of the lock.

Whoever does that asks nobody: the lock writes the change itself, one revision above what it held,
and a gateway finds out when it looks. The rules of the brand hold at the keypad too.
"""

from __future__ import annotations

import random
from typing import Final

from firmware_sim.locks.core import LockCore
from firmware_sim.locks.programming import clear_credential, pin_key, set_credential, set_user
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
from protocols.strike.messages import ClearCredential, SetCredential, SetUser, StatusReply

# Tries for digits that the brand accepts and nobody has.
_TRIES: Final = 20
_SLOT_NOUGHT: Final = 0


def change_at_keypad(core: LockCore, stream: random.Random) -> tuple[str, int] | None:
    """Change, delete or add a code, as a draw has it.

    Args:
        core: The lock.
        stream: Where the person's whims come from.

    Returns:
        What was done (``changed``, ``deleted`` or ``added``) and to which slot; None when the
        lock had no place for it, or took none of the digits that were tried.

    Raises:
        StateFileError: When it could not be persisted; memory is as before.
    """
    held = {
        record.key.index: owner
        for record in core.memory.live(RecordKind.CREDENTIAL)
        if (owner := owner_of(record)) is not None
        and record.key.index <= core.profile.pin_slot_count
    }
    what = stream.choice(("changed", "deleted", "added"))
    if not held:
        what = "added"
    if what == "added":
        slot = _free_slot(core, held)
        done = bool(slot) and _add(core, slot, stream)
    else:
        slot = stream.choice(list(held))
        if what == "deleted":
            done = _is_success(_delete(core, slot))
        else:
            done = _write_pin(core, slot, held[slot], _next_revision(core, slot), stream)
    return (what, slot) if done else None


def _free_slot(core: LockCore, held: dict[int, int]) -> int:
    """The first slot whose PIN and user are free; 0 = there is none."""
    users = {record.key.index for record in core.memory.live(RecordKind.USER)}
    slots = range(1, core.profile.pin_slot_count + 1)
    return next((slot for slot in slots if slot not in held and slot not in users), _SLOT_NOUGHT)


def _add(core: LockCore, slot: int, stream: random.Random) -> bool:
    revision = _next_revision(core, slot)
    user = SetUser(
        user_index=slot,
        revision=revision,
        user_status=UserStatus.OCCUPIED_ENABLED,
        user_type=UserType.UNRESTRICTED_USER,
        user_name="",
    )
    if not _is_success(set_user(core.profile, core.memory, user)):
        return False
    return _write_pin(core, slot, slot, revision, stream)


def _write_pin(
    core: LockCore, slot: int, user_index: int, revision: int, stream: random.Random
) -> bool:
    """Try digits until the lock takes some."""
    for _ in range(_TRIES):
        length = stream.choice(core.profile.code_lengths)
        digits = "".join(stream.choices("0123456789", k=length))
        message = SetCredential(
            credential_type=CredentialType.PIN,
            credential_index=slot,
            revision=revision,
            user_index=user_index,
            credential_data=digits.encode(),
        )
        if _is_success(set_credential(core.profile, core.memory, message)):
            return True
    return False


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
