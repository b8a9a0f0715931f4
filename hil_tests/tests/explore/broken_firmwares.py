"""Locks that are wrong on purpose, one mistake each: what an exploration has to find by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import pytest

from firmware_sim.locks import (
    admission,
    expiring,
    keypad_entry,
    lockout,
    mechanism,
    programming,
    requests,
    scheduling,
    time_limits,
    writing,
)
from firmware_sim.locks.core import LockCore
from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.locks.outcome import EntryReason
from firmware_sim.locks.timekeeping import Reading
from firmware_sim.locks.writing import Verdict
from firmware_sim.memory import pins
from firmware_sim.memory.interface import Change, LockMemory
from firmware_sim.memory.records import DeviceState, HashedCredentialContent, Record
from protocols.doorlock.digest import UserContent
from protocols.doorlock.schedule import admits_keypad, is_admitted
from protocols.doorlock.vocabulary import OperatingMode, RecordKind, Status, UserStatus, UserType
from protocols.strike import messages as m

Break = Callable[[pytest.MonkeyPatch], None]


def _answers(patch: pytest.MonkeyPatch, kind: UserType, reason: EntryReason) -> None:
    patch.setattr(admission, "_BY_TYPE", {**admission._BY_TYPE, kind: reason})


def _on_power(patch: pytest.MonkeyPatch, ruin: Callable[[LockFirmware], Change]) -> None:
    """Have a lock ruin its memory whenever power comes back."""
    power = LockFirmware._power_on

    def ruined(firmware: LockFirmware, *inputs: Any) -> None:
        power(firmware, *inputs)
        firmware.memory.commit(ruin(firmware))

    patch.setattr(LockFirmware, "_power_on", ruined)


# --- codes that use themselves up -------------------------------------------------------------


def never_uses_up_one_time_codes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(admission, "_used_up", lambda *_: ())


def forgets_in_a_power_cut_that_a_one_time_code_opened(patch: pytest.MonkeyPatch) -> None:
    def enabled(firmware: LockFirmware) -> Change:
        users = [
            dataclasses.replace(
                user,
                content=dataclasses.replace(user.content, user_status=UserStatus.OCCUPIED_ENABLED),
            )
            for user in firmware.memory.live(RecordKind.USER)
            if isinstance(user.content, UserContent)
            and user.content.user_type is UserType.DISPOSABLE_USER
        ]
        return Change(records=tuple(users))

    _on_power(patch, enabled)


def takes_old_requests_again(patch: pytest.MonkeyPatch) -> None:
    def careless(memory: LockMemory, wanted: Record) -> Verdict:
        held = memory.record(wanted.key)
        is_older = held is not None and wanted.revision < held.revision
        return Verdict.REFUSED if is_older and wanted.content is None else Verdict.WRITE

    for module in (programming, scheduling, writing):
        patch.setattr(module, "judge", careless)


def lets_expiring_codes_live_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(admission, "is_expired", lambda *_, **__: False)


def prolongs_expiring_codes_with_every_use(patch: pytest.MonkeyPatch) -> None:
    after_use = expiring.after_use

    def prolonged(state: DeviceState, code: expiring.Code, utc_s: int) -> DeviceState:
        return after_use(dataclasses.replace(state, first_uses=()), code, utc_s)

    patch.setattr(expiring, "after_use", prolonged)


def forgets_first_uses_in_a_power_cut(patch: pytest.MonkeyPatch) -> None:
    def forgotten(firmware: LockFirmware) -> Change:
        return Change(state=dataclasses.replace(firmware.memory.state, first_uses=()))

    _on_power(patch, forgotten)


def leaves_first_uses_when_its_clock_is_set(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(expiring, "after_clock_set", lambda state, _shift_us: state)


def expires_a_second_late(patch: pytest.MonkeyPatch) -> None:
    is_expired = expiring.is_expired
    patch.setattr(
        admission,
        "is_expired",
        lambda *args, utc_s, **rest: is_expired(*args, utc_s=utc_s - 1, **rest),
    )


# --- types of users -----------------------------------------------------------------------------


def opens_to_programming_codes(patch: pytest.MonkeyPatch) -> None:
    _answers(patch, UserType.PROGRAMMING_USER, EntryReason.OPENED)


def never_opens_to_programming_codes(patch: pytest.MonkeyPatch) -> None:
    _answers(patch, UserType.PROGRAMMING_USER, EntryReason.NON_ACCESS)


def opens_to_non_access_codes(patch: pytest.MonkeyPatch) -> None:
    _answers(patch, UserType.NON_ACCESS_USER, EntryReason.OPENED)


def opens_to_remote_only_codes(patch: pytest.MonkeyPatch) -> None:
    _answers(patch, UserType.REMOTE_ONLY_USER, EntryReason.OPENED)


def counts_non_access_codes_as_wrong(patch: pytest.MonkeyPatch) -> None:
    _answers(patch, UserType.NON_ACCESS_USER, EntryReason.UNKNOWN_CODE)


def raises_no_silent_alarm(patch: pytest.MonkeyPatch) -> None:
    _answers(patch, UserType.FORCED_USER, EntryReason.OPENED)


def says_duress_and_logs_none(patch: pytest.MonkeyPatch) -> None:
    alarm = keypad_entry._alarm

    def silenced(code: Any, decision: Any) -> Any:
        return dataclasses.replace(alarm(code, decision), detail=0)

    patch.setattr(keypad_entry, "_alarm", silenced)


# --- schedules ----------------------------------------------------------------------------------


def knows_no_holidays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(admission, "mode_now", lambda *_: OperatingMode.NORMAL)


def knows_no_holidays_on_the_radio(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(requests, "mode_now", lambda *_: OperatingMode.NORMAL)


def keeps_holidays_in_utc(patch: pytest.MonkeyPatch) -> None:
    mode_now = time_limits.mode_now

    def misread(memory: LockMemory, clock: Reading) -> OperatingMode:
        return mode_now(memory, dataclasses.replace(clock, utc_offset_min=0))

    patch.setattr(admission, "mode_now", misread)


def opens_to_disabled_users_in_passage_mode(patch: pytest.MonkeyPatch) -> None:
    decide = admission.decide

    def generous(memory: Any, profile: Any, digits: str, clock: Reading) -> Any:
        decision = decide(memory, profile, digits, clock)
        if time_limits.mode_now(memory, clock) is OperatingMode.PASSAGE and decision.slot:
            return dataclasses.replace(decision, reason=EntryReason.OPENED)
        return decision

    patch.setattr(keypad_entry, "decide", generous)


def keeps_the_week_in_utc(patch: pytest.MonkeyPatch) -> None:
    is_in_schedule: Callable[..., bool] = time_limits.is_in_schedule

    def misread(*inputs: Any) -> bool:
        *others, clock = inputs
        return is_in_schedule(*others, dataclasses.replace(clock, utc_offset_min=0))

    patch.setattr(admission, "is_in_schedule", misread)


def takes_any_schedule_for_all(patch: pytest.MonkeyPatch) -> None:
    def any_of(user_type: UserType, *schedules: Any, **rest: Any) -> bool:
        if user_type is not UserType.SCHEDULE_RESTRICTED_USER:
            return is_admitted(user_type, *schedules, **rest)
        kinds = (UserType.YEAR_DAY_SCHEDULE_USER, UserType.WEEK_DAY_SCHEDULE_USER)
        return any(is_admitted(kind, *schedules, **rest) for kind in kinds)

    patch.setattr(time_limits, "is_admitted", any_of)


def closes_windows_a_second_late(patch: pytest.MonkeyPatch) -> None:
    def late(*args: Any, utc_s: int, **rest: Any) -> bool:
        return any(is_admitted(*args, utc_s=utc_s - off_s, **rest) for off_s in (0, 1))

    patch.setattr(time_limits, "is_admitted", late)


def opens_by_a_clock_that_it_does_not_trust(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Reading, "is_known", property(lambda _: True))


# --- the rest of the door ----------------------------------------------------------------------


def never_ends_a_lockout(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lockout, "length_us", lambda *_: 10**12)


def locks_out_for_codes_that_are_known(patch: pytest.MonkeyPatch) -> None:
    deny = keypad_entry._deny

    def counting(core: LockCore, decision: Any, now: float) -> Any:
        result = deny(core, decision, now)
        if decision.reason is not EntryReason.DISABLED:
            return result
        us = core.rtc.read_us(now)
        state = lockout.after_wrong_code(result.state, core.profile.lockout, us)
        return dataclasses.replace(result, state=state)

    patch.setattr(keypad_entry, "_deny", counting)


def ignores_the_privacy_deadbolt(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        keypad_entry,
        "_decide",
        _without_privacy(keypad_entry._decide),
    )


def _without_privacy(decide: Callable[..., Any]) -> Callable[..., Any]:
    def blind(core: LockCore, *inputs: Any) -> Any:
        decision = decide(core, *inputs)
        is_by_mode = not admits_keypad(time_limits.mode_now(core.memory, core.reading(inputs[-1])))
        if decision.reason is EntryReason.PRIVACY and not is_by_mode:
            return dataclasses.replace(decision, reason=EntryReason.OPENED)
        return decision

    return blind


def moves_its_bolt_on_empty_cells(patch: pytest.MonkeyPatch) -> None:
    attempt = mechanism.attempt

    def strong(state: DeviceState, *rest: Any) -> Any:
        full = dataclasses.replace(state.battery, used_uah=0)
        return attempt(dataclasses.replace(state, battery=full), *rest)

    patch.setattr(keypad_entry, "attempt", strong)


def opens_a_blocked_bolt(patch: pytest.MonkeyPatch) -> None:
    attempt = mechanism.attempt

    def through(state: DeviceState, *rest: Any) -> Any:
        return attempt(dataclasses.replace(state, bolt=state.bolt.blocked(False)), *rest)

    patch.setattr(keypad_entry, "attempt", through)


# --- hashed PINs --------------------------------------------------------------------------------


def hashes_four_digits_only(patch: pytest.MonkeyPatch) -> None:
    pin_hash = pins.pin_hash
    patch.setattr(pins, "pin_hash", lambda salt, pin: pin_hash(salt, pin[:4]))


def forgets_the_salt_of_its_hashes_in_a_power_cut(patch: pytest.MonkeyPatch) -> None:
    def spoiled(firmware: LockFirmware) -> Change:
        records = [
            dataclasses.replace(
                record, content=dataclasses.replace(record.content, pin_hash=bytes(16))
            )
            for record in firmware.memory.live(RecordKind.CREDENTIAL)
            if isinstance(record.content, HashedCredentialContent)
        ]
        return Change(records=tuple(records))

    _on_power(patch, spoiled)


def takes_one_code_twice_where_it_hashes(patch: pytest.MonkeyPatch) -> None:
    def blind(memory: LockMemory, pin: bytes) -> Iterator[Record]:
        return (
            record
            for record in pins.holders_of(memory, pin)
            if not isinstance(record.content, HashedCredentialContent)
        )

    patch.setattr(programming, "holders_of", blind)


def says_it_cleared_a_hashed_code(patch: pytest.MonkeyPatch) -> None:
    handlers = dict(requests.HANDLERS)
    clear = handlers[m.ClearCredential]

    def lying(core: LockCore, message: m.ClearCredential, now: float) -> m.StatusReply:
        record = core.memory.record(programming.pin_key(message.credential_index))
        if record is not None and isinstance(record.content, HashedCredentialContent):
            return m.StatusReply(status=Status.SUCCESS, revision=message.revision)
        reply: m.StatusReply = clear(core, message, now)
        return reply

    patch.setattr(requests, "HANDLERS", {**handlers, m.ClearCredential: lying})


BROKEN: Final[Mapping[str, Break]] = MappingProxyType(
    {
        each.__name__: each
        for each in (
            never_uses_up_one_time_codes,
            forgets_in_a_power_cut_that_a_one_time_code_opened,
            takes_old_requests_again,
            lets_expiring_codes_live_for_ever,
            prolongs_expiring_codes_with_every_use,
            forgets_first_uses_in_a_power_cut,
            leaves_first_uses_when_its_clock_is_set,
            expires_a_second_late,
            opens_to_programming_codes,
            never_opens_to_programming_codes,
            opens_to_non_access_codes,
            opens_to_remote_only_codes,
            counts_non_access_codes_as_wrong,
            raises_no_silent_alarm,
            says_duress_and_logs_none,
            knows_no_holidays,
            knows_no_holidays_on_the_radio,
            keeps_holidays_in_utc,
            opens_to_disabled_users_in_passage_mode,
            keeps_the_week_in_utc,
            takes_any_schedule_for_all,
            closes_windows_a_second_late,
            opens_by_a_clock_that_it_does_not_trust,
            never_ends_a_lockout,
            locks_out_for_codes_that_are_known,
            ignores_the_privacy_deadbolt,
            moves_its_bolt_on_empty_cells,
            opens_a_blocked_bolt,
            hashes_four_digits_only,
            forgets_the_salt_of_its_hashes_in_a_power_cut,
            takes_one_code_twice_where_it_hashes,
            says_it_cleared_a_hashed_code,
        )
    }
)
