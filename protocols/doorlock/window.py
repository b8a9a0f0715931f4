"""From a grant's window to the window that a device can hold, never wider than asked (DESIGN D19).

The gateway counts milliseconds since 1970, a device whole seconds since 2000. A start is rounded
up and an end down, first to the second and then to the profile's granularity, counted from
2000-01-01T00:00:00Z. What is lost on the way is told as a warning; a window of which nothing is
left, or that begins or ends outside of what a device can count, is refused.

Some locks keep windows in door-local time: those are `protocols.doorlock.local_window`'s.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Final, Protocol

from protocols.doorlock.schedule import OPEN_END_S
from protocols.errors import WindowError

# 2000-01-01T00:00:00Z in milliseconds since 1970-01-01T00:00:00Z.
EPOCH_2000_MS: Final = 946_684_800_000
SECOND_MS: Final = 1000
# The last instant with a meaning of its own: one second less than the mark of an open end.
INSTANT_S_MAX: Final = OPEN_END_S - 1


class WindowFacts(Protocol):
    """What the mapping asks of a profile (`protocols.profiles.parser.Profile` has it)."""

    @property
    def time_granularity_s(self) -> int:
        """Seconds that the bounds of a stored window are multiples of."""

    @property
    def local_year_day(self) -> bool:
        """True for a lock that stores year-day windows in door-local time."""


class WindowEdge(enum.Enum):
    """What of a window a warning is about."""

    START = "start"
    END = "end"
    BREAK = "break"  # shut for a while in between


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WindowWarning:
    """A part of the window asked for that the device will keep shut.

    Attributes:
        edge: Which part.
        asked_ms: The bound as asked, milliseconds since 1970; of a break its beginning.
        stored_ms: The bound as the device will hold it; of a break its end.
    """

    edge: WindowEdge
    asked_ms: int
    stored_ms: int

    @property
    def narrowed_ms(self) -> int:
        """Milliseconds by which the window is shorter by this."""
        return abs(self.stored_ms - self.asked_ms)

    def __str__(self) -> str:
        if self.edge is WindowEdge.BREAK:
            span = f"{self.narrowed_ms / SECOND_MS:g} s"
            return f"the lock interrupts the window for {span} when clocks go back"
        verb = "starts" if self.edge is WindowEdge.START else "ends"
        way = "later" if self.edge is WindowEdge.START else "earlier"
        return f"the lock {verb} the window {self.narrowed_ms / SECOND_MS:g} s {way} than asked"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MappedWindow:
    """A window as a device holds it.

    Attributes:
        start_s: UTC seconds since 2000-01-01, inclusive; door-local ones on a lock that keeps so.
        end_s: The same, exclusive; `OPEN_END_S` when it never closes.
        warnings: What became narrower.
    """

    start_s: int
    end_s: int
    warnings: tuple[WindowWarning, ...] = ()


def to_device_s_ceil(ms: int) -> int:
    """The first whole second since 2000 that is not before an instant.

    Args:
        ms: Milliseconds since 1970.

    Raises:
        WindowError: When a device can't count that instant.
    """
    return in_range(-((EPOCH_2000_MS - ms) // SECOND_MS))


def to_device_s_floor(ms: int) -> int:
    """The last whole second since 2000 that is not after an instant.

    Args:
        ms: Milliseconds since 1970.

    Raises:
        WindowError: When a device can't count that instant.
    """
    return in_range((ms - EPOCH_2000_MS) // SECOND_MS)


def to_ms(device_s: int) -> int:
    """Milliseconds since 1970 of a device's seconds since 2000."""
    return EPOCH_2000_MS + device_s * SECOND_MS


def map_window(profile: WindowFacts, starts_at_ms: int, ends_at_ms: int | None) -> MappedWindow:
    """The window that a device of a profile holds for a window that somebody asked for.

    Args:
        profile: The facts of the device.
        starts_at_ms: Start, milliseconds since 1970, inclusive.
        ends_at_ms: End, exclusive; None for a window without an end.

    Raises:
        WindowError: When the window is empty, vanishes in the rounding, lies outside of what a
            device can count (2000-01-01 to 2136-02-07), or when the lock stores door-local time,
            for which `map_local_window` wants to know the door's time zone.
    """
    if profile.local_year_day:
        raise WindowError("this lock stores door-local time, and its door's time zone is unknown")
    if ends_at_ms is not None and ends_at_ms <= starts_at_ms:
        raise WindowError("the window ends before it starts")
    step_s = profile.time_granularity_s
    start_s = in_range(-(-to_device_s_ceil(starts_at_ms) // step_s) * step_s)
    warnings = narrowed(WindowEdge.START, starts_at_ms, start_s)
    if ends_at_ms is None:
        return MappedWindow(start_s=start_s, end_s=OPEN_END_S, warnings=warnings)
    end_s = to_device_s_floor(ends_at_ms) // step_s * step_s
    if end_s <= start_s:
        raise WindowError(f"nothing of the window is left in steps of {step_s} s")
    warnings += narrowed(WindowEdge.END, ends_at_ms, end_s)
    return MappedWindow(start_s=start_s, end_s=end_s, warnings=warnings)


def in_range(device_s: int) -> int:
    """The same second, if a device can count it.

    Raises:
        WindowError: When it can't.
    """
    if not 0 <= device_s <= INSTANT_S_MAX:
        raise WindowError("the lock counts time from 2000-01-01 to 2136-02-07 only")
    return device_s


def narrowed(edge: WindowEdge, asked_ms: int, device_s: int) -> tuple[WindowWarning, ...]:
    """The warning about a bound, where it is not as asked.

    Args:
        edge: Which part of the window.
        asked_ms: As asked, milliseconds since 1970.
        device_s: As the device holds it, seconds since 2000.
    """
    stored_ms = to_ms(device_s)
    if stored_ms == asked_ms:
        return ()
    return (WindowWarning(edge=edge, asked_ms=asked_ms, stored_ms=stored_ms),)
