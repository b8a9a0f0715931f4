"""From what somebody asked for to when a device is programmed and what it can hold.

Never wider than asked: a window that a device keeps itself is mapped by `protocols.doorlock`
(start up, end down); one that the gateway keeps is the asked one to the millisecond.

What a lock's local time does to its windows is known where the time zone of its door is. A lock
that stores door-local time keeps windows only then. One that converts instants by the distance
from UTC of the day of writing keeps those that no change of clocks lies in; without a zone it is
taken for one whose clocks are never changed.
"""

from __future__ import annotations

import dataclasses

from gateway.plan.entry import DesiredEntry, LocalWindow, Scheduling
from gateway.plan.policy import Policy
from protocols.doorlock.local_window import DoorTime, map_local_window
from protocols.doorlock.schedule import DAY_S
from protocols.doorlock.window import MappedWindow, WindowWarning, map_window, to_device_s_floor
from protocols.doorlock.zone import LocalZone
from protocols.profiles.parser import DstQuirk, JitPolicy, Profile, ZoneAwareness


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EntryTimes:
    """When an entry comes and goes. Instants are milliseconds since 1970.

    Attributes:
        scheduling: Who keeps the window.
        program_at_ms: When it shall be on the device.
        remove_at_ms: When it shall leave; None for never.
        local_window: See `DesiredEntry.local_window`.
        warnings: What the device holds narrower than asked.
    """

    scheduling: Scheduling
    program_at_ms: int
    remove_at_ms: int | None
    local_window: LocalWindow | None = None
    warnings: tuple[WindowWarning, ...] = ()


def entry_times(
    profile: Profile,
    policy: Policy,
    *,
    starts_at_ms: int | None,
    ends_at_ms: int | None,
    prefer_native_scheduling: bool,
    local: LocalZone | None = None,
    now_ms: int,
) -> EntryTimes:
    """Decide who keeps a window and when the device is programmed.

    Args:
        profile: The facts of the device.
        policy: The leads.
        starts_at_ms: Start asked for; None for at once.
        ends_at_ms: End asked for; None for an ongoing code.
        prefer_native_scheduling: False has the gateway keep the window on any device.
        local: The local time that the device keeps; None when nobody knows it.
        now_ms: The present instant.

    Raises:
        WindowError: When the device can't hold the window.
    """
    is_later = starts_at_ms is not None and starts_at_ms > now_ms
    if not is_later and ends_at_ms is None:
        return EntryTimes(scheduling=Scheduling.ALWAYS, program_at_ms=now_ms, remove_at_ms=None)
    start_ms = now_ms if starts_at_ms is None else starts_at_ms
    program_at_ms = max(now_ms, start_ms - policy.native_lead_ms)
    if (
        prefer_native_scheduling
        and keeps_windows(profile, local)
        and not _is_shifted(profile, local, program_at_ms, start_ms, ends_at_ms)
    ):
        window = _mapped(profile, start_ms, ends_at_ms, local, program_at_ms)
        stored = LocalWindow(window.start_s, window.end_s) if profile.local_year_day else None
        return EntryTimes(
            scheduling=Scheduling.NATIVE,
            program_at_ms=program_at_ms,
            remove_at_ms=ends_at_ms,
            local_window=stored,
            warnings=window.warnings,
        )
    is_early = profile.jit is JitPolicy.EARLY_LIVE
    return EntryTimes(
        scheduling=Scheduling.EARLY_LIVE if is_early else Scheduling.JUST_IN_TIME,
        program_at_ms=max(now_ms, start_ms - policy.jit_lead_ms),
        remove_at_ms=ends_at_ms,
    )


def keeps_windows(profile: Profile, local: LocalZone | None) -> bool:
    """True when the gateway lets a device keep the windows of its codes by itself.

    A lock that stores door-local time can, once the gateway knows that time: a window that is
    converted by guess could be wider than asked (DESIGN D19), so without it the lock is programmed
    just in time.

    Args:
        profile: The facts of the device.
        local: The local time that it keeps; None when nobody knows it.
    """
    return profile.native_scheduling and (local is not None or not profile.local_year_day)


def _mapped(
    profile: Profile,
    start_ms: int,
    ends_at_ms: int | None,
    local: LocalZone | None,
    program_at_ms: int,
) -> MappedWindow:
    if local is None or not profile.local_year_day:
        return map_window(profile, start_ms, ends_at_ms)
    # The session that programs a lock sees to its distance from UTC first; who can't follow a
    # change by itself may have that one until somebody comes by again.
    is_told = profile.clock.zone is ZoneAwareness.OFFSET
    door = DoorTime(zone=local, set_at_ms=program_at_ms if is_told else None)
    return map_local_window(profile, start_ms, ends_at_ms, door)


def _is_shifted(
    profile: Profile,
    local: LocalZone | None,
    program_at_ms: int,
    start_ms: int,
    ends_at_ms: int | None,
) -> bool:
    """True where a device would move a window at a change of clocks, and so widen one of its ends.

    Raises:
        WindowError: When the device can't count an instant of the window.
    """
    if local is None or profile.clock.dst_quirk is DstQuirk.NONE:
        return False
    from_s = to_device_s_floor(program_at_ms)
    if ends_at_ms is None:
        # Only the start can come early, and no change moves it by a day.
        return bool(local.changes_s(from_s, to_device_s_floor(start_ms) + DAY_S))
    return bool(local.changes_s(from_s, to_device_s_floor(ends_at_ms)))


def stored_window(entry: DesiredEntry, profile: Profile) -> MappedWindow:
    """The window that the device stores for a natively scheduled entry.

    Args:
        entry: An entry with scheduling native, so with a start.
        profile: The facts of the device.

    Raises:
        WindowError: When the device can't hold it.
    """
    if entry.local_window is not None:
        return MappedWindow(start_s=entry.local_window.start_s, end_s=entry.local_window.end_s)
    start_ms = entry.program_at_ms if entry.starts_at_ms is None else entry.starts_at_ms
    return map_window(profile, start_ms, entry.ends_at_ms)


def user_name(name: str | None, *, bytes_max: int) -> str:
    """The longest beginning of a name that a device's user record can hold.

    Args:
        name: The code's name, or None.
        bytes_max: Bytes of UTF-8 that the record has room for.
    """
    data = (name or "").encode()[:bytes_max]
    # Cutting may leave part of a character behind: it is dropped.
    return data.decode(errors="ignore")
