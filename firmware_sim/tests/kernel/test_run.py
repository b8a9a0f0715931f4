from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from firmware_sim.errors import SimDeadlock
from firmware_sim.kernel.run import DEFAULT_EPOCH_MS, Simulation, run_sim


async def busy(simulation: Simulation) -> int:
    lots = simulation.streams.stream("busy")
    for _ in range(5):
        await asyncio.sleep(lots.uniform(0.0, 10.0))
        simulation.trace.record("device", "tick", draw=lots.random())
    return 42


def test_run_returns_value_cost_and_digest(tmp_path: Path) -> None:
    run = run_sim(busy, seed=3, trace_path=tmp_path / "events.jsonl")
    assert run.value == 42
    assert not run.reached_horizon
    assert run.callbacks_run > 5
    assert 0.0 < run.ended_at_s < 50.0
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 5


def test_runs_of_one_seed_are_equal_and_of_another_are_not() -> None:
    assert run_sim(busy, seed=3) == run_sim(busy, seed=3)
    assert run_sim(busy, seed=3).trace_digest != run_sim(busy, seed=4).trace_digest


def test_run_is_given_its_parts() -> None:
    async def main(simulation: Simulation) -> None:
        assert simulation.loop is asyncio.get_running_loop()
        assert simulation.streams.seed == 9
        await asyncio.sleep(1.0)
        assert simulation.clock.now_ms() == DEFAULT_EPOCH_MS + 1_000

    run_sim(main, seed=9)


def test_horizon_ends_a_run_after_all_that_is_due_there() -> None:
    seen: list[float] = []

    async def main(simulation: Simulation) -> None:
        loop = simulation.loop
        loop.call_at(10.0, lambda: loop.call_at(10.0, lambda: seen.append(loop.time())))
        loop.call_at(10.5, lambda: seen.append(loop.time()))
        try:
            await asyncio.sleep(100.0)
        finally:
            seen.append(-loop.time())

    run = run_sim(main, horizon_s=10.0)
    assert run.reached_horizon
    assert run.value is None
    assert run.ended_at_s == 10.0
    assert seen == [10.0, -10.0]


def test_horizon_when_main_ends_before_changes_nothing() -> None:
    run = run_sim(busy, seed=3, horizon_s=1_000.0)
    assert run == run_sim(busy, seed=3)


def test_cancellation_that_is_not_the_horizons_is_raised() -> None:
    async def main(_simulation: Simulation) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1.0)

    with pytest.raises(asyncio.CancelledError):
        run_sim(main, horizon_s=10.0)


def test_tasks_left_behind_are_cancelled_oldest_first() -> None:
    ended: list[int] = []

    async def linger(number: int) -> None:
        try:
            await asyncio.sleep(1_000.0)
        finally:
            ended.append(number)

    async def main(simulation: Simulation) -> None:
        for number in range(100):
            simulation.loop.create_task(linger(number))
        await asyncio.sleep(1.0)

    run_sim(main)
    assert ended == list(range(100))


def test_task_left_behind_that_fails_at_its_end_fails_the_run() -> None:
    async def linger() -> None:
        try:
            await asyncio.sleep(1_000.0)
        finally:
            raise LookupError("while ending")

    async def main(simulation: Simulation) -> None:
        simulation.loop.create_task(linger())
        await asyncio.sleep(1.0)

    with pytest.raises(LookupError, match="while ending"):
        run_sim(main)


def test_run_that_stands_still_raises_and_gives_everything_back() -> None:
    async def main(_simulation: Simulation) -> None:
        await asyncio.Event().wait()

    assert gc.isenabled()
    with pytest.raises(SimDeadlock, match="main"):
        run_sim(main)
    assert gc.isenabled()


def test_garbage_collection_when_off_before_stays_off() -> None:
    gc.disable()
    try:
        run_sim(busy)
        assert not gc.isenabled()
    finally:
        gc.enable()
