from __future__ import annotations

from pathlib import Path

import pytest

from hil_tests.bench_instants import LATEST_MS
from hil_tests.bench_start import (
    DEFAULT_SEED,
    SETUP_LEAD_MS,
    BenchStart,
    ClockKeeper,
    start_instant_ms,
)
from hil_tests.bench_state import BenchState, ClockRecord
from hil_tests.errors import BenchError, TimeRunsForward

WALL_MS = 1_752_148_800_000
HOUR_MS = 3_600_000


@pytest.fixture
def state(tmp_path: Path) -> BenchState:
    made = BenchState(tmp_path)
    made.make()
    return made


@pytest.mark.parametrize(
    ("found_ms", "asked_ms", "speed", "starts_ms"),
    [
        (None, None, 1.0, WALL_MS),
        (None, None, 0.0, WALL_MS),
        (None, WALL_MS - HOUR_MS, 1.0, WALL_MS - HOUR_MS),
        # An existing state goes on at its own clock, or at wall time if later and time runs.
        (WALL_MS + HOUR_MS, None, 1.0, WALL_MS + HOUR_MS),
        (WALL_MS - HOUR_MS, None, 1.0, WALL_MS),
        (WALL_MS - HOUR_MS, None, 60.0, WALL_MS),
        (WALL_MS - HOUR_MS, None, 0.0, WALL_MS - HOUR_MS),
        (WALL_MS, WALL_MS, 0.0, WALL_MS),
        (WALL_MS, WALL_MS + HOUR_MS, 0.0, WALL_MS + HOUR_MS),
    ],
)
def test_bench_time_starts_where_the_design_says(
    found_ms: int | None, asked_ms: int | None, speed: float, starts_ms: int
) -> None:
    found = start_instant_ms(found_ms=found_ms, asked_ms=asked_ms, wall_ms=WALL_MS, speed=speed)
    assert found == starts_ms


def test_earlier_now_on_an_existing_state_is_refused() -> None:
    with pytest.raises(TimeRunsForward, match="never goes back; use a new --state"):
        start_instant_ms(found_ms=WALL_MS, asked_ms=WALL_MS - 1, wall_ms=WALL_MS, speed=0)


def begin(state: BenchState, **changes: int | None) -> BenchStart:
    asked: dict[str, int | None] = {"asked_ms": None, "seed": None, **changes}
    return BenchStart.of(state, wall_ms=WALL_MS, speed=0.0, **asked)


def test_new_state_is_set_up_before_its_first_instant_and_an_existing_one_is_not(
    state: BenchState,
) -> None:
    first = begin(state)
    assert (first.now_ms, first.lead_ms) == (WALL_MS, SETUP_LEAD_MS)
    assert first.epoch_ms == WALL_MS - SETUP_LEAD_MS
    second = begin(state)
    assert (second.now_ms, second.lead_ms, second.epoch_ms) == (WALL_MS, 0, WALL_MS)


def test_every_run_of_a_state_has_streams_of_its_own_under_the_seed_of_the_state(
    state: BenchState,
) -> None:
    first = begin(state)
    assert (first.record.seed, first.record.run) == (DEFAULT_SEED, 1)
    given = begin(state, seed=5)
    assert (given.record.seed, given.record.run) == (5, 2)
    kept = begin(state)
    assert (kept.record.seed, kept.record.run) == (5, 3)
    assert len({first.run_seed, given.run_seed, kept.run_seed}) == 3
    assert state.read_clock() == kept.record


def test_start_where_no_bench_can_stand_is_refused_and_leaves_the_state_as_it_was(
    state: BenchState,
) -> None:
    with pytest.raises(BenchError, match="bench time lies between"):
        begin(state, asked_ms=LATEST_MS + 1)
    assert state.read_clock() is None


def test_keeper_writes_later_instants_only(state: BenchState) -> None:
    record = ClockRecord(now_ms=WALL_MS, seed=1, run=1)
    state.write_clock(record)
    keeper = ClockKeeper(state, record)
    keeper.note(WALL_MS - 1)
    keeper.note(WALL_MS)
    assert state.read_clock() == record
    keeper.note(WALL_MS + 5)
    assert state.found_ms() == WALL_MS + 5
