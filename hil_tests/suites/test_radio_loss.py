"""The radio goes away while a lock is being programmed."""

from __future__ import annotations

import pytest

from firmware_sim.locks.firmware import LockFirmware
from hil_tests.sim_bench import SimBench

LOCK = "gym"


async def request_code(bench: SimBench, code: str, **parameters: str) -> str:
    device_id = bench.bench.device(LOCK).spec.device_id
    reply = await bench.call("/access_codes/create", device_id=device_id, code=code, **parameters)
    return str(reply["access_code"]["access_code_id"])


async def test_code_reaches_a_lock_that_comes_back_into_range(bench: SimBench) -> None:
    await bench.call(f"/bench/devices/{LOCK}/radio", in_range=False)
    code_id = await request_code(bench, "482915")
    report = await bench.advance(seconds=120)
    assert [item["entry"] for item in report["unfinished"]] == [code_id]
    assert report["unfinished"][0]["next_try"] is not None
    assert bench.slots(LOCK) == {}
    await bench.call(f"/bench/devices/{LOCK}/radio", in_range=True)
    report = await bench.advance(seconds=1800, settle=True)
    assert report["unfinished"] == []
    assert bench.slots(LOCK) == {"482915": 1}


@pytest.mark.parametrize("after_requests", range(1, 6))
async def test_loss_at_any_request_of_the_session_ends_with_the_code_stored_once(
    bench: SimBench, after_requests: int
) -> None:
    lock = bench.bench.device(LOCK).firmware
    seen = 0
    handle = LockFirmware.handle

    def handle_then_lose(firmware: LockFirmware, message: object, now: float) -> object:
        nonlocal seen
        reply = handle(firmware, message, now)
        if firmware is lock:
            seen += 1
            if seen == after_requests:
                # The lock did it, but the answer never comes back.
                bench.bench.world.radio(LOCK, in_range=False)
        return reply

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LockFirmware, "handle", handle_then_lose)
        # A window of its own: user, schedule and credential are written one after the other.
        await request_code(bench, "482915", ends_at="2025-07-10T18:00:00Z")
    assert seen >= after_requests
    bench.bench.world.radio(LOCK, in_range=True)
    report = await bench.advance(seconds=1800, settle=True)
    assert report["unfinished"] == []
    assert bench.slots(LOCK) == {"482915": 1}
    [slot] = [s for s in bench.bench.memory_view(LOCK)["slots"] if s["code"] == "482915"]
    assert slot["revision"] == 1


async def test_one_lock_out_of_range_holds_up_no_other(bench: SimBench) -> None:
    await bench.call(f"/bench/devices/{LOCK}/radio", in_range=False)
    devices = [bench.bench.device(name).spec.device_id for name in (LOCK, "storage")]
    for device_id in devices:
        await bench.call("/access_codes/create", device_id=device_id, code="482915")
    assert bench.slots("storage") == {"482915": 1}
    listed = await bench.call("/access_codes/list", device_id=devices[1])
    assert listed["access_codes"][0]["status"] == "set"
    listed = await bench.call("/access_codes/list", device_id=devices[0])
    assert listed["access_codes"][0]["status"] == "setting"
