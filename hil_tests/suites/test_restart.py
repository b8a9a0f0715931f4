"""What restarts keep: nothing promised is lost, nothing is programmed twice in effect."""

from __future__ import annotations

from pathlib import Path

from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import SimBench

LOCK = "front-door"


async def create_code(bench: SimBench, device: str, **parameters: object) -> dict[str, object]:
    device_id = bench.bench.device(device).spec.device_id
    reply = await bench.call("/access_codes/create", device_id=device_id, **parameters)
    return dict(reply["access_code"])


async def test_code_that_was_promised_is_programmed_after_a_crash_of_the_gateway(
    open_bench: BenchFactory, tmp_path: Path
) -> None:
    async with open_bench(state=tmp_path) as running:
        code = await create_code(running, "gym", code="482915")
        assert list(running.slots("gym")) == ["482915"]
        await running.call("/bench/gateway", crash=True)
        await running.advance(seconds=60)
        await running.call("/bench/gateway", on=True)
        listed = await running.call("/access_codes/get", access_code_id=code["access_code_id"])
        assert listed["access_code"]["status"] == "set"
        assert list(running.slots("gym")) == ["482915"]
        revisions = [
            slot["revision"]
            for slot in running.bench.memory_view("gym")["slots"]
            if slot["code"] == "482915"
        ]
        assert revisions == [1]


async def test_bench_goes_on_where_it_was_when_it_starts_again_on_its_state(
    open_bench: BenchFactory, tmp_path: Path
) -> None:
    async with open_bench(state=tmp_path) as running:
        await create_code(running, "gym", code="482915")
        await running.advance(seconds=3600)
        before = running.bench.memory_view("gym")
        told = running.now
    async with open_bench(state=tmp_path) as running:
        assert running.now >= told
        after = running.bench.memory_view("gym")
        assert after["slots"] == before["slots"]
        outcome = await running.press("gym", "482915#")
        assert outcome["opened"] is True


async def test_lock_keeps_its_codes_over_a_power_cycle(bench: SimBench) -> None:
    await create_code(bench, "gym", code="482915")
    await bench.call("/bench/devices/gym/power", on=False)
    await bench.advance(seconds=3600)
    await bench.call("/bench/devices/gym/power", on=True)
    assert (await bench.press("gym", "482915#"))["opened"] is True


async def test_lock_that_was_off_is_programmed_when_its_power_is_back(bench: SimBench) -> None:
    await bench.call("/bench/devices/gym/power", on=False)
    code = await create_code(bench, "gym", code="482915")
    assert code["status"] in {"setting", "unset"}
    assert bench.slots("gym") == {}
    await bench.advance(seconds=600)
    await bench.call("/bench/devices/gym/power", on=True)
    await bench.advance(seconds=0, settle=True)
    assert list(bench.slots("gym")) == ["482915"]
