"""A bolt and the battery that moves it."""

from __future__ import annotations

from firmware_sim.hardware.battery import battery_mv
from firmware_sim.hardware.bolt import Bolt
from protocols.doorlock.vocabulary import LockOperationType, LockState
from protocols.profiles.parser import BatteryFacts

FACTS = BatteryFacts(cell_count=4, full_mv=6000, low_mv=4200, critical_mv=3900, cutoff_mv=3800)


def test_bolt_moves_only_when_it_has_to() -> None:
    locked = Bolt()
    unlocked = locked.after(LockOperationType.UNLOCK)
    assert unlocked == Bolt(position=LockState.UNLOCKED, operations=1)
    assert unlocked.after(LockOperationType.UNLOCK) is unlocked
    assert unlocked.after(LockOperationType.LOCK) == Bolt(position=LockState.LOCKED, operations=2)


def test_battery_falls_from_full_to_cutoff_and_no_further() -> None:
    assert battery_mv(FACTS, 0) == 6000
    assert battery_mv(FACTS, 9_000) == 4900
    assert battery_mv(FACTS, 18_000) == 3800
    assert battery_mv(FACTS, 99_000) == 3800
