"""The firmware against a tiny oracle of its own: revisions, tombstones, admission, lockout.

The oracle keeps plain dicts and shares no code with the firmware. Time goes forward only, the
lock is crashed and power-cycled at any moment.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from firmware_sim.tests.locks.rig import PIN, T0_S, Rig, profile
from protocols.doorlock.digest import RecordKey, memory_digest
from protocols.doorlock.vocabulary import Status, UserStatus, UserType
from protocols.strike import messages as m

SLOTS = st.integers(1, 4)
# The last one is no slot of this lock.
ANY_SLOTS = st.integers(0, 5)
REVISIONS = st.integers(1, 12)
CODES = st.sampled_from(["1111", "2222", "33333", "44444444", "123"])
ENABLED, DISABLED = UserStatus.OCCUPIED_ENABLED, UserStatus.OCCUPIED_DISABLED
ALWAYS, DATED, WEEKLY = (
    UserType.UNRESTRICTED_USER,
    UserType.YEAR_DAY_SCHEDULE_USER,
    UserType.WEEK_DAY_SCHEDULE_USER,
)
GONE = None


class Oracle:
    """What the lock should hold: name of the record -> (revision, content or GONE)."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, int], tuple[int, Any]] = {}
        self.wrong = 0
        self.lockouts = 0
        self.locked_until = 0.0

    def revision(self, key: tuple[str, int]) -> int:
        return self.held.get(key, (0, GONE))[0]

    def content(self, key: tuple[str, int]) -> Any:
        return self.held.get(key, (0, GONE))[1]

    def verdict(self, key: tuple[str, int], revision: int, content: Any) -> str:
        held = self.revision(key)
        if revision > held:
            return "write"
        if revision == held and content == self.content(key):
            return "same"
        return "stale"

    def write(
        self, key: tuple[str, int], revision: int, content: Any, problem: Status | None
    ) -> tuple[Status, int]:
        """Expected status and revision of a write; `problem` counts for a newer one only."""
        verdict = self.verdict(key, revision, content)
        if verdict == "stale":
            return Status.DATA_VERSION_MISMATCH, self.revision(key)
        if verdict == "write":
            if problem is not None:
                return problem, self.revision(key)
            self.held[key] = (revision, content)
        return Status.SUCCESS, revision

    def pins(self) -> dict[int, tuple[str, int]]:
        return {
            slot: content
            for (kind, slot), (_, content) in self.held.items()
            if kind == "pin" and content is not GONE
        }

    def clear(self, slot: int, revision: int) -> tuple[Status, int]:
        key = ("pin", slot)
        if self.verdict(key, revision, GONE) == "write":
            user = self.content(key)[1] if self.content(key) else slot
            if all(other == slot or owner != user for other, (_, owner) in self.pins().items()):
                going = [
                    (kind, user)
                    for kind in ("user", "year", "week")
                    if self.content((kind, user)) is not GONE
                ]
                newest = max((self.revision(other) for other in going), default=0)
                if newest >= revision:
                    return Status.DATA_VERSION_MISMATCH, newest
                for other in going:
                    self.held[other] = (revision, GONE)
        return self.write(key, revision, GONE, None)

    def enter(self, code: str, now: float) -> tuple[bool, str, int | None]:
        if now < self.locked_until:
            return False, "locked_out", None
        if len(code) < 4:
            return False, "incomplete", None
        for slot, (pin, user) in self.pins().items():
            if pin == code:
                opened, reason = self._admit(user, T0_S + int(now))
                if opened:
                    self.wrong = self.lockouts = 0
                return opened, reason, slot
        self.wrong += 1
        if self.wrong == 5:
            self.wrong = 0
            self.lockouts += 1
            self.locked_until = now + min(60 * 2 ** (self.lockouts - 1), 200)
        return False, "unknown_code", None

    def _admit(self, user: int, utc_s: int) -> tuple[bool, str]:
        status, user_type = self.content(("user", user))
        if status == DISABLED:
            return False, "disabled"
        year, week = self.content(("year", user)), self.content(("week", user))
        minute = utc_s % 86_400 // 60
        is_in = {
            ALWAYS: True,
            DATED: year is not GONE and year[0] <= utc_s < year[1],
            WEEKLY: week is not GONE and week[0] <= minute < week[1],
        }[user_type]
        return is_in, "opened" if is_in else "outside_schedule"


