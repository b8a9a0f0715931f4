"""Every request of the protocol and the function that answers it: one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from firmware_sim.errors import BrownOut, DevicePoweredOff
from firmware_sim.faults.points import BROWN_OUT_S
from firmware_sim.locks import (
    holidays,
    misbehaviour,
    programming,
    reading,
    scheduling,
)
from firmware_sim.locks.access_log import LogDraft
from firmware_sim.locks.clock_setting import set_time
from firmware_sim.locks.core import LockCore
from firmware_sim.locks.mechanism import attempt, door_state
from firmware_sim.locks.time_limits import mode_now, stored_ahead_s
from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.local_bounds import told_digest
from protocols.doorlock.schedule import admits_remote
from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    DoorState,
    LockOperationType,
    LogEvent,
    OperationSource,
    Status,
)
from protocols.profiles.parser import Profile
from protocols.strike import messages as m

# A lock without a door sensor knows nothing of its door. Matter's attribute is null then; the
# byte is ZCL's "undefined" (DoorState 0xFF).
DOOR_UNDEFINED: Final = DoorState(0xFF)

Handler = Callable[[LockCore, Any, float], Any]


def answer(core: LockCore, message: Any, now: float) -> Any:
    """Answer a request: one message in, one message out; what it changed is persisted.

    Args:
        core: The lock.
        message: A request of `protocols.strike.messages`.
        now: Loop seconds.

    Raises:
        StateFileError: When a change could not be persisted; nothing changed.
        ProcessorDown: When the processor does not run, or stopped at this request.
        DevicePoweredOff: When the supply broke down under the motor.
    """
    resets = core.faults.before_request()
    handler = HANDLERS.get(type(message))
    try:
        reply = (
            m.StatusReply(status=Status.INVALID_ACTION)
            if handler is None
            else misbehaviour.instead_of_answer(core, message) or handler(core, message, now)
        )
    except BrownOut:
        core.faults.break_down(BROWN_OUT_S, is_cold=True)
    status = reply.status if isinstance(reply, m.StatusReply) else Status.SUCCESS
    slot = getattr(message, "credential_index", getattr(message, "user_index", None))
    core.trace.record("request", request=type(message).__name__, slot=slot, status=status.name)
    misbehaviour.after_answer(core, resets=resets)
    return reply


def _get_info(core: LockCore, _message: m.GetInfo, _now: float) -> m.Info:
    return reading.info(core.profile, core.serial_number)


def _get_status(core: LockCore, _message: m.GetStatus, now: float) -> m.DeviceStatus:
    clock = core.reading(now)
    state, profile, at_us = core.state, core.profile, core.rtc.true_us(now)
    door = door_state(state, profile, at_us)
    return m.DeviceStatus(
        lock_state=state.bolt.seen(at_us),
        door_state=DOOR_UNDEFINED if door is None else door,
        battery_mv=state.battery.under_motor_mv(profile.battery, at_us),
        utc_s=clock.utc_s,
        utc_offset_min=clock.utc_offset_min,
        clock_quality=clock.quality,
        log_next_index=core.memory.log_next_index,
        memory_digest=told_digest(core.memory, stored_ahead_s(profile, clock)),
    )


def _read_log(core: LockCore, message: m.ReadLog, _now: float) -> m.LogPage:
    page = reading.log_page(core.memory, message)
    if not page.records or page.records[-1].index + 1 == page.next_index:
        core.note_log_read(page.next_index)
    return page


def _list_occupied(core: LockCore, message: m.ListOccupied, now: float) -> m.OccupiedList:
    return reading.list_occupied(core.memory, message, _ahead_s(core, now))


def _set_year_day(core: LockCore, message: m.SetYearDaySchedule, now: float) -> m.StatusReply:
    return scheduling.set_year_day(core.profile, core.memory, message, _ahead_s(core, now))


def _get_year_day(
    core: LockCore, message: m.GetYearDaySchedule, now: float
) -> m.YearDaySchedule | m.StatusReply:
    return scheduling.get_year_day(core.profile, core.memory, message, _ahead_s(core, now))


def _ahead_s(core: LockCore, now: float) -> int:
    return stored_ahead_s(core.profile, core.reading(now))


def _lock_door(core: LockCore, _message: m.LockDoor, now: float) -> m.StatusReply:
    if not core.profile.remote_lock:
        return m.StatusReply(status=Status.UNSUPPORTED_ACCESS)
    return _operate_remotely(core, LockOperationType.LOCK, now)


def _unlock_door(core: LockCore, _message: m.UnlockDoor, now: float) -> m.StatusReply:
    if not core.profile.remote_unlock:
        return m.StatusReply(status=Status.UNSUPPORTED_ACCESS)
    return _operate_remotely(core, LockOperationType.UNLOCK, now)


def _operate_remotely(core: LockCore, operation: LockOperationType, now: float) -> m.StatusReply:
    """Move the bolt for a request; the answer says whether it moves.

    Raises:
        DevicePoweredOff: When the supply broke down under the motor: there is no answer.
    """
    if not admits_remote(mode_now(core.memory, core.reading(now))):
        return m.StatusReply(status=Status.INVALID_IN_STATE)
    if operation is LockOperationType.UNLOCK and core.state.is_privacy_thrown:
        # As Matter has it for an operating mode that shuts the interface out.
        _log_refusal(core, AccessDeniedReason.PRIVACY, now)
        return m.StatusReply(status=Status.INVALID_IN_STATE)
    source = OperationSource.REMOTE
    tried = attempt(core.state, core.profile, operation, source, core.rtc.true_us(now))
    if tried.is_reset:
        core.commit(tried.state, [], now)
        core.processor.brown_out(now)
        raise DevicePoweredOff(f"lock {core.serial_number} was reset by its own motor")
    draft = (
        LogDraft(event=LogEvent.LOCK_OPERATION, source=source, detail=operation)
        if tried.failure is None
        else LogDraft(event=LogEvent.ACCESS_DENIED, source=source, detail=tried.failure)
    )
    core.commit(tried.state, [draft, *tried.drafts], now)
    is_done = tried.failure is None
    return m.StatusReply(status=Status.SUCCESS if is_done else Status.FAILURE)


def _log_refusal(core: LockCore, reason: AccessDeniedReason, now: float) -> None:
    draft = LogDraft(event=LogEvent.ACCESS_DENIED, source=OperationSource.REMOTE, detail=reason)
    core.commit(core.state, [draft], now)


def _by_memory(reply: Callable[[Profile, LockMemory, Any], Any]) -> Handler:
    """A handler for a request that needs the profile and the memory only."""

    def handler(core: LockCore, message: Any, _now: float) -> Any:
        return reply(core.profile, core.memory, message)

    return handler


# A test checks that no request of the protocol is missing.
HANDLERS: Final[Mapping[type, Handler]] = MappingProxyType(
    {
        m.GetInfo: _get_info,
        m.GetStatus: _get_status,
        m.SetTime: set_time,
        m.SetUser: _by_memory(programming.set_user),
        m.SetCredential: _by_memory(programming.set_credential),
        m.GetCredentialStatus: _by_memory(reading.credential_status),
        m.ClearCredential: _by_memory(programming.clear_credential),
        m.SetYearDaySchedule: _set_year_day,
        m.GetYearDaySchedule: _get_year_day,
        m.ClearYearDaySchedule: _by_memory(scheduling.clear_year_day),
        m.SetWeekDaySchedule: _by_memory(scheduling.set_week_day),
        m.GetWeekDaySchedule: _by_memory(scheduling.get_week_day),
        m.ClearWeekDaySchedule: _by_memory(scheduling.clear_week_day),
        m.SetHolidaySchedule: _by_memory(holidays.set_holiday),
        m.GetHolidaySchedule: _by_memory(holidays.get_holiday),
        m.ClearHolidaySchedule: _by_memory(holidays.clear_holiday),
        m.ListOccupied: _list_occupied,
        m.ReadLog: _read_log,
        m.LockDoor: _lock_door,
        m.UnlockDoor: _unlock_door,
    }
)
