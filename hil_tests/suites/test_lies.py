"""Locks that say "done" and hold something else: the gateway reads back what it wrote."""

from __future__ import annotations

import pytest

from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import create_code, enter, get_code, slot_of


@pytest.mark.parametrize("device", ["gym", "bike-room"])
async def test_code_that_a_lock_only_says_it_stored_is_not_told_as_set(
    bench: SimBench, device: str
) -> None:
    await bench.set_faults(device, device_no_effect=1.0)
    code = await create_code(bench, device, code="482915")
    await bench.advance(seconds=60)
    assert bench.slots(device) == {}
    assert (await get_code(bench, code))["status"] == "setting"
    await bench.set_faults(device)
    await bench.advance(seconds=900, settle=True)
    assert (await get_code(bench, code))["status"] == "set"
    assert bench.slots(device) == {"482915": 1}
    assert await enter(bench, device, "482915") == "opened"


@pytest.mark.parametrize("device", ["gym", "bike-room"])
async def test_code_that_a_lock_only_says_it_cleared_is_cleared_in_the_end(
    bench: SimBench, device: str
) -> None:
    code = await create_code(bench, device, code="482915")
    assert (await get_code(bench, code))["status"] == "set"
    await bench.set_faults(device, device_no_effect=1.0)
    await bench.call("/access_codes/delete", access_code_id=code["access_code_id"])
    await bench.advance(seconds=60)
    assert slot_of(bench, device, "482915") is not None
    assert (await get_code(bench, code))["status"] == "removing"
    await bench.set_faults(device)
    await bench.advance(seconds=900, settle=True)
    assert slot_of(bench, device, "482915") is None


async def test_change_at_the_keypad_is_found_at_the_next_contact_and_undone(
    bench: SimBench,
) -> None:
    code = await create_code(bench, "gym", code="482915")
    await bench.set_faults("gym", device_outside_changes_per_day=24)
    await bench.advance(seconds=4 * 3600)
    await bench.set_faults("gym")
    await bench.advance(seconds=7 * 3600, settle=True)
    assert (await get_code(bench, code))["status"] == "set"
    assert await enter(bench, "gym", "482915") == "opened"
