"""Somebody with the programming code: the memory changes by the rules, one revision up."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from typing import Any

import pytest

from firmware_sim.locks.outside import KeypadAnswer
from firmware_sim.tests.locks.rig import FROM_THE_START, Rig, profile
from protocols.doorlock.vocabulary import RecordKind, Status, UserStatus, UserType
from protocols.profiles.parser import DuplicateRule, DuplicateRules
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
        done = rig.firmware.menu.change(stream)
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
    assert rig.firmware.menu.change(stream) == ("added", 1)
    [slot] = rig.firmware.view(0.0).slots
    assert slot.code is not None
    assert rig.firmware.enter(slot.code + "#", 0.0).opened
    while rig.firmware.menu.change(stream) != ("deleted", 1):
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
    assert rig.firmware.menu.change(random.Random(1)) is None


@pytest.mark.parametrize("name", ["generic-native", "generic-hashed"])
@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        (DuplicateRule.REFUSED, KeypadAnswer(says_done=False, slot=None)),
        (DuplicateRule.IGNORED, KeypadAnswer(says_done=True, slot=None)),
        (DuplicateRule.ALLOWED, KeypadAnswer(says_done=True, slot=1)),
    ],
)
def test_code_that_another_slot_holds_is_what_the_profile_makes_of_it_at_the_keypad(
    name: str, rule: DuplicateRule, answer: KeypadAnswer
) -> None:
    other = DuplicateRule.REFUSED if rule is not DuplicateRule.REFUSED else DuplicateRule.ALLOWED
    rig = kind_of_lock(name, remote=other, keypad=rule)
    rig.program(slot=2, code="482915")
    before = revisions(rig)
    assert rig.firmware.menu.add("482915") == answer
    if answer.slot is None:
        # No trace of the try: no user that lacks a code either.
        assert revisions(rig) == before
    # Of two the lower slot counts.
    assert rig.enter("482915#") == (True, "opened", answer.slot or 2)
    assert rig.firmware.menu.add("739204") == KeypadAnswer(
        says_done=True, slot=1 if answer.slot is None else 3
    )


def test_code_that_was_added_beside_its_double_opens_on_when_the_double_is_revoked() -> None:
    rig = kind_of_lock(
        "generic-native", remote=DuplicateRule.REFUSED, keypad=DuplicateRule.ALLOWED
    )
    rig.program(slot=2, code="482915")
    assert rig.firmware.menu.add("482915").slot == 1
    assert rig.clear(2, 9).status is Status.SUCCESS
    assert rig.enter("482915#") == (True, "opened", 1)


def test_code_that_breaks_a_rule_or_finds_no_place_or_no_power_is_refused_at_the_keypad() -> None:
    rig = Rig("generic-jit")
    assert rig.firmware.menu.add("12") == KeypadAnswer(says_done=False, slot=None)
    assert revisions(rig) == {}
    rig.firmware.power(on=False, now=0.0)
    assert rig.firmware.menu.add("482915") == KeypadAnswer(says_done=False, slot=None)
    rig.firmware.power(on=True, now=0.0)
    for slot in range(1, 31):
        assert rig.firmware.menu.add(f"48{slot:04}").slot == slot
    assert rig.firmware.menu.add("739204") == KeypadAnswer(says_done=False, slot=None)


class Stubborn(random.Random):
    """Somebody who adds one code, over and over until the lock says that it has it."""

    tries = 0

    def choice(self, seq: Any) -> Any:
        return "added" if "added" in seq else seq[0]

    def choices(self, *_: Any, **__: Any) -> list[Any]:
        self.tries += 1
        return list("482915")


@pytest.mark.parametrize(
    ("rule", "tries"), [(DuplicateRule.IGNORED, 1), (DuplicateRule.REFUSED, 20)]
)
def test_person_who_is_told_that_a_double_was_stored_walks_away(
    rule: DuplicateRule, tries: int
) -> None:
    rig = kind_of_lock("generic-native", remote=DuplicateRule.REFUSED, keypad=rule)
    rig.program(slot=1, code="482915")
    before, person = revisions(rig), Stubborn(1)
    assert rig.firmware.menu.change(person) is None
    assert (person.tries, revisions(rig)) == (tries, before)


def kind_of_lock(name: str, *, remote: DuplicateRule, keypad: DuplicateRule) -> Rig:
    facts = dataclasses.replace(
        profile(name), duplicates=DuplicateRules(remote=remote, keypad=keypad)
    )
    return Rig(profile_facts=facts)
