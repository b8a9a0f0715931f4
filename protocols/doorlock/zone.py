"""Door-local time as a lock keeps it: a distance from UTC and, on some locks, a rule for DST.

A lock has no zone database. What a zone-aware lock carries is what POSIX calls a rule: daylight
saving begins and ends every year in some month, on some week's day, at some time (POSIX.1-2017,
8.3, `TZ`, form `std offset dst [offset],start[/time],end[/time]`; RFC 8536, 3.3.1 for hours beyond
a day). Such a rule says nothing of other years: a lock whose rule is old is wrong by the shift.

Only the `Mm.w.d` form of a date is taken: it is what locks can set, and the only one that zones
in force today need.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import re
from typing import Final

from protocols.errors import WindowError

# What a profile says of a lock without a rule of its own.
NO_RULE: Final = "none"
# 2000-01-01 as Python's proleptic ordinal: day 0 of the count of this protocol.
_EPOCH_DAY: Final = dt.date(2000, 1, 1).toordinal()
_DAY_S: Final = 86_400
_HOUR_S: Final = 3600
_MINUTE_S: Final = 60
_WEEK_DAYS: Final = 7
_LAST_WEEK: Final = 5
_MONTHS: Final = 12
# POSIX has a change at 02:00 and daylight saving one hour ahead, where nothing else is said.
_DEFAULT_AT_S: Final = 2 * _HOUR_S
_DEFAULT_SHIFT_MIN: Final = 60
# Minutes that local time may differ from UTC, as in SetTime.
_OFFSET_MIN_MAX: Final = 840
# Minutes that daylight saving may move a clock; one hour and half an hour are in use.
_SHIFT_MIN_MAX: Final = 120
# Seconds either way of a change's midnight: RFC 8536 has a week.
_AT_S_MAX: Final = 167 * _HOUR_S
# Years whose changes are kept: a device asks for the same one again and again.
_YEARS_CACHED: Final = 4096

_NAME: Final = r"(?:<[A-Za-z0-9+-]{3,}>|[A-Za-z]{3,})"
_TIME: Final = r"[+-]?\d{1,3}(?::\d{2}){0,2}"
_ZONE: Final = re.compile(
    rf"{_NAME}(?P<standard>{_TIME})(?:{_NAME}(?P<saving>{_TIME})?,(?P<rule>[^,]+,[^,]+))?"
)
_DATE: Final = re.compile(rf"M(\d{{1,2}})\.([1-5])\.([0-6])(?:/({_TIME}))?")


@dataclasses.dataclass(frozen=True, slots=True)
class YearlyChange:
    """A day of every year and a time on it.

    Attributes:
        month: 1 to 12.
        week: 1 to 4 the first to fourth such day of the month, 5 the last one.
        weekday: Sunday = 0.
        at_s: Seconds after local midnight, by the clock as it stands before the change; may be
            negative, or beyond the day.

    Raises:
        WindowError: When there is no such day.
    """

    month: int
    week: int
    weekday: int
    at_s: int = _DEFAULT_AT_S

    def __post_init__(self) -> None:
        if not (
            1 <= self.month <= _MONTHS
            and 1 <= self.week <= _LAST_WEEK
            and 0 <= self.weekday < _WEEK_DAYS
            and abs(self.at_s) <= _AT_S_MAX
        ):
            raise WindowError("a yearly change needs month 1-12, week 1-5, day 0-6, at most 167 h")

    def local_s(self, year: int) -> int:
        """Its local instant in a year, seconds since 2000-01-01T00:00 local time."""
        if self.week == _LAST_WEEK:
            after = dt.date(year + self.month // _MONTHS, self.month % _MONTHS + 1, 1)
            last = after.toordinal() - 1
            day = last - (last - self.weekday) % _WEEK_DAYS
        else:
            first = dt.date(year, self.month, 1).toordinal()
            # An ordinal that 7 divides is a Sunday.
            day = first + (self.weekday - first) % _WEEK_DAYS + (self.week - 1) * _WEEK_DAYS
        return (day - _EPOCH_DAY) * _DAY_S + self.at_s


@dataclasses.dataclass(frozen=True, slots=True)
class DstRule:
    """When daylight saving is in force, every year alike.

    Attributes:
        begins: When clocks go forward, by standard time.
        ends: When they go back, by daylight saving time.
        shift_min: Minutes that daylight saving is ahead; negative where a zone's law calls winter
            the exception (Ireland).

    Raises:
        WindowError: When clocks would not move, or move by more than two hours.
    """

    begins: YearlyChange
    ends: YearlyChange
    shift_min: int = _DEFAULT_SHIFT_MIN

    def __post_init__(self) -> None:
        if not 0 < abs(self.shift_min) <= _SHIFT_MIN_MAX:
            raise WindowError("daylight saving moves a clock by 1 to 120 minutes")


@dataclasses.dataclass(frozen=True, slots=True)
class LocalZone:
    """Door-local time.

    Attributes:
        standard_offset_min: Local standard time minus UTC, minutes.
        rule: Its daylight saving; None without.

    Raises:
        WindowError: When local time would be more than 14 hours away from UTC.
    """

    standard_offset_min: int
    rule: DstRule | None = None

    def __post_init__(self) -> None:
        if abs(self.standard_offset_min) > _OFFSET_MIN_MAX:
            raise WindowError("local time is at most 14 hours away from UTC")

    def offset_min(self, utc_s: int) -> int:
        """Local time minus UTC at an instant, minutes.

        Args:
            utc_s: UTC seconds since 2000-01-01.
        """
        if self.rule is None:
            return self.standard_offset_min
        year = _year_of(utc_s + self.standard_offset_min * _MINUTE_S)
        begins_s, ends_s = _changes(self.standard_offset_min, self.rule, year)
        if begins_s < ends_s:
            is_saving = begins_s <= utc_s < ends_s
        else:
            is_saving = not ends_s <= utc_s < begins_s
        return self.standard_offset_min + (self.rule.shift_min if is_saving else 0)

    def changes_s(self, from_s: int, until_s: int) -> list[int]:
        """The instants in a span at which local time jumps, ascending.

        Args:
            from_s: UTC seconds since 2000-01-01, inclusive.
            until_s: The same, exclusive.
        """
        if self.rule is None or until_s <= from_s:
            return []
        # A rule's time may lie a week beyond its year, so the years beside count too.
        years = range(_year_of(from_s) - 1, _year_of(until_s) + 2)
        offset_min, rule = self.standard_offset_min, self.rule
        found = (change for year in years for change in _changes(offset_min, rule, year))
        return sorted(change for change in found if from_s <= change < until_s)


@functools.lru_cache(maxsize=_YEARS_CACHED)
def _changes(standard_offset_min: int, rule: DstRule, year: int) -> tuple[int, int]:
    """UTC instants at which daylight saving begins and ends in a year."""
    standard_s = standard_offset_min * _MINUTE_S
    saving_s = standard_s + rule.shift_min * _MINUTE_S
    return rule.begins.local_s(year) - standard_s, rule.ends.local_s(year) - saving_s


def _year_of(local_s: int) -> int:
    return dt.date.fromordinal(_EPOCH_DAY + local_s // _DAY_S).year


def parse_zone(text: str) -> LocalZone:
    """Read a zone in POSIX's form, such as ``CET-1CEST,M3.5.0,M10.5.0/3`` or ``JST-9``.

    Raises:
        WindowError: When it is none, or has dates of another form than `Mm.w.d`, or counts local
            time in seconds.
    """
    match = _ZONE.fullmatch(text)
    if match is None:
        raise WindowError(f"{text!r:.60} is no POSIX time zone such as 'EST5EDT,M3.2.0,M11.1.0'")
    # POSIX counts west of Greenwich as positive.
    standard_min = -_whole_minutes(match["standard"])
    if match["rule"] is None:
        return LocalZone(standard_min)
    shift_min = _DEFAULT_SHIFT_MIN
    if match["saving"] is not None:
        shift_min = -_whole_minutes(match["saving"]) - standard_min
    return LocalZone(standard_min, parse_dst_rule(match["rule"], shift_min=shift_min))


def parse_dst_rule(text: str, *, shift_min: int = _DEFAULT_SHIFT_MIN) -> DstRule | None:
    """Read a rule in POSIX's form, such as ``M3.2.0/2,M11.1.0/2``.

    Args:
        text: The two dates: when daylight saving begins and when it ends; or "none".
        shift_min: Minutes that daylight saving is ahead.

    Returns:
        The rule; None for "none".

    Raises:
        WindowError: When it is none.
    """
    if text == NO_RULE:
        return None
    dates = [_DATE.fullmatch(part) for part in text.split(",")]
    found = [
        YearlyChange(
            int(date[1]),
            int(date[2]),
            int(date[3]),
            _DEFAULT_AT_S if date[4] is None else _seconds(date[4]),
        )
        for date in dates
        if date is not None
    ]
    if len(found) != len(dates) or len(found) != 2:  # noqa: PLR2004 - it begins and it ends.
        raise WindowError(f"{text!r:.60} is no rule such as 'M3.2.0/2,M11.1.0/2'")
    return DstRule(found[0], found[1], shift_min)


def _seconds(text: str) -> int:
    hours, minutes, seconds = (int(part) for part in (text.lstrip("+-") + ":0:0").split(":")[:3])
    total = hours * _HOUR_S + minutes * _MINUTE_S + seconds
    return -total if text.startswith("-") else total


def _whole_minutes(text: str) -> int:
    minutes, rest = divmod(_seconds(text), _MINUTE_S)
    if rest:
        raise WindowError("a lock counts its distance from UTC in whole minutes")
    return minutes
