"""Windows on locks that keep door-local time, still never wider than asked (DESIGN D19).

Such a lock compares the second that its wall clock shows with a stored one. That is not the same
as comparing instants, in two ways. When clocks go back, an hour of local seconds comes twice: a
bound in it would count twice. And a lock that does not follow the changes of its zone by itself
shows a stale hour until somebody sets its clock: a bound beyond a change may come early or late by
the shift. (The usual mistake is a third one: to convert with the distance from UTC of the day on
which the window is written. A window beyond the next change is then off by an hour.)

So a start becomes the first local second that the lock can't have shown before, an end the first
that it may show from then on; what that costs is told as warnings, and a window of which nothing
is left is refused.
"""

from __future__ import annotations

import dataclasses
import itertools

from protocols.doorlock.schedule import DAY_S, MINUTE_S, OPEN_END_S
from protocols.doorlock.window import (
    EPOCH_2000_MS,
    SECOND_MS,
    MappedWindow,
    WindowEdge,
    WindowFacts,
    in_range,
    narrowed,
    to_device_s_ceil,
    to_device_s_floor,
    to_ms,
)
from protocols.doorlock.zone import LocalZone
from protocols.errors import WindowError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DoorTime:
    """What is known of the local time that a lock keeps.

    Attributes:
        zone: The local time of its door.
        set_at_ms: For a lock that does not follow the zone's changes by itself: the last instant
            at which its distance from UTC is sure to be the zone's, milliseconds since 1970, such
            as when it is programmed. Afterwards it may have any distance that the zone has had
            since. None for a lock that follows them.
    """

    zone: LocalZone
    set_at_ms: int | None = None


def map_local_window(
    profile: WindowFacts, starts_at_ms: int, ends_at_ms: int | None, door: DoorTime
) -> MappedWindow:
    """The window that a lock with door-local storage holds for a window that somebody asked for.

    Args:
        profile: The facts of the device.
        starts_at_ms: Start, milliseconds since 1970, inclusive.
        ends_at_ms: End, exclusive; None for a window without an end.
        door: Local time at the door.

    Returns:
        Bounds in door-local seconds since 2000-01-01T00:00 local time. The warnings are those of
        a lock whose clock shows the zone's time; one with a stale hour may open less.

    Raises:
        WindowError: When the window is empty, vanishes, or lies outside of what a device counts.
    """
    if ends_at_ms is not None and ends_at_ms <= starts_at_ms:
        raise WindowError("the window ends before it starts")
    step_s = profile.time_granularity_s
    from_s = to_device_s_ceil(starts_at_ms)
    start_s = in_range(-(-_first_unseen(door, from_s) // step_s) * step_s)
    if ends_at_ms is None:
        # Only the start can cost anything, and less than two days.
        until_s, end_s = from_s + 2 * DAY_S, OPEN_END_S
    else:
        until_s = to_device_s_floor(ends_at_ms)
        # The mark of an open end is no bound: a window that ends there would never close.
        end_s = in_range(_earliest_seen(door, until_s) // step_s * step_s)
    opened = _opened(door.zone, (start_s, end_s), (from_s, until_s))
    if not opened:
        raise WindowError("nothing of the window is left in the door-local time of this lock")
    warnings = narrowed(WindowEdge.START, starts_at_ms, opened[0][0])
    for (_, closed_s), (reopened_s, _) in itertools.pairwise(opened):
        warnings += narrowed(WindowEdge.BREAK, to_ms(closed_s), reopened_s)
    if ends_at_ms is not None:
        warnings += narrowed(WindowEdge.END, ends_at_ms, opened[-1][1])
    return MappedWindow(start_s=start_s, end_s=end_s, warnings=warnings)


def _first_unseen(door: DoorTime, utc_s: int) -> int:
    """The first local second that the lock can't have shown before an instant."""
    zone = door.zone
    unseen = [utc_s + zone.offset_min(utc_s - 1) * MINUTE_S]
    # Where clocks went back less than a day ago, they have shown later seconds before.
    unseen += [
        change_s + zone.offset_min(change_s - 1) * MINUTE_S
        for change_s in zone.changes_s(utc_s - DAY_S, utc_s)
    ]
    unseen += [utc_s + offset_min * MINUTE_S for offset_min in _stale_offsets(door, utc_s - 1)]
    return max(unseen)


def _earliest_seen(door: DoorTime, utc_s: int) -> int:
    """The earliest local second that the lock may show from an instant on."""
    zone = door.zone
    seen = [utc_s + zone.offset_min(utc_s) * MINUTE_S]
    # Where clocks go back within a day, they show earlier seconds once more.
    seen += [
        change_s + zone.offset_min(change_s) * MINUTE_S
        for change_s in zone.changes_s(utc_s, utc_s + DAY_S)
    ]
    seen += [utc_s + offset_min * MINUTE_S for offset_min in _stale_offsets(door, utc_s)]
    return min(seen)


def _stale_offsets(door: DoorTime, utc_s: int) -> list[int]:
    """Distances from UTC that a lock may have which does not follow its zone by itself.

    Before it was set, a lock did not hold the window: what it showed then is nobody's business.
    """
    if door.set_at_ms is None:
        return []
    set_at_s = (door.set_at_ms - EPOCH_2000_MS) // SECOND_MS
    if set_at_s > utc_s:
        return []
    return [
        door.zone.offset_min(moment_s)
        for moment_s in (set_at_s, *door.zone.changes_s(set_at_s, utc_s + 1))
    ]


def _opened(
    zone: LocalZone, stored: tuple[int, int], asked: tuple[int, int]
) -> list[tuple[int, int]]:
    """When a lock that shows its zone's time lets in, within what was asked for.

    Args:
        zone: Its zone.
        stored: The local bounds that it holds.
        asked: UTC seconds.

    Returns:
        Spans of UTC seconds, ascending, apart from each other.
    """
    opened: list[tuple[int, int]] = []
    moments = (asked[0], *zone.changes_s(asked[0] + 1, asked[1]), asked[1])
    for low_s, high_s in itertools.pairwise(moments):
        offset_s = zone.offset_min(low_s) * MINUTE_S
        begins_s, ends_s = max(low_s, stored[0] - offset_s), min(high_s, stored[1] - offset_s)
        if begins_s >= ends_s:
            continue
        if opened and opened[-1][1] == begins_s:
            begins_s, _ = opened.pop()
        opened.append((begins_s, ends_s))
    return opened
