"""Full slot tables and duplicate PINs."""

from __future__ import annotations

import pytest

from hil_tests.sim_bench import ApiRefused, SimBench

SMALL = "bike-room"  # generic-jit: 30 slots


async def fill(bench: SimBench, device: str, count: int) -> list[str]:
    device_id = bench.bench.device(device).spec.device_id
    ids = []
    for number in range(count):
        reply = await bench.call(
            "/access_codes/create", device_id=device_id, code=f"{734000 + number * 7}"
        )
        ids.append(str(reply["access_code"]["access_code_id"]))
    return ids


async def test_code_beyond_the_last_slot_waits_with_the_documented_error(bench: SimBench) -> None:
    capacity = bench.bench.device(SMALL).spec.profile.pin_slot_count
    ids = await fill(bench, SMALL, capacity)
    assert len(bench.slots(SMALL)) == capacity
    [waiting] = await fill_one_more(bench)
    shown = (await bench.call("/access_codes/get", access_code_id=waiting))["access_code"]
    assert [error["error_code"] for error in shown["errors"]] == [
        "no_space_for_access_code_on_device"
    ]
    # A slot that becomes free goes to whoever waits.
    await bench.call("/access_codes/delete", access_code_id=ids[3])
    await bench.advance(seconds=1800, settle=True)
    shown = (await bench.call("/access_codes/get", access_code_id=waiting))["access_code"]
    assert shown["status"] == "set"
    assert shown["errors"] == []
    assert bench.slots(SMALL)["999123"] == 4


async def fill_one_more(bench: SimBench) -> list[str]:
    device_id = bench.bench.device(SMALL).spec.device_id
    reply = await bench.call("/access_codes/create", device_id=device_id, code="999123")
    return [str(reply["access_code"]["access_code_id"])]


async def test_same_pin_twice_on_one_lock_is_refused_and_on_two_locks_is_fine(
    bench: SimBench,
) -> None:
    gym, storage = (bench.bench.device(name).spec.device_id for name in ("gym", "storage"))
    await bench.call("/access_codes/create", device_id=gym, code="482915")
    with pytest.raises(ApiRefused) as refused:
        await bench.call("/access_codes/create", device_id=gym, code="482915")
    assert (refused.value.status, refused.value.error_type) == (409, "duplicate_access_code")
    await bench.call("/access_codes/create", device_id=storage, code="482915")
    assert bench.slots("gym") == bench.slots("storage") == {"482915": 1}
