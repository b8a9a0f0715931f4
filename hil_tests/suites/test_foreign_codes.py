"""Codes that somebody adds at the lock: the gateway's own go elsewhere, and nobody's is taken."""

from __future__ import annotations

import dataclasses

import pytest

from firmware_sim.locks.outside import KeypadAnswer
from gateway.profiles import load_profiles
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import SimBench
from hil_tests.suites.local_door import DOOR, door_file, warning_codes
from hil_tests.suites.steps import create_code, enter, get_code, slot_of
from protocols.profiles.parser import DuplicateRule

THEIRS, OURS = "731904", "482915"
DAY_S = 86_400


def add_at_keypad(bench: SimBench, device: str, digits: str) -> KeypadAnswer:
    """Somebody programs a code at the lock."""
    return bench.bench.device(device).firmware.menu.add(digits)


async def test_code_gets_another_slot_when_somebody_took_the_one_that_it_was_refused(
    open_bench: BenchFactory,
) -> None:
    async with open_bench() as bench:
        await bench.set_faults("gym", device_memory_full=True)
        code = await create_code(bench, "gym", code=OURS)
        assert slot_of(bench, "gym", OURS) is None
        assert add_at_keypad(bench, "gym", THEIRS).slot == 1
        await bench.set_faults("gym")
        await bench.advance(seconds=DAY_S, settle=True)
        assert (await get_code(bench, code))["status"] == "set"
        ours, theirs = slot_of(bench, "gym", OURS), slot_of(bench, "gym", THEIRS)
        assert ours is not None
        assert theirs is not None
        assert (ours["slot"], theirs["slot"]) == (2, 1)
        assert await enter(bench, "gym", THEIRS) == "opened"


async def test_code_of_somebody_else_stays_in_a_slot_that_was_ours_before(
    open_bench: BenchFactory,
) -> None:
    async with open_bench() as bench:
        await bench.set_faults("gym", device_memory_full=True)
        code = await create_code(bench, "gym", code=OURS)
        # It never was in the lock; its slot counts as used all the same.
        await bench.call("/access_codes/delete", access_code_id=code["access_code_id"])
        assert add_at_keypad(bench, "gym", THEIRS).slot == 1
        await bench.set_faults("gym")
        await bench.advance(seconds=DAY_S, settle=True)
        assert await enter(bench, "gym", THEIRS) == "opened"


@pytest.mark.real_servers
@pytest.mark.parametrize("rule", list(DuplicateRule))
async def test_guest_s_code_that_somebody_adds_once_more_at_the_keypad(
    open_bench: BenchFactory, rule: DuplicateRule
) -> None:
    """Refused, swallowed, or stored: then it outlives the guest's, and the gateway says so."""
    kind = load_profiles()["generic-native"]
    rules = dataclasses.replace(kind.duplicates, keypad=rule)
    profile = dataclasses.replace(kind, profile_id="kind", duplicates=rules)
    async with open_bench(file=door_file(profile)) as bench:
        code = await create_code(bench, DOOR, code=OURS)
        answer = add_at_keypad(bench, DOOR, OURS)
        assert answer.says_done is (rule is not DuplicateRule.REFUSED)
        assert (answer.slot is not None) is (rule is DuplicateRule.ALLOWED)
        await bench.advance(seconds=DAY_S, settle=True)
        is_foreign = rule is DuplicateRule.ALLOWED
        assert ("third_party_integration_detected" in await warning_codes(bench)) is is_foreign
        await bench.call("/access_codes/delete", access_code_id=code["access_code_id"])
        assert await enter(bench, DOOR, OURS) == ("opened" if is_foreign else "unknown_code")
