"""What a lock makes of an entry at its keypad: decide, persist and log, then move the bolt."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from firmware_sim.errors import BrownOut, ProcessorDown
from firmware_sim.faults.points import BROWN_OUT_S
from firmware_sim.hardware.keypad import Entry
from firmware_sim.locks import lockout
from firmware_sim.locks.access_log import LogDraft
from firmware_sim.locks.admission import Decision, decide
from firmware_sim.locks.core import LockCore
from firmware_sim.locks.outcome import EntryReason, KeypadOutcome
from firmware_sim.memory.records import DeviceState
from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    AlarmCode,
    LockOperationType,
    LogEvent,
    OperationSource,
)

_DENIED: Final[Mapping[EntryReason, AccessDeniedReason]] = MappingProxyType(
    {
        EntryReason.UNKNOWN_CODE: AccessDeniedReason.UNKNOWN_CODE,
        EntryReason.OUTSIDE_SCHEDULE: AccessDeniedReason.OUTSIDE_SCHEDULE,
        EntryReason.DISABLED: AccessDeniedReason.DISABLED,
        EntryReason.LOCKED_OUT: AccessDeniedReason.LOCKED_OUT,
        EntryReason.INCOMPLETE: AccessDeniedReason.INCOMPLETE,
        EntryReason.PRIVACY: AccessDeniedReason.PRIVACY,
    }
)


def finish(core: LockCore, entry: Entry, now: float) -> KeypadOutcome:
    """Decide on an entry that ended.

    Raises:
        StateFileError: When the outcome could not be persisted; the door stays shut.
    """
    decision = _decide(core, entry, now)
    opened = decision.reason is EntryReason.OPENED
    state, drafts = _opened(core, decision) if opened else _denied(core, decision, now)
    try:
        core.commit(state, drafts, now)
    except BrownOut:
        with contextlib.suppress(ProcessorDown):
            core.faults.break_down(BROWN_OUT_S, is_cold=True)
        return without_power(core, entry.digits)
    slot = decision.slot or None
    core.trace.record(
        "keypad", code=core.trace.pin_tag(entry.digits), reason=decision.reason, slot=slot
    )
    return KeypadOutcome(opened=opened, reason=decision.reason, slot=slot)


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
    return decide(core.profile, core.memory, entry.digits, core.reading(now))


def _opened(core: LockCore, decision: Decision) -> tuple[DeviceState, list[LogDraft]]:
    draft = LogDraft(
        event=LogEvent.LOCK_OPERATION,
        source=OperationSource.KEYPAD,
        detail=LockOperationType.UNLOCK,
        user_index=decision.user_index,
        credential_index=decision.slot,
    )
    bolt = core.state.bolt.after(LockOperationType.UNLOCK)
    return dataclasses.replace(lockout.after_success(core.state), bolt=bolt), [draft]


def _denied(core: LockCore, decision: Decision, now: float) -> tuple[DeviceState, list[LogDraft]]:
    draft = LogDraft(
        event=LogEvent.ACCESS_DENIED,
        source=OperationSource.KEYPAD,
        detail=_DENIED[decision.reason],
        user_index=decision.user_index,
        credential_index=decision.slot,
    )
    if decision.reason is not EntryReason.UNKNOWN_CODE:
        return core.state, [draft]
    device_us = core.rtc.read_us(now)
    state = lockout.after_wrong_code(core.state, core.profile.lockout, device_us)
    if not lockout.is_locked_out(state, device_us):
        return state, [draft]
    alarm = LogDraft(
        event=LogEvent.ALARM,
        source=OperationSource.KEYPAD,
        detail=AlarmCode.WRONG_CODE_ENTRY_LIMIT,
    )
    return state, [draft, alarm]
