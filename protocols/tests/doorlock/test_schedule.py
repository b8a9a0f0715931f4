from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.doorlock.schedule import (
    DAY_MIN,
    OPEN_END_S,
    HolidaySpan,
    WeekDaySpan,
    YearDayWindow,
    admits_keypad,
    admits_remote,
    is_admitted,
    next_change_s,
    operating_mode,
    week_day_spans,
)
from protocols.doorlock.vocabulary import DaysMask, OperatingMode, UserType
from protocols.errors import WindowError

EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
YEAR_DAY = UserType.YEAR_DAY_SCHEDULE_USER
WEEK_DAY = UserType.WEEK_DAY_SCHEDULE_USER
RESTRICTED = UserType.SCHEDULE_RESTRICTED_USER
FREE_TYPES = [item for item in UserType if item not in {YEAR_DAY, WEEK_DAY, RESTRICTED}]

# Ten years around 2025, so that hypothesis finds edges that lie near each other.
instants = st.integers(780_000_000, 780_000_000 + 20 * 86_400)
offsets = st.integers(-840, 840)
windows = st.builds(
    lambda start, length: YearDayWindow(start, start + length),
    instants,
    st.integers(1, 10 * 86_400),
)
spans = st.builds(
    lambda days, start, length: WeekDaySpan(DaysMask(days), start, min(start + length, DAY_MIN)),
    st.integers(1, 0x7F),
    st.integers(0, DAY_MIN - 1),
    st.integers(1, DAY_MIN),
)
user_types = st.sampled_from(UserType)


def seconds(text: str) -> int:
    return int((dt.datetime.fromisoformat(text) - EPOCH).total_seconds())


def test_year_day_window_when_at_its_edges_then_start_is_in_and_end_is_out() -> None:
    window = YearDayWindow(100, 200)
    assert [window.admits(at) for at in (99, 100, 199, 200)] == [False, True, True, False]


def test_year_day_window_when_open_ended_then_last_countable_instant_is_in() -> None:
    assert YearDayWindow(100, OPEN_END_S).admits(OPEN_END_S)
    assert not YearDayWindow(100, OPEN_END_S).admits(99)


@pytest.mark.parametrize(
    ("start_s", "end_s"), [(5, 5), (6, 5), (-1, 5), (0, OPEN_END_S + 1), (OPEN_END_S, OPEN_END_S)]
)
def test_year_day_window_when_it_holds_no_instant_then_refused(start_s: int, end_s: int) -> None:
    with pytest.raises(WindowError):
        YearDayWindow(start_s, end_s)


@pytest.mark.parametrize(
    ("days", "start_min", "end_min"),
    [(0, 0, 1), (0x80, 0, 1), (1, 5, 5), (1, 6, 5), (1, -1, 5), (1, 0, 1441)],
)
def test_week_day_span_when_it_holds_no_minute_then_refused(
    days: int, start_min: int, end_min: int
) -> None:
    with pytest.raises(WindowError):
        WeekDaySpan(DaysMask(days), start_min, end_min)


@given(st.integers(0, 2**32 - 1), st.integers(0, 6))
def test_week_day_span_when_any_instant_then_day_agrees_with_the_calendar(
    local_s: int, day: int
) -> None:
    span = WeekDaySpan(DaysMask(1 << day), 0, DAY_MIN)
    weekday = (EPOCH + dt.timedelta(seconds=local_s)).isoweekday() % 7
    assert span.admits(local_s) is (weekday == day)


def test_is_admitted_when_week_day_then_door_local_time_decides() -> None:
    # Wednesday 2025-07-16 08:00-18:00 at a door two hours ahead of UTC.
    span = WeekDaySpan(DaysMask.WEDNESDAY, 8 * 60, 18 * 60)

    def admitted(text: str) -> bool:
        return is_admitted(WEEK_DAY, (), (span,), utc_s=seconds(text), utc_offset_min=120)

    assert not admitted("2025-07-16T05:59:59+00:00")
    assert admitted("2025-07-16T06:00:00+00:00")
    assert admitted("2025-07-16T15:59:59+00:00")
    assert not admitted("2025-07-16T16:00:00+00:00")
    assert not admitted("2025-07-17T07:00:00+00:00")


def test_is_admitted_when_a_span_ends_with_the_day_then_last_second_is_in() -> None:
    span = WeekDaySpan(DaysMask.SATURDAY, DAY_MIN - 1, DAY_MIN)
    # 2000-01-01 was a Saturday.
    assert is_admitted(WEEK_DAY, (), (span,), utc_s=86_399, utc_offset_min=0)
    assert not is_admitted(WEEK_DAY, (), (span,), utc_s=86_400, utc_offset_min=0)


