"""What a lock makes of an entry at its keypad: decide, persist and log, then move the bolt."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from firmware_sim.errors import BrownOut, ProcessorDown
from firmware_sim.faults.points import BROWN_OUT_S
from firmware_sim.hardware.keypad import Entry, Keypad
from firmware_sim.locks import expiring, lockout
from firmware_sim.locks.access_log import LogDraft
from firmware_sim.locks.admission import Decision, decide
from firmware_sim.locks.core import LockCore
from firmware_sim.locks.mechanism import attempt
from firmware_sim.locks.outcome import EntryReason, KeypadOutcome
from firmware_sim.memory.records import DeviceState, Record
from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    AlarmCode,
    LockOperationType,
    LogEvent,
    OperationSource,
    UserType,
)
from protocols.profiles.parser import Profile

_DENIED: Final[Mapping[EntryReason, AccessDeniedReason]] = MappingProxyType(
    {
        EntryReason.UNKNOWN_CODE: AccessDeniedReason.UNKNOWN_CODE,
        EntryReason.OUTSIDE_SCHEDULE: AccessDeniedReason.OUTSIDE_SCHEDULE,
        EntryReason.DISABLED: AccessDeniedReason.DISABLED,
        EntryReason.LOCKED_OUT: AccessDeniedReason.LOCKED_OUT,
        EntryReason.INCOMPLETE: AccessDeniedReason.INCOMPLETE,
        EntryReason.PRIVACY: AccessDeniedReason.PRIVACY,
        EntryReason.JAMMED: AccessDeniedReason.JAMMED,
        EntryReason.NO_POWER: AccessDeniedReason.NO_POWER,
    }
)
_OPENING: Final = (EntryReason.OPENED, EntryReason.DURESS)
_BY_FAILURE: Final[Mapping[AccessDeniedReason, EntryReason]] = MappingProxyType(
    {
        AccessDeniedReason.JAMMED: EntryReason.JAMMED,
        AccessDeniedReason.NO_POWER: EntryReason.NO_POWER,
    }
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What an entry comes to: one unit of writing."""

    reason: EntryReason
    state: DeviceState
    drafts: tuple[LogDraft, ...] = ()
    records: tuple[Record, ...] = ()
    is_reset: bool = False


def keypad_of(profile: Profile) -> Keypad:
    """A keypad that sleeps."""
    return Keypad(
        inter_digit_timeout_s=profile.keypad.inter_digit_timeout_s,
        buffer_length=profile.keypad.buffer_length,
        submit_length=profile.submit_length,
        wakes_on_touch=profile.keypad.wakes_on_touch,
    )


def finish(core: LockCore, entry: Entry, now: float) -> KeypadOutcome:
    """Decide on an entry that ended.

    Raises:
        StateFileError: When the outcome could not be persisted; the door stays shut.
    """
    decision = _decide(core, entry, now)
    if decision.reason in _OPENING:
        result = _open(core, decision, now)
    elif decision.reason is EntryReason.NON_ACCESS:
        draft = _operation(decision, LockOperationType.NON_ACCESS_USER_EVENT)
        result = _Result(reason=decision.reason, state=core.state, drafts=(draft,))
    else:
        result = _deny(core, decision, now)
    try:
        core.commit(result.state, result.drafts, now, records=result.records)
    except BrownOut:
        _lose_power(core)
        return without_power(core, entry.digits)
    slot = decision.slot or None
    core.trace.record(
        "keypad", code=core.trace.pin_tag(entry.digits), reason=result.reason, slot=slot
    )
    if result.is_reset:
        try:
            core.processor.brown_out(now)
        except BrownOut:
            # Its supply broke down once more, in what it writes when it boots.
            _lose_power(core)
    return KeypadOutcome(opened=result.reason in _OPENING, reason=result.reason, slot=slot)


def _lose_power(core: LockCore) -> None:
    with contextlib.suppress(ProcessorDown):
        core.faults.break_down(BROWN_OUT_S, is_cold=True)


