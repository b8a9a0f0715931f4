"""The device state in flash: a few items of NVS, each written only when something in it changed.

What is not here is hardware, or can be worked out: bolt, battery and the RTC's registers keep
themselves (`hardware_state`), and what is news follows from the log.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from firmware_sim.memory.records import DeviceState, FirstUse
from protocols.doorlock.vocabulary import BatteryLevel, DoorState
from protocols.errors import MalformedFrame
from protocols.wire.layout import (
    ENUM8,
    S16,
    S64,
    TO_END,
    U8,
    U16,
    U32,
    Codec,
    codec,
    message,
)

ITEM_VERSION: Final = 1


@message
class LockoutItem:
    """Wrong codes and lockouts of the keypad."""

    version: U8 = ITEM_VERSION
    wrong_codes: U8
    lockouts: U8
    lockout_until_us: S64  # on the lock's own clock, microseconds since 2000; 0 = none
    forgiven_codes: U16
    strict_until_us: S64  # likewise


@message
class LogCursorItem:
    """How far the log has been read."""

    version: U8 = ITEM_VERSION
    log_read_index: U32


@message
class ConfigurationItem:
    """What a gateway has set."""

    version: U8 = ITEM_VERSION
    utc_offset_min: S16


@message
class TimeItem:
    """What the lock remembers of time, UTC seconds since 2000."""

    version: U8 = ITEM_VERSION
    highest_s: U32
    statement_s: U32


@message
class ToldItem:
    """What the log says of the lock's parts."""

    version: U8 = ITEM_VERSION
    told_door: Annotated[DoorState, ENUM8]
    told_battery: Annotated[BatteryLevel, ENUM8]
    is_tamper_told: U8
    is_privacy_told: U8


@message
class FirstUsesItem:
    """When the codes of some expiring users opened for the first time, by slot."""

    version: U8 = ITEM_VERSION
    first_uses: Annotated[tuple[FirstUse, ...], TO_END]


@message
class ClockMove:
    """What the last setting of the clock moved that is counted on it."""

    version: U8 = ITEM_VERSION
    number: U8  # that the clock was given with the time
    lockout_shift_us: S64 = 0
    uses_shift_s: S64 = 0


@dataclasses.dataclass(frozen=True, slots=True)
class _Item:
    """One item: its id in NVS, its layout, and the attributes of the state that it holds."""

    item_id: int
    codec: Codec[Any]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f.name for f in dataclasses.fields(self.codec.message) if f.name != "version")


# Ids below those of the records.
_ITEMS: Final = (
    _Item(0x0002, codec(LockoutItem)),
    _Item(0x0003, codec(LogCursorItem)),
    _Item(0x0004, codec(ConfigurationItem)),
    _Item(0x0006, codec(TimeItem)),
    _Item(0x0007, codec(ToldItem)),
)
_NAMES: Final = tuple((item, item.names) for item in _ITEMS)
# No part of the state: it is read at power-up only.
CLOCK_MOVE_ID: Final = 0x0008
_CLOCK_MOVE: Final = _Item(CLOCK_MOVE_ID, codec(ClockMove))
# First uses are spread over as many items by their slots, up to the ids of the records: four
# in each of a lock of 500 users, so that an item stays as short as a record (48 bytes).
_FIRST_USES_ID: Final = 0x0080
_FIRST_USES_ITEMS: Final = 0x0080
_FIRST_USES: Final = _Item(_FIRST_USES_ID, codec(FirstUsesItem))
# What flash keeps of a device state, by its attributes; the offset from UTC is its clock's.
FLASH_NAMES: Final = (*(name for _, names in _NAMES for name in names), "first_uses")


def changed_items(old: DeviceState | None, new: DeviceState) -> list[tuple[int, bytes]]:
    """Ids and bytes of the items that differ between two states; all when there was none."""
    if old is new:
        return []
    found = []
    for item, names in _NAMES:
        values = [_value(new, name) for name in names]
        if old is None or values != [_value(old, name) for name in names]:
            fields = dict(zip(names, values, strict=True))
            found.append((item.item_id, item.codec.encode(item.codec.message(**fields))))
    return found + _changed_uses(() if old is None else old.first_uses, new.first_uses)


