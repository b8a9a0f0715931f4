"""Wrong codes: the keypad locks itself, for the time that its profile says, and tells of it."""

from __future__ import annotations

from typing import Final

import pytest

from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import create_code, enter, submitted

LATCH: Final = "front-door"
NATIVE: Final = "gym"
JIT: Final = "bike-room"
WRONG: Final = "9090909"


async def lock_out(bench: SimBench, device: str) -> None:
    """Enter wrong codes up to the limit."""
    limit = bench.bench.device(device).spec.profile.lockout.wrong_code_limit
    for _ in range(limit):
        assert await enter(bench, device, WRONG) == "unknown_code"
        await bench.advance(seconds=6)


@pytest.mark.parametrize("device", [LATCH, NATIVE, JIT])
async def test_keypad_is_locked_after_the_last_wrong_code_and_opens_after_its_time(
    bench: SimBench, device: str
) -> None:
    code = (await create_code(bench, device))["code"]
    rules = bench.bench.device(device).spec.profile.lockout
    await lock_out(bench, device)
    # Six seconds have passed since the last wrong code.
    assert await enter(bench, device, code) == "locked_out"
    await bench.advance(seconds=rules.lockout_s - 6 - 2)
    assert await enter(bench, device, code) == "locked_out"
    await bench.advance(seconds=3)
    assert await enter(bench, device, code) == "opened"
    reasons = [
        event["reason"]["reason_code"] for event in await bench.events("lock.access_denied")
    ]
    assert reasons == ["unknown_code"] * rules.wrong_code_limit + ["too_many_attempts"] * 2


async def test_every_further_lockout_of_a_latch_lasts_twice_as_long_up_to_a_quarter_hour(
    bench: SimBench,
) -> None:
    code = (await create_code(bench, LATCH))["code"]
    for expected_s in (60, 120, 240, 480, 900, 900):
        await lock_out(bench, LATCH)
        await bench.advance(seconds=expected_s - 6 - 2)
        assert await enter(bench, LATCH, code) == "locked_out", expected_s
        await bench.advance(seconds=3)
        # Whoever enters another wrong code now starts to count again.
        assert await enter(bench, LATCH, "1234567"[:4]) != "locked_out", expected_s
        await bench.advance(seconds=6)


async def test_right_code_starts_the_count_anew(bench: SimBench) -> None:
    code = (await create_code(bench, NATIVE))["code"]
    limit = bench.bench.device(NATIVE).spec.profile.lockout.wrong_code_limit
    for _ in range(3):
        for _ in range(limit - 1):
            assert await enter(bench, NATIVE, WRONG) == "unknown_code"
        assert await enter(bench, NATIVE, code) == "opened"


async def test_known_code_outside_its_window_is_no_wrong_code(bench: SimBench) -> None:
    limit = bench.bench.device(NATIVE).spec.profile.lockout.wrong_code_limit
    await create_code(bench, NATIVE, code="482915", starts_at="2025-07-10T14:00:00Z")
    for _ in range(2 * limit):
        assert await enter(bench, NATIVE, "482915") == "outside_schedule"
    await bench.advance(to="2025-07-10T14:00:00Z")
    assert await enter(bench, NATIVE, "482915") == "opened"


async def test_lockout_outlasts_a_power_cycle(bench: SimBench) -> None:
    """Pulling the battery is no way around it."""
    code = (await create_code(bench, NATIVE))["code"]
    await lock_out(bench, NATIVE)
    await bench.call(f"/bench/devices/{NATIVE}/power", on=False)
    await bench.call(f"/bench/devices/{NATIVE}/power", on=True)
    assert await enter(bench, NATIVE, code) == "locked_out"
    await bench.advance(seconds=60)
    assert await enter(bench, NATIVE, code) == "opened"


async def test_code_that_is_not_submitted_is_incomplete_and_harmless(bench: SimBench) -> None:
    await create_code(bench, NATIVE, code="482915")
    for _ in range(10):
        assert (await bench.press(NATIVE, "48291"))["reason"] == "incomplete"
    assert (await bench.press(NATIVE, submitted(bench, NATIVE, "482915")))["opened"] is True
