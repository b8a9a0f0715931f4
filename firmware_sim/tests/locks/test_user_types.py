"""Codes of users who are limited otherwise than by a schedule."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from firmware_sim.hardware.rtc import ClockOnPowerLoss
from firmware_sim.locks.programming import user_key
from firmware_sim.tests.locks.rig import T0_S, Rig, profile
from protocols.doorlock.digest import UserContent
from protocols.doorlock.vocabulary import (
    AlarmCode,
    CredentialType,
    LockOperationType,
    LogEvent,
    Status,
    UserStatus,
    UserType,
)
from protocols.strike import messages as m

CODE = "4711"
MINUTE_S = 60.0


def make(user_type: UserType, *, keypad: dict[str, Any] | None = None, **clock: Any) -> Rig:
    facts = profile("generic-native")
    rig = Rig(
        profile_facts=dataclasses.replace(
            facts,
            user_types=tuple(UserType),
            expiring_user_timeout_min=15,
            keypad=dataclasses.replace(facts.keypad, **(keypad or {})),
        ),
        **clock,
    )
    assert rig.program(1, CODE, user_type=user_type)[0].status is Status.SUCCESS
    return rig


def test_lock_takes_only_the_user_types_of_its_profile() -> None:
    facts = dataclasses.replace(
        profile("generic-native"), user_types=(UserType.UNRESTRICTED_USER,)
    )
    rig = Rig(profile_facts=facts)
    assert rig.program(1, CODE)[0].status is Status.SUCCESS
    for kind in UserType:
        if kind is not UserType.UNRESTRICTED_USER:
            assert rig.program(2, "2222", user_type=kind)[0].status is Status.INVALID_FIELD


def test_one_time_code_opens_once_and_its_user_is_disabled_in_the_same_unit() -> None:
    rig = make(UserType.DISPOSABLE_USER)
    written = len(rig.journal)
    assert rig.enter(CODE) == (True, "opened", 1)
    assert len(rig.journal) == written + 1
    assert rig.enter(CODE) == (False, "disabled", 1)
    user = rig.memory.record(user_key(1))
    assert user is not None
    assert isinstance(user.content, UserContent)
    assert (user.revision, user.content.user_status) == (2, UserStatus.OCCUPIED_DISABLED)
    # Whoever writes it again with a newer revision gives it another life.
    rig.program(1, CODE, user_type=UserType.DISPOSABLE_USER, revision=3)
    assert rig.enter(CODE)[0]


def test_one_time_code_opens_once_across_a_crash_and_a_power_cut() -> None:
    rig = make(UserType.DISPOSABLE_USER)
    assert rig.enter(CODE)[0]
    rig.crash()
    rig.firmware.power(False, 0.1)
    rig.firmware.power(True, 1.0)
    assert rig.enter(CODE, 2.0) == (False, "disabled", 1)


def test_one_time_code_that_did_not_open_is_not_used_up() -> None:
    rig = make(UserType.DISPOSABLE_USER)
    rig.firmware.hardware.jam(True, 0.0)
    assert rig.enter(CODE)[1] == "jammed"
    rig.firmware.hardware.jam(False, 0.0)
    assert rig.enter(CODE)[0]


def test_expiring_code_lives_from_its_first_use_on() -> None:
    rig = make(UserType.EXPIRING_USER)
    later = 90 * 86_400.0
    assert rig.enter(CODE, later)[0]
    assert rig.enter(CODE, later + 10 * MINUTE_S)[0]
    rig.crash()
    assert rig.enter(CODE, later + 15 * MINUTE_S - 1)[0]
    assert rig.enter(CODE, later + 15 * MINUTE_S) == (False, "outside_schedule", 1)


def test_expiring_code_has_one_life_however_its_user_is_written() -> None:
    rig = make(UserType.EXPIRING_USER)
    assert rig.enter(CODE, 0.0)[0]
    rename = m.SetUser(
        user_index=1,
        revision=5,
        user_status=UserStatus.OCCUPIED_ENABLED,
        user_type=UserType.EXPIRING_USER,
        user_name="again",
    )
    assert rig.status(rename, 1.0) is Status.SUCCESS
    assert rig.enter(CODE, 16 * MINUTE_S)[1] == "outside_schedule"
    # Another code is another life.
    rig.program(1, "1234", user_type=UserType.EXPIRING_USER, revision=6)
    assert rig.enter("1234", 17 * MINUTE_S)[0]
    assert len(rig.memory.state.first_uses) == 1


def test_first_uses_of_several_users_are_kept_apart() -> None:
    rig = make(UserType.EXPIRING_USER)
    rig.program(2, "2222", user_type=UserType.EXPIRING_USER)
    rig.program(9, "9999", user_type=UserType.EXPIRING_USER)
    assert rig.enter("9999", 0.0)[0]
    assert rig.enter("2222", 10 * MINUTE_S)[0]
    assert rig.enter("9999", 20 * MINUTE_S)[1] == "outside_schedule"
    assert rig.enter("2222", 20 * MINUTE_S)[0]
    assert [use.credential_index for use in rig.memory.state.first_uses] == [2, 9]


def test_codes_of_one_expiring_user_have_a_life_each() -> None:
    rig = make(UserType.EXPIRING_USER)
    for slot, code in ((2, "2222"), (3, "3333")):
        # Of the same user, and with the same revision.
        second = m.SetCredential(
            credential_type=CredentialType.PIN,
            credential_index=slot,
            revision=1,
            user_index=1,
            credential_data=code.encode(),
        )
        assert rig.status(second) is Status.SUCCESS
    assert rig.enter(CODE, 0.0)[0]
    assert rig.enter("2222", 10 * MINUTE_S)[0]
    # No code has another one's life, and none gives another one a second.
    assert rig.enter(CODE, 15 * MINUTE_S)[1] == "outside_schedule"
    assert rig.enter("3333", 16 * MINUTE_S)[0]
    assert rig.enter("2222", 25 * MINUTE_S - 1)[0]
    assert rig.enter("2222", 25 * MINUTE_S)[1] == "outside_schedule"


def test_first_uses_of_many_users_fit_into_flash() -> None:
    rig = make(UserType.EXPIRING_USER)
    for slot in range(2, 62):
        rig.program(slot, f"{5000 + slot}", user_type=UserType.EXPIRING_USER)
    for slot in range(2, 62):
        # Now and then after a wrong code, so that it is written together with a counter.
        if slot % 10 == 0:
            rig.enter("9999", 1.0)
        assert rig.enter(f"{5000 + slot}", 1.0) == (True, "opened", slot)
    uses = rig.memory.state.first_uses
    rig.crash()
    assert rig.memory.state.first_uses == uses
    assert len(uses) == 60


@pytest.mark.parametrize("shift_s", [-3600, 3600])
def test_setting_the_clock_moves_the_end_of_an_expiring_code_with_it(shift_s: int) -> None:
    rig = make(UserType.EXPIRING_USER)
    assert rig.enter(CODE, 0.0)[0]
    rig.ask(m.SetTime(utc_s=T0_S + 60 + shift_s, utc_offset_min=0), 60.0)
    assert rig.enter(CODE, 15 * MINUTE_S - 1)[0]
    assert rig.enter(CODE, 15 * MINUTE_S)[1] == "outside_schedule"


def test_lost_clock_admits_no_expiring_code_and_forgets_no_first_use() -> None:
    rig = make(UserType.EXPIRING_USER, on_power_loss=ClockOnPowerLoss.LOST)
    rig.program(2, "2222", user_type=UserType.EXPIRING_USER)
    assert rig.enter(CODE, 0.0)[0]
    rig.firmware.power(False, 60.0)
    rig.firmware.power(True, 120.0)
    assert rig.enter(CODE, 180.0)[1] == "outside_schedule"
    assert rig.enter("2222", 180.0)[1] == "outside_schedule"
    rig.ask(m.SetTime(utc_s=T0_S + 240, utc_offset_min=0), 240.0)
    assert rig.enter(CODE, 15 * MINUTE_S - 1)[0]
    assert rig.enter(CODE, 15 * MINUTE_S)[1] == "outside_schedule"


@pytest.mark.parametrize(
    ("kind", "opens"),
    [
        (UserType.YEAR_DAY_SCHEDULE_USER, False),
        (UserType.WEEK_DAY_SCHEDULE_USER, True),
        (UserType.SCHEDULE_RESTRICTED_USER, True),
    ],
)
def test_lock_that_admits_without_a_clock_asks_for_a_schedule_that_counts(
    *, kind: UserType, opens: bool
) -> None:
    facts = profile("generic-native")
    careless = dataclasses.replace(facts.clock, lost_admits=True)
    rig = Rig(
        profile_facts=dataclasses.replace(facts, clock=careless),
        on_power_loss=ClockOnPowerLoss.LOST,
    )
    rig.program(1, CODE, user_type=kind)
    weekly = m.SetWeekDaySchedule(
        week_day_index=1, user_index=1, revision=1, days_mask=0x7F, start_min=0, end_min=1
    )
    assert rig.status(weekly) is Status.SUCCESS
    rig.firmware.power(False, 1.0)
    rig.firmware.power(True, 2.0)
    assert rig.enter(CODE, 3.0)[0] is opens


def test_non_access_code_is_told_and_opens_nothing_and_counts_for_nothing() -> None:
    rig = make(UserType.NON_ACCESS_USER)
    for _ in range(4):
        rig.enter("9999")
    for _ in range(10):
        assert rig.enter(CODE) == (False, "non_access", 1)
    assert rig.memory.state.bolt.operations == 0
    assert rig.events[-1].operation is LockOperationType.NON_ACCESS_USER_EVENT  # type: ignore[union-attr] # it is one
    assert rig.enter("9999")[1] == "unknown_code"
    assert rig.enter(CODE)[1] == "locked_out"


def test_duress_code_opens_like_any_other_and_raises_a_silent_alarm() -> None:
    rig = make(UserType.FORCED_USER)
    assert rig.enter(CODE) == (True, "duress", 1)
    operation, alarm = rig.log()
    assert (operation.event, operation.detail) == (
        LogEvent.LOCK_OPERATION,
        LockOperationType.UNLOCK,
    )
    assert (alarm.event, alarm.detail, alarm.user_index) == (
        LogEvent.ALARM,
        AlarmCode.FORCED_USER,
        1,
    )


@pytest.mark.parametrize(
    ("opens", "expected"), [(True, (True, "opened", 1)), (False, (False, "non_access", 1))]
)
def test_programming_code_opens_where_the_profile_says_so(
    *, opens: bool, expected: tuple[bool, str, int]
) -> None:
    rig = make(UserType.PROGRAMMING_USER, keypad={"programming_code_opens": opens})
    assert rig.enter(CODE) == expected


def test_remote_only_code_is_no_use_at_the_keypad_and_no_wrong_code() -> None:
    rig = make(UserType.REMOTE_ONLY_USER)
    for _ in range(10):
        assert rig.enter(CODE) == (False, "disabled", 1)
    assert rig.enter("9999")[1] == "unknown_code"


def test_push_buttons_take_the_first_key() -> None:
    rig = make(UserType.UNRESTRICTED_USER, keypad={"wakes_on_touch": False})
    outcomes = [rig.firmware.press(key, float(at)) for at, key in enumerate(CODE + "#")]
    assert outcomes[-1] is not None
    assert outcomes[-1].opened
