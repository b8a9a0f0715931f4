"""What somebody writes into a lock: users of all types with their schedules and codes, holidays.

Each request comes with the records that it writes when it is done, as a lock shows them. Times
lie about an instant that is given, near enough that some of them come about within a run.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from collections.abc import Sequence
from typing import Any, Final

from hil_tests.explore.model import Part, Writes, pin_key, pin_part, user_key
from protocols.doorlock.vocabulary import (
    CredentialType,
    OperatingMode,
    UserStatus,
    UserType,
)
from protocols.profiles.parser import Profile
from protocols.strike import messages as m

EPOCH: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_NEVER_S: Final = 2**32 - 1
_NAME: Final = "Jo"
_DAY_MIN: Final = 1440
_EVERY_DAY: Final = 0x7F
_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_STATUSES: Final = (*(UserStatus.OCCUPIED_ENABLED,) * 5, UserStatus.OCCUPIED_DISABLED)
_WITH_WINDOW: Final = (UserType.YEAR_DAY_SCHEDULE_USER, UserType.SCHEDULE_RESTRICTED_USER)
_WITH_SPAN: Final = (UserType.WEEK_DAY_SCHEDULE_USER, UserType.SCHEDULE_RESTRICTED_USER)
_USED_UP: Final = (UserType.DISPOSABLE_USER, UserType.EXPIRING_USER)
_FAVOURITES: Final = 2
_PREFERENCE: Final = 6
_MODES: Final = tuple(OperatingMode)


@dataclasses.dataclass(frozen=True, slots=True)
class Ask:
    """A request, and what it writes when it is done."""

    request: Any = dataclasses.field(repr=False)
    writes: Writes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """About when something is to happen.

    Attributes:
        utc: An instant.
        local: What a clock on the wall of the door shows then, taken for UTC.
    """

    utc: dt.datetime
    local: dt.datetime


class EntryDrawer:
    """Draws what is written.

    Args:
        draw: Where chance comes from.
        profile: The kind of lock.
        pins: The codes to choose from.
    """

    def __init__(self, draw: random.Random, profile: Profile, pins: Sequence[str]) -> None:
        self._draw = draw
        self._profile = profile
        self._pins = pins
        self._kinds = profile.user_types
        # Each run has its favourites, so that more becomes of them than when all are equal; one is
        # of those with the longest stories.
        used_up = [kind for kind in self._kinds if kind in _USED_UP]
        favourites = draw.sample(self._kinds, min(_FAVOURITES, len(self._kinds)))
        favourites += draw.sample(used_up, min(1, len(used_up)))
        self._weights = [_PREFERENCE if kind in favourites else 1 for kind in self._kinds]

    def entry(self, slot: int, revision: int, near: Near) -> list[Ask]:
        """A user with its schedules and its code, as a gateway writes them: narrow before open."""
        [kind] = self._draw.choices(self._kinds, self._weights)
        asks = [self._user(slot, revision, kind)]
        if kind in _WITH_WINDOW and self._profile.year_day_per_user:
            index = self._draw.randint(1, self._profile.year_day_per_user)
            asks.append(self._window(slot, index, revision, near))
        if kind in _WITH_SPAN and self._profile.week_day_per_user:
            asks.append(self._span(slot, self._draw.randint(1, 2), revision, near))
        return [*asks, self.pin(slot, slot, revision)]

    def pin(self, slot: int, user: int, revision: int) -> Ask:
        """A code in a slot, for a user."""
        code = self._draw.choice(self._pins)
        request = m.SetCredential(
            credential_type=CredentialType.PIN,
            credential_index=slot,
            revision=revision,
            user_index=user,
            credential_data=code.encode(),
        )
        part = pin_part(self._profile, slot, user, revision, code)
        return Ask(request, {pin_key(slot): part})

    def _user(self, user: int, revision: int, kind: UserType) -> Ask:
        status = self._draw.choice(_STATUSES)
        request = m.SetUser(
            user_index=user,
            revision=revision,
            user_status=status,
            user_type=kind,
            user_name=_NAME,
        )
        part = Part(revision, (status.name.lower(), kind.name.lower(), _NAME))
        return Ask(request, {user_key(user): part})

    def _window(self, user: int, index: int, revision: int, near: Near) -> Ask:
        about = near.local if self._profile.local_year_day else near.utc
        step_s = self._profile.time_granularity_s
        start_s = max(0, device_s(about) + self._draw.randint(-4000, 4000))
        start_s -= start_s % step_s
        length_s = self._draw.choice((step_s, 60, 3600, 7200, None))
        end_s = _NEVER_S if length_s is None else start_s + length_s
        request = m.SetYearDaySchedule(
            year_day_index=index,
            user_index=user,
            revision=revision,
            start_s=start_s,
            end_s=end_s,
        )
        mark = "" if self._profile.local_year_day else "Z"
        says = (_wall(start_s) + mark, None if length_s is None else _wall(end_s) + mark)
        return Ask(request, {("window", user, index): Part(revision, says)})

    def _span(self, user: int, index: int, revision: int, near: Near) -> Ask:
        minute = near.local.hour * 60 + near.local.minute
        start = min(max(0, minute + self._draw.randint(-90, 60)), _DAY_MIN - 1)
        end = min(_DAY_MIN, start + self._draw.choice((1, 30, 120, 600)))
        today = 1 << (near.local.weekday() + 1) % 7
        mask = self._draw.choice((today, _EVERY_DAY, _EVERY_DAY & ~today, today | 1))
        request = m.SetWeekDaySchedule(
            week_day_index=index,
            user_index=user,
            revision=revision,
            days_mask=mask,
            start_min=start,
            end_min=end,
        )
        days = tuple(day for bit, day in enumerate(_DAYS) if mask >> bit & 1)
        says = (days, _clock(start), _clock(end))
        return Ask(request, {("span", user, index): Part(revision, says)})

    def holiday(self, index: int, revision: int, near: Near) -> Ask:
        """A holiday about now, or its end."""
        key = ("holiday", index, 0)
        if self._draw.random() < 0.2:  # noqa: PLR2004 - most end by themselves.
            clear = m.ClearHolidaySchedule(holiday_index=index, revision=revision)
            return Ask(clear, {key: Part(revision, None)})
        start_s = max(0, device_s(near.local) + self._draw.choice((-900, -60, 60, 600, 3600)))
        end_s = start_s + self._draw.choice((120, 1800, 7200))
        mode = self._draw.choice(_MODES)
        request = m.SetHolidaySchedule(
            holiday_index=index,
            revision=revision,
            local_start_s=start_s,
            local_end_s=end_s,
            operating_mode=mode,
        )
        says = (_wall(start_s), _wall(end_s), mode.name.lower())
        return Ask(request, {key: Part(revision, says)})


def device_s(instant: dt.datetime) -> int:
    """An instant as the protocol counts it: whole seconds since 2000."""
    return int((instant - EPOCH).total_seconds())


def _wall(instant_s: int) -> str:
    return (EPOCH + dt.timedelta(seconds=instant_s)).strftime("%Y-%m-%dT%H:%M:%S")


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
