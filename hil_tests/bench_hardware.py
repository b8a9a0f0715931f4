"""What a person at the bench does to a lock's parts: the body of the hardware route, applied."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from firmware_sim.errors import HardwareMissing
from firmware_sim.hardware.battery import FULL_PPM
from firmware_sim.locks.lock_hardware import LockHardware
from firmware_sim.world import World
from hil_tests.errors import BenchError
from protocols.doorlock.vocabulary import LockState

# In the order in which they are applied, whatever the order of the body: cells first, then what
# they move, then the door, so that one body can hand over a whole situation.
KEYS: Final = (
    "replace",
    "charge",
    "battery_mv",
    "jump_v",
    "temperature_c",
    "tamper",
    "bolt",
    "privacy",
    "door",
)
_TURNS: Final = {
    "thrown": LockState.LOCKED,
    "withdrawn": LockState.UNLOCKED,
    "half": LockState.NOT_FULLY_LOCKED,
}
_BLOCKS: Final = {"jam": True, "free": False}
_DOORS: Final = ("open", "closed")
# Millivolts of the largest pack that a lock's status can tell (u16).
_MV_MAX: Final = 0xFFFF
# Volts at the jump terminals: 9 V blocks are what makers ask for; no more than a car has.
_JUMP_V_MAX: Final = 15.0
# Degrees Celsius, as a bench file may give.
_TEMPERATURE_MIN, _TEMPERATURE_MAX = -60.0, 100.0


def check(body: Mapping[str, Any]) -> None:
    """Refuse a body before anything of it is done.

    Raises:
        BenchError: Names the key that can't be.
    """
    if not body:
        raise BenchError(f"give at least one of {', '.join(KEYS)}")
    for key in ("privacy", "tamper", "replace"):
        if not isinstance(body.get(key, True), bool):
            raise BenchError(f"{key} must be true or false")
    if not body.get("replace", True):
        raise BenchError("replace must be true")
    _check_word(body, "door", _DOORS)
    _check_word(body, "bolt", (*_TURNS, *_BLOCKS))
    _check_number(body, "charge", 0.0, 1.0)
    _check_number(body, "battery_mv", 0.0, _MV_MAX)
    _check_number(body, "jump_v", 0.0, _JUMP_V_MAX)
    _check_number(body, "temperature_c", _TEMPERATURE_MIN, _TEMPERATURE_MAX)
    if "charge" in body and "battery_mv" in body:
        raise BenchError('give either "charge" or "battery_mv"')


async def apply(world: World, name: str, body: Mapping[str, Any]) -> None:
    """Do what a body says; `check` it before.

    Args:
        world: Where the device stands.
        name: Its bench name.
        body: What the caller sent.

    Raises:
        BenchError: When the lock has no such part.
    """
    try:
        if "replace" in body:
            await world.replace_cells(name)
        if "jump_v" in body:
            await world.jump(name, round(body["jump_v"] * 1000))
        if "temperature_c" in body:
            world.warm(name, body["temperature_c"])
        _handle(world.hardware(name), body, world.now)
    except HardwareMissing as error:
        raise BenchError(str(error)) from None


def view(world: World, name: str) -> dict[str, Any]:
    """What is so at a lock, as JSON."""
    parts = dataclasses.asdict(world.hardware(name).view(world.now))
    return parts | {"temperature_c": world.device(name).memory.state.clock.temperature_c}


def _handle(hardware: LockHardware, body: Mapping[str, Any], now: float) -> None:
    if "charge" in body:
        hardware.set_charge(round(body["charge"] * FULL_PPM), now)
    if "battery_mv" in body:
        hardware.set_battery_mv(round(body["battery_mv"]), now)
    if "tamper" in body:
        hardware.remove_escutcheon(body["tamper"], now)
    bolt = body.get("bolt")
    if bolt in _TURNS:
        hardware.turn_bolt(_TURNS[bolt], now)
    elif bolt in _BLOCKS:
        hardware.jam(_BLOCKS[bolt], now)
    if "privacy" in body:
        hardware.throw_privacy(body["privacy"], now)
    if body.get("door") == "open":
        hardware.open_door(now)
    elif "door" in body:
        hardware.close_door(now)


def _check_word(body: Mapping[str, Any], key: str, words: Sequence[str]) -> None:
    if key in body and (not isinstance(body[key], str) or body[key] not in words):
        raise BenchError(f"{key} must be one of {', '.join(words)}")


def _check_number(body: Mapping[str, Any], key: str, lowest: float, highest: float) -> None:
    value = body.get(key, lowest)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not lowest <= value <= highest:
        raise BenchError(f"{key} must be a number from {lowest:g} to {highest:g}")
