"""What a device holds, in plain words: for `/bench/devices/{name}/memory` and for people.

It shows PINs, as that route may (DESIGN D22); their fields are left out of `repr`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import functools
from collections.abc import Mapping
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any, Final

from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.local_bounds import told, told_digest
from firmware_sim.memory.pins import clear_pin
from firmware_sim.memory.records import HashedCredentialContent, Record
from protocols.doorlock.digest import (
    CredentialContent,
    HolidayContent,
    UserContent,
    WeekDayContent,
    YearDayContent,
)
from protocols.doorlock.schedule import OPEN_END_S
from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    AlarmCode,
    BatteryLevel,
    ClockQuality,
    DaysMask,
    DoorState,
    LockOperationType,
    LogEvent,
    OperatingMode,
    RecordKind,
)
from protocols.doorlock.window import to_ms
from protocols.strike.messages import LogRecord

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# Log records that a view shows: enough for a page, few enough for every call.
LOG_TAIL: Final = 50
# What the detail of a log record means, by its event.
_DETAILS: Final[Mapping[LogEvent, type[enum.IntEnum]]] = MappingProxyType(
    {
        LogEvent.LOCK_OPERATION: LockOperationType,
        LogEvent.ACCESS_DENIED: AccessDeniedReason,
        LogEvent.ALARM: AlarmCode,
        LogEvent.DOOR: DoorState,
        LogEvent.BATTERY: BatteryLevel,
        LogEvent.OPERATING_MODE: OperatingMode,
    }
)
# What is a JSON value already.
_WHOLE: Final = frozenset({str, int, bool, NoneType})
_HOUR_MIN: Final = 60
_US_PER_S: Final = 1_000_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class YearDayView:
    """An absolute window; without an end it never closes.

    Instants are ISO 8601, UTC; door-local, and so without a Z, on a lock that takes them so.
    """

    index: int
    starts_at: str
    ends_at: str | None
    revision: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WeekDayView:
    """A daily span, door-local, as HH:MM."""

    index: int
    days: tuple[str, ...]
    start: str
    end: str
    revision: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HolidayView:
    """A time in which the lock has another operating mode; instants are door-local, ISO 8601."""

    index: int
    starts_at: str
    ends_at: str
    mode: str
    revision: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UserView:
    """A user."""

    index: int
    name: str
    status: str
    type: str
    revision: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SlotView:
    """A PIN slot with its user and schedules; a user without a PIN shows under its own number.

    A code of which the lock holds a hash is null, and `is_code_hashed` then says why.
    """

    slot: int
    code: str | None = dataclasses.field(repr=False)
    is_code_hashed: bool
    revision: int | None
    user: UserView | None
    year_day: tuple[YearDayView, ...]
    week_day: tuple[WeekDayView, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TombstoneView:
    """A record that was cleared."""

    kind: str
    index: int
    sub_index: int
    revision: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LogView:
    """A log record."""

    index: int
    at: str
    event: str
    detail: str | None
    source: str
    clock_quality: str
    user_index: int | None
    slot: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CountersView:
    """What the lock counts."""

    wrong_codes: int
    lockouts: int
    locked_out_until: str | None
    bolt_operations: int
    log_oldest_index: int
    log_next_index: int
    log_read_index: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """The lock's own clock."""

    now: str
    utc_offset_min: int
    quality: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MemoryView:
    """What a device holds; `as_document` gives JSON values."""

    slots: tuple[SlotView, ...]
    holidays: tuple[HolidayView, ...]
    tombstones: tuple[TombstoneView, ...]
    log: tuple[LogView, ...]
    counters: CountersView
    clock: ClockView
    bolt: str
    is_powered: bool
    digest: str


