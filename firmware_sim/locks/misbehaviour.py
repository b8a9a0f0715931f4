"""How a lock answers a request when its fault plan has something else in mind."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.faults.points import BOOT_S, FaultPoint
from firmware_sim.locks.core import LockCore
from firmware_sim.locks.programming import pin_key, user_key
from firmware_sim.locks.scheduling import week_day_key, year_day_key
from firmware_sim.locks.writing import refusal
from protocols.doorlock.digest import RecordKey
from protocols.doorlock.vocabulary import Status
from protocols.strike import messages as m

_CLEARS: Final = (m.ClearCredential, m.ClearYearDaySchedule, m.ClearWeekDaySchedule)
# What else is written before it is answered; it is never lied about.
_OTHER_WRITES: Final = (m.SetTime, m.LockDoor, m.UnlockDoor)


def instead_of_answer(core: LockCore, message: Any) -> m.StatusReply | None:
    """The reply to a request that writes, when a fault point fires; nothing is written then.

    Args:
        core: The lock.
        message: The request.

    Returns:
        None when the request is to be answered as ever.

    Raises:
        ProcessorDown: When the voltage broke down under the write.
    """
    faults = core.faults
    if faults.plan is NO_FAULTS:
        return None
    key = _written_key(message)
    is_clear = isinstance(message, _CLEARS)
    is_record = key is not None or is_clear
    if is_record or isinstance(message, _OTHER_WRITES):
        faults.before_change()
    if not is_record:
        return None
    if (
        key is not None
        and core.memory.record(key) is None
        and faults.fires(FaultPoint.MEMORY_FULL)
    ):
        return refusal(core.memory, key, Status.RESOURCE_EXHAUSTED)
    if faults.fires(FaultPoint.NO_EFFECT):
        return m.StatusReply(status=Status.SUCCESS, revision=message.revision)
    return None


def after_answer(core: LockCore, *, resets: bool) -> None:
    """The reply is ready; the processor may reset before it is out.

    Raises:
        ProcessorDown: When it does.
    """
    if resets:
        core.faults.break_down(BOOT_S)


def obey(core: LockCore, plan: FaultPlan, now: float, *, pin_slot_count: int) -> None:
    """Go by a fault plan from now on.

    Args:
        core: The lock; its faults are its own by now.
        plan: The plan.
        now: Loop seconds.
        pin_slot_count: PIN slots of its profile.

    Raises:
        StateFileError: When the clock's new anchor could not be persisted; the plan holds anyhow.
    """
    core.faults.plan = plan
    left = max(0, pin_slot_count - plan.device_slots_withdrawn)
    if left != core.profile.pin_slot_count:
        core.profile = dataclasses.replace(core.profile, pin_slot_count=left)
    if plan.clock_drift_ppm != core.rtc.fault_drift_ppm:
        # What the clock shows now stays; only how fast it goes on is another matter.
        step_clock(core, 0, now)
        core.rtc.fault_drift_ppm = plan.clock_drift_ppm


def step_clock(core: LockCore, step_us: int, now: float) -> None:
    """Let the clock jump by itself; the firmware notices nothing.

    Args:
        core: The lock.
        step_us: Microseconds; negative = back.
        now: Loop seconds.

    Raises:
        StateFileError: When it could not be persisted; the clock is as before.
    """
    clock = core.rtc.when_stepped(step_us, now)
    core.commit(dataclasses.replace(core.state, clock=clock), [], now)


def _written_key(message: Any) -> RecordKey | None:
    """The key that a request writes a record to; None for any other request."""
    match message:
        case m.SetUser():
            return user_key(message.user_index)
        case m.SetCredential():
            return pin_key(message.credential_index)
        case m.SetYearDaySchedule():
            return year_day_key(message.user_index, message.year_day_index)
        case m.SetWeekDaySchedule():
            return week_day_key(message.user_index, message.week_day_index)
        case _:
            return None
