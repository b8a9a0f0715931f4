"""What restarts keep: nothing promised is lost, nothing is programmed twice in effect.

Here a gateway, or a whole bench, is gone for a while at a moment that matters; that it may end at
any moment is shown by `test_crash_sweep.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from hil_tests.bench_instants import parse_instant_ms
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import create_code, enter, error_codes, get_code, list_codes, slot_of

NATIVE: Final = "gym"
JIT: Final = "bike-room"
WINDOW: Final = {"starts_at": "2025-07-10T14:00:00Z", "ends_at": "2025-07-10T15:00:00Z"}
OFF: Final = ({"on": False}, {"crash": True})


async def code_events(bench: SimBench) -> list[tuple[str, str]]:
    """What was told about access codes, with instants to the minute."""
    return [
        (event["event_type"].removeprefix("access_code."), event["occurred_at"][11:16])
        for event in await bench.events()
        if event["event_type"].startswith("access_code.")
    ]


@pytest.mark.parametrize("off", OFF, ids=["stop", "crash"])
async def test_code_that_was_promised_but_not_stored_is_stored_by_the_next_life(
    bench: SimBench, off: dict[str, bool]
) -> None:
    await bench.call(f"/bench/devices/{NATIVE}/radio", in_range=False)
    code = await create_code(bench, NATIVE, code="482915")
    await bench.call("/bench/gateway", **off)
    await bench.call(f"/bench/devices/{NATIVE}/radio", in_range=True)
    await bench.advance(seconds=3600)
    assert bench.slots(NATIVE) == {}
    await bench.call("/bench/gateway", on=True)
    await bench.advance(seconds=1, settle=True)
    held = slot_of(bench, NATIVE, "482915")
    assert held is not None
    assert held["revision"] == 1
    shown = await get_code(bench, code)
    assert (shown["status"], shown["errors"]) == ("set", [])


@pytest.mark.parametrize("off", OFF, ids=["stop", "crash"])
async def test_restart_writes_nothing_that_is_there(bench: SimBench, off: dict[str, bool]) -> None:
    await create_code(bench, NATIVE, code="482915")
    await create_code(bench, JIT, code="482915", **WINDOW)
    await bench.advance(to="2025-07-10T13:45:00Z", settle=True)
    before = [bench.bench.memory_view(device)["digest"] for device in (NATIVE, JIT)]
    for _ in range(3):
        await bench.call("/bench/gateway", **off)
        await bench.advance(seconds=30)
        await bench.call("/bench/gateway", on=True)
        await bench.advance(seconds=30)
    assert [bench.bench.memory_view(device)["digest"] for device in (NATIVE, JIT)] == before


async def test_native_window_passes_without_the_gateway_and_is_told_with_its_own_instants(
    bench: SimBench,
) -> None:
    await create_code(bench, NATIVE, code="482915", **WINDOW)
    await bench.call("/bench/gateway", on=False)
    await bench.advance(to="2025-07-10T14:30:00Z")
    assert await enter(bench, NATIVE, "482915") == "opened"
    await bench.advance(to="2025-07-10T18:00:00Z")
    assert await enter(bench, NATIVE, "482915") == "outside_schedule"
    await bench.call("/bench/gateway", on=True)
    await bench.advance(seconds=1, settle=True)
    assert await list_codes(bench, NATIVE) == []
    assert (await code_events(bench))[2:] == [
        ("set_on_device", "14:00"),
        ("removed_from_device", "15:00"),
        ("deleted", "15:00"),
    ]
    assert bench.slots(NATIVE) == {}


async def test_just_in_time_start_that_nobody_kept_is_made_up_for(bench: SimBench) -> None:
    code = await create_code(bench, JIT, code="482915", **WINDOW)
    await bench.advance(to="2025-07-10T13:45:00Z", settle=True)
    await bench.call("/bench/gateway", on=False)
    await bench.advance(to="2025-07-10T14:10:00Z")
    assert await enter(bench, JIT, "482915") == "disabled"
    await bench.call("/bench/gateway", on=True)
    await bench.advance(seconds=1, settle=True)
    assert await enter(bench, JIT, "482915") == "opened"
    assert await error_codes(bench, code) == []


async def test_just_in_time_end_that_nobody_kept_is_made_up_for(bench: SimBench) -> None:
    await create_code(bench, JIT, code="482915", **WINDOW)
    await bench.advance(to="2025-07-10T14:10:00Z", settle=True)
    await bench.call("/bench/gateway", on=False)
    await bench.advance(to="2025-07-10T18:00:00Z")
    # The one risk of just in time: only the gateway knows the end.
    assert await enter(bench, JIT, "482915") == "opened"
    await bench.call("/bench/gateway", on=True)
    await bench.advance(seconds=1, settle=True)
    assert await enter(bench, JIT, "482915") == "unknown_code"
    assert await list_codes(bench, JIT) == []
    assert [kind for kind, _ in await code_events(bench)][-2:] == [
        "removed_from_device",
        "deleted",
    ]


async def test_just_in_time_window_that_passed_while_the_gateway_was_off_is_never_written(
    bench: SimBench,
) -> None:
    await create_code(bench, JIT, code="482915", **WINDOW)
    await bench.call("/bench/gateway", on=False)
    await bench.advance(to="2025-07-10T18:00:00Z")
    await bench.call("/bench/gateway", on=True)
    await bench.advance(seconds=1, settle=True)
    view = bench.bench.memory_view(JIT)
    assert (view["slots"], view["tombstones"]) == ((), ())
    assert await list_codes(bench, JIT) == []


async def test_bench_goes_on_where_it_was_when_it_starts_again_on_its_state(
    open_bench: BenchFactory, tmp_path: Path
) -> None:
    def held(bench: SimBench) -> list[Any]:
        views = [bench.bench.memory_view(device) for device in (NATIVE, JIT)]
        return [(view["slots"], view["tombstones"], view["digest"]) for view in views]

    async with open_bench(state=tmp_path) as bench:
        code = await create_code(bench, NATIVE, code="482915")
        await create_code(bench, JIT, code="482915", **WINDOW)
        await bench.advance(to="2025-07-10T13:45:00Z")
        before, told_ms = held(bench), parse_instant_ms(bench.now)
    async with open_bench(state=tmp_path) as bench:
        assert parse_instant_ms(bench.now) >= told_ms
        assert held(bench) == before
        assert (await get_code(bench, code))["status"] == "set"
        assert await enter(bench, NATIVE, "482915") == "opened"
        assert await enter(bench, JIT, "482915") == "disabled"
        await bench.advance(to=WINDOW["starts_at"], settle=True)
        assert await enter(bench, JIT, "482915") == "opened"
        ids = [event["event_id"] for event in await bench.events()]
        assert len(set(ids)) == len(ids), "a second life gives no id again"
