from __future__ import annotations

from pathlib import Path

import pytest

from firmware_sim.errors import SimulationError
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import ApiRefused, SimBench, SimOptions, sim_bench
from hil_tests.tests.paced_bench import small_bench


@pytest.mark.real_loop
async def test_bench_on_a_real_loop_is_refused_with_what_to_use() -> None:
    with pytest.raises(SimulationError, match="see SimLoop"):
        async with sim_bench(small_bench(), SimOptions()):
            pytest.fail("opened")


async def test_refusal_carries_route_status_and_type(small: SimBench) -> None:
    with pytest.raises(ApiRefused) as refused:
        await small.call("/devices/get", device_id="nobody")
    assert (refused.value.status, refused.value.error_type) == (404, "device_not_found")
    assert str(refused.value).startswith("/devices/get -> 404 device_not_found: ")
    with pytest.raises(ApiRefused, match="/bench/devices/nobody/memory -> 404"):
        await small.get("/bench/devices/nobody/memory")


async def test_events_are_listed_by_type_oldest_first(small: SimBench) -> None:
    for _ in range(2):
        await small.press("gym", "1234#")
        await small.advance(seconds=1)
    denied = await small.events("lock.access_denied")
    assert [event["event_type"] for event in denied] == ["lock.access_denied"] * 2
    assert denied[0]["occurred_at"] < denied[1]["occurred_at"]
    assert len(await small.events()) > 2


async def test_state_that_outlives_its_bench_keeps_its_time_and_draws_new_ids(
    open_bench: BenchFactory, tmp_path: Path
) -> None:
    ids: list[str] = []
    for _ in range(2):
        async with open_bench(file=small_bench(), state=tmp_path, seed=3) as running:
            gym = running.bench.device("gym").spec.device_id
            reply = await running.call(
                "/access_codes/create", device_id=gym, code=f"{len(ids)}82915"
            )
            ids.append(reply["access_code"]["access_code_id"])
            await running.advance(seconds=3600)
            told = running.now
    async with open_bench(file=small_bench(), state=tmp_path) as running:
        assert running.now == told
        assert sorted(running.slots("gym")) == ["082915", "182915"]
    assert len(set(ids)) == 2


async def test_trace_of_a_bench_goes_to_the_file_that_was_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    async with sim_bench(small_bench(), SimOptions(trace_path=path)) as running:
        assert running.trace.event_count > 0
    assert len(path.read_text(encoding="utf-8").splitlines()) == running.trace.event_count
