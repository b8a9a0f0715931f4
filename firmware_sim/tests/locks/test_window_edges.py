"""Window edges to the second, by the lock's own clock."""

from __future__ import annotations

import pytest

from firmware_sim.tests.locks.rig import DAY_S, T0_S, Rig
from protocols.strike import messages as m

RIGHT = "1234567"
# The demo's stay: 2025-07-13T15:00Z to 2025-07-16T11:00Z.
START_S = T0_S + 3 * DAY_S + 3 * 3600
END_S = T0_S + 6 * DAY_S - 3600


def opens(rig: Rig, now: float) -> bool:
    opened, reason, slot = rig.enter(RIGHT, now)
    assert slot == 1
    assert reason == ("opened" if opened else "outside_schedule")
    return opened


def make(**options: float) -> Rig:
    rig = Rig("latch-m", **options)  # type: ignore[arg-type] # passed on
    rig.program(1, RIGHT, window=(START_S, END_S))
    return rig


def test_window_opens_and_closes_to_the_second() -> None:
    rig = make()
    start, end = float(START_S - T0_S), float(END_S - T0_S)
    assert not opens(rig, 0.0)
    assert not opens(rig, start - 1)
    assert not opens(rig, start - 0.000_001)
    assert opens(rig, start)
    assert opens(rig, (start + end) / 2)
    assert opens(rig, end - 0.000_001)
    assert not opens(rig, end)
    assert not opens(rig, end + 1)


@pytest.mark.parametrize("seconds_a_day", [60, -60])
def test_clock_that_drifts_decides_by_what_it_shows(seconds_a_day: int) -> None:
    rig = make(drift_ppm=seconds_a_day / DAY_S * 1e6)
    rate = 1 + seconds_a_day / DAY_S
    for edge_s, before, after in ((START_S, False, True), (END_S, True, False)):
        # True time at which this clock shows the edge; its drift is kept to 1 ppb.
        edge = (edge_s - T0_S) / rate
        assert opens(rig, edge - 0.01) is before
        assert opens(rig, edge + 0.01) is after
        # A clock that gains three minutes opens three minutes early, one that loses, late.
        shown_early_s = (edge_s - T0_S) - edge
        assert shown_early_s == pytest.approx(seconds_a_day * edge / DAY_S, rel=1e-6)


def test_clock_set_by_the_gateway_opens_to_the_second_again() -> None:
    rig = make(drift_ppm=60 / DAY_S * 1e6)
    start = float(START_S - T0_S)
    contact = start - 60.0
    rig.ask(m.SetTime(utc_s=START_S - 60, utc_offset_min=0), contact)
    # In one minute it gains 42 ms.
    assert not opens(rig, start - 0.05)
    assert opens(rig, start)


def test_clock_wrong_from_the_factory_opens_at_its_own_time() -> None:
    rig = make(error_s=-125.0)
    start = float(START_S - T0_S)
    assert not opens(rig, start + 124.9)
    assert opens(rig, start + 125.0)


def test_whole_window_second_by_second_is_open_exactly_inside() -> None:
    rig = Rig("latch-m")
    rig.program(1, RIGHT, window=(T0_S + 100, T0_S + 160))
    opened = [second for second in range(300) if opens(rig, float(second))]
    assert opened == list(range(100, 160))
