"""A battery pack: a curve of voltage against charge, that sags under load and runs down in time.

Alkaline cells. What is left is computed lazily: a pack keeps the charge that was drawn until an
instant, and what it loses by itself after that follows from the time. Everything is counted in
whole numbers, so that two machines agree on every millivolt.

The curve has two columns: a cell at rest, and one under the load of a running motor. Their
difference is the internal resistance, which rises as the cell empties, so a stalled motor, which
takes three times the current, pulls weak cells down until the processor resets.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from protocols.doorlock.vocabulary import BatteryLevel
from protocols.profiles.parser import BatteryFacts

# Millivolts of an AA alkaline cell at 0, 10, ... 100 % of its charge: at rest, and delivering
# 330 mW. Source: the table of Wikipedia's article "Alkaline battery", section "Voltage"; quoted
# from memory, since the page was not at hand.
_REST_MV: Final = (1100, 1200, 1230, 1260, 1280, 1300, 1320, 1340, 1380, 1440, 1590)
_LOADED_MV: Final = (620, 980, 1040, 1080, 1100, 1120, 1160, 1200, 1270, 1350, 1490)
_TEST_LOAD_MW: Final = 330
# Charge is told in parts per million of a full pack.
FULL_PPM: Final = 1_000_000
_STEP_PPM: Final = FULL_PPM // (len(_REST_MV) - 1)
# Microampere hours of a full pack: cells in series carry the charge of one. Source: makers of AA
# alkaline cells promise 2.5 to 3 Ah.
_CAPACITY_UAH: Final = 2_500_000
# Microampere hours of one operation with everything around it (keypad, radio, 0.3 A of motor for
# half a second, its inrush): so that a pack lasts a year at a busy door, 50 operations a day, as
# makers promise.
OPERATION_UAH: Final = 100
# Microampere hours of a motor that stalls until its time-out of a second and a half at 1 A.
STALL_UAH: Final = 420
# Milliamperes of a stalled motor of that size: about three times those of a running one.
STALL_MA: Final = 1_000
# Nanoamperes that a sleeping lock takes: advertising now and then, and a watch crystal. Assumed.
_ASLEEP_NA: Final = 30_000
# Nanoamperes of self-discharge: 3 % a year, as makers of alkaline cells say.
_LEAK_NA: Final = _CAPACITY_UAH * 1000 * 3 // 100 // 8766
# Percent of the voltage of fresh cells below which the processor resets: 2.7 V of four cells,
# where the regulator of a 2.5 V core drops out. Assumed.
_BROWN_OUT_PERCENT: Final = 45
# Percent of its voltage that a jump battery keeps under a running motor.
_JUMP_PERCENT: Final = 90
_US_PER_H: Final = 3_600_000_000
_NA_PER_UA: Final = 1_000


@dataclasses.dataclass(frozen=True, slots=True)
class BatteryPack:
    """The cells of a lock.

    Attributes:
        used_uah: Microampere hours that are gone.
        since_us: True instant until which they are counted, microseconds since 2000; 0 = nobody
            has counted yet, and below it there is nothing to count: the lock is wired.
        jump_mv: Millivolts at the jump terminals; 0 = nothing is held there.
        is_inserted: False while the cells are out.
    """

    used_uah: int = 0
    since_us: int = 0
    jump_mv: int = 0
    is_inserted: bool = True

    @property
    def is_wired(self) -> bool:
        """True for the supply of a lock without cells, which never runs down."""
        return self.since_us < 0

    @property
    def has_supply(self) -> bool:
        """True when a processor gets power from anywhere."""
        return self.is_inserted or self.jump_mv > 0

    def at(self, at_us: int) -> BatteryPack:
        """The pack at an instant, with what it lost by then."""
        if self.is_wired:
            return self
        if not self.since_us or at_us <= self.since_us:
            return dataclasses.replace(self, since_us=at_us)
        na = _LEAK_NA + (_ASLEEP_NA if self.is_inserted and not self.jump_mv else 0)
        lost_uah = (at_us - self.since_us) * na // (_US_PER_H * _NA_PER_UA)
        if not lost_uah:
            # Too little to count: the instant stays, or many looks would add up to nothing.
            return self
        return dataclasses.replace(self, used_uah=self.used_uah + lost_uah, since_us=at_us)

    def drawn(self, uah: int, at_us: int) -> BatteryPack:
        """The pack after something took so many microampere hours."""
        aged = self.at(at_us)
        taken = 0 if self.jump_mv or self.is_wired else uah
        return dataclasses.replace(aged, used_uah=aged.used_uah + taken)

    def charged(self, charge_ppm: int, at_us: int) -> BatteryPack:
        """The pack with other cells, of so much charge."""
        used_uah = _CAPACITY_UAH * (FULL_PPM - charge_ppm) // FULL_PPM
        return dataclasses.replace(self, used_uah=used_uah, since_us=at_us)

    def charge_ppm(self, at_us: int) -> int:
        """What is left at an instant, parts per million."""
        left_uah = _CAPACITY_UAH - self.at(at_us).used_uah
        return max(0, left_uah * FULL_PPM // _CAPACITY_UAH)

    def under_motor_mv(self, facts: BatteryFacts, at_us: int) -> int:
        """Millivolts of the cells while the motor runs: what a lock measures and reports.

        Where no cells are, there are none.
        """
        return loaded_mv(facts, self.charge_ppm(at_us)) if self.is_inserted else 0

    def under_load_mv(self, facts: BatteryFacts, load_ma: int, at_us: int) -> int:
        """Millivolts of the cells under any load."""
        return sagged_mv(facts, self.charge_ppm(at_us), load_ma) if self.is_inserted else 0

    def supply_mv(self, facts: BatteryFacts, at_us: int) -> int:
        """Millivolts that the motor gets, from the cells or from the jump terminals."""
        return max(self.under_motor_mv(facts, at_us), self.jump_mv * _JUMP_PERCENT // 100)

    def browns_out(self, facts: BatteryFacts, load_ma: int, at_us: int) -> bool:
        """True when a load pulls the supply down so far that the processor resets.

        Pure: the same pack, load and instant always decide alike, so that a flash model can ask
        before each of its operations.
        """
        if self.jump_mv >= facts.cutoff_mv:
            return False
        limit_mv = facts.full_mv * _BROWN_OUT_PERCENT // 100
        return self.under_load_mv(facts, load_ma, at_us) < limit_mv


def new_supply(at_us: int, *, is_wired: bool) -> BatteryPack:
    """What a new lock runs on: fresh cells from that true instant on, or wires."""
    return BatteryPack(since_us=-1 if is_wired else at_us)


def level_of(facts: BatteryFacts, mv: int) -> BatteryLevel:
    """The level of a voltage under the load of the motor."""
    if mv <= facts.cutoff_mv:
        return BatteryLevel.TOO_LOW
    if mv <= facts.critical_mv:
        return BatteryLevel.CRITICAL
    return BatteryLevel.LOW if mv <= facts.low_mv else BatteryLevel.OK


def loaded_mv(facts: BatteryFacts, charge_ppm: int) -> int:
    """Millivolts of a pack while the motor runs; a full one has those of its profile."""
    return facts.full_mv * _on_curve_uv(_LOADED_MV, charge_ppm) // (_LOADED_MV[-1] * 1000)


def sagged_mv(facts: BatteryFacts, charge_ppm: int, load_ma: int) -> int:
    """Millivolts of a pack under a load; never below 0."""
    rest_uv = _on_curve_uv(_REST_MV, charge_ppm)
    test_uv = _on_curve_uv(_LOADED_MV, charge_ppm)
    # The current of the curve's load, microamperes: milliwatts by volts.
    test_ua = _TEST_LOAD_MW * 1_000_000_000 // test_uv
    drop_uv = (rest_uv - test_uv) * load_ma * 1000 // test_ua
    return facts.full_mv * max(0, rest_uv - drop_uv) // (_LOADED_MV[-1] * 1000)


def charge_of_mv(facts: BatteryFacts, mv: int) -> int:
    """The least charge, parts per million, at which a pack shows so many millivolts, or full."""
    low_ppm, high_ppm = 0, FULL_PPM
    while low_ppm < high_ppm:
        middle_ppm = (low_ppm + high_ppm) // 2
        if loaded_mv(facts, middle_ppm) < mv:
            low_ppm = middle_ppm + 1
        else:
            high_ppm = middle_ppm
    return low_ppm


def _on_curve_uv(curve_mv: tuple[int, ...], charge_ppm: int) -> int:
    """Microvolts of a cell, on a straight line between two points of a curve."""
    index = min(charge_ppm // _STEP_PPM, len(curve_mv) - 2)
    low_mv, high_mv = curve_mv[index], curve_mv[index + 1]
    beyond_ppm = charge_ppm - index * _STEP_PPM
    return low_mv * 1000 + (high_mv - low_mv) * 1000 * beyond_ppm // _STEP_PPM