def clock_move_items(move: ClockMove | None) -> list[tuple[int, bytes]]:
    """Id and bytes of what a setting of the clock moved; none when it moved nothing."""
    return [] if move is None else [(CLOCK_MOVE_ID, _CLOCK_MOVE.codec.encode(move))]


def read_clock_move(data: bytes | None) -> ClockMove | None:
    """What a setting of the clock moved; None when flash does not say."""
    found: ClockMove | None = _read(_CLOCK_MOVE, data)
    return found


def _changed_uses(old: Sequence[FirstUse], new: Sequence[FirstUse]) -> list[tuple[int, bytes]]:
    if old == new:
        return []
    before, after = _spread(old), _spread(new)
    return [
        (item_id, _FIRST_USES.codec.encode(FirstUsesItem(first_uses=tuple(uses))))
        for item_id in sorted({**before, **after})
        if (uses := after.get(item_id, [])) != before.get(item_id)
    ]


def _spread(first_uses: Sequence[FirstUse]) -> dict[int, list[FirstUse]]:
    """First uses by the id of the item that holds them."""
    items: dict[int, list[FirstUse]] = {}
    for use in first_uses:
        item_id = _FIRST_USES_ID + use.credential_index % _FIRST_USES_ITEMS
        items.setdefault(item_id, []).append(use)
    return items


def _first_uses(contents: Mapping[int, bytes | None]) -> tuple[FirstUse, ...]:
    found: list[FirstUse] = []
    for item_id in contents:
        if _FIRST_USES_ID <= item_id < _FIRST_USES_ID + _FIRST_USES_ITEMS:
            read = _read(_FIRST_USES, contents[item_id])
            found += () if read is None else read.first_uses
    return tuple(sorted(found, key=lambda use: use.credential_index))


def with_items(state: DeviceState, contents: Mapping[int, bytes | None]) -> DeviceState:
    """A state with what the items in flash say.

    One that is missing or damaged is as in a new lock; the offset from UTC is then what the RTC
    has been told.
    """
    values: dict[str, Any] = {name: _DEFAULTS[name] for _, names in _NAMES for name in names}
    values[_OFFSET] = state.clock.utc_offset_min
    for item, names in _NAMES:
        read = _read(item, contents.get(item.item_id))
        if read is not None:
            values.update((name, getattr(read, name)) for name in names)
    return _with_values(state, values, _first_uses(contents))


def with_flash_part(state: DeviceState, other: DeviceState) -> DeviceState:
    """A state whose flash part is that of another one."""
    values = {name: _value(other, name) for _, names in _NAMES for name in names}
    return _with_values(state, values, other.first_uses)


def flash_part(state: DeviceState) -> tuple[Any, ...]:
    """The values of a state that flash keeps, in the order of `FLASH_NAMES`."""
    return tuple(_value(state, name) for name in FLASH_NAMES)


def _read(item: _Item, data: bytes | None) -> Any:
    """The values of an item; None when there are none that this version knows."""
    if data is None:
        return None
    try:
        values = item.codec.decode(data)
    except MalformedFrame:
        return None
    return values if values.version == ITEM_VERSION else None


# The one attribute that is not the state's own.
_OFFSET: Final = "utc_offset_min"
_DEFAULTS: Final = {
    _OFFSET: 0,
    **{field.name: field.default for field in dataclasses.fields(DeviceState)},
}


def _value(state: DeviceState, name: str) -> Any:
    return state.clock.utc_offset_min if name == _OFFSET else getattr(state, name)


def _with_values(
    state: DeviceState, values: dict[str, Any], first_uses: tuple[FirstUse, ...]
) -> DeviceState:
    clock, offset_min = state.clock, values.pop(_OFFSET)
    if clock.utc_offset_min != offset_min:
        clock = dataclasses.replace(clock, utc_offset_min=offset_min)
    own: dict[str, Any] = {
        # A byte says true or false.
        name: bool(value) if isinstance(_DEFAULTS[name], bool) else value
        for name, value in values.items()
    }
    return dataclasses.replace(state, clock=clock, first_uses=first_uses, **own)
