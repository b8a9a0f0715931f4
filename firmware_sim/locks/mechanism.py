"""How a lock moves its bolt, and what it notices of the things around it.

All functions here compute a new state and the log of it; whoever calls them commits both in one
unit, together with the reason for it (a code, a request, a timer).

The bolt. Before it runs the motor the lock looks at its supply: too low, and nothing moves. A
blocked bolt stalls the motor: that is a jam, it is told by an alarm, and it is over when the bolt
moves again. On weak cells a stalled motor pulls the supply down, and the processor resets before
it can tell anything: whoever calls learns of it by `is_reset`.

Relocking. A bolt that was withdrawn, by whomever, is thrown again after the profile's time, but
never against an open door: then it waits for the door to be closed.

Sensors. What the log says of door, battery, escutcheon and privacy deadbolt is kept in the state,
so that a change is told once, also one that happened without power.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from firmware_sim.hardware.battery import OPERATION_UAH, STALL_MA, STALL_UAH, level_of
from firmware_sim.hardware.bolt import TRAVEL_US
from firmware_sim.locks.access_log import LogDraft
from firmware_sim.memory.records import DeviceState
from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    AlarmCode,
    BatteryLevel,
    DoorState,
    LockOperationType,
    LockState,
    LogEvent,
    OperatingMode,
    OperationSource,
)
from protocols.profiles.parser import Profile

_US_PER_S: Final = 1_000_000
_DOOR_ALARMS: Final[Mapping[DoorState, AlarmCode]] = MappingProxyType(
    {
        DoorState.DOOR_FORCED_OPEN: AlarmCode.DOOR_FORCED_OPEN,
        DoorState.DOOR_AJAR: AlarmCode.DOOR_AJAR,
    }
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of moving the bolt.

    Attributes:
        state: The state after it.
        drafts: What it brings into the log besides the operation itself.
        failure: JAMMED or NO_POWER; None when the bolt moves, or is where it shall be.
        is_reset: True when the supply broke down: the processor resets, and nothing but the state
            of the hardware is kept.
    """

    state: DeviceState
    drafts: tuple[LogDraft, ...] = ()
    failure: AccessDeniedReason | None = None
    is_reset: bool = False


def attempt(
    state: DeviceState,
    profile: Profile,
    operation: LockOperationType,
    source: OperationSource,
    at_us: int,
) -> Attempt:
    """Try to move the bolt.

    Args:
        state: The device state.
        profile: The facts of the lock.
        operation: LOCK or UNLOCK.
        source: Who or what wants it.
        at_us: True instant, microseconds since 2000.
    """
    facts, bolt = profile.battery, state.bolt
    if state.battery.supply_mv(facts, at_us) <= facts.cutoff_mv:
        # The log says once that the cells are too low, and every time that nothing moved.
        told, drafts = notice_battery(state, profile, at_us)
        return Attempt(state=told, drafts=drafts, failure=AccessDeniedReason.NO_POWER)
    if bolt.is_done(operation):
        return Attempt(state=_with_relock(state, profile, operation, at_us))
    moved = bolt.after(operation, at_us)
    if bolt.is_blocked:
        return _stalled(dataclasses.replace(state, bolt=moved), profile, source, at_us)
    run = dataclasses.replace(state, bolt=moved, battery=state.battery.drawn(OPERATION_UAH, at_us))
    told, drafts = notice_battery(run, profile, at_us)
    return Attempt(state=_with_relock(told, profile, operation, at_us), drafts=drafts)


def _stalled(state: DeviceState, profile: Profile, source: OperationSource, at_us: int) -> Attempt:
    is_reset = state.battery.browns_out(profile.battery, STALL_MA, at_us)
    stalled = dataclasses.replace(
        state, battery=state.battery.drawn(STALL_UAH, at_us), relock_at_us=0
    )
    if is_reset:
        return Attempt(state=stalled, failure=AccessDeniedReason.NO_POWER, is_reset=True)
    told, drafts = notice_battery(stalled, profile, at_us)
    alarm = LogDraft(event=LogEvent.ALARM, source=source, detail=AlarmCode.LOCK_JAMMED)
    return Attempt(state=told, drafts=(*drafts, alarm), failure=AccessDeniedReason.JAMMED)


def _with_relock(
    state: DeviceState, profile: Profile, operation: LockOperationType, at_us: int
) -> DeviceState:
    """The state with the timer of the relock as an operation leaves it."""
    if operation is LockOperationType.LOCK or not profile.auto_relock_s:
        return dataclasses.replace(state, relock_at_us=0)
    due_us = at_us + TRAVEL_US + profile.auto_relock_s * _US_PER_S
    return dataclasses.replace(state, relock_at_us=due_us)


# --- what is due ----------------------------------------------------------------------------


def next_due_us(state: DeviceState, profile: Profile) -> int | None:
    """True instant at which something is due by itself, microseconds since 2000; None = never.

    A relock that waits for the door is not due, and an idle lock has nothing that is.
    """
    if not state.is_powered:
        return None
    dues = []
    if state.relock_at_us and not _is_door_known_open(state, profile):
        dues.append(state.relock_at_us)
    if _is_door_known_open(state, profile) and not _is_ajar_told(state):
        dues.append(state.door.ajar_at_us)
    return min(dues, default=None)


