"""A door and its contact: open or closed since an instant; ajar is open for too long.

Every door can be opened and closed; only a lock with a door sensor knows of it.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from protocols.doorlock.vocabulary import DoorState

# Microseconds that a door may stand open before it counts as left ajar. Assumed: people carry
# something in within a minute.
AJAR_US: Final = 60_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Door:
    """A door.

    Attributes:
        opened_at_us: True instant since which it stands open, microseconds since 2000; 0 = it is
            closed.
    """

    opened_at_us: int = 0

    @property
    def is_open(self) -> bool:
        """True while the contact is open."""
        return self.opened_at_us != 0

    @property
    def ajar_at_us(self) -> int:
        """True instant at which an open door counts as ajar."""
        return self.opened_at_us + AJAR_US

    def moved(self, is_open: bool, at_us: int) -> Door:  # noqa: FBT001 - as the contact has it.
        """The door after somebody moved it; one that is so already stays."""
        if is_open is self.is_open:
            return self
        # Instant 0 stands for a closed door.
        return Door(max(1, at_us)) if is_open else Door()

    def state(self, at_us: int) -> DoorState:
        """What the contact tells, and for how long it has."""
        if not self.is_open:
            return DoorState.DOOR_CLOSED
        return DoorState.DOOR_AJAR if at_us >= self.ajar_at_us else DoorState.DOOR_OPEN
