"""Full slot tables: who finds no slot waits, and gets the next that becomes free."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import pytest

import hil_tests.bench
from firmware_sim.faults.plan import FaultPlan
from gateway.profiles import load_profiles
from hil_tests.bench_file import BenchFile
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import create_code, enter, error_codes, get_code, list_codes

SMALL: Final = "bike-room"  # generic-jit: 30 slots
NATIVE: Final = "gym"
NO_SPACE: Final = "no_space_for_access_code_on_device"


async def fill(bench: SimBench, device: str, count: int, **window: Any) -> list[dict[str, Any]]:
    return [
        await create_code(bench, device, code=f"{734000 + number * 7}", **window)
        for number in range(count)
    ]


async def test_code_beyond_the_last_slot_waits_with_the_documented_error(bench: SimBench) -> None:
    capacity = bench.bench.device(SMALL).spec.profile.pin_slot_count
    codes = await fill(bench, SMALL, capacity)
    assert len(bench.slots(SMALL)) == capacity
    waiting = await create_code(bench, SMALL, code="999123")
    shown = await get_code(bench, waiting)
    assert [error["error_code"] for error in shown["errors"]] == [NO_SPACE]
    # A slot that becomes free goes to whoever waits, in the same session.
    await bench.call("/access_codes/delete", access_code_id=codes[3]["access_code_id"])
    shown = await get_code(bench, waiting)
    assert (shown["status"], shown["errors"]) == ("set", [])
    assert bench.slots(SMALL)["999123"] == 4
    assert await enter(bench, SMALL, "999123") == "opened"
    assert await enter(bench, SMALL, codes[3]["code"]) == "unknown_code"


@pytest.fixture
def three_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks with three slots each, whatever their profile says."""
    smaller = {
        profile_id: dataclasses.replace(profile, pin_slot_count=3)
        for profile_id, profile in load_profiles().items()
    }
    monkeypatch.setattr(hil_tests.bench, "load_profiles", lambda: smaller)


@pytest.mark.usefixtures("three_slots")
async def test_lock_that_has_fewer_slots_than_its_profile_is_believed(
    open_bench: BenchFactory,
) -> None:
    async with open_bench() as bench:
        codes = await fill(bench, NATIVE, 4)
        assert len(bench.slots(NATIVE)) == 3
        assert [await error_codes(bench, code) for code in codes] == [[], [], [], [NO_SPACE]]


@pytest.mark.usefixtures("three_slots")
async def test_codes_that_closed_themselves_make_room_for_the_next(
    open_bench: BenchFactory,
) -> None:
    """Their slots are cleared when somebody needs one, not only at the next contact."""
    async with open_bench() as bench:
        await fill(bench, NATIVE, 3, ends_at="2025-07-10T13:00:00Z")
        await bench.advance(to="2025-07-10T13:00:00Z", settle=True)
        assert await list_codes(bench, NATIVE) == []
        assert len(bench.slots(NATIVE)) == 3
        code = await create_code(bench, NATIVE, code="999123")
        assert await error_codes(bench, code) == []
        assert list(bench.slots(NATIVE)) == ["999123"]
        assert await enter(bench, NATIVE, "999123") == "opened"


@pytest.mark.usefixtures("three_slots")
async def test_code_that_waits_for_a_slot_gets_that_of_one_that_ends(
    open_bench: BenchFactory,
) -> None:
    async with open_bench() as bench:
        await fill(bench, NATIVE, 2)
        await create_code(bench, NATIVE, code="555666", ends_at="2025-07-10T13:00:00Z")
        waiting = await create_code(bench, NATIVE, code="999123")
        assert await error_codes(bench, waiting) == [NO_SPACE]
        await bench.advance(to="2025-07-10T13:00:00Z", settle=True)
        assert await error_codes(bench, waiting) == []
        assert await enter(bench, NATIVE, "999123") == "opened"


async def test_full_memory_takes_no_code_where_another_one_was_either(bench: SimBench) -> None:
    first = await create_code(bench, NATIVE, code="482915")
    await bench.call("/access_codes/delete", access_code_id=first["access_code_id"])
    await bench.set_faults(NATIVE, device_memory_full=True)
    refused = await create_code(bench, NATIVE, code="731904")
    assert bench.slots(NATIVE) == {}
    assert await error_codes(bench, refused) == [NO_SPACE]
    await bench.set_faults(NATIVE)
    await bench.advance(seconds=86_400, settle=True)
    assert list(bench.slots(NATIVE)) == ["731904"]


async def test_lock_that_has_more_slots_than_when_it_was_met_is_asked_again_while_somebody_waits(
    bench_file: BenchFile, open_bench: BenchFactory
) -> None:
    few = FaultPlan(device_slots_withdrawn=248)
    devices = tuple(
        dataclasses.replace(device, faults=few) if device.name == NATIVE else device
        for device in bench_file.devices
    )
    async with open_bench(file=dataclasses.replace(bench_file, devices=devices)) as bench:
        codes = await fill(bench, NATIVE, 4)
        assert await error_codes(bench, codes[2]) == await error_codes(bench, codes[3])
        assert await error_codes(bench, codes[3]) == [NO_SPACE]
        await bench.set_faults(NATIVE)
        report = await bench.advance(seconds=7 * 3600, settle=True)
        assert report["unfinished"] == []
        assert [await error_codes(bench, code) for code in codes] == [[], [], [], []]
        assert len(bench.slots(NATIVE)) == 4
