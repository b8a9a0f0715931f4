"""The shape of `device.reported`: what a device said last, as JSON.

From `Info`, asked for on first contact, when something about the device looks new, and while a
code waits for a slot of it:
``protocol_version``, ``profile_id``, ``profile_version``, ``serial_number``, ``firmware_version``
and the capacities ``pin_slot_count``, ``user_count``, ``year_day_per_user``,
``week_day_per_user``, ``log_capacity``, ``features`` (bits of `Feature`). Where they differ from
the profile file, the device wins (DESIGN D1).

From `DeviceStatus`, asked for in every session: ``lock_state`` (number of `LockState`),
``door_state`` (number of `DoorState`), ``battery_mv``, ``utc_offset_min``, ``clock_quality``
(number of `ClockQuality`), ``clock_error_s`` (the device's clock minus ours, before it was set),
``log_next_index`` and ``reported_at_ms``.

From a comparison of the memory, record by record: ``foreign_slots``, the slots that hold live
records which this gateway did not write; they are left alone, and no entry gets such a slot.

``memory_digest`` (16 hex digits) is there when the device's memory was found to be what it shall
be: while the device reports the same digest, nobody has to look at its records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from protocols.doorlock.window import EPOCH_2000_MS, SECOND_MS
from protocols.strike.messages import DeviceStatus, Info

MEMORY_DIGEST: Final = "memory_digest"
_PIN_SLOT_COUNT: Final = "pin_slot_count"
LOG_NEXT_INDEX: Final = "log_next_index"


def of_info(info: Info) -> dict[str, Any]:
    """What `Info` adds."""
    return {
        "protocol_version": info.protocol_version,
        "profile_id": info.profile_id,
        "profile_version": info.profile_version,
        "serial_number": info.serial_number,
        "firmware_version": info.firmware_version,
        _PIN_SLOT_COUNT: info.pin_slot_count,
        "user_count": info.user_count,
        "year_day_per_user": info.year_day_per_user,
        "week_day_per_user": info.week_day_per_user,
        "log_capacity": info.log_capacity,
        "features": info.features,
    }


def of_status(status: DeviceStatus, *, now_ms: int) -> dict[str, Any]:
    """What `DeviceStatus` adds; the memory digest is another matter (see the module).

    Args:
        status: As the device said it.
        now_ms: The gateway's clock at that moment.
    """
    return {
        "lock_state": int(status.lock_state),
        "door_state": int(status.door_state),
        "battery_mv": status.battery_mv,
        "utc_offset_min": status.utc_offset_min,
        "clock_quality": int(status.clock_quality),
        "clock_error_s": round(clock_error_ms(status, now_ms=now_ms) / SECOND_MS),
        LOG_NEXT_INDEX: status.log_next_index,
        "reported_at_ms": now_ms,
    }


def needs_info(reported: Mapping[str, Any], status: DeviceStatus) -> bool:
    """True on first contact, and when the device may have been replaced or reset since.

    A log that is shorter than it was is not the same log.
    """
    return "profile_id" not in reported or status.log_next_index < reported.get(LOG_NEXT_INDEX, 0)


def has_more_slots(known: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """True when a device says that it has more PIN slots than it said before."""
    return bool(found[_PIN_SLOT_COUNT] > known.get(_PIN_SLOT_COUNT, found[_PIN_SLOT_COUNT]))


def clock_error_ms(status: DeviceStatus, *, now_ms: int) -> int:
    """The device's clock minus ours, milliseconds; it tells whole seconds, so half of one more."""
    return EPOCH_2000_MS + status.utc_s * SECOND_MS + SECOND_MS // 2 - now_ms
