"""What happens to a device by itself, at the rates of its plan: one timer a device.

All rates of a plan are one Poisson process: the wait to the next occasion is drawn for their sum,
and which of them it is by their shares. A plan without a rate has no timer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final

from firmware_sim.faults.plan import FaultPlan
from firmware_sim.faults.points import FaultPoint
from firmware_sim.kernel.alarm import Timer, TimerLoop

_DAY_S: Final = 86_400.0
# The knobs that are rates, in the order in which a draw goes through them.
RATES: Final = (FaultPoint.OUTSIDE_CHANGE, FaultPoint.CLOCK_STEP, FaultPoint.POWER_CUT)


class FaultRates:
    """Makes things happen at the rates of a plan.

    Args:
        loop: Whose timers are used.
        stream: The device's own random numbers for this.
        actions: What each rate does.
    """

    __slots__ = ("_actions", "_loop", "_plan", "_stream", "_timer")

    def __init__(
        self,
        loop: TimerLoop,
        stream: random.Random,
        actions: Mapping[FaultPoint, Callable[[], object]],
    ) -> None:
        self._loop = loop
        self._stream = stream
        self._actions = actions
        self._timer: Timer | None = None
        self._plan = FaultPlan()

    def follow(self, plan: FaultPlan) -> None:
        """Go by a plan from now on; the wait for the next occasion begins anew."""
        self._plan = plan
        self.stop()
        self._wait()

    def stop(self) -> None:
        """Make nothing happen any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        per_day = sum(getattr(self._plan, rate) for rate in RATES)
        if per_day > 0:
            wait_s = self._stream.expovariate(per_day) * _DAY_S
            self._timer = self._loop.call_later(wait_s, self._happen)

    def _happen(self) -> None:
        shares = [getattr(self._plan, rate) for rate in RATES]
        [rate] = self._stream.choices(RATES, weights=shares)
        self._wait()
        self._actions[rate]()
