"""The writes that take a slot from one phase to another, and the records that they leave.

One slot N is user N, year-day schedule 1 of user N and PIN credential N. The order of the writes
is such that a cut between two of them never leaves a code that opens too widely: a user is
written before its schedule (a user of a scheduled type without one is never let in), and the
credential comes last.

Revisions: a content takes a few revisions in a row, so that every write of its life is newer than
the one before (DESIGN D21). With *r* the entry's revision:

=======  ==========================================================================
r - 1    clears what an older content left, where the kind of user changes
r        writes user, schedule and credential
r + 1    enables the user (just in time only)
then     clears
=======  ==========================================================================

The next content of the slot begins two above the last revision issued (`next_revision`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Final

from gateway.plan.entry import Confirmed, DesiredEntry, Phase, Scheduling
from gateway.plan.windows import stored_window
from protocols.doorlock.digest import (
    RecordKey,
    content_digest,
    credential_content,
    user_content,
    year_day_content,
)
from protocols.doorlock.vocabulary import CredentialType, RecordKind, UserStatus, UserType
from protocols.profiles.parser import Profile

# The one year-day schedule of a slot's user.
YEAR_DAY_INDEX: Final = 1
# Sub index of a user record.
_NO_SUB_INDEX: Final = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WriteUser:
    """Write the user record of a slot."""

    slot: int
    revision: int
    user_type: UserType
    is_enabled: bool
    user_name: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WriteYearDay:
    """Write year-day schedule 1 of a slot's user; seconds since 2000, end exclusive."""

    slot: int
    revision: int
    start_s: int
    end_s: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WriteCredential:
    """Write the PIN of a slot."""

    slot: int
    revision: int
    code: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EnableUser:
    """Let a user in that was written disabled: its record again, enabled."""

    slot: int
    revision: int
    user_type: UserType
    user_name: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClearCredential:
    """Clear the PIN of a slot; its user and schedules go with it."""

    slot: int
    revision: int


Operation = WriteUser | WriteYearDay | WriteCredential | EnableUser | ClearCredential


@dataclasses.dataclass(frozen=True, slots=True)
class ExpectedRecord:
    """A record that the device's memory shall hold: revision and content digest (8 bytes)."""

    revision: int
    digest: bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where a memory is not what it shall be. Slots are in ascending order.

    Attributes:
        missing_slots: Slots of which a record is gone, older, or another at its revision.
        newer: Slot to the highest revision found there, where it is above the expected one.
        returned: Slot to the revision that cleared it, where older live records of it are back:
            the device was put back to an earlier state, and a revoked code opens again.
        unknown_slots: Other slots that hold live records that nobody asked for.
    """

    missing_slots: tuple[int, ...] = ()
    newer: Mapping[int, int] = dataclasses.field(default_factory=dict)
    returned: Mapping[int, int] = dataclasses.field(default_factory=dict)
    unknown_slots: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True when the memory is what it shall be."""
        return not (self.missing_slots or self.newer or self.returned or self.unknown_slots)


def pin_digest(slot: int, code: str) -> bytes:
    """Content digest (8 bytes) of the credential of a slot with a code, whatever its revision."""
    key = RecordKey(RecordKind.CREDENTIAL, slot, CredentialType.PIN)
    return content_digest(key, credential_content(user_index=slot, credential_data=code.encode()))


def next_revision(issued: int) -> int:
    """The revision of a slot's next content.

    Args:
        issued: Highest revision issued to or seen in the slot; 0 for a slot never used.
    """
    return issued + 2 if issued else 1


def clear_revision(entry: DesiredEntry) -> int:
    """The revision that clears an entry: the last that its content uses."""
    return entry.revision + (2 if entry.scheduling is Scheduling.JUST_IN_TIME else 1)


def operations(
    entry: DesiredEntry,
    confirmed: Confirmed,
    to_phase: Phase,
    profile: Profile,
    *,
    is_other_in_all: bool = False,
) -> tuple[Operation, ...]:
    """The writes that bring a device from what it confirmed to a phase; empty if it is there.

    Args:
        entry: The entry, with a slot and a revision.
        confirmed: What the device holds of it; an older revision is older content.
        to_phase: Where to go: what `desired_phase` said.
        profile: The facts of the device.
        is_other_in_all: True when code and window have changed since: the older content is
            cleared first, for the old code in the new window is what nobody asked for.

    Raises:
        ValueError: When the entry has no slot yet.
        WindowError: When the device can't hold the window.
    """
    if entry.slot is None:
        raise ValueError(f"entry {entry.entry_id} has no slot")
    is_current = confirmed.revision == entry.revision
    is_there = to_phase is confirmed.phase and (is_current or to_phase is Phase.ABSENT)
    if is_there and not confirmed.pending_revision:
        return ()
    if to_phase is Phase.ABSENT:
        return (ClearCredential(slot=entry.slot, revision=clear_revision(entry)),)
    if is_current and confirmed.phase is Phase.DISABLED and to_phase is Phase.ENABLED:
        return (_enabling(entry, entry.slot),)
    found: list[Operation] = []
    is_left_over = to_phase is not Phase.STORED and _may_have_schedule(entry, confirmed)
    if is_left_over or (is_other_in_all and may_hold_older(entry, confirmed)):
        found.append(ClearCredential(slot=entry.slot, revision=entry.revision - 1))
    found.extend(_writes(entry, entry.slot, to_phase, profile))
    return tuple(found)


