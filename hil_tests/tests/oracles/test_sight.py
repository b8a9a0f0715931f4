"""What an oracle sees of a lock, and which codes it finds in it."""

from __future__ import annotations

import dataclasses

import pytest

from firmware_sim.memory.view import SlotView
from hil_tests.oracles.known_codes import KnownCodes
from hil_tests.oracles.sight import Sight, look_at, pin_digest
from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import create_code
from hil_tests.tests.oracles.seen_lock import CODE, seen
from protocols.doorlock.digest import RecordKey, content_digest, credential_content
from protocols.doorlock.vocabulary import CredentialType, RecordKind


@pytest.mark.parametrize(("slot", "user", "code"), [(1, 1, "1234"), (250, 7, "0123456789")])
def test_digest_laid_out_by_hand_is_the_one_that_locks_tell(
    slot: int, user: int, code: str
) -> None:
    key = RecordKey(RecordKind.CREDENTIAL, slot, CredentialType.PIN)
    content = credential_content(user_index=user, credential_data=code.encode())
    assert pin_digest(slot, user, code) == content_digest(key, content)


async def test_look_sees_memory_parts_and_kind_and_no_log(bench: SimBench) -> None:
    await create_code(bench, "gym", code=CODE)
    sight = look_at(bench.bench, "gym")
    held = sight.holder(CODE)
    assert held is not None
    assert sight.digests == {held.slot: pin_digest(held.slot, held.slot, CODE)}
    assert sight.memory.log == ()
    assert sight.hardware.bolt == "locked"
    assert sight.profile is bench.bench.device("gym").spec.profile
    assert sight.is_running
    await bench.call("/bench/devices/gym/power", on=False)
    assert not look_at(bench.bench, "gym").is_running


def two_slots(*, is_hashed: bool) -> Sight:
    """A lock two slots of which hold one code, which its brand would refuse."""
    sight = seen(is_hashed=is_hashed)
    [first] = sight.memory.slots
    second = dataclasses.replace(first, slot=2)
    return dataclasses.replace(
        sight,
        memory=dataclasses.replace(sight.memory, slots=(first, second)),
        digests={1: pin_digest(1, 1, CODE), 2: pin_digest(2, 1, CODE)},
    )


def test_codes_of_a_lock_in_clear_are_known_at_once() -> None:
    assert list(KnownCodes().found(two_slots(is_hashed=False))) == [(1, CODE), (2, CODE)]


def test_codes_of_a_lock_that_hashes_are_found_once_they_were_heard_of() -> None:
    known, sight = KnownCodes(), two_slots(is_hashed=True)
    known.learn("111111")
    assert list(known.found(sight)) == []
    known.learn(CODE)
    assert list(known.found(sight)) == [(1, CODE), (2, CODE)]
    known.learn("222222")
    assert list(known.found(sight)) == [(1, CODE), (2, CODE)]


def test_slot_whose_user_is_gone_holds_no_code_that_anybody_could_find() -> None:
    known = KnownCodes()
    known.learn(CODE)
    orphan = seen(is_hashed=True, has_user=False)
    assert list(known.found(orphan)) == []
    assert orphan.holder(CODE) is None
    [slot] = orphan.memory.slots
    assert isinstance(slot, SlotView)
