"""A bolt and the motor that moves it: it takes its time, it can jam, and it stays without power.

No timer runs. A travel is an instant at which it ends, and where the bolt is follows from the
instant at which somebody looks.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from protocols.doorlock.vocabulary import LockOperationType, LockState

# Microseconds from one end to the other. Assumed: the gear motors of deadbolts need between a
# third of a second and a whole one.
TRAVEL_US: Final = 500_000


@dataclasses.dataclass(frozen=True, slots=True)
class Bolt:
    """Where the bolt is, and how often its motor has run.

    A value: an operation makes the next one, so that it can be persisted before it happens.

    Attributes:
        position: Where it is, or where it comes to when it travels.
        operations: Runs of the motor.
        rests_at_us: True instant at which its last travel ends, microseconds since 2000.
        is_blocked: True while something in its way keeps it from moving.
    """

    position: LockState = LockState.LOCKED
    operations: int = 0
    rests_at_us: int = 0
    is_blocked: bool = False

    def seen(self, at_us: int) -> LockState:
        """Where its sensor finds it; while it travels it is neither here nor there."""
        return LockState.NOT_FULLY_LOCKED if at_us < self.rests_at_us else self.position

    def is_done(self, operation: LockOperationType) -> bool:
        """True when it is where an operation wants it, or already on the way."""
        return self.position is _target(operation)

    def after(self, operation: LockOperationType, at_us: int) -> Bolt:
        """The bolt after an operation; the motor runs only when the bolt has to move.

        A motor that is told to turn round on the way needs the whole time again. A blocked bolt
        stalls the motor and ends half-way.

        Args:
            operation: LOCK or UNLOCK.
            at_us: True instant at which the motor starts, microseconds since 2000.
        """
        if self.is_done(operation):
            return self
        target = LockState.NOT_FULLY_LOCKED if self.is_blocked else _target(operation)
        return dataclasses.replace(
            self,
            position=target,
            operations=self.operations + 1,
            rests_at_us=at_us + TRAVEL_US,
        )

    def turned(self, position: LockState, at_us: int) -> Bolt:
        """The bolt after somebody turned it by hand; blocked, it gets only half-way."""
        reached = LockState.NOT_FULLY_LOCKED if self.is_blocked else position
        return dataclasses.replace(self, position=reached, rests_at_us=at_us)

    def blocked(self, is_blocked: bool) -> Bolt:  # noqa: FBT001 - `blocked(True)` says it.
        """The bolt with something in its way, or without."""
        return dataclasses.replace(self, is_blocked=is_blocked)

    def stopped(self, at_us: int) -> Bolt:
        """The bolt when its motor loses power: on the way, it stays half-way."""
        if at_us >= self.rests_at_us:
            return self
        return dataclasses.replace(self, position=LockState.NOT_FULLY_LOCKED, rests_at_us=at_us)


def _target(operation: LockOperationType) -> LockState:
    is_lock = operation is LockOperationType.LOCK
    return LockState.LOCKED if is_lock else LockState.UNLOCKED
