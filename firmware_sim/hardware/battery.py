"""A battery pack: its voltage falls with every run of the bolt's motor."""

from __future__ import annotations

from typing import Final

from protocols.profiles.parser import BatteryFacts

# Runs of the motor from fresh cells to the cutoff. Assumed: makers promise about a year at a
# busy door, 50 operations a day.
_OPERATIONS_OF_A_PACK: Final = 18_000


def battery_mv(facts: BatteryFacts, bolt_operations: int) -> int:
    """Millivolts of the pack under load after so many runs of the motor, linear to the cutoff."""
    used = min(bolt_operations, _OPERATIONS_OF_A_PACK)
    return facts.full_mv - (facts.full_mv - facts.cutoff_mv) * used // _OPERATIONS_OF_A_PACK
