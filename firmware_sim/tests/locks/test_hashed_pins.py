"""A lock that keeps hashes of its PINs is told from outside by nothing but what it can't show."""

from __future__ import annotations

import dataclasses
import random
import typing

import pytest

from firmware_sim.tests.locks.rig import PIN, Rig, profile
from protocols.doorlock.vocabulary import Status
from protocols.profiles.facts import DuplicateRules
from protocols.profiles.parser import DuplicateRule, ReadBack
from protocols.profiles.vocabulary import PinStorage
from protocols.strike.messages import GetCredentialStatus
from protocols.strike.tags import CredentialStatusTag

HASHED = "generic-hashed"
CODE = "831540"


def twins() -> tuple[Rig, Rig]:
    """The same lock with hashes and in clear."""
    facts = profile(HASHED)
    return Rig(HASHED), Rig(profile_facts=dataclasses.replace(facts, pin_storage=PinStorage.CLEAR))


def everything_kept(rig: Rig) -> bytes:
    return rig.memory.flash.image() + b"".join(rig.journal)


def test_lock_that_keeps_hashes_tells_what_one_in_clear_tells() -> None:
    told = []
    for rig in twins():
        replies = [
            *rig.program(1, CODE, revision=3),
            *rig.program(1, CODE, revision=3),
            *rig.program(1, "135792", revision=3),
            *rig.program(2, CODE),
            *rig.program(2, "246813"),
            rig.clear(2, 2),
            *rig.program(2, "246813", revision=1),
            *rig.program(3, "12x4"),
            *rig.program(1, "135792", revision=4),
        ]
        entered = [rig.enter(code) for code in ("135792", CODE, "246813")]
        rig.crash()
        entered += [rig.enter(code) for code in ("135792", CODE, "246813")]
        told.append((replies, entered, rig.occupied(), rig.log()))
    assert told[0] == told[1]
    replies, entered, _, _ = told[0]
    assert replies[7].status is not Status.SUCCESS
    assert entered[0] == (True, "opened", 1)


def test_pin_is_nowhere_in_the_flash_and_the_journal_of_a_lock_that_keeps_hashes() -> None:
    digits = CODE.encode()
    for rig, is_there in zip(twins(), (False, True), strict=True):
        rig.program(1, CODE)
        rig.program(1, CODE, revision=2)
        rig.enter(CODE)
        assert (digits in everything_kept(rig)) is is_there
        rig.clear(1, 3)
        rig.crash()
        # What was deleted lies in the flash until its sector is erased.
        assert (digits in everything_kept(rig)) is is_there
        assert not rig.enter(CODE)[0]


@pytest.mark.parametrize("rule", list(DuplicateRule))
def test_duplicates_are_treated_as_the_brand_has_it(rule: DuplicateRule) -> None:
    facts = dataclasses.replace(
        profile(HASHED), duplicates=DuplicateRules(remote=rule, keypad=rule)
    )
    rig = Rig(profile_facts=facts)
    rig.program(2, CODE)
    reply = rig.program(1, CODE)[-1]
    refused = rule is DuplicateRule.REFUSED
    assert reply.status is (Status.DUPLICATE if refused else Status.SUCCESS)
    # Of two the lower slot counts.
    assert rig.enter(CODE) == (True, "opened", 1 if rule is DuplicateRule.ALLOWED else 2)


def test_view_says_that_a_code_is_hashed_and_does_not_show_it() -> None:
    rig = Rig(HASHED)
    rig.program(4, CODE, revision=6)
    [slot] = rig.firmware.view(0.0).slots
    assert (slot.slot, slot.code, slot.is_code_hashed, slot.revision) == (4, None, True, 6)
    assert slot.user is not None
    assert slot.user.name == "user4"


def test_person_at_the_keypad_changes_a_lock_that_keeps_hashes_as_any_other() -> None:
    streams = random.Random(3), random.Random(3)
    done = []
    for rig, stream in zip(twins(), streams, strict=True):
        rig.program(1, "482915", revision=5)
        done.append(([rig.firmware.menu.change(stream) for _ in range(40)], rig.occupied()))
    assert done[0] == done[1]
    assert {each[0] for each in done[0][0] if each} == {"changed", "deleted", "added"}


@pytest.mark.parametrize(
    ("read_back", "told"), [(ReadBack.OMITTED, [b""]), (ReadBack.WRITE_ONLY, [])]
)
def test_status_of_a_hashed_code_says_occupied_and_no_digits(
    read_back: ReadBack, told: list[bytes]
) -> None:
    rig = Rig(profile_facts=dataclasses.replace(profile(HASHED), read_back=read_back))
    rig.program(1, CODE)
    reply = rig.ask(GetCredentialStatus(credential_type=PIN, credential_index=1))
    assert (reply.is_occupied, reply.user_index) == (1, 1)
    tags: list[typing.Any] = list(reply.extensions)
    assert [tlv.value for tlv in tags] == told
    assert all(tlv.tag == CredentialStatusTag.CREDENTIAL_DATA for tlv in tags)
