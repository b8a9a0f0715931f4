"""The radio is bad, or goes away, while locks are being programmed."""

from __future__ import annotations

from typing import Any, Final

import pytest

from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.radio.faults import LinkFaults
from firmware_sim.radio.open_radio import RadioKind
from hil_tests.bench_file import BenchFile, with_radio
from hil_tests.bench_instants import parse_instant_ms
from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import create_code, enter, get_code, list_codes, slot_of

NATIVE: Final = "gym"
JIT: Final = "bike-room"
# User, schedule and credential are written one after the other.
WINDOW: Final = {"ends_at": "2025-07-10T18:00:00Z"}


@pytest.fixture(params=list(RadioKind))
def bench_file(bench_file: BenchFile, request: pytest.FixtureRequest) -> BenchFile:
    """The bench, on each fidelity of the radio."""
    return with_radio(bench_file, request.param)


async def test_code_reaches_a_lock_that_comes_back_into_range(bench: SimBench) -> None:
    await bench.call(f"/bench/devices/{NATIVE}/radio", in_range=False)
    code = await create_code(bench, NATIVE, code="482915")
    report = await bench.advance(seconds=120)
    assert [item["entry"] for item in report["unfinished"]] == [code["access_code_id"]]
    assert report["unfinished"][0]["next_try"] is not None
    assert bench.slots(NATIVE) == {}
    await bench.call(f"/bench/devices/{NATIVE}/radio", in_range=True)
    assert bench.slots(NATIVE) == {"482915": 1}
    assert (await get_code(bench, code))["errors"] == []


async def test_radio_that_comes_and_goes_moves_the_clock_by_an_advertisement_at_most(
    bench: SimBench,
) -> None:
    """Nothing is due: nobody has to wait for anything."""
    begun_ms = parse_instant_ms(bench.now)
    for _ in range(3):
        await bench.call(f"/bench/devices/{NATIVE}/radio", in_range=False)
        await bench.call(f"/bench/devices/{NATIVE}/radio", in_range=True)
        await bench.call(f"/bench/devices/{NATIVE}/power", on=False)
        await bench.call(f"/bench/devices/{NATIVE}/power", on=True)
    # Six advertising intervals of 0.21 s at most; and after each power cycle a session, which sets
    # the clock at the beginning of a second.
    assert parse_instant_ms(bench.now) - begun_ms < (6 * 0.22 + 3) * 1000


@pytest.mark.parametrize("away_s", [60, 3600, 86_400])
async def test_lock_that_comes_back_is_heard_and_does_not_wait_for_the_next_try(
    bench: SimBench, away_s: int
) -> None:
    """However far its back-off has grown, up to a quarter of an hour."""
    await bench.call(f"/bench/devices/{NATIVE}/radio", in_range=False)
    await create_code(bench, NATIVE, code="482915")
    await bench.advance(seconds=away_s)
    await bench.call(f"/bench/devices/{NATIVE}/radio", in_range=True)
    report = await bench.advance(seconds=60)
    assert report["unfinished"] == []
    assert bench.slots(NATIVE) == {"482915": 1}


@pytest.mark.parametrize("device", [NATIVE, JIT])
@pytest.mark.parametrize("is_done", [True, False], ids=["after", "before"])
async def test_loss_at_any_request_of_the_session_ends_with_the_code_stored_once(
    bench: SimBench, device: str, is_done: bool
) -> None:
    """Each time at one request more, until a session gets through untouched."""
    lock = bench.bench.device(device).firmware
    handle = LockFirmware.handle
    seen = lost_at = number = 0

    def handle_and_lose(firmware: LockFirmware, message: object, now: float) -> object:
        nonlocal seen
        if firmware is not lock:
            return handle(firmware, message, now)
        seen += 1
        if seen == lost_at and not is_done:
            # The request never comes to anything.
            bench.bench.world.radio(device, in_range=False)
            raise TimeoutError
        reply = handle(firmware, message, now)
        if seen == lost_at:
            # The lock did it, but the answer never comes back.
            bench.bench.world.radio(device, in_range=False)
        return reply

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LockFirmware, "handle", handle_and_lose)
        while lost_at <= seen:
            lost_at, seen, number = lost_at + 1, 0, number + 1
            code = await create_code(bench, device, code=f"{482000 + number}", **WINDOW)
            seen_before_return = seen
            bench.bench.world.radio(device, in_range=True)
            report = await bench.advance(seconds=60, settle=True)
            assert report["unfinished"] == []
            held = slot_of(bench, device, code["code"])
            assert held is not None
            assert (held["slot"], held["revision"]) == (number, 1)
            seen = seen_before_return
    assert number >= 5
    assert len(bench.slots(device)) == number


@pytest.mark.parametrize(
    "faults",
    [
        # A third of all frames has to be sent again, at the interval that phones ask for.
        pytest.param(LinkFaults(connection_interval_s=0.03, loss=0.33), id="noisy"),
        # A stack that loses one value in a hundred: one connection in five fails to come about.
        pytest.param(LinkFaults(drop=0.01), id="buggy"),
    ],
)
async def test_bad_link_costs_time_and_nothing_else(bench: SimBench, faults: LinkFaults) -> None:
    for device in (NATIVE, JIT):
        bench.bench.device(device).peripheral.faults = faults
        codes = [
            await create_code(bench, device, code=f"{734000 + 7 * number}", **WINDOW)
            for number in range(10)
        ]
        report = await bench.advance(seconds=900, settle=True)
        assert report["unfinished"] == []
        assert bench.slots(device) == {code["code"]: at for at, code in enumerate(codes, 1)}
        assert {one["revision"] for one in views(bench, device)} == {1}
        for code in codes:
            shown = await get_code(bench, code)
            assert (shown["errors"], shown["warnings"]) == ([], [])
        assert await enter(bench, device, codes[0]["code"]) == "opened"


def views(bench: SimBench, device: str) -> list[dict[str, Any]]:
    return list(bench.bench.memory_view(device)["slots"])


async def test_one_lock_out_of_range_holds_up_no_other(bench: SimBench) -> None:
    await bench.call(f"/bench/devices/{NATIVE}/radio", in_range=False)
    for device in (NATIVE, "storage"):
        await create_code(bench, device, code="482915")
    assert bench.slots("storage") == {"482915": 1}
    assert [code["status"] for code in await list_codes(bench, "storage")] == ["set"]
    assert [code["status"] for code in await list_codes(bench, NATIVE)] == ["setting"]
