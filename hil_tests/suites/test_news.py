"""What happens at a door is known to the API at once, and once, whoever was off meanwhile."""

from __future__ import annotations

from typing import Any, Final

import pytest

from hil_tests.bench_instants import parse_instant_ms
from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import create_code, device_id, enter

LATCH: Final = "front-door"
NATIVE: Final = "gym"
JIT: Final = "bike-room"
# Seconds from the keypad to the API: a changed advertisement goes out at once and is heard, and
# the lock is connected at its next one, 0.21 s later; the round trips take no time.
NEWS_WITHIN_S: Final = 0.5


async def told(bench: SimBench, device: str) -> list[tuple[str, str]]:
    """What the API tells of the door itself, with instants to the second."""
    found: list[dict[str, Any]] = await bench.events(
        "lock.unlocked", "lock.locked", "lock.access_denied"
    )
    return [
        (event["event_type"], event["occurred_at"][:19])
        for event in found
        if event["device_id"] == device_id(bench, device)
    ]


@pytest.mark.parametrize("device", [LATCH, NATIVE, JIT])
async def test_keypad_use_is_known_at_once_while_the_gateway_is_on(
    bench: SimBench, device: str
) -> None:
    code = await create_code(bench, device)
    await bench.advance(to="2025-07-10T13:00:00Z")
    before_ms = parse_instant_ms(bench.now)
    assert await enter(bench, device, code["code"]) == "opened"
    assert (parse_instant_ms(bench.now) - before_ms) / 1000 <= NEWS_WITHIN_S
    [event] = await bench.events("lock.unlocked")
    assert (event["occurred_at"], event["method"]) == ("2025-07-10T13:00:00.000Z", "keycode")
    assert event["access_code_id"] == code["access_code_id"]
    await bench.advance(to="2025-07-10T13:01:00Z")
    assert await enter(bench, device, "9999999") == "unknown_code"
    [event] = await bench.events("lock.access_denied")
    assert event["occurred_at"] == "2025-07-10T13:01:00.000Z"
    assert event["reason"]["reason_code"] == "unknown_code"


async def test_keypad_use_while_the_gateway_was_off_is_told_late_with_its_own_instant(
    bench: SimBench,
) -> None:
    await create_code(bench, NATIVE, code="482915")
    await bench.call("/bench/gateway", on=False)
    await bench.advance(to="2025-07-10T15:00:00Z")
    assert await enter(bench, NATIVE, "482915") == "opened"
    await bench.advance(to="2025-07-10T16:00:00Z")
    assert await enter(bench, NATIVE, "4829155") == "unknown_code"
    await bench.advance(to="2025-07-10T17:00:00Z")
    await bench.call("/bench/gateway", on=True)
    await bench.advance(seconds=NEWS_WITHIN_S)
    assert await told(bench, NATIVE) == [
        ("lock.unlocked", "2025-07-10T15:00:00"),
        ("lock.access_denied", "2025-07-10T16:00:00"),
    ]


async def test_keypad_use_out_of_radio_range_is_told_when_the_lock_is_back(
    bench: SimBench,
) -> None:
    await create_code(bench, NATIVE, code="482915")
    await bench.call(f"/bench/devices/{NATIVE}/radio", in_range=False)
    await bench.advance(to="2025-07-10T15:00:00Z")
    assert await enter(bench, NATIVE, "482915") == "opened"
    await bench.advance(seconds=60)
    assert await told(bench, NATIVE) == []
    await bench.call(f"/bench/devices/{NATIVE}/radio", in_range=True)
    assert await told(bench, NATIVE) == [("lock.unlocked", "2025-07-10T15:00:00")]


async def test_what_was_told_is_not_told_again(bench: SimBench) -> None:
    await create_code(bench, NATIVE, code="482915")
    for _ in range(3):
        assert await enter(bench, NATIVE, "482915") == "opened"
        await bench.advance(seconds=10)
    for switch in ({"on": False}, {"on": True}, {"crash": True}, {"on": True}):
        await bench.call("/bench/gateway", **switch)
        await bench.advance(seconds=60)
    await bench.advance(seconds=86_400)
    assert [kind for kind, _ in await told(bench, NATIVE)] == ["lock.unlocked"] * 3
