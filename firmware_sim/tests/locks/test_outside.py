"""Somebody with the programming code: the memory changes by the rules, one revision up."""

from __future__ import annotations

import random
from collections import Counter

from firmware_sim.tests.locks.rig import FROM_THE_START, Rig
from protocols.doorlock.vocabulary import RecordKind, Status, UserStatus, UserType
from protocols.strike.messages import SetUser


def revisions(rig: Rig) -> dict[tuple[RecordKind, int], int]:
    return {
        (record.kind, record.index): record.revision for record in rig.ask(FROM_THE_START).records
    }


def test_changes_deletions_and_additions_all_come_with_a_higher_revision() -> None:
    rig, stream, seen = Rig(), random.Random(3), Counter[str]()
    rig.program(slot=1, code="482915", revision=5)
    for _ in range(60):
        before = revisions(rig)
        done = rig.firmware.change_at_keypad(stream)
        assert done is not None
        what, slot = done
        seen[what] += 1
        after = revisions(rig)
        key = (RecordKind.CREDENTIAL, slot)
        assert after[key] > before.get(key, 0)
        changed = {each for each in after if after[each] != before.get(each)}
        assert {index for _, index in changed} == {slot}
    assert set(seen) == {"changed", "deleted", "added"}


def test_code_that_was_added_at_the_keypad_opens_and_a_deleted_one_does_not() -> None:
    rig, stream = Rig(), random.Random(1)
    assert rig.firmware.change_at_keypad(stream) == ("added", 1)
    [slot] = rig.firmware.view(0.0).slots
    assert slot.code is not None
    assert rig.firmware.enter(slot.code + "#", 0.0).opened
    while rig.firmware.change_at_keypad(stream) != ("deleted", 1):
        pass
    assert not rig.firmware.enter(slot.code + "#", 0.0).opened


def test_lock_without_a_free_slot_is_left_alone() -> None:
    rig = Rig("generic-jit")
    for slot in range(1, 31):
        # Users without a PIN: nothing to change or delete, and no slot that is free.
        user = SetUser(
            user_index=slot,
            revision=1,
            user_status=UserStatus.OCCUPIED_DISABLED,
            user_type=UserType.UNRESTRICTED_USER,
            user_name="",
        )
        assert rig.status(user) is Status.SUCCESS
    assert rig.firmware.change_at_keypad(random.Random(1)) is None
