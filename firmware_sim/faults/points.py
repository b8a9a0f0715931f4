"""The named points of a firmware at which a fault plan can make something go wrong.

A firmware asks at each point whether it fires. The answer is drawn from the device's own stream,
and only when the plan has a knob for it that is not zero, so a plan moves no draw of another
device and a device without a plan draws nothing. Whatever fires is noted in the trace, as an event
of kind ``fault`` with the knob's name.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable
from typing import Any, Final, NoReturn, Protocol

from firmware_sim.errors import ProcessorDown
from firmware_sim.faults.plan import NO_FAULTS, FaultPlan

# Seconds from a reset until the radio is on the air again; assumed: boot loader, mount of the
# flash, start of the stack.
BOOT_S: Final = 1.0
# Seconds without power after a brown-out: a cell recovers once the motor has stopped; assumed.
BROWN_OUT_S: Final = 2.0


class FaultTrace(Protocol):
    """The part of a device's trace that faults need."""

    def record(self, kind: str, **data: Any) -> None:
        """Note an event of this device."""


class FaultPoint(enum.StrEnum):
    """What can go wrong in a firmware; each is named as the knob of `FaultPlan` that fires it."""

    RESET = "device_reset"
    HANG = "device_hang"
    NO_EFFECT = "device_no_effect"
    EVENT_LOSS = "device_event_loss"
    MEMORY_FULL = "device_memory_full"
    OUTSIDE_CHANGE = "device_outside_changes_per_day"
    CLOCK_STEP = "clock_steps_per_day"
    POWER_CUT = "power_cuts_per_day"
    BROWN_OUT = "power_brown_out"


class DeviceFaults:
    """What goes wrong with one device, asked at its fault points.

    Args:
        plan: The plan.
        stream: The device's own random numbers; None where no plan will ever come.
        trace: Where the faults that fired are noted.

    Attributes:
        on_breakdown: Told that the processor stops at once: for how many seconds, and whether
            main power goes with it. Whoever listens has it run again.
        pin_slot_count: PIN slots that the device has by its kind; None until a plan is obeyed.
        is_down: True while the processor does not run: it hangs, or boots.
    """

    __slots__ = ("_plan", "_stream", "_trace", "is_down", "on_breakdown", "pin_slot_count")

    def __init__(
        self, plan: FaultPlan, stream: random.Random | None, trace: FaultTrace | None
    ) -> None:
        self._stream = stream
        self._trace = trace
        self.on_breakdown: Callable[[float, bool], None] | None = None
        self.is_down = False
        self.pin_slot_count: int | None = None
        self.plan = plan

    @property
    def plan(self) -> FaultPlan:
        """The plan that holds now; it can be replaced at any time."""
        return self._plan

    @plan.setter
    def plan(self, plan: FaultPlan) -> None:
        # By identity from here on: most devices of a fleet have no plan.
        self._plan = NO_FAULTS if plan == NO_FAULTS else plan

    def fires(self, point: FaultPoint) -> bool:
        """Whether it goes wrong this time; drawn only when the plan has it at all.

        A probability is drawn; a condition that is true fires every time. Nothing fires while the
        processor does not run.
        """
        if self._plan is NO_FAULTS or self.is_down:
            return False
        knob = getattr(self._plan, point)
        if not knob:
            return False
        if knob is not True and not self._draw() < knob:
            return False
        self.note(point)
        return True

    def note(self, point: FaultPoint, **data: Any) -> None:
        """Note in the trace that a fault happened."""
        if self._trace is not None:
            self._trace.record("fault", knob=point.value, **data)

    def before_request(self) -> bool:
        """The processor turns to a request.

        Returns:
            True when it will reset once it has done what was asked, before its answer is out.

        Raises:
            ProcessorDown: When it does not run, hangs at this request, or resets before it has
                done anything.
        """
        if self.is_down:
            raise ProcessorDown
        if self.fires(FaultPoint.HANG):
            self.break_down(self._plan.device_hang_s + BOOT_S)
        if not self.fires(FaultPoint.RESET):
            return False
        # Half of all resets come after the change is safe in memory: who asked can't know which.
        is_late = self._draw() < 0.5  # noqa: PLR2004 - even chances.
        if not is_late:
            self.break_down(BOOT_S)
        return is_late

    def choose(self, count: int) -> int:
        """One of so many, drawn: 0 to count - 1."""
        return int(self._draw() * count)

    def torn_stream(self) -> random.Random:
        """Where the bits of a torn write are drawn from."""
        if self._stream is None:
            raise RuntimeError(_NO_STREAM)
        return self._stream

    def break_down(self, down_s: float, *, is_cold: bool = False) -> NoReturn:
        """Stop the processor; what it was doing is never finished.

        Args:
            down_s: Seconds until it runs again.
            is_cold: True when main power goes with it.

        Raises:
            ProcessorDown: Always.
        """
        if self.on_breakdown is not None:
            self.on_breakdown(down_s, is_cold)
        raise ProcessorDown

    def _draw(self) -> float:
        """A number from 0 to below 1.

        Raises:
            RuntimeError: When this device was made to have no faults.
        """
        if self._stream is None:
            raise RuntimeError(_NO_STREAM)
        return self._stream.random()


_NO_STREAM: Final = "this device has no random stream: give it faults of its own"


# Of every device that nobody has given a plan; shared, so it costs a fleet nothing.
QUIET: Final = DeviceFaults(NO_FAULTS, None, None)
