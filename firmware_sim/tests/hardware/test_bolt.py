"""A bolt: travel, jam, hands, and power that goes on the way."""

from __future__ import annotations

from firmware_sim.hardware.bolt import TRAVEL_US, Bolt
from protocols.doorlock.vocabulary import LockOperationType, LockState

LOCK, UNLOCK = LockOperationType.LOCK, LockOperationType.UNLOCK
AT = 1_000_000_000


def test_bolt_is_neither_here_nor_there_while_it_travels() -> None:
    moving = Bolt().after(UNLOCK, AT)
    assert moving == Bolt(position=LockState.UNLOCKED, operations=1, rests_at_us=AT + TRAVEL_US)
    assert moving.seen(AT) is LockState.NOT_FULLY_LOCKED
    assert moving.seen(AT + TRAVEL_US - 1) is LockState.NOT_FULLY_LOCKED
    assert moving.seen(AT + TRAVEL_US) is LockState.UNLOCKED


def test_motor_runs_only_when_the_bolt_has_to_move() -> None:
    moving = Bolt().after(UNLOCK, AT)
    assert moving.after(UNLOCK, AT + 1) is moving
    assert moving.after(LOCK, AT + TRAVEL_US).operations == 2
    assert Bolt().after(LOCK, AT) == Bolt()


def test_motor_that_turns_round_on_the_way_needs_the_whole_time_again() -> None:
    back = Bolt().after(UNLOCK, AT).after(LOCK, AT + 100)
    assert back.seen(AT + TRAVEL_US) is LockState.NOT_FULLY_LOCKED
    assert back.seen(AT + 100 + TRAVEL_US) is LockState.LOCKED


def test_blocked_bolt_ends_half_way_and_moves_again_when_it_is_free() -> None:
    jammed = Bolt().blocked(True).after(UNLOCK, AT)
    assert jammed.operations == 1
    assert jammed.seen(AT + 10 * TRAVEL_US) is LockState.NOT_FULLY_LOCKED
    assert not jammed.is_done(UNLOCK)
    freed = jammed.blocked(False).after(UNLOCK, AT)
    assert freed.seen(AT + TRAVEL_US) is LockState.UNLOCKED


def test_bolt_whose_power_goes_on_the_way_stays_half_way() -> None:
    moving = Bolt().after(UNLOCK, AT)
    assert moving.stopped(AT + 1).seen(AT + 1) is LockState.NOT_FULLY_LOCKED
    assert moving.stopped(AT + 1).seen(AT + TRAVEL_US) is LockState.NOT_FULLY_LOCKED
    assert moving.stopped(AT + TRAVEL_US) is moving


def test_hand_turns_the_bolt_at_once_and_a_blocked_one_half_way() -> None:
    assert Bolt().turned(LockState.UNLOCKED, AT).seen(AT) is LockState.UNLOCKED
    assert Bolt().turned(LockState.UNLOCKED, AT).operations == 0
    stuck = Bolt().blocked(True).turned(LockState.UNLOCKED, AT)
    assert stuck.seen(AT) is LockState.NOT_FULLY_LOCKED
