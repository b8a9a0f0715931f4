"""Does a code open the door? Decided by the lock alone, with its own memory and its own clock."""

from __future__ import annotations

import dataclasses

from firmware_sim.locks.outcome import EntryReason
from firmware_sim.locks.programming import user_key
from firmware_sim.locks.time_limits import is_in_schedule, mode_now
from firmware_sim.locks.timekeeping import Reading
from firmware_sim.memory.interface import LockMemory
from protocols.doorlock.digest import CredentialContent, UserContent
from protocols.doorlock.schedule import admits_keypad
from protocols.doorlock.vocabulary import OperatingMode, RecordKind, UserStatus
from protocols.profiles.parser import Profile


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to become of a code.

    Attributes:
        reason: OPENED, UNKNOWN_CODE, DISABLED, PRIVACY or OUTSIDE_SCHEDULE.
        slot: PIN slot of the code; 0 = unknown.
        user_index: Its user; 0 = unknown.
    """

    reason: EntryReason
    slot: int = 0
    user_index: int = 0


def decide(profile: Profile, memory: LockMemory, digits: str, clock: Reading) -> Decision:
    """Decide on a code that was entered whole.

    A credential whose user is gone, which no sequence of requests can leave behind, is unknown.
    """
    mode = mode_now(memory, clock)
    credential = _credential_of(memory, digits.encode())
    if credential is None:
        return Decision(reason=EntryReason.UNKNOWN_CODE)
    slot, user_index = credential
    user = memory.record(user_key(user_index))
    if user is None or not isinstance(user.content, UserContent):
        return Decision(reason=EntryReason.UNKNOWN_CODE)
    if user.content.user_status is not UserStatus.OCCUPIED_ENABLED:
        reason = EntryReason.DISABLED
    elif not admits_keypad(mode):
        reason = EntryReason.PRIVACY
    elif mode is OperatingMode.PASSAGE or is_in_schedule(
        profile, memory, user_index, user.content.user_type, clock
    ):
        reason = EntryReason.OPENED
    else:
        reason = EntryReason.OUTSIDE_SCHEDULE
    return Decision(reason=reason, slot=slot, user_index=user_index)


def _credential_of(memory: LockMemory, code: bytes) -> tuple[int, int] | None:
    """Slot and user of a PIN."""
    for record in memory.live(RecordKind.CREDENTIAL):
        content = record.content
        if isinstance(content, CredentialContent) and content.credential_data == code:
            return record.key.index, content.user_index
    return None
