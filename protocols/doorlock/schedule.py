"""Is a user let in at an instant? The pure schedule function that every simulated lock asks.

Source: Matter Application Cluster Specification, Door Lock cluster, UserTypeEnum ("restricted by
week day and/or year day schedule"), read together with the project-chip example lock
(`LockEndpoint.cpp`), which settles what the sentence leaves open: a SCHEDULE_RESTRICTED user is
let in when *every* kind of schedule that it has admits it, and never when it has none. This is the
narrower reading, so a weekly span inside a stay of three days works as a host means it. A kind of
schedule that a user type does not name is ignored for that type.

Year-day windows are UTC, week-day spans and holidays door-local (DESIGN D19); some locks keep
year-day windows door-local too. How far local time is from UTC at an instant, the lock knows, so
these functions take it as a number and know no time zones.

Local time jumps. What counts is the *minute on the wall*: a span whose minutes daylight saving
skips does not open on that day, or opens for what is left of it; one whose minutes come twice
opens twice. Nothing is made up for, so a span is never longer on the wall than it says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

from protocols.doorlock.vocabulary import DaysMask, OperatingMode, UserType
from protocols.errors import WindowError

# End of a window without an end: the largest u32 of seconds since 2000, 2136-02-07T06:28:15Z. No
# clock of this protocol can hold a later instant, so such a window never closes.
OPEN_END_S: Final = 0xFFFF_FFFF
MINUTE_S: Final = 60
# Minutes of a day: the largest end of a span; a span may end with its day, not beyond it.
DAY_MIN: Final = 24 * 60
DAY_S: Final = DAY_MIN * MINUTE_S
WEEK_DAYS: Final = 7
# 2000-01-01, day 0 of this count, was a Saturday; Sunday is day 0 of a week (DaysMask).
FIRST_WEEKDAY: Final = 6

_YEAR_DAY_TYPES: Final = (UserType.YEAR_DAY_SCHEDULE_USER, UserType.SCHEDULE_RESTRICTED_USER)
_WEEK_DAY_TYPES: Final = (UserType.WEEK_DAY_SCHEDULE_USER, UserType.SCHEDULE_RESTRICTED_USER)


@dataclasses.dataclass(frozen=True, slots=True)
class YearDayWindow:
    """An absolute window, start inclusive, end exclusive.

    Attributes:
        start_s: UTC seconds since 2000-01-01; on a lock that keeps them so, door-local ones.
        end_s: The same; `OPEN_END_S` for a window that never closes.

    Raises:
        WindowError: When it holds no instant, or a bound is no u32.
    """

    start_s: int
    end_s: int

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < self.end_s <= OPEN_END_S:
            raise WindowError("a year-day window starts before it ends, both between 0 and 2^32-1")

    def admits(self, instant_s: int) -> bool:
        """True inside the window, for an instant of the window's own count."""
        return self.start_s <= instant_s and (instant_s < self.end_s or self.end_s == OPEN_END_S)


@dataclasses.dataclass(frozen=True, slots=True)
class WeekDaySpan:
    """A daily span on some days of the week, in door-local time; it never crosses midnight.

    A night's span is two of them: see `week_day_spans`.

    Attributes:
        days: The days on which it opens.
        start_min: Minutes after local midnight, inclusive, 0 to 1439.
        end_min: The same, exclusive, 1 to 1440.

    Raises:
        WindowError: When it holds no minute, names no day or unknown days, or crosses midnight.
    """

    days: DaysMask
    start_min: int
    end_min: int

    def __post_init__(self) -> None:
        if not 0 < int(self.days) <= DaysMask.ALL:
            raise WindowError("a week-day span needs a day mask between 0x01 and 0x7F")
        if not 0 <= self.start_min < self.end_min <= DAY_MIN:
            raise WindowError("a week-day span starts before it ends, within one day of 1440 min")

    def admits(self, local_s: int) -> bool:
        """True inside the span.

        Args:
            local_s: Door-local seconds since 2000-01-01T00:00:00 local time.
        """
        day, second = divmod(local_s, DAY_S)
        return self._has_day(day) and self.start_min <= second // MINUTE_S < self.end_min

    def edges(self, local_s: int) -> Iterator[int]:
        """Door-local instants within the next week at which this span begins or ends."""
        today = local_s // DAY_S
        # Eight days: on the day a week ahead lies the next edge of a span that just began.
        for day in range(today, today + WEEK_DAYS + 1):
            if self._has_day(day):
                yield day * DAY_S + self.start_min * MINUTE_S
                yield day * DAY_S + self.end_min * MINUTE_S

    def _has_day(self, day: int) -> bool:
        return bool(int(self.days) >> (day + FIRST_WEEKDAY) % WEEK_DAYS & 1)


@dataclasses.dataclass(frozen=True, slots=True)
class HolidaySpan:
    """A time in which a lock has another operating mode, start inclusive, end exclusive.

    Attributes:
        start_s: Door-local seconds since 2000-01-01T00:00:00 local time.
        end_s: The same.
        mode: What the lock lets happen meanwhile.

    Raises:
        WindowError: When it holds no instant, or a bound is no u32.
    """

    start_s: int
    end_s: int
    mode: OperatingMode

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < self.end_s <= OPEN_END_S:
            raise WindowError("a holiday starts before it ends, both between 0 and 2^32-1")

    def admits(self, local_s: int) -> bool:
        """True inside the holiday."""
        return self.start_s <= local_s < self.end_s


