"""From what somebody asked for to when a device is programmed and what it can hold.

Never wider than asked: a window that a device keeps itself is mapped by `protocols.doorlock`
(start up, end down); one that the gateway keeps is the asked one to the millisecond.
"""

from __future__ import annotations

import dataclasses

from gateway.plan.entry import DesiredEntry, Scheduling
from gateway.plan.policy import Policy
from protocols.doorlock.window import MappedWindow, WindowWarning, map_window
from protocols.profiles.parser import JitPolicy, Profile


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EntryTimes:
    """When an entry comes and goes. Instants are milliseconds since 1970.

    Attributes:
        scheduling: Who keeps the window.
        program_at_ms: When it shall be on the device.
        remove_at_ms: When it shall leave; None for never.
        warnings: What the device holds narrower than asked.
    """

    scheduling: Scheduling
    program_at_ms: int
    remove_at_ms: int | None
    warnings: tuple[WindowWarning, ...] = ()


def entry_times(
    profile: Profile,
    policy: Policy,
    *,
    starts_at_ms: int | None,
    ends_at_ms: int | None,
    prefer_native_scheduling: bool,
    now_ms: int,
) -> EntryTimes:
    """Decide who keeps a window and when the device is programmed.

    Args:
        profile: The facts of the device.
        policy: The leads.
        starts_at_ms: Start asked for; None for at once.
        ends_at_ms: End asked for; None for an ongoing code.
        prefer_native_scheduling: False has the gateway keep the window on any device.
        now_ms: The present instant.

    Raises:
        WindowError: When the device can't hold the window.
    """
    is_later = starts_at_ms is not None and starts_at_ms > now_ms
    if not is_later and ends_at_ms is None:
        return EntryTimes(scheduling=Scheduling.ALWAYS, program_at_ms=now_ms, remove_at_ms=None)
    start_ms = now_ms if starts_at_ms is None else starts_at_ms
    if prefer_native_scheduling and keeps_windows(profile):
        window = map_window(profile, start_ms, ends_at_ms)
        return EntryTimes(
            scheduling=Scheduling.NATIVE,
            program_at_ms=max(now_ms, start_ms - policy.native_lead_ms),
            remove_at_ms=ends_at_ms,
            warnings=window.warnings,
        )
    is_early = profile.jit is JitPolicy.EARLY_LIVE
    return EntryTimes(
        scheduling=Scheduling.EARLY_LIVE if is_early else Scheduling.JUST_IN_TIME,
        program_at_ms=max(now_ms, start_ms - policy.jit_lead_ms),
        remove_at_ms=ends_at_ms,
    )


def keeps_windows(profile: Profile) -> bool:
    """True when the gateway lets a device keep the windows of its codes by itself.

    A lock that stores door-local time can, but the gateway does not know the door's time zone: a
    window that it converted by guess could be wider than asked (DESIGN D19). So it is programmed
    just in time.
    """
    return profile.native_scheduling and not profile.local_year_day


def stored_window(entry: DesiredEntry, profile: Profile) -> MappedWindow:
    """The window that the device stores for a natively scheduled entry.

    Args:
        entry: An entry with scheduling native, so with a start.
        profile: The facts of the device.

    Raises:
        WindowError: When the device can't hold it.
    """
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