@given(st.sampled_from(FREE_TYPES), st.lists(windows), st.lists(spans), instants, offsets)
def test_is_admitted_when_type_has_no_schedules_then_always(
    user_type: UserType,
    year_days: list[YearDayWindow],
    week_days: list[WeekDaySpan],
    utc_s: int,
    offset: int,
) -> None:
    assert is_admitted(user_type, year_days, week_days, utc_s=utc_s, utc_offset_min=offset)
    assert (
        next_change_s(user_type, year_days, week_days, utc_s=utc_s, utc_offset_min=offset) is None
    )


@pytest.mark.parametrize("user_type", [YEAR_DAY, WEEK_DAY, RESTRICTED])
def test_is_admitted_when_a_needed_schedule_is_absent_then_never(user_type: UserType) -> None:
    assert not is_admitted(user_type, (), (), utc_s=5, utc_offset_min=0)
    assert next_change_s(user_type, (), (), utc_s=5, utc_offset_min=0) is None


def test_is_admitted_when_schedule_restricted_then_each_kind_present_must_admit() -> None:
    inside, outside = YearDayWindow(0, 1000), YearDayWindow(2000, 3000)
    today = WeekDaySpan(DaysMask.SATURDAY, 0, DAY_MIN)
    tomorrow = WeekDaySpan(DaysMask.SUNDAY, 0, DAY_MIN)

    def admitted(year_days: list[YearDayWindow], week_days: list[WeekDaySpan]) -> bool:
        return is_admitted(RESTRICTED, year_days, week_days, utc_s=500, utc_offset_min=0)

    assert admitted([inside], [])
    assert admitted([], [today])
    assert admitted([outside, inside], [tomorrow, today])
    assert not admitted([inside], [tomorrow])
    assert not admitted([outside], [today])
    assert not admitted([outside], [])
    assert not admitted([], [tomorrow])


def test_is_admitted_when_the_other_kind_is_stored_then_it_is_ignored() -> None:
    today = WeekDaySpan(DaysMask.ALL, 0, DAY_MIN)
    assert not is_admitted(YEAR_DAY, (), (today,), utc_s=5, utc_offset_min=0)
    assert not is_admitted(WEEK_DAY, (YearDayWindow(0, 10),), (), utc_s=5, utc_offset_min=0)


@given(user_types, st.lists(windows, max_size=3), st.lists(spans, max_size=3), instants, offsets)
def test_next_change_when_asked_then_nothing_changes_before_it(
    user_type: UserType,
    year_days: list[YearDayWindow],
    week_days: list[WeekDaySpan],
    utc_s: int,
    offset: int,
) -> None:
    def admitted(at: int) -> bool:
        return is_admitted(user_type, year_days, week_days, utc_s=at, utc_offset_min=offset)

    change = next_change_s(user_type, year_days, week_days, utc_s=utc_s, utc_offset_min=offset)
    assert change is None or change > utc_s
    # Spans change at whole minutes; eight days see every edge of a week.
    horizon = utc_s + 8 * 86_400
    until = horizon if change is None else min(change, horizon)
    assert admitted(until - 1) == admitted(utc_s)
    for at in range(utc_s - utc_s % 60 + 60, until, 1800):
        assert admitted(at) == admitted(utc_s)


@given(st.lists(windows, min_size=1, max_size=3), instants)
def test_next_change_when_year_day_then_every_real_change_is_found(
    year_days: list[YearDayWindow], utc_s: int
) -> None:
    edges = sorted({edge for item in year_days for edge in (item.start_s, item.end_s)})
    later = [edge for edge in edges if edge > utc_s]
    found = next_change_s(YEAR_DAY, year_days, (), utc_s=utc_s, utc_offset_min=0)
    assert found == (later[0] if later else None)


def test_next_change_when_window_never_closes_then_none_after_its_start() -> None:
    window = YearDayWindow(100, OPEN_END_S)
    assert next_change_s(YEAR_DAY, (window,), (), utc_s=99, utc_offset_min=0) == 100
    assert next_change_s(YEAR_DAY, (window,), (), utc_s=100, utc_offset_min=0) is None


