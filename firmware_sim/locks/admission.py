"""Does a code open the door? Decided by the lock alone, with its own memory and its own clock."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from firmware_sim.locks.expiring import Code, is_expired
from firmware_sim.locks.outcome import EntryReason
from firmware_sim.locks.programming import user_key
from firmware_sim.locks.time_limits import is_in_schedule, mode_now
from firmware_sim.locks.timekeeping import Reading
from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.pins import holders_of, owner_of
from firmware_sim.memory.records import Record
from protocols.doorlock.digest import UserContent
from protocols.doorlock.schedule import admits_keypad
from protocols.doorlock.vocabulary import OperatingMode, UserStatus, UserType
from protocols.profiles.parser import Profile


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to become of a code.

    Attributes:
        reason: OPENED, DURESS, NON_ACCESS, UNKNOWN_CODE, DISABLED, PRIVACY or
            OUTSIDE_SCHEDULE.
        slot: PIN slot of the code; 0 = unknown.
        user: The record of its user; None = unknown.
        code: The code as `expiring` knows it; None = unknown.
        used_up: Records that change when it opens: the user of a one-time code is disabled.
    """

    reason: EntryReason
    slot: int = 0
    user: Record | None = None
    code: Code | None = None
    used_up: tuple[Record, ...] = ()

    @property
    def user_index(self) -> int:
        """Its user; 0 = unknown."""
        return 0 if self.user is None else self.user.key.index

    @property
    def user_type(self) -> UserType | None:
        """How its user is limited; None = unknown."""
        content = None if self.user is None else self.user.content
        return content.user_type if isinstance(content, UserContent) else None


# Revisions are u32.
_REVISION_MAX: Final = 0xFFFF_FFFF
# What a code of these users comes to, once they are enabled; all others are limited by time.
_BY_TYPE: Final[Mapping[UserType, EntryReason]] = MappingProxyType(
    {
        UserType.UNRESTRICTED_USER: EntryReason.OPENED,
        UserType.DISPOSABLE_USER: EntryReason.OPENED,
        UserType.NON_ACCESS_USER: EntryReason.NON_ACCESS,
        UserType.FORCED_USER: EntryReason.DURESS,
        # The code is right and the place is wrong, so it counts for nothing.
        UserType.REMOTE_ONLY_USER: EntryReason.DISABLED,
    }
)


def decide(memory: LockMemory, profile: Profile, digits: str, clock: Reading) -> Decision:
    """Decide on a code that was entered whole.

    A credential whose user is gone, which no sequence of requests can leave behind, is unknown.
    """
    mode = mode_now(memory, clock)
    credential = next(holders_of(memory, digits.encode()), None)
    if credential is None:
        return Decision(reason=EntryReason.UNKNOWN_CODE)
    user_index = owner_of(credential) or 0
    user = memory.record(user_key(user_index))
    if user is None or not isinstance(user.content, UserContent):
        return Decision(reason=EntryReason.UNKNOWN_CODE)
    if user.content.user_status is not UserStatus.OCCUPIED_ENABLED:
        reason = EntryReason.DISABLED
    elif not admits_keypad(mode):
        reason = EntryReason.PRIVACY
    else:
        reason = _reason_of(memory, profile, credential, user.content.user_type, clock)
        if mode is OperatingMode.PASSAGE and reason is EntryReason.OUTSIDE_SCHEDULE:
            reason = EntryReason.OPENED
    return Decision(
        reason=reason,
        slot=credential.key.index,
        user=user,
        code=_code_of(credential),
        used_up=_used_up(user, user.content),
    )


def _used_up(user: Record, content: UserContent) -> tuple[Record, ...]:
    """A one-time user as the lock leaves it: a write of its own, so a new revision."""
    if content.user_type is not UserType.DISPOSABLE_USER:
        return ()
    disabled = dataclasses.replace(content, user_status=UserStatus.OCCUPIED_DISABLED)
    return (Record.of(user.key, min(user.revision + 1, _REVISION_MAX), disabled),)


def _code_of(credential: Record) -> Code:
    return Code(credential_index=credential.key.index, revision=credential.revision)


def _reason_of(
    memory: LockMemory, profile: Profile, credential: Record, user_type: UserType, clock: Reading
) -> EntryReason:
    """What the code of an enabled user comes to."""
    if user_type in _BY_TYPE:
        return _BY_TYPE[user_type]
    if user_type is UserType.PROGRAMMING_USER:
        opens = profile.keypad.programming_code_opens
        return EntryReason.OPENED if opens else EntryReason.NON_ACCESS
    if user_type is UserType.EXPIRING_USER:
        # Nobody can tell by a clock that knows nothing whether a first use is long ago.
        is_in = clock.is_known and not is_expired(
            memory.state,
            _code_of(credential),
            timeout_min=profile.expiring_user_timeout_min,
            utc_s=clock.utc_s,
        )
    else:
        is_in = is_in_schedule(profile, memory, owner_of(credential) or 0, user_type, clock)
    return EntryReason.OPENED if is_in else EntryReason.OUTSIDE_SCHEDULE