class FirmwareMachine(RuleBasedStateMachine):
    """Any sequence of requests, entries, crashes and power cycles."""

    def __init__(self) -> None:
        super().__init__()
        facts = profile("generic-native")
        self.rig = Rig(
            profile_facts=dataclasses.replace(
                facts,
                pin_slot_count=4,
                week_day_per_user=1,
                lockout=dataclasses.replace(facts.lockout, lockout_s_max=200),
            )
        )
        self.oracle = Oracle()
        self.now = 0.0
        self.log_count = 0

    def expect(self, message: Any, expected: tuple[Status, int]) -> None:
        reply = self.rig.ask(message, self.now)
        assert (reply.status, reply.revision) == expected

    @rule(seconds=st.sampled_from([0.5, 1, 29, 59, 60, 61, 119, 3600]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        slot=ANY_SLOTS,
        revision=REVISIONS,
        status=st.sampled_from([ENABLED, ENABLED, DISABLED]),
        user_type=st.sampled_from([ALWAYS, DATED, WEEKLY]),
    )
    def set_user(self, slot: int, revision: int, status: UserStatus, user_type: UserType) -> None:
        message = m.SetUser(
            user_index=slot,
            revision=revision,
            user_status=status,
            user_type=user_type,
            user_name="x",
        )
        if 1 <= slot <= 4:
            expected = self.oracle.write(("user", slot), revision, (status, user_type), None)
        else:
            expected = (Status.INVALID_FIELD, 0)
        self.expect(message, expected)

    @rule(slot=ANY_SLOTS, user=ANY_SLOTS, revision=REVISIONS, code=CODES)
    def set_pin(self, slot: int, user: int, revision: int, code: str) -> None:
        message = m.SetCredential(
            credential_type=PIN,
            credential_index=slot,
            revision=revision,
            user_index=user,
            credential_data=code.encode(),
        )
        if not (1 <= slot <= 4 and 1 <= user <= 4):
            self.expect(message, (Status.INVALID_FIELD, 0))
            return
        problem = None
        if any(other != slot and pin == code for other, (pin, _) in self.oracle.pins().items()):
            problem = Status.DUPLICATE
        elif len(code) < 4:
            problem = Status.CONSTRAINT_ERROR
        elif self.oracle.content(("user", user)) is GONE:
            problem = Status.INVALID_FIELD
        self.expect(message, self.oracle.write(("pin", slot), revision, (code, user), problem))

    @rule(slot=SLOTS, revision=REVISIONS, minutes=st.integers(-3, 3), length=st.integers(1, 90))
    def set_year_day(self, slot: int, revision: int, minutes: int, length: int) -> None:
        start_s = T0_S + minutes * 60
        window = (start_s, start_s + length * 60)
        message = m.SetYearDaySchedule(
            year_day_index=1,
            user_index=slot,
            revision=revision,
            start_s=window[0],
            end_s=window[1],
        )
        problem = None if self.oracle.content(("user", slot)) else Status.INVALID_FIELD
        self.expect(message, self.oracle.write(("year", slot), revision, window, problem))

    @rule(slot=SLOTS, revision=REVISIONS, start=st.integers(718, 725), length=st.integers(1, 9))
    def set_week_day(self, slot: int, revision: int, start: int, length: int) -> None:
        message = m.SetWeekDaySchedule(
            week_day_index=1,
            user_index=slot,
            revision=revision,
            days_mask=0x7F,
            start_min=start,
            end_min=start + length,
        )
        problem = None if self.oracle.content(("user", slot)) else Status.INVALID_FIELD
        span = (start, start + length)
        self.expect(message, self.oracle.write(("week", slot), revision, span, problem))

    @rule(slot=SLOTS, revision=REVISIONS, kind=st.sampled_from(["year", "week"]))
    def clear_schedule(self, slot: int, revision: int, kind: str) -> None:
        message = (
            m.ClearYearDaySchedule(year_day_index=1, user_index=slot, revision=revision)
            if kind == "year"
            else m.ClearWeekDaySchedule(week_day_index=1, user_index=slot, revision=revision)
        )
        self.expect(message, self.oracle.write((kind, slot), revision, GONE, None))

    @rule(slot=SLOTS, revision=REVISIONS)
    def clear_pin(self, slot: int, revision: int) -> None:
        message = m.ClearCredential(credential_type=PIN, credential_index=slot, revision=revision)
        self.expect(message, self.oracle.clear(slot, revision))

    @rule(code=CODES)
    def enter(self, code: str) -> None:
        assert self.rig.enter(code, self.now) == self.oracle.enter(code, self.now)

    @precondition(lambda self: self.oracle.pins())
    @rule(data=st.data())
    def enter_known(self, data: st.DataObject) -> None:
        code, _ = data.draw(st.sampled_from(sorted(self.oracle.pins().values())))
        assert self.rig.enter(code, self.now) == self.oracle.enter(code, self.now)

    @rule(times=st.integers(3, 6))
    def guess(self, times: int) -> None:
        for _ in range(times):
            assert self.rig.enter("99999", self.now) == self.oracle.enter("99999", self.now)

    @rule()
    def crash(self) -> None:
        self.rig.crash()

    @rule(seconds=st.integers(0, 100))
    def power_cycle(self, seconds: int) -> None:
        self.rig.firmware.power(False, self.now)
        self.now += seconds
        self.rig.firmware.power(True, self.now)

    @invariant()
    def memory_is_what_the_oracle_says(self) -> None:
        kinds = {1: "user", 2: "pin", 3: "year", 4: "week"}
        listed = self.rig.occupied()
        assert {
            (kinds[int(record.kind)], record.index): (record.revision, any(record.digest))
            for record in listed
        } == {
            key: (revision, content is not GONE)
            for key, (revision, content) in self.oracle.held.items()
        }
        digest = memory_digest(
            (
                RecordKey(record.kind, record.index, record.sub_index),
                record.revision,
                record.digest,
            )
            for record in listed
        )
        assert self.rig.ask(m.GetStatus(), self.now).memory_digest == digest

    @invariant()
    def no_code_is_held_twice(self) -> None:
        codes = [slot.code for slot in self.rig.firmware.view(self.now).slots if slot.code]
        assert len(codes) == len(set(codes))

    @invariant()
    def log_only_grows(self) -> None:
        assert self.rig.firmware.log_next_index >= self.log_count
        self.log_count = self.rig.firmware.log_next_index


TestFirmwareAgainstOracle = FirmwareMachine.TestCase
TestFirmwareAgainstOracle.settings = settings(stateful_step_count=40)
