"""What one firmware makes of different brands: the rules of codes come from the profile alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from firmware_sim.tests.locks.rig import PIN, Rig, profile
from protocols.doorlock.constraints import CodeConstraint
from protocols.doorlock.vocabulary import Status, UserStatus, UserType
from protocols.profiles.parser import DuplicateRule, DuplicateRules, ReadBack
from protocols.strike import messages as m
from protocols.strike.features import Feature
from protocols.strike.tags import CredentialStatusTag


def like(profile_id: str = "generic-jit", **changes: Any) -> Rig:
    return Rig(profile_facts=dataclasses.replace(profile(profile_id), **changes))


def status_of(rig: Rig, slot: int) -> m.CredentialStatus:
    reply = rig.ask(m.GetCredentialStatus(credential_type=PIN, credential_index=slot))
    assert isinstance(reply, m.CredentialStatus)
    return reply


def told(reply: m.CredentialStatus) -> list[tuple[int, bytes]]:
    return [(field.tag, field.value) for field in reply.extensions]


@pytest.mark.parametrize(
    ("read_back", "mask", "expected"),
    [
        (ReadBack.CLEAR, None, b"246813"),
        (ReadBack.MASKED, "*", b"******"),
        (ReadBack.MASKED, "0", b"000000"),
        (ReadBack.OMITTED, None, b""),
        (ReadBack.WRITE_ONLY, None, None),
    ],
)
def test_credential_status_tells_of_a_code_what_the_profile_says(
    read_back: ReadBack, mask: str | None, expected: bytes | None
) -> None:
    rig = like(read_back=read_back, read_back_mask=mask)
    rig.program(1, "246813")
    reply = status_of(rig, 1)
    tag = CredentialStatusTag.CREDENTIAL_DATA
    assert reply.is_occupied
    assert told(reply) == ([] if expected is None else [(tag, expected)])
    # An empty slot has no code to tell, whatever the policy.
    assert told(status_of(rig, 2)) == []
    rig.clear(1, 9)
    assert told(status_of(rig, 1)) == []


def test_credential_status_when_printed_then_the_code_is_not_in_it() -> None:
    rig = like(read_back=ReadBack.CLEAR)
    rig.program(1, "246813")
    assert "246813" not in repr(status_of(rig, 1))


@pytest.mark.parametrize(
    ("rule", "status", "is_stored"),
    [
        (DuplicateRule.REFUSED, Status.DUPLICATE, False),
        (DuplicateRule.IGNORED, Status.SUCCESS, False),
        (DuplicateRule.ALLOWED, Status.SUCCESS, True),
    ],
)
def test_duplicate_code_over_the_radio_is_what_the_profile_makes_of_it(
    rule: DuplicateRule, status: Status, *, is_stored: bool
) -> None:
    other = DuplicateRule.REFUSED if rule is not DuplicateRule.REFUSED else DuplicateRule.ALLOWED
    rig = like(duplicates=DuplicateRules(remote=rule, keypad=other))
    rig.program(1, "246813")
    reply = rig.program(2, "246813")[-1]
    assert reply.status is status
    assert bool(status_of(rig, 2).is_occupied) is is_stored
    assert rig.enter("246813#")[0]
    # The slot's own code again is no duplicate, whatever the rule.
    assert rig.program(1, "246813", revision=7)[-1].status is Status.SUCCESS


def test_ignored_duplicate_answers_the_revision_that_was_asked_for_and_stores_nothing() -> None:
    rule = DuplicateRules(remote=DuplicateRule.IGNORED, keypad=DuplicateRule.IGNORED)
    rig = like(duplicates=rule)
    rig.program(1, "246813")
    rig.program(2, "135792", revision=3)
    reply = rig.program(2, "246813", revision=5)[-1]
    assert (reply.status, reply.revision) == (Status.SUCCESS, 5)
    assert status_of(rig, 2).revision == 3
    assert rig.enter("135792#")[0]


def test_codes_of_a_lock_with_one_length_must_share_it_until_they_are_gone() -> None:
    rig = like(same_length=True)
    assert rig.program(1, "2468")[-1].status is Status.SUCCESS
    assert rig.program(2, "13579")[-1].status is Status.CONSTRAINT_ERROR
    assert rig.program(2, "1357")[-1].status is Status.SUCCESS
    # With another code there, a slot can't change its length; alone, it can.
    assert rig.program(1, "24681", revision=2)[-1].status is Status.CONSTRAINT_ERROR
    rig.clear(2, 2)
    assert rig.program(1, "24681", revision=3)[-1].status is Status.SUCCESS


@pytest.mark.parametrize(
    ("constraint", "kept", "broken"),
    [
        (CodeConstraint.NO_ZEROS, "246813", "240813"),
        (CodeConstraint.CANNOT_START_WITH_12, "246813", "124681"),
        (CodeConstraint.NO_TRIPLE_CONSECUTIVE_INTS, "246813", "123681"),
        (CodeConstraint.NO_ASCENDING_OR_DESCENDING_SEQUENCE, "246813", "345678"),
        (CodeConstraint.AT_LEAST_THREE_UNIQUE_DIGITS, "246813", "242424"),
        (CodeConstraint.NO_ALL_SAME_DIGITS, "246813", "444444"),
        (CodeConstraint.UNIQUE_FIRST_FOUR_DIGITS, "246813", "244813"),
        (CodeConstraint.UNIQUE_FIRST_FOUR_DIGITS, "246813", "975311"),
        (CodeConstraint.CANNOT_CONTAIN_089, "246713", "246813"),
        (CodeConstraint.CANNOT_CONTAIN_0789, "246513", "246713"),
        # What only the gateway can know is not held against a code here.
        (CodeConstraint.CANNOT_SPECIFY_PIN_CODE, "246813", None),
        (CodeConstraint.PIN_CODE_MATCHES_EXISTING_SET, "246813", None),
        (CodeConstraint.START_DATE_IN_FUTURE, "246813", None),
        (CodeConstraint.NAME_LENGTH, "246813", None),
        (CodeConstraint.NAME_MUST_BE_UNIQUE, "246813", None),
    ],
)
def test_lock_refuses_what_breaks_a_constraint_of_its_brand(
    constraint: CodeConstraint, kept: str, broken: str | None
) -> None:
    rig = like(code_constraints=(constraint,))
    rig.program(1, "975312" if constraint is CodeConstraint.UNIQUE_FIRST_FOUR_DIGITS else "513246")
    assert rig.program(2, kept)[-1].status is Status.SUCCESS
    if broken is not None:
        assert rig.program(3, broken)[-1].status is Status.CONSTRAINT_ERROR


@pytest.mark.parametrize("user_type", list(UserType))
def test_user_types_are_those_of_the_profile(user_type: UserType) -> None:
    yale = Rig("yale")
    request = m.SetUser(
        user_index=1,
        revision=1,
        user_status=UserStatus.OCCUPIED_ENABLED,
        user_type=user_type,
        user_name="",
    )
    expected = Status.SUCCESS if user_type in yale.profile.user_types else Status.INVALID_FIELD
    assert yale.ask(request).status is expected


def test_door_without_a_keypad_has_no_slot_and_says_so() -> None:
    rig = Rig("visionline")
    info = rig.ask(m.GetInfo())
    assert (info.pin_slot_count, info.year_day_per_user) == (0, 0)
    assert not info.features & Feature.PIN
    assert rig.program(1, "246813")[-1].status is Status.INVALID_FIELD
    assert isinstance(
        rig.ask(m.GetCredentialStatus(credential_type=PIN, credential_index=1)), m.StatusReply
    )
