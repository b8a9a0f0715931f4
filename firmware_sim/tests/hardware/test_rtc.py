"""A lock's own clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.hardware.rtc import ClockOnPowerLoss, Rtc
from protocols.doorlock.vocabulary import ClockQuality

EPOCH_S = 805_464_000
EPOCH_US = EPOCH_S * 1_000_000
DAY_S = 86_400
# 60 seconds a day.
FAST_PPM = 60 / DAY_S * 1e6


def make(
    drift_ppm: float = 0.0,
    on_power_loss: ClockOnPowerLoss = ClockOnPowerLoss.KEEPS,
    error_s: float = 0.0,
) -> Rtc:
    fresh = Rtc.fresh(world_epoch_us=EPOCH_US, now=0.0, utc_offset_min=60, error_s=error_s)
    return Rtc(fresh, world_epoch_us=EPOCH_US, drift_ppm=drift_ppm, on_power_loss=on_power_loss)


def test_reading_without_drift_is_the_true_time() -> None:
    rtc = make()
    assert rtc.read_s(0.0) == EPOCH_S
    assert rtc.read_s(3.999_999) == EPOCH_S + 3
    assert rtc.read_s(4.0) == EPOCH_S + 4
    assert rtc.state.utc_offset_min == 60
    assert rtc.state.quality is ClockQuality.TRUSTED


def test_reading_at_an_instant_that_binary_fractions_miss_is_not_a_second_early() -> None:
    rtc = make()
    now = 0.0
    for _ in range(10):
        now += 0.1
    assert now < 1.0
    assert rtc.read_s(now) == EPOCH_S + 1


@pytest.mark.parametrize("days", [1, 7, 365])
def test_clock_that_gains_a_minute_a_day_gains_a_minute_a_day(days: int) -> None:
    assert make(FAST_PPM).read_us(days * DAY_S) == pytest.approx(
        (EPOCH_S + days * (DAY_S + 60)) * 1e6, abs=days * 100
    )
    assert make(-FAST_PPM).read_us(days * DAY_S) == pytest.approx(
        (EPOCH_S + days * (DAY_S - 60)) * 1e6, abs=days * 100
    )


@given(
    st.floats(-1000, 1000),
    st.lists(st.floats(0, 1e8), min_size=2, max_size=10),
)
def test_reading_never_goes_back(drift_ppm: float, instants: list[float]) -> None:
    rtc = make(drift_ppm)
    readings = [rtc.read_us(now) for now in sorted(instants)]
    assert readings == sorted(readings)


def test_set_clock_starts_again_from_there_with_the_same_drift() -> None:
    rtc = make(FAST_PPM)
    rtc.set(EPOCH_S + 1000, -300, 500.0)
    assert rtc.read_s(500.0) == EPOCH_S + 1000
    assert rtc.read_s(500.0 + DAY_S) in {EPOCH_S + 1000 + DAY_S + 59, EPOCH_S + 1000 + DAY_S + 60}
    assert rtc.state.utc_offset_min == -300


def test_clock_set_wrong_at_the_factory_stays_wrong() -> None:
    assert make(error_s=125.0).read_s(10.0) == EPOCH_S + 135
    assert make(error_s=-125.0).read_s(10.0) == EPOCH_S - 115


def test_reading_beyond_the_wire_stays_at_its_last_second() -> None:
    rtc = make()
    rtc.set(0xFFFF_FFFF, 0, 0.0)
    assert rtc.read_s(100.0) == 0xFFFF_FFFF


def test_when_set_changes_nothing_before_restore() -> None:
    rtc = make()
    state = rtc.when_set(7, 0, 0.0)
    assert rtc.read_s(0.0) == EPOCH_S
    rtc.restore(state)
    assert rtc.read_s(0.0) == 7
    assert rtc.state is state


def cycle(rtc: Rtc, off: float, on: float) -> None:
    rtc.restore(rtc.when_cut(off))
    rtc.restore(rtc.when_powered(on))


def test_power_cut_when_clock_keeps_runs_on_in_holdover() -> None:
    rtc = make()
    cycle(rtc, 100.0, 700.0)
    assert rtc.read_s(700.0) == EPOCH_S + 700
    qualities = [rtc.state.quality]
    rtc.set(EPOCH_S + 800, 0, 800.0)
    qualities.append(rtc.state.quality)
    assert qualities == [ClockQuality.HOLDOVER, ClockQuality.TRUSTED]


def test_power_cut_when_clock_resumes_loses_the_time_without_power() -> None:
    rtc = make(on_power_loss=ClockOnPowerLoss.RESUMES)
    rtc.restore(rtc.when_cut(100.0))
    assert rtc.read_s(400.0) == EPOCH_S + 100
    rtc.restore(rtc.when_powered(700.0))
    assert rtc.read_s(701.0) == EPOCH_S + 101
    assert rtc.state.quality is ClockQuality.HOLDOVER


def test_power_cut_when_clock_is_lost_shows_2000_and_says_so() -> None:
    rtc = make(on_power_loss=ClockOnPowerLoss.LOST)
    cycle(rtc, 100.0, 700.0)
    assert rtc.read_s(705.0) == 5
    assert rtc.state.quality is ClockQuality.LOST
    assert rtc.state.utc_offset_min == 60
    cycle(rtc, 710.0, 720.0)
    assert rtc.state.quality is ClockQuality.LOST


def test_second_power_cut_keeps_holdover() -> None:
    rtc = make()
    cycle(rtc, 1.0, 2.0)
    cycle(rtc, 3.0, 4.0)
    assert rtc.state.quality is ClockQuality.HOLDOVER
