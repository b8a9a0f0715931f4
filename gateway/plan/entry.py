"""A PIN entry: what a device shall hold, phase by phase, as a function of time alone.

Theory of operation: an entry passes through phases at fixed instants. `desired_phase` is
piecewise constant; it changes at `program_at_ms`, `starts_at_ms` (just in time) and
`remove_at_ms`, and at no other instant. What the device confirmed is another fact, kept beside
it; whoever finds the two apart has work to do (DESIGN section 2, *level-triggered*).

==============  ===================  =========================  =======  ==============
scheduling      before program_at    program_at to starts_at    to end   from remove_at
==============  ===================  =========================  =======  ==============
native          absent               stored                     stored   absent
just_in_time    absent               disabled                   enabled  absent
early_live      absent               enabled                    enabled  absent
always          absent               enabled                    enabled  absent
==============  ===================  =========================  =======  ==============
"""

from __future__ import annotations

import dataclasses
import enum


class Phase(enum.StrEnum):
    """What of an entry lies in the device's memory."""

    ABSENT = "absent"  # nothing, or a tombstone
    STORED = "stored"  # with its window; the device's own clock opens and closes it
    DISABLED = "disabled"  # written, but does not open
    ENABLED = "enabled"  # opens whenever it is entered


class Scheduling(enum.StrEnum):
    """Who keeps the window."""

    NATIVE = "native"  # the device
    JUST_IN_TIME = "just_in_time"  # the gateway: disabled first, enabled at the start
    EARLY_LIVE = "early_live"  # the gateway: opens as soon as it is written
    ALWAYS = "always"  # nobody: open from creation to deletion


@dataclasses.dataclass(frozen=True, slots=True)
class LocalWindow:
    """A window as a lock holds it that stores door-local time.

    It is worked out once, when the entry is planned, and kept: what a device holds must not change
    because the gateway knows its time zone otherwise since then.

    Attributes:
        start_s: Door-local seconds since 2000-01-01T00:00 local time, inclusive.
        end_s: The same, exclusive; `OPEN_END_S` when it never closes.
    """

    start_s: int
    end_s: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DesiredEntry:
    """One PIN that a device shall hold. Instants are milliseconds since 1970.

    Attributes:
        entry_id: The id of its access code.
        device_id: The device.
        slot: PIN slot, from 1; None until one was given.
        revision: First revision of this content (see `gateway.plan.operations`); 0 without a slot.
        code: The digits.
        user_name: Name of the user record on the device.
        scheduling: Who keeps the window.
        starts_at_ms: Start of the window; None for one that has begun for ever.
        ends_at_ms: End of the window; None without an end.
        local_window: The window as the device shall store it, where it stores door-local time and
            keeps the window itself; else None.
        program_at_ms: When it shall be on the device.
        remove_at_ms: When it shall leave; None for never.
        is_deleted: True when it shall leave at once.
    """

    entry_id: str
    device_id: str
    slot: int | None = None
    revision: int = 0
    code: str = dataclasses.field(repr=False)
    user_name: str = ""
    scheduling: Scheduling
    starts_at_ms: int | None = None
    ends_at_ms: int | None = None
    local_window: LocalWindow | None = None
    program_at_ms: int
    remove_at_ms: int | None = None
    is_deleted: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Confirmed:
    """What the device confirmed of an entry.

    Attributes:
        phase: The phase.
        revision: Of which content.
        pending_revision: Of writes that were handed out and not confirmed: the device may hold
            more, or newer, than the phase says. 0 when there are none.
    """

    phase: Phase = Phase.ABSENT
    revision: int = 0
    pending_revision: int = 0


def desired_phase(entry: DesiredEntry, now_ms: int) -> Phase:
    """The phase that an entry shall be in at an instant.

    Args:
        entry: The entry.
        now_ms: Milliseconds since 1970.
    """
    if entry.is_deleted or now_ms < entry.program_at_ms:
        return Phase.ABSENT
    if entry.remove_at_ms is not None and now_ms >= entry.remove_at_ms:
        return Phase.ABSENT
    if entry.scheduling is Scheduling.NATIVE:
        return Phase.STORED
    if entry.scheduling is Scheduling.JUST_IN_TIME and not _has_started(entry, now_ms):
        return Phase.DISABLED
    return Phase.ENABLED


def next_change_ms(entry: DesiredEntry, now_ms: int) -> int | None:
    """The first instant after `now_ms` at which the desired phase is another one; None if never.

    Args:
        entry: The entry.
        now_ms: Milliseconds since 1970.
    """
    phase = desired_phase(entry, now_ms)
    instants = (entry.program_at_ms, entry.starts_at_ms, entry.remove_at_ms)
    for instant_ms in sorted(instant for instant in instants if instant is not None):
        if instant_ms > now_ms and desired_phase(entry, instant_ms) is not phase:
            return instant_ms
    return None


def is_conforming(entry: DesiredEntry, confirmed: Confirmed, now_ms: int) -> bool:
    """True when the device holds what it shall hold now, in its present content."""
    phase = desired_phase(entry, now_ms)
    if confirmed.pending_revision or confirmed.phase is not phase:
        return False
    return phase is Phase.ABSENT or confirmed.revision == entry.revision


def may_hold(confirmed: Confirmed) -> bool:
    """True when something of an entry is on the device, or may be."""
    return confirmed.phase is not Phase.ABSENT or confirmed.pending_revision > 0


def has_closed_itself(entry: DesiredEntry, confirmed: Confirmed, now_ms: int) -> bool:
    """True when the device's own clock has closed an entry: cleaning its slot can wait.

    False while the device may hold another content, whose window may be open.
    """
    is_over = entry.ends_at_ms is not None and now_ms >= entry.ends_at_ms
    if entry.scheduling is not Scheduling.NATIVE or not is_over:
        return False
    held = {confirmed.pending_revision} - {0}
    if confirmed.phase is not Phase.ABSENT:
        held.add(confirmed.revision)
    return held <= {entry.revision}


def next_due_ms(entry: DesiredEntry, confirmed: Confirmed, now_ms: int) -> int | None:
    """When a session is needed for an entry: `now_ms` when it is now, None when not foreseeable.

    An entry that closed itself waits for a session that somebody else needs.

    Args:
        entry: The entry.
        confirmed: What the device holds of it.
        now_ms: Milliseconds since 1970.
    """
    if not is_conforming(entry, confirmed, now_ms):
        return None if has_closed_itself(entry, confirmed, now_ms) else now_ms
    change_ms = next_change_ms(entry, now_ms)
    if change_ms is not None and has_closed_itself(entry, confirmed, change_ms):
        return None
    return change_ms


def _has_started(entry: DesiredEntry, now_ms: int) -> bool:
    return entry.starts_at_ms is None or now_ms >= entry.starts_at_ms
