from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.doorlock.schedule import OPEN_END_S, YearDayWindow
from protocols.doorlock.window import (
    EPOCH_2000_MS,
    INSTANT_S_MAX,
    WindowEdge,
    WindowWarning,
    map_window,
    to_device_s_ceil,
    to_device_s_floor,
    to_ms,
)
from protocols.errors import WindowError


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    time_granularity_s: int = 1
    local_year_day: bool = False


LAST_MS = to_ms(INSTANT_S_MAX)


def test_to_device_s_when_between_seconds_then_ceil_and_floor_differ_by_one() -> None:
    assert to_device_s_ceil(EPOCH_2000_MS + 1001) == 2
    assert to_device_s_floor(EPOCH_2000_MS + 1999) == 1
    assert to_device_s_ceil(EPOCH_2000_MS + 1000) == to_device_s_floor(EPOCH_2000_MS + 1000) == 1


@pytest.mark.parametrize("convert", [to_device_s_ceil, to_device_s_floor])
@pytest.mark.parametrize("ms", [EPOCH_2000_MS - 1000, LAST_MS + 1000, 0, 10**18])
def test_to_device_s_when_a_device_cannot_count_it_then_refused(convert: object, ms: int) -> None:
    assert callable(convert)
    with pytest.raises(WindowError, match="2000-01-01 to 2136-02-07"):
        convert(ms)


def test_to_device_s_when_at_the_ends_of_the_count_then_taken() -> None:
    assert to_device_s_ceil(EPOCH_2000_MS) == 0
    assert to_device_s_floor(LAST_MS) == INSTANT_S_MAX


def test_map_window_when_exact_then_stored_as_asked() -> None:
    # 2025-07-13T15:00Z to 2025-07-16T11:00Z.
    mapped = map_window(Facts(), 1_752_418_800_000, 1_752_663_600_000)
    assert (mapped.start_s, mapped.end_s) == (805_734_000, 805_978_800)
    assert mapped.warnings == ()


def test_map_window_when_without_end_then_the_end_is_open() -> None:
    mapped = map_window(Facts(), EPOCH_2000_MS + 1, None)
    assert (mapped.start_s, mapped.end_s) == (1, OPEN_END_S)
    (warning,) = mapped.warnings
    assert warning == WindowWarning(
        edge=WindowEdge.START, asked_ms=EPOCH_2000_MS + 1, stored_ms=EPOCH_2000_MS + 1000
    )
    assert str(warning) == "the lock starts the window 0.999 s later than asked"


def test_warning_when_of_a_break_then_it_says_for_how_long() -> None:
    warning = WindowWarning(edge=WindowEdge.BREAK, asked_ms=5000, stored_ms=8000)
    assert str(warning) == "the lock interrupts the window for 3 s when clocks go back"


def test_map_window_when_minutes_only_then_narrowed_with_two_warnings() -> None:
    mapped = map_window(Facts(60), EPOCH_2000_MS + 61_000, EPOCH_2000_MS + 299_000)
    assert (mapped.start_s, mapped.end_s) == (120, 240)
    assert [item.edge for item in mapped.warnings] == [WindowEdge.START, WindowEdge.END]
    assert [item.narrowed_ms for item in mapped.warnings] == [59_000, 59_000]
    assert str(mapped.warnings[1]) == "the lock ends the window 59 s earlier than asked"


@pytest.mark.parametrize("length_ms", [0, -1])
def test_map_window_when_it_ends_before_it_starts_then_refused(length_ms: int) -> None:
    with pytest.raises(WindowError, match="ends before it starts"):
        map_window(Facts(), EPOCH_2000_MS, EPOCH_2000_MS + length_ms)


@pytest.mark.parametrize(("step_s", "start", "end"), [(1, 1, 1999), (60, 1000, 119_000)])
def test_map_window_when_nothing_is_left_then_refused(step_s: int, start: int, end: int) -> None:
    with pytest.raises(WindowError, match=f"steps of {step_s} s"):
        map_window(Facts(step_s), EPOCH_2000_MS + start, EPOCH_2000_MS + end)


def test_map_window_when_rounding_passes_the_last_instant_then_refused() -> None:
    with pytest.raises(WindowError, match="2136"):
        map_window(Facts(86_400), LAST_MS, None)


def test_map_window_when_an_end_would_read_as_open_then_refused() -> None:
    with pytest.raises(WindowError, match="2136"):
        map_window(Facts(), EPOCH_2000_MS, to_ms(OPEN_END_S))


def test_map_window_when_the_lock_keeps_local_time_then_refused() -> None:
    with pytest.raises(WindowError, match="door-local"):
        map_window(Facts(local_year_day=True), EPOCH_2000_MS, None)


@given(
    st.sampled_from([1, 2, 7, 60, 900, 3600, 86_400]),
    st.integers(EPOCH_2000_MS, LAST_MS),
    st.integers(1, 10**10),
)
def test_map_window_when_any_window_then_never_wider_and_never_off_by_a_step(
    step_s: int, starts_at_ms: int, length_ms: int
) -> None:
    ends_at_ms = min(starts_at_ms + length_ms, LAST_MS + 999)
    try:
        mapped = map_window(Facts(step_s), starts_at_ms, ends_at_ms)
    except WindowError:
        # Only a window shorter than two steps can vanish.
        assert ends_at_ms - starts_at_ms < 2 * step_s * 1000
        return
    assert mapped.start_s % step_s == mapped.end_s % step_s == 0
    assert 0 <= to_ms(mapped.start_s) - starts_at_ms < step_s * 1000
    assert 0 <= ends_at_ms - to_ms(mapped.end_s) < step_s * 1000
    assert sum(item.narrowed_ms for item in mapped.warnings) == (
        to_ms(mapped.start_s) - starts_at_ms + ends_at_ms - to_ms(mapped.end_s)
    )
    # The bounds make a window that a lock takes.
    assert YearDayWindow(mapped.start_s, mapped.end_s).admits(mapped.start_s)
