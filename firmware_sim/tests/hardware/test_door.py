"""A door and its contact."""

from __future__ import annotations

from firmware_sim.hardware.door import AJAR_US, Door
from protocols.doorlock.vocabulary import DoorState

AT = 5_000_000


def test_door_is_open_and_ajar_after_its_time() -> None:
    door = Door().moved(True, AT)
    assert door.state(AT) is DoorState.DOOR_OPEN
    assert door.state(AT + AJAR_US - 1) is DoorState.DOOR_OPEN
    assert door.state(AT + AJAR_US) is DoorState.DOOR_AJAR
    assert door.moved(False, AT + AJAR_US) == Door()
    assert Door().state(AT) is DoorState.DOOR_CLOSED


def test_door_that_is_so_already_stays() -> None:
    door = Door().moved(True, AT)
    assert door.moved(True, AT + 7) is door
    assert Door().moved(False, AT) == Door()


def test_door_opened_at_the_first_instant_is_open() -> None:
    assert Door().moved(True, 0).is_open
