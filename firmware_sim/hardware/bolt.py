"""A bolt: thrown or withdrawn, and it stays so without power."""

from __future__ import annotations

import dataclasses

from protocols.doorlock.vocabulary import LockOperationType, LockState


@dataclasses.dataclass(frozen=True, slots=True)
class Bolt:
    """Where the bolt is, and how often its motor has run.

    A value: an operation makes the next one, so that it can be persisted before it happens.
    """

    position: LockState = LockState.LOCKED
    operations: int = 0

    def after(self, operation: LockOperationType) -> Bolt:
        """The bolt after an operation; the motor runs only when the bolt has to move."""
        target = LockState.LOCKED if operation is LockOperationType.LOCK else LockState.UNLOCKED
        if target is self.position:
            return self
        return Bolt(position=target, operations=self.operations + 1)
