"""A request returns when the lock has it; a lock that is out of reach is told as unfinished."""

from __future__ import annotations

from hil_tests.sim_bench import SimBench


async def test_code_is_on_the_lock_when_the_call_returns(bench: SimBench) -> None:
    gym = bench.bench.device("gym").spec.device_id
    reply = await bench.call("/access_codes/create", device_id=gym, code="482915")
    assert reply["access_code"]["status"] == "set"
    assert bench.slots("gym") == {"482915": 1}
    assert (await bench.press("gym", "482915#"))["opened"]


async def test_lock_out_of_range_is_told_as_unfinished(bench: SimBench) -> None:
    gym = bench.bench.device("gym").spec.device_id
    await bench.call("/bench/devices/gym/radio", in_range=False)
    await bench.call("/access_codes/create", device_id=gym, code="482915")
    report = await bench.advance(seconds=60)
    assert [item["reason"] for item in report["unfinished"]] == ["connect_failed"]