def test_next_change_when_the_span_just_ended_then_it_is_a_week_ahead() -> None:
    span = WeekDaySpan(DaysMask.SATURDAY, 0, 1)
    assert next_change_s(WEEK_DAY, (), (span,), utc_s=60, utc_offset_min=0) == 7 * 86_400
    assert next_change_s(WEEK_DAY, (), (span,), utc_s=0, utc_offset_min=0) == 60


def test_week_day_spans_when_a_night_then_the_second_lies_on_the_days_after() -> None:
    night = week_day_spans(DaysMask.SATURDAY | DaysMask.MONDAY, 22 * 60, 6 * 60)
    assert night == (
        WeekDaySpan(DaysMask.SATURDAY | DaysMask.MONDAY, 22 * 60, DAY_MIN),
        WeekDaySpan(DaysMask.SUNDAY | DaysMask.TUESDAY, 0, 6 * 60),
    )
    assert week_day_spans(DaysMask.ALL, 9 * 60, 9 * 60)[1] == WeekDaySpan(DaysMask.ALL, 0, 540)


def test_week_day_spans_when_within_a_day_or_to_its_end_then_one() -> None:
    assert week_day_spans(DaysMask.FRIDAY, 60, 120) == (WeekDaySpan(DaysMask.FRIDAY, 60, 120),)
    until_midnight = (WeekDaySpan(DaysMask.FRIDAY, 60, DAY_MIN),)
    assert week_day_spans(DaysMask.FRIDAY, 60, 0) == until_midnight
    assert week_day_spans(DaysMask.FRIDAY, 60, DAY_MIN) == until_midnight


@given(st.integers(1, 0x7F), st.integers(0, DAY_MIN - 1), st.integers(0, DAY_MIN), instants)
def test_week_day_spans_when_any_then_open_from_a_start_for_as_long_as_it_says(
    days: int, start_min: int, end_min: int, local_s: int
) -> None:
    spans = week_day_spans(DaysMask(days), start_min, end_min)
    length_min = end_min - start_min if end_min > start_min else end_min - start_min + DAY_MIN
    begun = [
        day
        for day in (local_s // 86_400 - 1, local_s // 86_400)
        if days >> (day + 6) % 7 & 1
        and 0 <= local_s // 60 - (day * DAY_MIN + start_min) < length_min
    ]
    assert any(span.admits(local_s) for span in spans) is bool(begun)


@pytest.mark.parametrize(("start_s", "end_s"), [(5, 5), (6, 5), (-1, 5), (0, OPEN_END_S + 1)])
def test_holiday_when_it_holds_no_instant_then_refused(start_s: int, end_s: int) -> None:
    with pytest.raises(WindowError):
        HolidaySpan(start_s, end_s, OperatingMode.VACATION)


def test_operating_mode_when_holidays_overlap_then_the_narrowest_counts() -> None:
    order = [
        OperatingMode.PASSAGE,
        OperatingMode.NORMAL,
        OperatingMode.NO_REMOTE_LOCK_UNLOCK,
        OperatingMode.VACATION,
        OperatingMode.PRIVACY,
    ]
    kept = [HolidaySpan(100, 200, mode) for mode in order]
    for count in range(1, len(kept) + 1):
        assert operating_mode(kept[:count], local_s=100) is order[count - 1]
    assert operating_mode(kept, local_s=99) is operating_mode(kept, local_s=200)
    assert operating_mode(kept, local_s=200) is OperatingMode.NORMAL
    # What nobody knows shuts everything.
    unknown = HolidaySpan(100, 200, OperatingMode(77))
    assert operating_mode([unknown], local_s=150) is OperatingMode.PRIVACY


def test_operating_mode_when_asked_then_it_says_who_may_operate() -> None:
    assert [mode for mode in OperatingMode if not admits_keypad(mode)] == [
        OperatingMode.VACATION,
        OperatingMode.PRIVACY,
    ]
    assert [mode for mode in OperatingMode if not admits_remote(mode)] == [
        OperatingMode.PRIVACY,
        OperatingMode.NO_REMOTE_LOCK_UNLOCK,
    ]


def test_is_admitted_when_windows_are_local_then_the_wall_clock_decides() -> None:
    window = YearDayWindow(1000, 2000)

    def admitted(utc_s: int, offset_min: int) -> bool:
        return is_admitted(
            YEAR_DAY,
            (window,),
            (),
            utc_s=utc_s,
            utc_offset_min=offset_min,
            year_days_are_local=True,
        )

    assert [admitted(at, 10) for at in (399, 400, 1399, 1400)] == [False, True, True, False]
    assert not admitted(400, 0)
