"""Carries out what a fault plan does to a device from outside its firmware.

It cuts the power and brings it back, resets the processor and lets it boot, and makes the rates of
the plan happen. One actor a device that ever had a plan; it owns one timer for the rates and one
for the way back from an outage, and none while nothing is due.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, Protocol

from firmware_sim.faults.plan import FaultPlan
from firmware_sim.faults.points import DeviceFaults, FaultPoint
from firmware_sim.faults.rates import FaultRates
from firmware_sim.kernel.alarm import Timer, TimerLoop

# Seconds of the shortest outage: long enough that a connection notices, short enough to be a slip.
_OUTAGE_S_MIN: Final = 1.0


class Victim(Protocol):
    """A device, as a fault sees it."""

    @property
    def is_powered(self) -> bool:
        """True while main power is there."""

    def cut(self) -> None:
        """Cut main power at once; persisted."""

    def restore(self) -> None:
        """Give main power back; persisted. The radio stays off."""

    def restart(self) -> None:
        """Let the processor forget what it had in its working memory."""

    def switch_radio(self) -> None:
        """Have the radio on or off as power and processor are; soon, not at once."""

    def step_clock(self, step_s: float) -> None:
        """Let the clock jump."""

    def change_at_keypad(self, stream: random.Random) -> tuple[str, int] | None:
        """Let somebody change the memory at the keypad; what, and which slot."""


class FaultActor:
    """The hand of fate of one device.

    Args:
        victim: The device.
        faults: Its fault points.
        loop: Whose timers are used.
        stream: The device's own random numbers for this.
    """

    __slots__ = ("_faults", "_loop", "_outage", "_rates", "_stream", "_victim", "is_cutting")

    def __init__(
        self, victim: Victim, faults: DeviceFaults, loop: TimerLoop, stream: random.Random
    ) -> None:
        self.is_cutting = False
        self._victim = victim
        self._faults = faults
        self._loop = loop
        self._stream = stream
        self._outage: Timer | None = None
        faults.on_breakdown = self._break_down
        self._rates = FaultRates(
            loop,
            stream,
            {
                FaultPoint.OUTSIDE_CHANGE: self._change_outside,
                FaultPoint.CLOCK_STEP: self._step_clock,
                FaultPoint.POWER_CUT: self._cut_power,
            },
        )

    def follow(self, plan: FaultPlan) -> None:
        """Go by a plan from now on; an outage that has begun takes its time."""
        self._rates.follow(plan)

    def stop(self) -> None:
        """Make nothing happen any more, as at the end of a run."""
        self._rates.stop()
        if self._outage is not None:
            self._outage.cancel()
            self._outage = None

    def end_outage(self) -> None:
        """Somebody switches the device on or off: what this actor had begun is over."""
        if self._outage is not None:
            self._outage.cancel()
            self._outage = None
        self.is_cutting = False
        self._faults.is_down = False

    def _break_down(self, down_s: float, is_cold: bool) -> None:  # noqa: FBT001 - `on_breakdown`.
        """The processor stops, and runs again after so many seconds."""
        self._faults.is_down = True
        self.is_cutting = is_cold
        if is_cold:
            self._victim.cut()
        self._victim.switch_radio()
        self._outage = self._loop.call_later(down_s, self._come_back)

    def _come_back(self) -> None:
        self._outage = None
        was_cut = self.is_cutting
        self.is_cutting = False
        self._faults.is_down = False
        if was_cut:
            self._victim.restore()
        else:
            self._victim.restart()
        self._victim.switch_radio()

    @property
    def _plan(self) -> FaultPlan:
        return self._faults.plan

    def _unless_down(self, act: Callable[[], None]) -> None:
        if self._victim.is_powered and not self._faults.is_down:
            act()

    def _cut_power(self) -> None:
        self._unless_down(self._cut_power_now)

    def _cut_power_now(self) -> None:
        longest_s = max(_OUTAGE_S_MIN, self._plan.power_cut_s_max)
        down_s = self._stream.uniform(_OUTAGE_S_MIN, longest_s)
        self._faults.note(FaultPoint.POWER_CUT, down_s=round(down_s, 3))
        self._break_down(down_s, is_cold=True)

    def _step_clock(self) -> None:
        self._unless_down(self._step_clock_now)

    def _step_clock_now(self) -> None:
        most_s = self._plan.clock_step_s_max
        step_s = round(self._stream.uniform(-most_s, most_s), 3)
        self._faults.note(FaultPoint.CLOCK_STEP, step_s=step_s)
        self._victim.step_clock(step_s)

    def _change_outside(self) -> None:
        self._unless_down(self._change_outside_now)

    def _change_outside_now(self) -> None:
        done = self._victim.change_at_keypad(self._stream)
        if done is not None:
            what, slot = done
            self._faults.note(FaultPoint.OUTSIDE_CHANGE, what=what, slot=slot)
