"""How a lock answers a request when its fault plan has something else in mind."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.faults.points import BOOT_S, DeviceFaults, FaultPoint
from firmware_sim.flash.nor import NorFlash, Operation
from firmware_sim.flash.torn import ALL_MODELS, leave_torn, torn_writes
from firmware_sim.locks.core import LockCore
from firmware_sim.locks.holidays import holiday_key
from firmware_sim.locks.programming import pin_key, user_key
from firmware_sim.locks.scheduling import week_day_key, year_day_key
from firmware_sim.locks.writing import refusal
from firmware_sim.memory.interface import Interruption
from protocols.doorlock.digest import RecordKey
from protocols.doorlock.vocabulary import Status
from protocols.strike import messages as m

_CLEARS: Final = (
    m.ClearCredential,
    m.ClearYearDaySchedule,
    m.ClearWeekDaySchedule,
    m.ClearHolidaySchedule,
)


def instead_of_answer(core: LockCore, message: Any) -> m.StatusReply | None:
    """The reply to a request that writes, when a fault point fires; nothing is written then.

    Args:
        core: The lock.
        message: The request.

    Returns:
        None when the request is to be answered as ever.
    """
    faults = core.faults
    if faults.plan is NO_FAULTS:
        return None
    key = _written_key(message)
    if key is None and not isinstance(message, _CLEARS):
        return None
    # What was cleared left a tombstone, and is written anew all the same.
    if (
        key is not None
        and ((held := core.memory.record(key)) is None or held.content is None)
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


def interruption(faults: DeviceFaults, operations: Sequence[Operation]) -> Interruption | None:
    """Whether the voltage breaks down in the middle of a change, and what that leaves in flash.

    Args:
        faults: The device's fault points.
        operations: Programs and erases of the change, in order.
    """
    if not operations or not faults.fires(FaultPoint.BROWN_OUT):
        return None
    number = faults.choose(len(operations))
    ways = list(torn_writes(operations[number], ALL_MODELS, drawings=1))
    torn = ways[faults.choose(len(ways))]
    stream = faults.torn_stream()

    def leave(flash: NorFlash, operation: Operation) -> None:
        # Its unstable cells read as they like from now on.
        flash.stream = stream
        leave_torn(flash, operation, torn, stream)

    return Interruption(number, leave)


def obey(core: LockCore, plan: FaultPlan, now: float) -> None:
    """Go by a fault plan from now on.

    Args:
        core: The lock; its faults are its own by now.
        plan: The plan.
        now: Loop seconds.

    Raises:
        StateFileError: When the clock's new anchor could not be persisted; the plan holds anyhow.
    """
    core.faults.plan = plan
    faults = core.faults
    if faults.pin_slot_count is None:
        faults.pin_slot_count = core.profile.pin_slot_count
    left = max(0, faults.pin_slot_count - plan.device_slots_withdrawn)
    if left != core.profile.pin_slot_count:
        core.profile = dataclasses.replace(core.profile, pin_slot_count=left)
    clock = core.rtc.when_hurried(plan.clock_drift_ppm, now)
    if clock.extra_ppb != core.state.clock.extra_ppb:
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
        case m.SetHolidaySchedule():
            return holiday_key(message.holiday_index)
        case _:
            return None
