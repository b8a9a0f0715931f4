"""One seed, one trace: in any process, under any hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# A day on the default bench: grants, a crash, radio loss, keypads. Prints the trace digest.
PROGRAM = """
import asyncio, pathlib, sys
from firmware_sim.kernel.loop import SimLoop
from hil_tests.bench_file import load_bench
from hil_tests.sim_bench import SimOptions, sim_bench

async def main():
    file = load_bench(pathlib.Path(sys.argv[1]))
    async with sim_bench(file, SimOptions(seed=int(sys.argv[2]))) as bench:
        ids = [device.device_id for device in file.devices]
        for number, device_id in enumerate(ids):
            await bench.call(
                "/access_grants/create",
                user_identity={"full_name": f"Guest {number}"},
                device_ids=ids[number:],
                requested_access_methods=[{"mode": "code"}],
                starts_at="2025-07-10T18:00:00Z",
                ends_at="2025-07-11T06:00:00Z",
            )
        await bench.call("/bench/devices/gym/radio", in_range=False)
        await bench.advance(seconds=3 * 3600)
        await bench.call("/bench/gateway", crash=True)
        await bench.advance(seconds=3600)
        await bench.call("/bench/gateway", on=True)
        await bench.call("/bench/devices/gym/radio", in_range=True)
        await bench.advance(seconds=4 * 3600, settle=True)
        for name in ("front-door", "gym", "storage"):
            for code in bench.slots(name):
                await bench.press(name, code + "#")
        await bench.advance(seconds=12 * 3600, settle=True)
        print(bench.trace.event_count, bench.trace.digest())

asyncio.Runner(loop_factory=SimLoop).run(main())
"""


def digest(bench_file: Path, *, seed: int, hash_seed: str) -> str:
    result = subprocess.run(  # noqa: S603 - our own program.
        [sys.executable, "-c", PROGRAM, str(bench_file), str(seed)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=False,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return result.stdout


def test_two_processes_with_one_seed_give_one_trace(pytestconfig: pytest.Config) -> None:
    bench_file = pytestconfig.rootpath / str(pytestconfig.getini("bench_file"))
    first = digest(bench_file, seed=7, hash_seed="1")
    assert int(first.split()[0]) > 50, "the run must have done something"
    assert digest(bench_file, seed=7, hash_seed="2") == first
    assert digest(bench_file, seed=8, hash_seed="1") != first
