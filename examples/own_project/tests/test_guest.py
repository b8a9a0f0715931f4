"""A guest's PIN opens inside the window, and the lock outlives its gateway."""

from __future__ import annotations

from hil_tests.sim_bench import SimBench

DOOR = "front-door"


async def test_guest_gets_in_while_the_gateway_is_off(bench: SimBench) -> None:
    await bench.call(
        "/access_grants/create",
        user_identity={"full_name": "Jane Doe"},
        device_ids=["6ba7b811-9dad-11d1-80b4-00c04fd430c8"],
        requested_access_methods=[{"mode": "code"}],
        starts_at="2025-07-13T15:00:00Z",
        ends_at="2025-07-16T11:00:00Z",
    )
    await bench.advance(to="2025-07-10T15:00:00Z", settle=True)
    [code] = bench.slots(DOOR)
    await bench.call("/bench/gateway", on=False)

    await bench.advance(to="2025-07-13T14:59:59Z")
    assert (await bench.press(DOOR, code))["reason"] == "outside_schedule"
    await bench.advance(to="2025-07-13T15:00:00Z")
    assert (await bench.press(DOOR, code))["opened"]
