"""A lock whose parts are handled in any order: safety, liveness, and a log that misses nothing.

What is expected is worked out from what hands did, without the firmware's own functions. Rarely
drawn together, these are what locks get wrong: a jam that opens, a relock against an open door, a
one-time code that opens twice, an event that nobody wrote down.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firmware_sim.errors import DevicePoweredOff
from firmware_sim.memory.audit_ring import chain_value
from firmware_sim.tests.locks.rig import Rig, profile
from protocols.doorlock.vocabulary import (
    AlarmCode,
    DoorState,
    LockOperationType,
    LockState,
    LogEvent,
    OperationSource,
    Status,
    UserType,
)
from protocols.strike import messages as m
from protocols.strike.messages import LogRecord
from protocols.wire.layout import codec

CODE, ONCE, DURESS, SILENT, WRONG = "1111", "2222", "3333", "4444", "9999"
RELOCK_S = 30
LOCKED, UNLOCKED, HALF = LockState.LOCKED, LockState.UNLOCKED, LockState.NOT_FULLY_LOCKED
# Millivolts: fine; fine, but a stalled motor resets the processor; too low to move the bolt.
STRONG_MV, WEAK_MV, DEAD_MV = 5500, 4000, 3700
POSITIONS = {LOCKED: m.LockDoor, UNLOCKED: m.UnlockDoor}


class HardwareMachine(RuleBasedStateMachine):
    """Any sequence of hands, codes, requests, power cuts, crashes."""

    def __init__(self) -> None:
        super().__init__()
        facts = dataclasses.replace(
            profile("generic-native"),
            door_sensor=True,
            privacy_deadbolt=True,
            auto_relock_s=RELOCK_S,
            user_types=tuple(UserType),
        )
        self.rig = Rig(profile_facts=facts)
        for slot, (code, kind) in enumerate(
            (
                (CODE, UserType.UNRESTRICTED_USER),
                (ONCE, UserType.DISPOSABLE_USER),
                (DURESS, UserType.FORCED_USER),
                (SILENT, UserType.NON_ACCESS_USER),
            ),
            start=1,
        ):
            self.rig.program(slot, code, user_type=kind)
        self.now = 1.0
        self.mv = STRONG_MV
        self.is_blocked = self.is_private = self.is_off = self.is_jumped = False
        self.is_used = False
        # What the log must say of the keypad and of requests, in order.
        self.told: list[tuple[LogEvent, OperationSource]] = []

    # --- what is so ---------------------------------------------------------------------------

    @property
    def hands(self) -> Any:
        return self.rig.firmware.hardware

    @property
    def is_powered(self) -> bool:
        return not self.is_off or self.is_jumped

    @property
    def position(self) -> LockState:
        return self.rig.memory.state.bolt.position

    def move(self, *, to: LockState) -> str:
        """What must come of moving the bolt."""
        if self.mv == DEAD_MV and not self.is_jumped:
            return "no_power"
        if self.position is to:
            return "opened"
        if self.is_blocked:
            is_weak = self.mv == WEAK_MV and not self.is_jumped
            return "reset" if is_weak else "jammed"
        return "opened"

    # --- what happens -------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.1, 1.0, 29.0, 31.0, 61.0, 3600.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.rig.firmware.tick(self.now)

    @rule(code=st.sampled_from([CODE, CODE, ONCE, DURESS, SILENT, WRONG]))
    def enter(self, code: str) -> None:
        self.rig.firmware.tick(self.now)
        expected = self.expected_of(code)
        before, resets = self.position, self.rig.resets
        opened, reason, _ = self.rig.enter(code, self.now)
        if reason == "locked_out":
            # Judged by the lockout's own tests.
            assert self.rig.memory.state.lockouts
            self.told.append((LogEvent.ACCESS_DENIED, OperationSource.KEYPAD))
            return
        if expected == "reset":
            assert (opened, reason, self.rig.resets) == (False, "no_power", resets + 1)
            return
        assert reason == expected
        assert opened is (expected in ("opened", "duress"))
        if opened:
            assert self.position is UNLOCKED
            self.is_used |= code == ONCE
        elif expected != "jammed":
            assert self.position is before
        if self.is_powered:
            is_told = opened or expected == "non_access"
            event = LogEvent.LOCK_OPERATION if is_told else LogEvent.ACCESS_DENIED
            self.told.append((event, OperationSource.KEYPAD))

    def expected_of(self, code: str) -> str:
        if not self.is_powered:
            return "no_power"
        by_itself = {WRONG: "unknown_code", SILENT: "non_access"}
        if code in by_itself:
            return by_itself[code]
        if code == ONCE and self.is_used:
            return "disabled"
        if self.is_private:
            return "privacy"
        outcome = self.move(to=UNLOCKED)
        return "duress" if (code, outcome) == (DURESS, "opened") else outcome

    @rule(to=st.sampled_from([LOCKED, UNLOCKED]))
    def ask(self, to: LockState) -> None:
        self.rig.firmware.tick(self.now)
        outcome = self.move(to=to)
        is_refused = to is UNLOCKED and self.is_private
        request = POSITIONS[to]()
        if not self.is_powered or (outcome == "reset" and not is_refused):
            try:
                self.rig.ask(request, self.now)
            except DevicePoweredOff:
                return
            raise AssertionError("a lock without power answered")
        status = self.rig.status(request, self.now)
        if is_refused:
            assert status is Status.INVALID_IN_STATE
        else:
            assert (status is Status.SUCCESS) is (outcome == "opened")
        is_done = status is Status.SUCCESS
        event = LogEvent.LOCK_OPERATION if is_done else LogEvent.ACCESS_DENIED
        self.told.append((event, OperationSource.REMOTE))

    @rule(position=st.sampled_from([LOCKED, UNLOCKED, HALF]))
    def turn(self, position: LockState) -> None:
        self.rig.firmware.tick(self.now)
        is_there = self.position is position
        self.hands.turn_bolt(position, self.now)
        reached = position if is_there or not self.is_blocked else HALF
        assert self.position is reached
        if reached is UNLOCKED and not is_there:
            self.is_private = False
        if self.is_powered and not is_there and reached is not HALF:
            self.told.append((LogEvent.LOCK_OPERATION, OperationSource.MANUAL))

    @rule(is_open=st.booleans())
    def move_door(self, *, is_open: bool) -> None:
        (self.hands.open_door if is_open else self.hands.close_door)(self.now)

    @rule(is_blocked=st.booleans())
    def jam(self, *, is_blocked: bool) -> None:
        self.hands.jam(is_blocked, self.now)
        self.is_blocked = is_blocked

    @rule(is_thrown=st.booleans())
    def privacy(self, *, is_thrown: bool) -> None:
        self.hands.throw_privacy(is_thrown, self.now)
        self.is_private = is_thrown

    @rule(is_off=st.booleans())
    def plate(self, *, is_off: bool) -> None:
        self.hands.remove_escutcheon(is_off, self.now)

    @rule(mv=st.sampled_from([STRONG_MV, WEAK_MV, DEAD_MV]))
    def cells(self, mv: int) -> None:
        self.hands.set_battery_mv(mv, self.now)
        self.mv = mv

    @rule(is_on=st.booleans())
    def power(self, *, is_on: bool) -> None:
        self.rig.firmware.power(is_on, self.now)
        self.is_off = not is_on

    @rule(is_held=st.booleans())
    def jump(self, *, is_held: bool) -> None:
        self.hands.jump(9000 if is_held else 0, self.now)
        self.is_jumped = is_held

    @rule()
    def crash(self) -> None:
        self.rig.crash()

    # --- what must hold -----------------------------------------------------------------------

    @invariant()
    def log_tells_everything_in_an_unbroken_chain(self) -> None:
        records = list(self.rig.memory.log_records(0, 500))
        chain = bytes(4)
        for index, record in enumerate(records):
            assert record.index == index
            chain = chain_value(chain, codec(LogRecord).encode(record))
            assert record.chain == chain
        told = [
            (record.event, record.source)
            for record in records
            if record.event in (LogEvent.LOCK_OPERATION, LogEvent.ACCESS_DENIED)
            and record.source is not OperationSource.AUTO
        ]
        assert told == self.told

    @invariant()
    def relock_never_meets_an_open_door(self) -> None:
        is_open = False
        for record in self.rig.memory.log_records(0, 500):
            if record.event is LogEvent.DOOR:
                is_open = record.detail != DoorState.DOOR_CLOSED
            elif record.source is OperationSource.AUTO and (
                record.event is LogEvent.LOCK_OPERATION
            ):
                assert record.detail == LockOperationType.LOCK
                assert not is_open

    @invariant()
    def jams_and_duress_have_their_alarms(self) -> None:
        records = list(self.rig.memory.log_records(0, 500))
        alarms = [record.detail for record in records if record.event is LogEvent.ALARM]
        denied = [record.detail for record in records if record.event is LogEvent.ACCESS_DENIED]
        assert alarms.count(AlarmCode.LOCK_JAMMED) == denied.count(6)
        duress = [
            record
            for record in records
            if record.event is LogEvent.LOCK_OPERATION and record.user_index == 3
        ]
        assert alarms.count(AlarmCode.FORCED_USER) == len(duress)

    @invariant()
    def idle_lock_has_no_deadline(self) -> None:
        view = self.hands.view(self.now)
        deadline = self.rig.firmware.next_deadline
        if not self.is_powered or (view.bolt == "locked" and view.door == "closed"):
            assert deadline is None
        if deadline is not None:
            assert view.door == "open" or self.rig.memory.state.relock_at_us > 0

    @invariant()
    def lock_and_hands_agree(self) -> None:
        state = self.rig.memory.state
        assert state.is_powered is self.is_powered
        assert (state.bolt.is_blocked, state.is_privacy_thrown) == (
            self.is_blocked,
            self.is_private,
        )


TestHardware = HardwareMachine.TestCase
TestHardware.settings = settings(stateful_step_count=40)
