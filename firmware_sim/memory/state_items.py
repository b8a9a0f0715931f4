"""The device state in flash: a few items of NVS, each written only when something in it changed.

What is not here is hardware, or can be worked out: bolt, battery and the RTC's registers keep
themselves (`hardware_state`), and what is news follows from the log.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from firmware_sim.memory.records import DeviceState
from protocols.errors import MalformedFrame
from protocols.wire.layout import S16, S64, U8, U32, Codec, codec, message

ITEM_VERSION: Final = 1


@message
class LockoutItem:
    """Wrong codes and lockouts of the keypad."""

    version: U8 = ITEM_VERSION
    wrong_codes: U8
    lockouts: U8
    lockout_until_us: S64  # on the lock's own clock, microseconds since 2000; 0 = none


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
)
_NAMES: Final = tuple((item, item.names) for item in _ITEMS)


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
    return found


def with_items(state: DeviceState, contents: Mapping[int, bytes | None]) -> DeviceState:
    """A state with what the items in flash say; one that is missing or damaged changes nothing."""
    for item, names in _NAMES:
        data = contents.get(item.item_id)
        if data is None:
            continue
        try:
            values = item.codec.decode(data)
        except MalformedFrame:
            continue
        if values.version == ITEM_VERSION:
            for name in names:
                state = _with_value(state, name, getattr(values, name))
    return state


def _value(state: DeviceState, name: str) -> int:
    value: int = state.clock.utc_offset_min if name == "utc_offset_min" else getattr(state, name)
    return value


def _with_value(state: DeviceState, name: str, value: int) -> DeviceState:
    if name == "utc_offset_min":
        clock = dataclasses.replace(state.clock, utc_offset_min=value)
        return dataclasses.replace(state, clock=clock)
    changes: dict[str, Any] = {name: value}
    return dataclasses.replace(state, **changes)