def relock(state: DeviceState, profile: Profile, at_us: int) -> Attempt:
    """Throw the bolt of a lock whose relock is due; what comes of it is in the drafts.

    It is tried once: a jam or empty cells do not go away by trying.
    """
    done = attempt(state, profile, LockOperationType.LOCK, OperationSource.AUTO, at_us)
    settled = dataclasses.replace(done, state=dataclasses.replace(done.state, relock_at_us=0))
    if done.is_reset or (done.failure is None and done.state.bolt == state.bolt):
        return settled
    draft = (
        LogDraft(
            event=LogEvent.LOCK_OPERATION,
            source=OperationSource.AUTO,
            detail=LockOperationType.LOCK,
        )
        if done.failure is None
        else LogDraft(
            event=LogEvent.ACCESS_DENIED, source=OperationSource.AUTO, detail=done.failure
        )
    )
    return dataclasses.replace(settled, drafts=(draft, *done.drafts))


# --- what it notices ------------------------------------------------------------------------


def notice(
    state: DeviceState, profile: Profile, at_us: int
) -> tuple[DeviceState, tuple[LogDraft, ...]]:
    """The state and the log after a look at all sensors."""
    drafts: list[LogDraft] = []
    for look in (_notice_door, notice_battery, _notice_escutcheon, _notice_privacy):
        state, found = look(state, profile, at_us)
        drafts += found
    return state, tuple(drafts)


def when_booted(state: DeviceState, profile: Profile, at_us: int) -> DeviceState:
    """The state of a lock whose processor starts: it has no timer of before, and makes one."""
    is_unlocked = state.bolt.position is not LockState.LOCKED
    operation = LockOperationType.UNLOCK if is_unlocked else LockOperationType.LOCK
    return _with_relock(state, profile, operation, at_us)


def turned(
    state: DeviceState, profile: Profile, position: LockState, at_us: int
) -> tuple[DeviceState, tuple[LogDraft, ...]]:
    """The state and the log after somebody turned the bolt by hand.

    Withdrawing it from inside withdraws the privacy deadbolt too: nobody is locked in. What
    happens while there is no power, and what ends half-way, nobody writes down.
    """
    bolt = state.bolt.turned(position, at_us)
    moved = dataclasses.replace(state, bolt=bolt)
    if bolt.position is LockState.UNLOCKED:
        moved = dataclasses.replace(moved, is_privacy_thrown=False)
    if not state.is_powered:
        return moved, ()
    if bolt.position not in (LockState.LOCKED, LockState.UNLOCKED):
        return moved, ()
    is_lock = bolt.position is LockState.LOCKED
    operation = LockOperationType.LOCK if is_lock else LockOperationType.UNLOCK
    draft = LogDraft(
        event=LogEvent.LOCK_OPERATION, source=OperationSource.MANUAL, detail=operation
    )
    return _with_relock(moved, profile, operation, at_us), (draft,)


def door_state(state: DeviceState, profile: Profile, at_us: int) -> DoorState | None:
    """What the lock says of its door; None without a sensor."""
    if not profile.door_sensor:
        return None
    seen = state.door.state(at_us)
    is_forced = state.told_door is DoorState.DOOR_FORCED_OPEN
    return state.told_door if is_forced and state.door.is_open else seen


def notice_battery(
    state: DeviceState, profile: Profile, at_us: int
) -> tuple[DeviceState, tuple[LogDraft, ...]]:
    """The state and the log after the cells were measured."""
    mv = state.battery.under_motor_mv(profile.battery, at_us)
    level = level_of(profile.battery, mv)
    if level is state.told_battery:
        return state, ()
    return dataclasses.replace(state, told_battery=level), (_sensed(LogEvent.BATTERY, level),)


def _notice_door(
    state: DeviceState, profile: Profile, at_us: int
) -> tuple[DeviceState, tuple[LogDraft, ...]]:
    seen = door_state(state, profile, at_us)
    if seen is None or seen is state.told_door:
        return state, ()
    was_closed = state.told_door is DoorState.DOOR_CLOSED
    is_locked = state.bolt.seen(at_us) is LockState.LOCKED
    if was_closed and is_locked:
        seen = DoorState.DOOR_FORCED_OPEN
    alarm = _DOOR_ALARMS.get(seen)
    told = dataclasses.replace(state, told_door=seen)
    return told, (_sensed(LogEvent.DOOR, seen), *([] if alarm is None else [_alarm(alarm)]))


def _notice_escutcheon(
    state: DeviceState, _profile: Profile, _at_us: int
) -> tuple[DeviceState, tuple[LogDraft, ...]]:
    if state.is_escutcheon_off is state.is_tamper_told:
        return state, ()
    told = dataclasses.replace(state, is_tamper_told=state.is_escutcheon_off)
    if not state.is_escutcheon_off:
        return told, ()
    return told, (_alarm(AlarmCode.FRONT_ESCUTCHEON_REMOVED),)


def _notice_privacy(
    state: DeviceState, _profile: Profile, _at_us: int
) -> tuple[DeviceState, tuple[LogDraft, ...]]:
    if state.is_privacy_thrown is state.is_privacy_told:
        return state, ()
    mode = OperatingMode.PRIVACY if state.is_privacy_thrown else OperatingMode.NORMAL
    told = dataclasses.replace(state, is_privacy_told=state.is_privacy_thrown)
    draft = LogDraft(event=LogEvent.OPERATING_MODE, source=OperationSource.MANUAL, detail=mode)
    return told, (draft,)


def _is_door_known_open(state: DeviceState, profile: Profile) -> bool:
    return profile.door_sensor and state.door.is_open


def _is_ajar_told(state: DeviceState) -> bool:
    # A door that was forced has its alarm: it needs no second one for standing open.
    return state.told_door in (DoorState.DOOR_AJAR, DoorState.DOOR_FORCED_OPEN)


def _sensed(event: LogEvent, detail: DoorState | BatteryLevel) -> LogDraft:
    return LogDraft(event=event, detail=detail)


def _alarm(code: AlarmCode) -> LogDraft:
    return LogDraft(event=LogEvent.ALARM, detail=code)
