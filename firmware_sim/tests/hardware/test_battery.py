"""The cells of a lock: their curve, their sag, what they lose in time, and who resets by it."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.hardware.battery import (
    FULL_PPM,
    OPERATION_UAH,
    STALL_MA,
    BatteryPack,
    charge_of_mv,
    level_of,
    loaded_mv,
    sagged_mv,
)
from protocols.doorlock.vocabulary import BatteryLevel
from protocols.profiles.parser import BatteryFacts

FACTS = BatteryFacts(cell_count=4, full_mv=6000, low_mv=4200, critical_mv=3900, cutoff_mv=3800)
AT = 805_464_000_000_000
YEAR_US = 365 * 86_400 * 1_000_000
CHARGES = st.integers(0, FULL_PPM)


def pack(charge: float) -> BatteryPack:
    return BatteryPack().charged(int(charge * FULL_PPM), AT)


def test_full_pack_shows_what_its_profile_says_and_falls_steeply_at_both_ends() -> None:
    assert loaded_mv(FACTS, FULL_PPM) == 6000
    shown = [loaded_mv(FACTS, tenth * FULL_PPM // 10) for tenth in range(11)]
    steps = [high - low for low, high in itertools.pairwise(shown)]
    assert min(steps) > 0
    # Flat in the middle, as alkaline cells are.
    assert max(steps[2:7]) < min(steps[0], steps[-1])


@given(CHARGES, CHARGES)
def test_less_charge_never_shows_more(one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert loaded_mv(FACTS, less) <= loaded_mv(FACTS, more)
    assert sagged_mv(FACTS, less, STALL_MA) <= sagged_mv(FACTS, more, STALL_MA)


@given(CHARGES, st.integers(0, 3000), st.integers(0, 3000))
def test_more_load_never_shows_more(charge: int, one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert sagged_mv(FACTS, charge, less) >= sagged_mv(FACTS, charge, more) >= 0


def test_sag_under_the_load_of_the_curve_is_the_curve() -> None:
    # 330 mW at 1.12 V, the voltage of a cell at half its charge.
    assert sagged_mv(FACTS, FULL_PPM // 2, 295) == pytest.approx(
        loaded_mv(FACTS, FULL_PPM // 2), abs=3
    )


@pytest.mark.parametrize(
    ("mv", "level"),
    [
        (4201, BatteryLevel.OK),
        (4200, BatteryLevel.LOW),
        (3901, BatteryLevel.LOW),
        (3900, BatteryLevel.CRITICAL),
        (3801, BatteryLevel.CRITICAL),
        (3800, BatteryLevel.TOO_LOW),
        (0, BatteryLevel.TOO_LOW),
    ],
)
def test_level_has_three_thresholds(mv: int, level: BatteryLevel) -> None:
    assert level_of(FACTS, mv) is level


@given(st.integers(2600, 6000))
def test_charge_of_a_voltage_shows_that_voltage(mv: int) -> None:
    charge = charge_of_mv(FACTS, mv)
    assert mv <= loaded_mv(FACTS, charge) <= mv + 1
    assert loaded_mv(FACTS, max(charge - 1, 0)) <= mv


def test_pack_lasts_a_year_at_a_busy_door_and_not_two() -> None:
    used = dataclasses.replace(pack(1.0))
    for day in range(365):
        used = used.drawn(50 * OPERATION_UAH, AT + day * 86_400_000_000)
    assert 3800 < used.under_motor_mv(FACTS, AT + YEAR_US) < 4500
    later = used.drawn(365 * 50 * OPERATION_UAH, AT + 2 * YEAR_US)
    assert later.under_motor_mv(FACTS, AT + 2 * YEAR_US) < 3800
    assert later.charge_ppm(AT + 2 * YEAR_US) == 0


def test_idle_pack_runs_down_lazily_and_the_same_however_often_one_looks() -> None:
    fresh = pack(1.0)
    looked = fresh
    for hour in range(365 * 24):
        looked = looked.at(AT + hour * 3_600_000_000)
    at_us = AT + YEAR_US
    # 3 % of self-discharge, and 263 of 2,500 mAh of a sleeping lock.
    assert fresh.charge_ppm(at_us) == pytest.approx(865_000, abs=3_000)
    assert looked.charge_ppm(at_us) == pytest.approx(fresh.charge_ppm(at_us), abs=4_000)
    out = dataclasses.replace(fresh, is_inserted=False)
    assert out.charge_ppm(at_us) == pytest.approx(970_000, abs=1_000)


def test_pack_that_nobody_counted_loses_nothing_before_somebody_does() -> None:
    assert BatteryPack().charge_ppm(AT) == FULL_PPM
    assert BatteryPack().drawn(100, AT) == BatteryPack(used_uah=100, since_us=AT)


def test_stalled_motor_resets_the_processor_on_weak_cells_only() -> None:
    assert not pack(1.0).browns_out(FACTS, STALL_MA, AT)
    assert not pack(0.5).browns_out(FACTS, STALL_MA, AT)
    assert pack(0.15).browns_out(FACTS, STALL_MA, AT)
    # A motor that runs freely is no trouble above the cutoff.
    assert not pack(0.1).browns_out(FACTS, 300, AT)


def test_jump_battery_supplies_the_motor_and_spares_the_cells() -> None:
    dead = pack(0.0)
    assert dead.supply_mv(FACTS, AT) < FACTS.cutoff_mv
    jumped = dataclasses.replace(dead, jump_mv=9000)
    assert jumped.supply_mv(FACTS, AT) == 8100
    assert not jumped.browns_out(FACTS, STALL_MA, AT)
    assert jumped.drawn(1000, AT).used_uah == jumped.used_uah
    without_cells = dataclasses.replace(jumped, is_inserted=False)
    assert without_cells.has_supply
    assert not dataclasses.replace(without_cells, jump_mv=0).has_supply
    assert dataclasses.replace(without_cells, jump_mv=0).supply_mv(FACTS, AT) == 0
    assert (
        without_cells.under_motor_mv(FACTS, AT) == without_cells.under_load_mv(FACTS, 1, AT) == 0
    )
