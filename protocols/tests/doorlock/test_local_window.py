from __future__ import annotations

import dataclasses

import pytest

from protocols.doorlock.local_window import DoorTime, map_local_window
from protocols.doorlock.schedule import OPEN_END_S
from protocols.doorlock.window import INSTANT_S_MAX, WindowEdge, to_ms
from protocols.doorlock.zone import LocalZone, parse_zone
from protocols.errors import WindowError

BERLIN = parse_zone("CET-1CEST,M3.5.0,M10.5.0/3")
# 2027-03-28T01:00:00Z and 2027-10-31T01:00:00Z, when clocks in Berlin go forward and back.
SPRING_S, AUTUMN_S = 859_510_800, 878_259_600
HOUR_S = 3600
DAY_S = 86_400


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    time_granularity_s: int = 1
    local_year_day: bool = True


def bounds(start_s: int, end_s: int, *, set_at_s: int | None = None) -> tuple[int, int]:
    """How far the stored bounds are from the asked ones, seconds of local standard time."""
    set_at_ms = None if set_at_s is None else to_ms(set_at_s)
    door = DoorTime(zone=BERLIN, set_at_ms=set_at_ms)
    window = map_local_window(Facts(), to_ms(start_s), to_ms(end_s), door)
    return window.start_s - start_s - HOUR_S, window.end_s - end_s - HOUR_S


def test_map_when_far_from_changes_then_the_distance_of_that_day_is_added() -> None:
    winter, summer = SPRING_S - 30 * DAY_S, SPRING_S + 30 * DAY_S
    assert bounds(winter, winter + DAY_S) == (0, 0)
    assert bounds(summer, summer + DAY_S) == (HOUR_S, HOUR_S)
    assert bounds(winter, summer) == (0, HOUR_S)


def test_map_when_a_bound_is_the_change_itself_then_nothing_is_lost() -> None:
    assert bounds(SPRING_S, SPRING_S + HOUR_S) == (0, HOUR_S)
    assert bounds(SPRING_S - HOUR_S, SPRING_S) == (0, HOUR_S)


def test_map_when_a_lock_may_miss_a_change_then_both_hours_are_reckoned_with() -> None:
    later = SPRING_S + 10 * DAY_S
    # A stale clock is an hour behind in spring: it would close an hour late.
    assert bounds(later, later + DAY_S, set_at_s=SPRING_S - DAY_S) == (HOUR_S, 0)
    # An hour ahead in autumn: it would open an hour early.
    late = AUTUMN_S + 10 * DAY_S
    assert bounds(late, late + DAY_S, set_at_s=AUTUMN_S - DAY_S) == (HOUR_S, 0)
    # Set after the change there is nothing to miss.
    assert bounds(later, later + DAY_S, set_at_s=SPRING_S) == (HOUR_S, HOUR_S)


def test_map_when_a_lock_is_set_within_the_window_then_its_start_is_left_alone() -> None:
    begun = SPRING_S - DAY_S
    assert bounds(begun, SPRING_S + DAY_S, set_at_s=SPRING_S) == (0, HOUR_S)
    assert bounds(begun, SPRING_S + DAY_S, set_at_s=begun) == (0, 0)


def test_map_when_without_end_then_the_end_is_open() -> None:
    door = DoorTime(zone=LocalZone(120))
    window = map_local_window(Facts(60), to_ms(61), None, door)
    assert (window.start_s, window.end_s) == (7320, OPEN_END_S)
    [late] = window.warnings
    assert (late.edge, late.narrowed_ms) == (WindowEdge.START, 59_000)


def test_map_when_bounds_are_off_the_grid_then_they_move_inwards() -> None:
    door = DoorTime(zone=LocalZone(345))
    window = map_local_window(Facts(HOUR_S), to_ms(10 * HOUR_S), to_ms(20 * HOUR_S), door)
    assert (window.start_s, window.end_s) == (16 * HOUR_S, 25 * HOUR_S)
    assert [(one.edge, one.narrowed_ms) for one in window.warnings] == [
        (WindowEdge.START, 900_000),
        (WindowEdge.END, 2_700_000),
    ]


@pytest.mark.parametrize(
    ("start_s", "end_s", "offset_min", "why"),
    [
        (100, 100, 0, "ends before it starts"),
        (100, 99, 0, "ends before it starts"),
        (0, DAY_S, -60, "2000-01-01 to 2136-02-07"),
        (INSTANT_S_MAX - 10, INSTANT_S_MAX, 60, "2000-01-01 to 2136-02-07"),
        (INSTANT_S_MAX - DAY_S, INSTANT_S_MAX, 60, "2000-01-01 to 2136-02-07"),
        # Exactly the mark of an open end.
        (INSTANT_S_MAX - DAY_S, OPEN_END_S - HOUR_S, 60, "2000-01-01 to 2136-02-07"),
    ],
)
def test_map_when_a_lock_cannot_hold_it_then_refused(
    start_s: int, end_s: int, offset_min: int, why: str
) -> None:
    door = DoorTime(zone=LocalZone(offset_min))
    with pytest.raises(WindowError, match=why):
        map_local_window(Facts(), to_ms(start_s), to_ms(end_s), door)


def test_map_when_a_bound_lies_in_the_repeated_hour_then_it_breaks_or_waits() -> None:
    door = DoorTime(zone=BERLIN)
    waits = map_local_window(Facts(), to_ms(AUTUMN_S + 60), to_ms(AUTUMN_S + DAY_S), door)
    [late] = waits.warnings
    assert (late.edge, late.narrowed_ms) == (WindowEdge.START, 3_540_000)
    breaks = map_local_window(Facts(), to_ms(AUTUMN_S - 60), to_ms(AUTUMN_S + DAY_S), door)
    [gap] = breaks.warnings
    assert (gap.edge, gap.asked_ms, gap.stored_ms) == (
        WindowEdge.BREAK,
        to_ms(AUTUMN_S),
        to_ms(AUTUMN_S + 3540),
    )


def test_map_when_nothing_is_left_then_refused() -> None:
    door = DoorTime(zone=BERLIN)
    with pytest.raises(WindowError, match="nothing of the window is left"):
        map_local_window(Facts(), to_ms(AUTUMN_S + 60), to_ms(AUTUMN_S + 120), door)
