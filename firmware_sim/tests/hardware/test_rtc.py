"""A lock's own clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.hardware.rtc import ClockOnPowerLoss, Rtc
from protocols.doorlock.vocabulary import ClockQuality
from protocols.doorlock.zone import parse_zone

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


def test_temperature_slows_the_clock_from_the_moment_it_changes() -> None:
    rtc = make()
    rtc.restore(rtc.when_warmed(0.0, DAY_S))
    assert rtc.read_us(DAY_S) == EPOCH_US + DAY_S * 1_000_000
    # 25 degrees off: 21.25 ppm, 1.836 s a day.
    assert rtc.read_us(2 * DAY_S) == EPOCH_US + 2 * DAY_S * 1_000_000 - 1_836_000
    rtc.restore(rtc.when_warmed(25.0, 2 * DAY_S))
    assert rtc.read_us(3 * DAY_S) == EPOCH_US + 3 * DAY_S * 1_000_000 - 1_836_000


def test_disturbances_are_known_to_nobody_and_can_be_taken_back() -> None:
    rtc = make()
    rtc.restore(rtc.when_hurried(1000.0, 0.0))
    assert rtc.read_us(1000.0) == EPOCH_US + 1_001_000_000
    rtc.restore(rtc.when_hurried(0.0, 1000.0))
    assert rtc.read_us(2000.0) == EPOCH_US + 2_001_000_000
    rtc.restore(rtc.when_jumped(-2.5, 2000.0))
    assert rtc.read_us(2000.0) == EPOCH_US + 1_998_500_000
    assert rtc.state.quality is ClockQuality.TRUSTED
    # No clock shows anything before its reset value.
    rtc.restore(rtc.when_jumped(-1e10, 2000.0))
    assert rtc.read_us(2000.0) == 0


def test_error_bound_grows_with_the_time_since_the_clock_was_set() -> None:
    fresh = Rtc.fresh(world_epoch_us=EPOCH_US, now=0.0)
    rtc = Rtc(fresh, world_epoch_us=EPOCH_US, holdover_ppm=100)
    assert rtc.would_error_us(rtc.state, 0.0) == 1_000_000
    assert rtc.would_error_us(rtc.state, DAY_S) == 9_640_000
    # Neither warmth nor a power cut begins it anew; setting the clock does.
    rtc.restore(rtc.when_warmed(25.0, DAY_S))
    cycle(rtc, 2 * DAY_S, 3 * DAY_S)
    assert rtc.would_error_us(rtc.state, 4 * DAY_S) == 35_560_000
    rtc.set(EPOCH_S, 0, 4 * DAY_S)
    assert rtc.would_error_us(rtc.state, 4 * DAY_S) == 1_000_000


@pytest.mark.parametrize(
    ("on_power_loss", "without_s", "shown_s"),
    [
        (ClockOnPowerLoss.LAST_FULL_HOUR, 300, 5000 + 300),
        (ClockOnPowerLoss.LAST_FULL_HOUR, 301, 3600),
        (ClockOnPowerLoss.EPOCH_2009, 900, 5000 + 900),
        # 2009-01-01 lies 3288 days after 2000-01-01.
        (ClockOnPowerLoss.EPOCH_2009, 901, 3288 * DAY_S - EPOCH_S),
    ],
)
def test_clock_with_a_capacitor_runs_on_for_a_while_and_then_falls_back(
    on_power_loss: ClockOnPowerLoss, without_s: int, shown_s: int
) -> None:
    rtc = make(on_power_loss=on_power_loss)
    assert EPOCH_S % 3600 == 0
    rtc.restore(rtc.when_cut(5000.0))
    # Without power nobody warms it into motion.
    rtc.restore(rtc.when_warmed(-10.0, 5100.0))
    rtc.restore(rtc.when_warmed(25.0, 5200.0))
    rtc.restore(rtc.when_powered(5000.0 + without_s))
    assert rtc.read_s(5000.0 + without_s) == EPOCH_S + shown_s
    assert rtc.read_s(5010.0 + without_s) == EPOCH_S + shown_s + 10
    assert rtc.state.quality is ClockQuality.HOLDOVER


def test_local_time_follows_the_zone_that_the_clock_keeps() -> None:
    fresh = Rtc.fresh(world_epoch_us=EPOCH_US, now=0.0, utc_offset_min=17)
    berlin = parse_zone("CET-1CEST,M3.5.0,M10.5.0/3")
    told = Rtc(fresh, world_epoch_us=EPOCH_US)
    own = Rtc(fresh, world_epoch_us=EPOCH_US, zone=berlin)
    assert (told.zone, own.zone) == (None, berlin)
    for utc_s, offset_min in ((EPOCH_S, 120), (EPOCH_S + 180 * DAY_S, 60)):
        assert told.would_offset_min(fresh, utc_s) == 17
        assert own.would_offset_min(fresh, utc_s) == offset_min


def test_second_power_cut_keeps_holdover() -> None:
    rtc = make()
    cycle(rtc, 1.0, 2.0)
    cycle(rtc, 3.0, 4.0)
    assert rtc.state.quality is ClockQuality.HOLDOVER
