"""The local time at a device's door, as far as it matters to the windows of its codes.

The configuration names the zone; the lock shows in every session what it takes for local time. The
two can differ, as when an installer set the lock up for another country; then nobody knows when
its windows would open, and it counts as a lock whose local time is unknown until they agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.access.troubles import Trouble, added, has, removed
from gateway.plan.windows import keeps_windows
from gateway.zones import offset_min_at, ruled_zone
from protocols.doorlock.window import to_device_s_floor, to_ms
from protocols.doorlock.zone import LocalZone
from protocols.profiles.local_time import stores_local_bounds, zone_kept
from protocols.profiles.parser import Profile, ZoneAwareness

# Documented warnings of a device.
UNKNOWN: Final = "time_zone_unknown"
MISMATCH: Final = "time_zone_mismatch"

# A year: where clocks are changed at all, they are within that time.
_YEAR_S: Final = 366 * 86_400


def local_time(
    profile: Profile, time_zone: str | None, warnings: Sequence[Trouble], now_ms: int
) -> LocalZone | None:
    """The local time that a device keeps, for the planner; None when nobody can rely on it.

    Args:
        profile: Its facts.
        time_zone: Zone of its door, if it is known.
        warnings: Its warnings: one of them says that it showed another local time.
        now_ms: From when on, milliseconds since 1970.
    """
    if has(warnings, "warning_code", MISMATCH):
        return None
    door = None if time_zone is None else ruled_zone(time_zone, now_ms)
    return zone_kept(profile.clock, door)


def expected_offset_min(
    profile: Profile, time_zone: str | None, *, now_ms: int, shown_s: int
) -> int | None:
    """Local time minus UTC that a device is to show, minutes; None when nobody knows.

    Args:
        profile: Its facts.
        time_zone: Zone of its door, if it is known.
        now_ms: The present instant, milliseconds since 1970.
        shown_s: What its clock shows, UTC seconds since 2000: a lock that follows its zone goes by
            that, right or wrong.
    """
    if time_zone is None or profile.clock.zone is ZoneAwareness.NONE:
        return None
    if profile.clock.zone is ZoneAwareness.OFFSET:
        return offset_min_at(time_zone, now_ms)
    kept = zone_kept(profile.clock, ruled_zone(time_zone, now_ms))
    return None if kept is None else kept.offset_min(shown_s)


def next_change_ms(profile: Profile, time_zone: str | None, now_ms: int) -> int | None:
    """When clocks change next at a door whose lock stores windows in local time; None if never.

    A lock that is told its distance from UTC wants to be told the new one; and one that follows
    its zone by itself shows then whether it does so as expected.

    Args:
        profile: The facts of the lock.
        time_zone: Zone of its door, if it is known.
        now_ms: Milliseconds since 1970; the change is later than that.
    """
    if not (profile.native_scheduling and stores_local_bounds(profile)) or time_zone is None:
        return None
    kept = zone_kept(profile.clock, ruled_zone(time_zone, now_ms))
    from_s = to_device_s_floor(now_ms) + 1
    changes_s = [] if kept is None else kept.changes_s(from_s, from_s + _YEAR_S)
    return to_ms(changes_s[0]) if changes_s else None


def with_zone_told(
    warnings: Sequence[Trouble], profile: Profile, time_zone: str | None, now_ms: int
) -> list[Trouble]:
    """The warnings of a device whose zone was told, or not: whether its codes lack it.

    Args:
        warnings: Its warnings.
        profile: Its facts.
        time_zone: Zone of its door, if it is known.
        now_ms: Milliseconds since 1970.
    """
    is_needed = profile.native_scheduling and stores_local_bounds(profile)
    if not is_needed or local_time(profile, time_zone, (), now_ms) is not None:
        return removed(warnings, "warning_code", (UNKNOWN,))
    message = _WITHOUT_ZONE if keeps_windows(profile, None) else _WITHOUT_WINDOWS
    return added(warnings, "warning_code", UNKNOWN, now_ms, message=message)


def with_time_shown(warnings: Sequence[Trouble], now_ms: int, *, is_right: bool) -> list[Trouble]:
    """The warnings of a device that showed its local time.

    Args:
        warnings: Its warnings.
        now_ms: Milliseconds since 1970.
        is_right: True when it is that of the zone of its door, or nobody knows that zone.
    """
    if is_right:
        return removed(warnings, "warning_code", (MISMATCH,))
    return added(warnings, "warning_code", MISMATCH, now_ms)


_WITHOUT_WINDOWS: Final = (
    "The lock stores windows in local time, and the time zone of its door is not known, or changes"
    " its clocks by no yearly rule: its codes are programmed just in time"
)
_WITHOUT_ZONE: Final = (
    "The lock moves the windows of its codes when its local time changes, and the time zone of its"
    " door is not known: around a change of clocks they can be off by the shift"
)
