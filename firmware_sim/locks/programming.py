"""Users and credentials: how a lock takes SetUser, SetCredential and ClearCredential.

A request is checked in this order: fields and features by themselves, the brand's rules for codes,
revision, then what depends on the rest of the memory (does the user exist, is the PIN taken). One
request is one unit of writing, and it is persisted before it is answered.
"""

from __future__ import annotations

from typing import Final

from firmware_sim.locks.writing import Verdict, invalid_field, judge, refusal, write
from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.pins import clear_pin, credential_record, holders_of, owner_of
from firmware_sim.memory.records import Record
from protocols.doorlock.constraints import CodeRequest, request_violations
from protocols.doorlock.digest import CredentialContent, RecordKey, UserContent
from protocols.doorlock.vocabulary import (
    CredentialType,
    RecordKind,
    Status,
    UserStatus,
)
from protocols.profiles.parser import DuplicateRule, Profile
from protocols.strike.messages import (
    ClearCredential,
    SetCredential,
    SetUser,
    StatusReply,
)

_STORABLE_STATUSES: Final = (UserStatus.OCCUPIED_ENABLED, UserStatus.OCCUPIED_DISABLED)


def user_key(user_index: int) -> RecordKey:
    """Key of a user."""
    return RecordKey(RecordKind.USER, user_index, 0)


def pin_key(credential_index: int) -> RecordKey:
    """Key of a PIN."""
    return RecordKey(RecordKind.CREDENTIAL, credential_index, CredentialType.PIN)


def set_user(profile: Profile, memory: LockMemory, message: SetUser) -> StatusReply:
    """Answer SetUser."""
    if not (
        1 <= message.user_index <= profile.pin_slot_count
        and message.revision
        and message.user_status in _STORABLE_STATUSES
        and message.user_type in profile.user_types
    ):
        return invalid_field()
    key = user_key(message.user_index)
    if len(message.user_name.encode()) > profile.user_name_bytes_max:
        return refusal(memory, key, Status.CONSTRAINT_ERROR)
    content = UserContent(
        user_status=message.user_status,
        user_type=message.user_type,
        user_name=message.user_name,
    )
    return write(memory, Record.of(key, message.revision, content))


def set_credential(
    profile: Profile,
    memory: LockMemory,
    message: SetCredential,
    duplicates: DuplicateRule | None = None,
) -> StatusReply:
    """Answer SetCredential.

    Args:
        profile: The facts of the lock.
        memory: What it holds.
        message: The request.
        duplicates: What becomes of a code that another slot holds; None = as for a request.
    """
    rule = profile.duplicates.remote if duplicates is None else duplicates
    if not _is_pin_slot(profile, message.credential_type, message.credential_index) or not (
        message.revision and 1 <= message.user_index <= profile.pin_slot_count
    ):
        return invalid_field()
    key = pin_key(message.credential_index)
    content = CredentialContent(
        user_index=message.user_index, credential_data=message.credential_data
    )
    wanted = credential_record(memory, profile.pin_storage, key, message.revision, content)
    if judge(memory, wanted) is Verdict.WRITE:
        problem = code_problem(profile, memory, key, message.credential_data, rule)
        if problem is Status.DUPLICATE:
            return _duplicate(rule, memory, key, message.revision)
        if problem is not None:
            return refusal(memory, key, problem)
        user = memory.record(user_key(message.user_index))
        if user is None or user.content is None:
            return refusal(memory, key, Status.INVALID_FIELD)
    return write(memory, wanted)


def code_problem(
    profile: Profile, memory: LockMemory, key: RecordKey, pin: bytes, duplicates: DuplicateRule
) -> Status | None:
    """Why a slot can't take a code: DUPLICATE or CONSTRAINT_ERROR; None when it can.

    Args:
        profile: The facts of the lock.
        memory: What it holds.
        key: The slot.
        pin: The code.
        duplicates: What becomes of a code that another slot holds.
    """
    is_taken = any(other.key != key for other in holders_of(memory, pin))
    if is_taken and duplicates is not DuplicateRule.ALLOWED:
        return Status.DUPLICATE
    request = CodeRequest(
        # Bytes that are no text are no digits either: the rule about digits refuses them.
        code=pin.decode("ascii", "replace"),
        other_codes=_other_codes(memory, key),
        is_same_length=profile.same_length,
    )
    if request_violations(request, profile.code_lengths, profile.code_constraints):
        return Status.CONSTRAINT_ERROR
    return None


def clear_credential(
    profile: Profile, memory: LockMemory, message: ClearCredential
) -> StatusReply:
    """Answer ClearCredential: a credential goes, and with a user's last one the user.

    An empty slot is cleared too: the tombstone keeps out a write that was made before the clear
    and arrives after it. The user that goes then is the one of the slot's own number, if no
    credential refers to it: a programming that was cut before its last step leaves such a user.
    """
    if not (
        _is_pin_slot(profile, message.credential_type, message.credential_index)
        and message.revision
    ):
        return invalid_field()
    key = pin_key(message.credential_index)
    wanted = Record.tombstone(key, message.revision)
    orphans = _orphans_of(memory, key)
    if judge(memory, wanted) is Verdict.WRITE:
        newest = max((orphan.revision for orphan in orphans), default=0)
        if newest >= message.revision:
            # The clear is older than what it would take along.
            return StatusReply(status=Status.DATA_VERSION_MISMATCH, revision=newest)
    return write(
        memory,
        wanted,
        *(Record.tombstone(orphan.key, message.revision) for orphan in orphans),
    )


def _other_codes(memory: LockMemory, key: RecordKey) -> set[str]:
    """The digits that other slots hold, where the lock knows them.

    Where it keeps hashes it knows none, and its profile has no rule that asks for them.
    """
    pins = (clear_pin(each) for each in memory.live(RecordKind.CREDENTIAL) if each.key != key)
    return {pin.decode("ascii", "replace") for pin in pins if pin is not None}


def _duplicate(
    rule: DuplicateRule, memory: LockMemory, key: RecordKey, revision: int
) -> StatusReply:
    """Answer for a code that another slot holds; nothing is stored either way."""
    if rule is DuplicateRule.IGNORED:
        # The quirk of real locks and hubs: it sounds like a success, and the code is not there.
        return StatusReply(status=Status.SUCCESS, revision=revision)
    return refusal(memory, key, Status.DUPLICATE)


def _orphans_of(memory: LockMemory, key: RecordKey) -> list[Record]:
    """The user left without a credential when one is cleared, and its schedules."""
    owner = owner_of(memory.record(key))
    user_index = key.index if owner is None else owner
    if any(
        other.key != key and owner_of(other) == user_index
        for other in memory.live(RecordKind.CREDENTIAL)
    ):
        return []
    return [
        record
        for kind in (RecordKind.USER, RecordKind.YEAR_DAY_SCHEDULE, RecordKind.WEEK_DAY_SCHEDULE)
        for record in memory.live(kind)
        if record.key.index == user_index
    ]


def _is_pin_slot(profile: Profile, credential_type: CredentialType, index: int) -> bool:
    return credential_type is CredentialType.PIN and 1 <= index <= profile.pin_slot_count
