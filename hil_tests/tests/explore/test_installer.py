"""Somebody who programs a lock past the gateway."""

from __future__ import annotations

import random

from hil_tests.explore.installer import PINS, Installer
from hil_tests.oracles.sight import look_at
from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import create_code

LOCK = "gym"


async def test_installer_writes_into_the_last_slots_and_the_gateway_leaves_it_alone(
    bench: SimBench,
) -> None:
    await create_code(bench, LOCK, code="482915")
    installer = Installer(bench, random.Random(7))
    assert sum(installer.work(LOCK) for _ in range(30)) > 15
    sight = look_at(bench.bench, LOCK)
    last = sight.profile.pin_slot_count
    written = {slot.slot: slot for slot in sight.memory.slots if slot.slot != 1}
    assert written.keys() == {last - 1, last}
    assert {slot.code for slot in written.values()} <= {*PINS, None}
    assert [holiday.index for holiday in sight.memory.holidays] == [1]
    await bench.advance(seconds=7 * 3600, settle=True)
    after = look_at(bench.bench, LOCK).memory
    assert after.slots == sight.memory.slots
    assert after.holidays == sight.memory.holidays


async def test_installer_gets_nothing_done_at_a_lock_that_does_not_run(bench: SimBench) -> None:
    installer = Installer(bench, random.Random(7))
    await bench.set_faults(LOCK, device_reset=1.0)
    assert not any(installer.work(LOCK) for _ in range(3))
    await bench.set_faults(LOCK)
    await bench.call(f"/bench/devices/{LOCK}/power", on=False)
    assert not installer.work(LOCK)