def _writes(
    entry: DesiredEntry, slot: int, to_phase: Phase, profile: Profile
) -> tuple[Operation, ...]:
    """The whole content anew."""
    found: list[Operation] = []
    found.append(
        WriteUser(
            slot=slot,
            revision=_user_revision(entry, to_phase),
            user_type=_user_type(to_phase),
            is_enabled=to_phase is not Phase.DISABLED,
            user_name=entry.user_name,
        )
    )
    if to_phase is Phase.STORED:
        window = stored_window(entry, profile)
        found.append(
            WriteYearDay(
                slot=slot, revision=entry.revision, start_s=window.start_s, end_s=window.end_s
            )
        )
    found.append(WriteCredential(slot=slot, revision=entry.revision, code=entry.code))
    return tuple(found)


def may_hold_older(entry: DesiredEntry, confirmed: Confirmed) -> bool:
    """True when an older content of an entry, confirmed or not, may be on the device."""
    is_held = confirmed.phase is not Phase.ABSENT and confirmed.revision != entry.revision
    return is_held or 0 < confirmed.pending_revision < entry.revision


def _may_have_schedule(entry: DesiredEntry, confirmed: Confirmed) -> bool:
    """True when an older content, confirmed or not, may have left a schedule in the slot."""
    is_stored = confirmed.phase is Phase.STORED and confirmed.revision != entry.revision
    return is_stored or 0 < confirmed.pending_revision < entry.revision


def is_overtaken(operation: Operation, entry: DesiredEntry, held_revision: int) -> bool:
    """True when a device refuses an operation since it holds later writes of the same content.

    The clear that makes room for a content can't be repeated once any of that content is there:
    an earlier session got further than its answers did. What comes after it can.

    Args:
        operation: What was refused as too old.
        entry: The entry that it belongs to.
        held_revision: The revision that the device named.
    """
    is_making_room = isinstance(operation, ClearCredential) and operation.revision < entry.revision
    return is_making_room and entry.revision <= held_revision <= clear_revision(entry)


def _enabling(entry: DesiredEntry, slot: int) -> EnableUser:
    return EnableUser(
        slot=slot,
        revision=_user_revision(entry, Phase.ENABLED),
        user_type=_user_type(Phase.ENABLED),
        user_name=entry.user_name,
    )


def _user_type(phase: Phase) -> UserType:
    return UserType.YEAR_DAY_SCHEDULE_USER if phase is Phase.STORED else UserType.UNRESTRICTED_USER


def _user_revision(entry: DesiredEntry, phase: Phase) -> int:
    """An enabled just-in-time user has one revision more, whether it was disabled or not."""
    is_enabling = entry.scheduling is Scheduling.JUST_IN_TIME and phase is Phase.ENABLED
    return entry.revision + is_enabling


def expected_records(
    entries: Iterable[tuple[DesiredEntry, Phase]], profile: Profile
) -> dict[RecordKey, ExpectedRecord]:
    """The live records that entries leave in the device's memory, in key order.

    Args:
        entries: Each with the phase that the device confirmed for its present content; those
            without a slot and those that are absent leave nothing.
        profile: The facts of the device.

    Raises:
        WindowError: When the device can't hold a window.
    """
    found: dict[RecordKey, ExpectedRecord] = {}
    for entry, phase in entries:
        if entry.slot is not None and phase is not Phase.ABSENT:
            found.update(_records(entry, entry.slot, phase, profile))
    return dict(sorted(found.items()))


def _records(
    entry: DesiredEntry, slot: int, phase: Phase, profile: Profile
) -> Iterable[tuple[RecordKey, ExpectedRecord]]:
    is_enabled = phase is not Phase.DISABLED
    user = user_content(
        user_status=UserStatus.OCCUPIED_ENABLED if is_enabled else UserStatus.OCCUPIED_DISABLED,
        user_type=_user_type(phase),
        user_name=entry.user_name,
    )
    key = RecordKey(RecordKind.USER, slot, _NO_SUB_INDEX)
    yield key, ExpectedRecord(_user_revision(entry, phase), content_digest(key, user))
    if phase is Phase.STORED:
        window = stored_window(entry, profile)
        year_day = year_day_content(start_s=window.start_s, end_s=window.end_s)
        key = RecordKey(RecordKind.YEAR_DAY_SCHEDULE, slot, YEAR_DAY_INDEX)
        yield key, ExpectedRecord(entry.revision, content_digest(key, year_day))
    key = RecordKey(RecordKind.CREDENTIAL, slot, CredentialType.PIN)
    yield key, ExpectedRecord(entry.revision, pin_digest(slot, entry.code))