def view_of(
    memory: LockMemory,
    *,
    clock_s: int,
    utc_offset_min: int | None = None,
    quality: ClockQuality | None = None,
    are_windows_local: bool = False,
    ahead_s: int = 0,
    log_tail: int = LOG_TAIL,
) -> MemoryView:
    """View a memory.

    Args:
        memory: What to look at.
        clock_s: What the lock's clock shows, seconds since 2000.
        utc_offset_min: What the lock takes for local time minus UTC, minutes; None = as last set.
        quality: How far the lock trusts its clock; None = as its clock says.
        are_windows_local: True for a lock that takes windows in door-local time.
        ahead_s: Seconds by which stored windows are ahead of those that the lock tells.
        log_tail: Records that it shows of the end of the log.
    """
    state = memory.state
    first_shown = max(memory.log_oldest_index, memory.log_next_index - log_tail)
    until_us = state.lockout_until_us
    return MemoryView(
        slots=_slots(memory, are_windows_local=are_windows_local, ahead_s=ahead_s),
        holidays=tuple(
            _holiday(record, record.content)
            for record in memory.live(RecordKind.HOLIDAY_SCHEDULE)
            if isinstance(record.content, HolidayContent)
        ),
        tombstones=tuple(
            TombstoneView(
                kind=record.key.kind.name.lower(),
                index=record.key.index,
                sub_index=record.key.sub_index,
                revision=record.revision,
            )
            for record in memory.records()
            if record.content is None
        ),
        log=tuple(log_view_of(record) for record in memory.log_records(first_shown, log_tail)),
        counters=CountersView(
            wrong_codes=state.wrong_codes,
            lockouts=state.lockouts,
            locked_out_until=iso_of(-(-until_us // _US_PER_S)) if until_us else None,
            bolt_operations=state.bolt.operations,
            log_oldest_index=memory.log_oldest_index,
            log_next_index=memory.log_next_index,
            log_read_index=state.log_read_index,
        ),
        clock=ClockView(
            now=iso_of(clock_s),
            utc_offset_min=(
                state.clock.utc_offset_min if utc_offset_min is None else utc_offset_min
            ),
            quality=(state.clock.quality if quality is None else quality).name.lower(),
        ),
        bolt=state.bolt.position.name.lower(),
        is_powered=state.is_powered,
        digest=told_digest(memory, ahead_s).hex(),
    )


def as_document(view: DataclassInstance) -> dict[str, Any]:
    """A view, or a part of one, as JSON values.

    As `dataclasses.asdict`, but in a fraction of its time, since views hold nothing that has to be
    copied: explorations look into a memory some hundred times a run.
    """
    return {
        name: value if type(value := getattr(view, name)) in _WHOLE else _parts(value)
        for name in view.__dataclass_fields__
    }


def _parts(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(each if type(each) in _WHOLE else _parts(each) for each in value)
    return as_document(value)


def _slots(memory: LockMemory, *, are_windows_local: bool, ahead_s: int) -> tuple[SlotView, ...]:
    mark = "" if are_windows_local else "Z"
    users: dict[int, UserView] = {}
    year_days: dict[int, list[YearDayView]] = {}
    week_days: dict[int, list[WeekDayView]] = {}
    owners: list[tuple[int, int, Record | None]] = []
    for stored in memory.records():
        record = told(stored, ahead_s)
        match record.content:
            case UserContent() as content:
                users[record.key.index] = _user(record, content)
            case YearDayContent() as content:
                windows = year_days.setdefault(record.key.index, [])
                windows.append(_year_day(record, content, mark))
            case WeekDayContent() as content:
                week_days.setdefault(record.key.index, []).append(_week_day(record, content))
            case CredentialContent() | HashedCredentialContent() as content:
                owners.append((record.key.index, content.user_index, record))
            case HolidayContent() | None:
                pass
    with_pin = {user_index for _, user_index, _ in owners}
    owners += [(index, index, None) for index in users if index not in with_pin]
    return tuple(
        SlotView(
            slot=slot,
            code=None if (pin := clear_pin(record)) is None else pin.decode("ascii", "replace"),
            is_code_hashed=record is not None and pin is None,
            revision=None if record is None else record.revision,
            user=users.get(user_index),
            year_day=tuple(year_days.get(user_index, ())),
            week_day=tuple(week_days.get(user_index, ())),
        )
        for slot, user_index, record in sorted(owners, key=lambda item: item[0])
    )


def _user(record: Record, content: UserContent) -> UserView:
    return UserView(
        index=record.key.index,
        name=content.user_name,
        status=content.user_status.name.lower(),
        type=content.user_type.name.lower(),
        revision=record.revision,
    )


def _year_day(record: Record, content: YearDayContent, mark: str) -> YearDayView:
    return YearDayView(
        index=record.key.sub_index,
        starts_at=_wall(content.start_s) + mark,
        ends_at=None if content.end_s == OPEN_END_S else _wall(content.end_s) + mark,
        revision=record.revision,
    )


def _week_day(record: Record, content: WeekDayContent) -> WeekDayView:
    return WeekDayView(
        index=record.key.sub_index,
        days=tuple(
            str(day.name).lower()
            for day in (DaysMask(1 << bit) for bit in range(7))
            if content.days_mask & day
        ),
        start=_hour_and_minute(content.start_min),
        end=_hour_and_minute(content.end_min),
        revision=record.revision,
    )


def _holiday(record: Record, content: HolidayContent) -> HolidayView:
    return HolidayView(
        index=record.key.index,
        starts_at=_wall(content.start_s),
        ends_at=_wall(content.end_s),
        mode=content.operating_mode.name.lower(),
        revision=record.revision,
    )


@functools.lru_cache(maxsize=4096)
def log_view_of(record: LogRecord) -> LogView:
    """A log record, in plain words."""
    detail = _DETAILS.get(record.event)
    return LogView(
        index=record.index,
        at=iso_of(record.utc_s),
        event=record.event.name.lower(),
        detail=None if detail is None else detail(record.detail).name.lower(),
        source=record.source.name.lower(),
        clock_quality=record.clock_quality.name.lower(),
        user_index=record.user_index or None,
        slot=record.credential_index or None,
    )


def iso_of(device_s: int) -> str:
    """An instant in seconds since 2000, as ISO 8601 in UTC."""
    return _wall(device_s) + "Z"


def _wall(device_s: int) -> str:
    instant = dt.datetime.fromtimestamp(to_ms(device_s) // 1000, tz=dt.UTC)
    return instant.strftime("%Y-%m-%dT%H:%M:%S")


def _hour_and_minute(minutes: int) -> str:
    hour, minute = divmod(minutes, _HOUR_MIN)
    return f"{hour:02}:{minute:02}"
