"""A battery pack's charge from its voltage, in the API's words."""

from __future__ import annotations

import dataclasses
from typing import Final, Literal

from protocols.profiles.parser import BatteryFacts

# The share of the way from empty to fresh at which a pack counts as full: cells lose their first
# tenth within days of use, and a lock that shows "good" on fresh cells looks broken.
_FULL_LEVEL: Final = 0.9

ChargeStatus = Literal["critical", "low", "good", "full"]


@dataclasses.dataclass(frozen=True, slots=True)
class Charge:
    """How much is left.

    Attributes:
        level: 0 (the bolt does not move any more) to 1 (fresh).
        status: In a word.
    """

    level: float
    status: ChargeStatus


def charge_of(battery_mv: int, facts: BatteryFacts) -> Charge:
    """The charge at a voltage.

    Args:
        battery_mv: Millivolts under load.
        facts: The pack's voltages.
    """
    level = (battery_mv - facts.cutoff_mv) / (facts.full_mv - facts.cutoff_mv)
    level = round(min(max(level, 0.0), 1.0), 2)
    if battery_mv <= facts.critical_mv:
        return Charge(level, "critical")
    if battery_mv <= facts.low_mv:
        return Charge(level, "low")
    return Charge(level, "full" if level >= _FULL_LEVEL else "good")