# The narrower mode first: where holidays overlap, it counts. The standard says nothing of that.
_MODES: Final = (
    OperatingMode.PRIVACY,
    OperatingMode.VACATION,
    OperatingMode.NO_REMOTE_LOCK_UNLOCK,
    OperatingMode.NORMAL,
    OperatingMode.PASSAGE,
)


def operating_mode(holidays: Sequence[HolidaySpan], *, local_s: int) -> OperatingMode:
    """The operating mode of a lock at an instant: that of the holiday, else NORMAL.

    Args:
        holidays: Its holiday schedules, in any order; the narrowest mode of those that overlap
            counts, and one that nobody knows counts as PRIVACY, the narrowest of all.
        local_s: Door-local seconds since 2000-01-01T00:00:00 local time.
    """
    modes = [holiday.mode for holiday in holidays if holiday.admits(local_s)]
    if not modes:
        return OperatingMode.NORMAL
    return min((mode if mode in _MODES else _MODES[0] for mode in modes), key=_MODES.index)


def admits_keypad(mode: OperatingMode) -> bool:
    """Whether codes count in an operating mode (Matter, OperatingModeEnum).

    VACATION leaves only remote operation, PRIVACY nothing from outside.
    """
    return mode not in (OperatingMode.VACATION, OperatingMode.PRIVACY)


def admits_remote(mode: OperatingMode) -> bool:
    """Whether remote operation counts in an operating mode (Matter, OperatingModeEnum)."""
    return mode not in (OperatingMode.PRIVACY, OperatingMode.NO_REMOTE_LOCK_UNLOCK)


def week_day_spans(days: DaysMask, start_min: int, end_min: int) -> tuple[WeekDaySpan, ...]:
    """The spans of a daily time that may cross midnight.

    One span, or two of which the second lies on the days after.

    Args:
        days: The days on which it begins.
        start_min: Minutes after local midnight, 0 to 1439.
        end_min: The same, exclusive, 1 to 1440; at or before the start, it is on the next day.

    Raises:
        WindowError: When a bound is no minute of a day, or it names no day.
    """
    if start_min < end_min:
        return (WeekDaySpan(days, start_min, end_min),)
    evening = WeekDaySpan(days, start_min, DAY_MIN)
    if end_min == 0:
        return (evening,)
    after = int(days) << 1 | int(days) >> (WEEK_DAYS - 1)
    return (evening, WeekDaySpan(DaysMask(after & DaysMask.ALL), 0, end_min))


def is_admitted(
    user_type: UserType,
    year_days: Sequence[YearDayWindow],
    week_days: Sequence[WeekDaySpan],
    *,
    utc_s: int,
    utc_offset_min: int,
    year_days_are_local: bool = False,
) -> bool:
    """Do this user's schedules let it in at an instant?

    The user's status, its type's other effects (a duress alarm, a door that stays shut for a
    non-access user) and the bolt are not asked here: types without schedules are always let in.

    Args:
        user_type: The user's type.
        year_days: Its year-day windows, in any order.
        week_days: Its week-day spans, in any order.
        utc_s: Instant, UTC seconds since 2000-01-01.
        utc_offset_min: Door-local time minus UTC at that instant, minutes.
        year_days_are_local: True for a lock that keeps year-day windows in door-local time.
    """
    local_s = utc_s + utc_offset_min * MINUTE_S
    counted_s = local_s if year_days_are_local else utc_s
    in_year_day = any(window.admits(counted_s) for window in year_days)
    in_week_day = any(span.admits(local_s) for span in week_days)
    match user_type:
        case UserType.YEAR_DAY_SCHEDULE_USER:
            return in_year_day
        case UserType.WEEK_DAY_SCHEDULE_USER:
            return in_week_day
        case UserType.SCHEDULE_RESTRICTED_USER:
            return (
                bool(year_days or week_days)
                and (in_year_day or not year_days)
                and (in_week_day or not week_days)
            )
        case _:
            return True


def next_change_s(
    user_type: UserType,
    year_days: Sequence[YearDayWindow],
    week_days: Sequence[WeekDaySpan],
    *,
    utc_s: int,
    utc_offset_min: int,
) -> int | None:
    """The next instant at which `is_admitted` may answer differently; None when it never will.

    It is the first edge of a schedule that counts for the user's type, later than `utc_s`. Between
    the two instants the answer stays as it is; at the edge it changes unless another schedule of
    the user says the same on both sides. A change of the clock or of its distance from UTC asks
    for a new call.

    Args:
        user_type: The user's type.
        year_days: Its year-day windows, in any order.
        week_days: Its week-day spans, in any order.
        utc_s: Instant, UTC seconds since 2000-01-01.
        utc_offset_min: Door-local time minus UTC, minutes.
    """
    offset_s = utc_offset_min * MINUTE_S
    edges: list[int] = []
    if user_type in _YEAR_DAY_TYPES:
        edges += [edge for window in year_days for edge in (window.start_s, window.end_s)]
    if user_type in _WEEK_DAY_TYPES:
        edges += [edge - offset_s for span in week_days for edge in span.edges(utc_s + offset_s)]
    return min((edge for edge in edges if utc_s < edge < OPEN_END_S), default=None)
