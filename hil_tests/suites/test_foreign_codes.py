"""Codes that somebody adds at the lock: the gateway's own go elsewhere, and nobody's is taken."""

from __future__ import annotations

from firmware_sim.memory.interface import Change
from firmware_sim.memory.records import Record
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import create_code, enter, get_code, slot_of
from protocols.doorlock.digest import CredentialContent, RecordKey, UserContent
from protocols.doorlock.vocabulary import CredentialType, RecordKind, UserStatus, UserType

THEIRS, OURS = "731904", "482915"
DAY_S = 86_400


def add_by_hand(bench: SimBench, slot: int, revision: int = 1) -> None:
    """Somebody programs a code at the lock, as its menu does."""
    user = UserContent(
        user_status=UserStatus.OCCUPIED_ENABLED,
        user_type=UserType.UNRESTRICTED_USER,
        user_name="",
    )
    pin = CredentialContent(user_index=slot, credential_data=THEIRS.encode())
    records = (
        Record.of(RecordKey(RecordKind.USER, slot, 0), revision, user),
        Record.of(RecordKey(RecordKind.CREDENTIAL, slot, CredentialType.PIN), revision, pin),
    )
    bench.bench.device("gym").memory.commit(Change(records=records))


async def test_code_gets_another_slot_when_somebody_took_the_one_that_it_was_refused(
    open_bench: BenchFactory,
) -> None:
    async with open_bench() as bench:
        await bench.set_faults("gym", device_memory_full=True)
        code = await create_code(bench, "gym", code=OURS)
        assert slot_of(bench, "gym", OURS) is None
        add_by_hand(bench, 1)
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
        add_by_hand(bench, 1)
        await bench.set_faults("gym")
        await bench.advance(seconds=DAY_S, settle=True)
        assert await enter(bench, "gym", THEIRS) == "opened"
