"""What a lock did behind everybody's back: faults after which even an honest gateway is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from firmware_sim.faults.points import FaultPoint

_LIES: Final = (FaultPoint.NO_EFFECT, FaultPoint.OUTSIDE_CHANGE)


class Lies:
    """Counts them by device; a listener of the trace."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take note of an event of the trace."""
        if event["kind"] == "fault" and event["data"]["knob"] in _LIES:
            self.count[event["device"]] += 1