def without_power(core: LockCore, keys: str) -> KeypadOutcome:
    """Somebody typed, and the lock does not run: nothing happens, and nothing is logged."""
    core.trace.record(
        "keypad", code=core.trace.pin_tag(keys), reason=EntryReason.NO_POWER, slot=None
    )
    return KeypadOutcome(opened=False, reason=EntryReason.NO_POWER)


def _decide(core: LockCore, entry: Entry, now: float) -> Decision:
    if lockout.is_locked_out(core.state, core.rtc.read_us(now)):
        return Decision(reason=EntryReason.LOCKED_OUT)
    is_long_enough = len(entry.digits) >= core.profile.shortest_code
    if not (entry.is_submitted and is_long_enough):
        return Decision(reason=EntryReason.INCOMPLETE)
    decision = decide(core.memory, core.profile, entry.digits, core.reading(now))
    is_shut_out = (
        core.state.is_privacy_thrown
        and decision.reason in _OPENING
        # Whoever programs the lock could take the privacy away anyway.
        and decision.user_type is not UserType.PROGRAMMING_USER
    )
    return dataclasses.replace(decision, reason=EntryReason.PRIVACY) if is_shut_out else decision


def _open(core: LockCore, decision: Decision, now: float) -> _Result:
    """A code that opens, if the bolt moves: what the code loses by it is written with it."""
    tried = attempt(
        core.state,
        core.profile,
        LockOperationType.UNLOCK,
        OperationSource.KEYPAD,
        core.rtc.true_us(now),
    )
    if tried.is_reset:
        return _Result(reason=EntryReason.NO_POWER, state=tried.state, is_reset=True)
    if tried.failure is not None:
        reason = _BY_FAILURE[tried.failure]
        draft = _denial(dataclasses.replace(decision, reason=reason))
        return _Result(reason=reason, state=tried.state, drafts=(draft, *tried.drafts))
    device_us = core.rtc.read_us(now)
    state = lockout.after_success(tried.state, core.profile.lockout, device_us)
    drafts = [_operation(decision, LockOperationType.UNLOCK)]
    if decision.reason is EntryReason.DURESS:
        drafts.append(_alarm(AlarmCode.FORCED_USER, decision))
    if decision.user_type is UserType.EXPIRING_USER and decision.code is not None:
        state = expiring.after_use(state, decision.code, core.rtc.read_s(now))
    return _Result(
        reason=decision.reason,
        state=state,
        drafts=(*drafts, *tried.drafts),
        records=decision.used_up,
    )


def _deny(core: LockCore, decision: Decision, now: float) -> _Result:
    reason, draft = decision.reason, _denial(decision)
    if reason is not EntryReason.UNKNOWN_CODE:
        return _Result(reason=reason, state=core.state, drafts=(draft,))
    device_us = core.rtc.read_us(now)
    state = lockout.after_wrong_code(core.state, core.profile.lockout, device_us)
    if not lockout.is_locked_out(state, device_us):
        return _Result(reason=reason, state=state, drafts=(draft,))
    alarm = _alarm(AlarmCode.WRONG_CODE_ENTRY_LIMIT, decision)
    return _Result(reason=reason, state=state, drafts=(draft, alarm))


def _operation(decision: Decision, operation: LockOperationType) -> LogDraft:
    return LogDraft(
        event=LogEvent.LOCK_OPERATION,
        source=OperationSource.KEYPAD,
        detail=operation,
        user_index=decision.user_index,
        credential_index=decision.slot,
    )


def _denial(decision: Decision) -> LogDraft:
    return LogDraft(
        event=LogEvent.ACCESS_DENIED,
        source=OperationSource.KEYPAD,
        detail=_DENIED[decision.reason],
        user_index=decision.user_index,
        credential_index=decision.slot,
    )


def _alarm(code: AlarmCode, decision: Decision) -> LogDraft:
    return LogDraft(
        event=LogEvent.ALARM,
        source=OperationSource.KEYPAD,
        detail=code,
        user_index=decision.user_index,
        credential_index=decision.slot,
    )
