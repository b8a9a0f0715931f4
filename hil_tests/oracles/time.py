"""Is somebody let in at an instant? An oracle that shares no line with the product.

It is slow and plain on purpose. The product counts seconds in integers and knows a POSIX rule;
here instants are calendar dates with `zoneinfo` behind them, and a schedule is compared part by
part as a person would read it off a wall clock. All that both have in common is what was written
down:

* a year-day window is an absolute time from its start up to, and without, its end; on a lock that
  keeps local time, both are wall times without a zone;
* a week-day span is open on its days while the wall clock shows a minute from its start up to, and
  without, its end; what daylight saving skips is not shown, what it repeats is shown twice;
* a user restricted by both kinds needs each kind that it has, and one at least;
* the lock goes by its own clock, right or wrong, and a lock that knows that it does not know the
  time lets nobody in whose access has a limit in time.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Final

EPOCH: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
WALL_EPOCH: Final = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - a wall clock has no zone.
# A window that never closes has this for its end.
NEVER_S: Final = 2**32 - 1
# Python's Monday is 0; the standard's mask begins with Sunday.
_MASK_DAYS: Final = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What is stored of one user.

    Attributes:
        kinds: Kinds of schedules that limit it: "year", "week", both or none. With both, a kind
            of which nothing is stored does not limit.
        windows: Year-day windows: start and end, seconds since 2000.
        windows_are_local: True when those are wall times.
        spans: Week-day spans: day mask (Sunday is bit 0), start and end in minutes of the day.
    """

    kinds: frozenset[str] = frozenset()
    windows: tuple[tuple[int, int], ...] = ()
    windows_are_local: bool = False
    spans: tuple[tuple[int, int, int], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """What is stored of one holiday: wall times, seconds since 2000, and the mode's name."""

    start_s: int
    end_s: int
    mode: str


def utc(instant_s: float) -> dt.datetime:
    """An instant of the protocol's count as a date."""
    return EPOCH + dt.timedelta(seconds=instant_s)


def is_let_in(access: Access, shown: dt.datetime, zone: dt.tzinfo) -> bool:
    """Whether a lock lets a user in.

    Args:
        access: What is stored of it.
        shown: What the lock's clock shows, right or wrong, as an instant.
        zone: Where the lock takes itself to be.
    """
    # A lock counts whole seconds.
    shown = shown.replace(microsecond=0)
    wall = shown.astimezone(zone).replace(tzinfo=None)
    in_window = any(_is_in_window(access, window, shown, wall) for window in access.windows)
    in_span = any(_is_in_span(span, wall) for span in access.spans)
    if access.kinds == {"year"}:
        return in_window
    if access.kinds == {"week"}:
        return in_span
    if access.kinds == {"year", "week"}:
        if not access.windows and not access.spans:
            return False
        return (in_window if access.windows else True) and (in_span if access.spans else True)
    return True


def _is_in_window(
    access: Access, window: tuple[int, int], shown: dt.datetime, wall: dt.datetime
) -> bool:
    start_s, end_s = window
    if access.windows_are_local:
        starts_at = WALL_EPOCH + dt.timedelta(seconds=start_s)
        return wall >= starts_at and (end_s == NEVER_S or wall < _wall(end_s))
    return shown >= utc(start_s) and (end_s == NEVER_S or shown < utc(end_s))


def _wall(local_s: int) -> dt.datetime:
    return WALL_EPOCH + dt.timedelta(seconds=local_s)


def _is_in_span(span: tuple[int, int, int], wall: dt.datetime) -> bool:
    mask, start_min, end_min = span
    days = [name for bit, name in enumerate(_MASK_DAYS) if mask & (1 << bit)]
    today = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[wall.weekday()]
    return today in days and start_min <= wall.hour * 60 + wall.minute < end_min


def mode_of(holidays: tuple[Holiday, ...], shown: dt.datetime, zone: dt.tzinfo) -> str:
    """The operating mode: the narrowest of the holidays that the wall clock lies in."""
    wall = shown.replace(microsecond=0).astimezone(zone).replace(tzinfo=None)
    modes = {one.mode for one in holidays if _wall(one.start_s) <= wall < _wall(one.end_s)}
    for mode in ("privacy", "vacation", "no_remote_lock_unlock", "normal", "passage"):
        if mode in modes:
            return mode
    return "normal"


def changes_of(zone: dt.tzinfo, first_year: int, last_year: int) -> list[int]:
    """The instants at which a zone's wall clock jumps, seconds since 2000, ascending.

    Found by asking every three hours and halving what lies between; a zone that jumps there and
    back within three hours is not known.
    """
    found = []
    step_s = 3 * 3600
    at_s = round((dt.datetime(first_year, 1, 1, tzinfo=dt.UTC) - EPOCH).total_seconds())
    end_s = round((dt.datetime(last_year + 1, 1, 1, tzinfo=dt.UTC) - EPOCH).total_seconds())
    before = _offset(zone, at_s)
    while at_s < end_s:
        after = _offset(zone, at_s + step_s)
        if after != before:
            low_s, high_s = at_s, at_s + step_s
            while high_s - low_s > 1:
                middle_s = (low_s + high_s) // 2
                if _offset(zone, middle_s) == before:
                    low_s = middle_s
                else:
                    high_s = middle_s
            found.append(high_s)
        before = after
        at_s += step_s
    return found


def offset_min(zone: dt.tzinfo, utc_s: int) -> int:
    """Wall time minus UTC at an instant, minutes."""
    return round(_offset(zone, utc_s).total_seconds() / 60)


def _offset(zone: dt.tzinfo, utc_s: int) -> dt.timedelta:
    offset = utc(utc_s).astimezone(zone).utcoffset()
    if offset is None:
        raise ValueError("a zone tells its distance from UTC")
    return offset
