"""What power cuts, cold nights and wrong statements do to a clock, and what the lock knows.

Every variant of a lost clock, next to changes of daylight saving: whoever has a limit in time gets
in only while the lock may believe its clock, and then by what that clock shows.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import pytest

from gateway.zones import posix_zone, zone_info
from hil_tests.oracles.time import Access, Holiday, changes_of, is_let_in, utc
from hil_tests.suites.timed_lock import TimedLock, roomy_profile
from protocols.doorlock.vocabulary import ClockQuality, Status
from protocols.doorlock.zone import parse_zone
from protocols.profiles.vocabulary import ClockOnPowerLoss
from protocols.strike import messages as m

HOUR_S: Final = 3600
DAY_S: Final = 86_400
YEAR: Final = frozenset({"year"})
# A Friday at noon, ten minutes past, so that the last full hour is not now.
NOON_S: Final = round((dt.datetime(2026, 7, 10, 12, 10, tzinfo=dt.UTC) - utc(0)).total_seconds())
LONG: Final = Access(kinds=YEAR, windows=((NOON_S - DAY_S, NOON_S + 3650 * DAY_S),))
TODAY: Final = Access(kinds=YEAR, windows=((NOON_S - HOUR_S, NOON_S + HOUR_S),))
# A window of the past in which a reset clock would find itself.
IN_2009: Final = Access(kinds=YEAR, windows=((9 * 365 * DAY_S, 10 * 365 * DAY_S),))
ALWAYS: Final = Access()

# For every variant: how far behind the clock is after half an hour without power, and what the
# lock makes of it.
AFTER_HALF_AN_HOUR: Final = {
    ClockOnPowerLoss.KEEPS: (0, ClockQuality.HOLDOVER),
    # It stood still for half an hour and has no way to know.
    ClockOnPowerLoss.RESUMES: (1800, ClockQuality.HOLDOVER),
    # 12:10 became 12:00, and half an hour is gone: not a full hour back, so nobody notices.
    ClockOnPowerLoss.LAST_FULL_HOUR: (1800 + 600, ClockQuality.HOLDOVER),
    ClockOnPowerLoss.EPOCH_2009: (None, ClockQuality.ROLLED_BACK),
    ClockOnPowerLoss.LOST: (None, ClockQuality.LOST),
}


@pytest.mark.parametrize("on_power_loss", list(ClockOnPowerLoss))
def test_half_an_hour_without_power_leaves_each_clock_where_it_does(
    on_power_loss: ClockOnPowerLoss,
) -> None:
    lock = TimedLock(NOON_S, on_power_loss=on_power_loss)
    long, past, free = lock.admit(LONG), lock.admit(IN_2009), lock.admit(ALWAYS)
    assert (lock.opens(long), lock.opens(past), lock.opens(free)) == (True, False, True)
    lock.cut_power(1800)
    behind_s, quality = AFTER_HALF_AN_HOUR[on_power_loss]
    status = lock.status
    assert status.clock_quality is quality
    if behind_s is not None:
        assert status.utc_s == NOON_S + 1800 - behind_s
    is_believed = quality is ClockQuality.HOLDOVER
    # Nobody's past comes back, and who has no limit in time gets in whatever the clock says.
    assert (lock.opens(long), lock.opens(past), lock.opens(free)) == (is_believed, False, True)
    # Setting the clock mends every one of them.
    assert lock.set_clock() is Status.SUCCESS
    assert (lock.status.utc_s, lock.status.clock_quality) == (NOON_S + 1800, ClockQuality.TRUSTED)
    assert (lock.opens(long), lock.opens(past), lock.opens(free)) == (True, False, True)


@pytest.mark.parametrize(
    ("on_power_loss", "without_s"),
    [(ClockOnPowerLoss.LAST_FULL_HOUR, 300), (ClockOnPowerLoss.EPOCH_2009, 900)],
)
def test_short_cut_is_carried_through_by_a_capacitor(
    on_power_loss: ClockOnPowerLoss, without_s: int
) -> None:
    lock = TimedLock(NOON_S, on_power_loss=on_power_loss)
    lock.cut_power(without_s)
    assert (lock.status.utc_s, lock.status.clock_quality) == (
        NOON_S + without_s,
        ClockQuality.HOLDOVER,
    )
    lock.cut_power(without_s + 1)
    assert lock.status.utc_s < NOON_S + without_s


def test_lock_that_does_not_look_back_admits_the_past_after_a_reset() -> None:
    """The vendor's own tip to find it out: a card that is valid only in that past."""
    blind = roomy_profile(detects_rollback=False)
    lock = TimedLock(NOON_S, profile=blind, on_power_loss=ClockOnPowerLoss.EPOCH_2009)
    past = lock.admit(IN_2009)
    lock.cut_power(HOUR_S)
    assert lock.quality() == ClockQuality.HOLDOVER
    assert lock.opens(past)


@pytest.mark.parametrize("on_power_loss", [ClockOnPowerLoss.EPOCH_2009, ClockOnPowerLoss.LOST])
def test_profile_that_admits_with_a_lost_clock_admits_whoever_has_a_schedule(
    on_power_loss: ClockOnPowerLoss,
) -> None:
    open_house = roomy_profile(lost_admits=True)
    lock = TimedLock(NOON_S, profile=open_house, on_power_loss=on_power_loss)
    today = lock.admit(TODAY)
    # A user of a scheduled type without a schedule was never let in and still is not.
    bare = lock.admit(Access(kinds=YEAR))
    lock.cut_power(DAY_S)
    assert lock.opens(today)
    assert not lock.opens(bare)


def test_highest_accepted_time_is_in_memory_before_the_entry_is_answered() -> None:
    lock = TimedLock(NOON_S)
    code = lock.admit(LONG)
    assert lock.memory.state.highest_s == 0
    assert lock.opens(code)
    # An hour's step, rounded down: 12:10 is noon.
    assert lock.memory.state.highest_s == NOON_S - 600
    lock.go(NOON_S + 3 * HOUR_S)
    assert lock.opens(code)
    assert lock.memory.state.highest_s == NOON_S + 3 * HOUR_S - 600


def test_clock_that_goes_back_is_noticed_beyond_the_step_and_heals_by_itself_in_time() -> None:
    lock = TimedLock(NOON_S)
    code = lock.admit(LONG)
    assert lock.opens(code)
    # Five minutes lie within the hour's step.
    lock.jump(-300)
    assert lock.opens(code)
    lock.jump(-HOUR_S)
    assert lock.quality() == ClockQuality.ROLLED_BACK
    assert not lock.opens(code)
    # A rolled-back reading is not accepted, so it moves no mark.
    assert lock.memory.state.highest_s == NOON_S - 600
    lock.go(NOON_S + HOUR_S)
    assert lock.quality() == ClockQuality.TRUSTED
    assert lock.opens(code)


def test_deadlock_of_a_wrong_clock_has_a_way_out_that_grants_nothing_else() -> None:
    """A lock whose clock is lost takes the time from whoever may program it, and nothing else."""
    lock = TimedLock(NOON_S, on_power_loss=ClockOnPowerLoss.LOST)
    today = lock.admit(TODAY)
    lock.cut_power(60)
    assert not lock.opens(today)
    # Statements of the past, of the far future and the truth are all taken.
    for utc_s in (0, NOON_S + 30 * DAY_S):
        assert lock.set_clock(utc_s=utc_s) is Status.SUCCESS
        assert not lock.opens(today)
    assert lock.set_clock() is Status.SUCCESS
    assert lock.opens(today)


def test_changing_a_code_s_user_never_drops_its_limit_in_time() -> None:
    """No partial update widens: a schedule taken away leaves a user that is never let in."""
    lock = TimedLock(NOON_S)
    code = lock.admit(Access(kinds=YEAR, windows=((NOON_S + HOUR_S, NOON_S + 2 * HOUR_S),)))
    assert not lock.opens(code)
    cleared = m.ClearYearDaySchedule(year_day_index=1, user_index=1, revision=2)
    assert lock.ask(cleared) is Status.SUCCESS
    for at_s in (NOON_S, NOON_S + HOUR_S, NOON_S + DAY_S):
        lock.go(at_s)
        assert not lock.opens(code)


def test_bound_of_error_grows_until_the_clock_counts_as_lost() -> None:
    # 100 ppm are 8.64 s a day; a minute's bound is reached after a little less than seven days.
    careful = roomy_profile(holdover_ppm=100, error_limit_s=60)
    lock = TimedLock(NOON_S, profile=careful)
    code = lock.admit(LONG)
    for day in range(12):
        lock.go(NOON_S + day * DAY_S)
        # A clock that was just set is right to a second.
        bound_s = 1 + day * 8.64
        is_believed = bound_s <= 60
        expected = ClockQuality.TRUSTED if is_believed else ClockQuality.LOST
        assert lock.quality() is expected, day
        assert lock.opens(code) is is_believed
    assert lock.set_clock() is Status.SUCCESS
    assert lock.opens(code)
    # A power cut does not begin the bound anew.
    lock.go(lock.at_s + 4 * DAY_S)
    lock.cut_power(HOUR_S)
    assert lock.quality() == ClockQuality.HOLDOVER
    lock.go(lock.at_s + 4 * DAY_S)
    assert lock.quality() == ClockQuality.LOST


@pytest.mark.parametrize(
    ("celsius", "s_a_year"),
    # -0.034 ppm a squared degree from 25: at 0 and 50 degrees 21.25 ppm, a year has 31,536,000 s.
    [(25.0, 0), (0.0, -670), (50.0, -670), (-10.0, -1313), (45.0, -429)],
)
def test_crystal_loses_time_in_cold_and_heat_alike(celsius: float, s_a_year: int) -> None:
    lock = TimedLock(NOON_S)
    lock.warm(celsius)
    lock.go(NOON_S + 365 * DAY_S)
    assert lock.status.utc_s - lock.at_s == pytest.approx(s_a_year, abs=1)


def test_winter_and_summer_add_up_and_readings_need_no_timers() -> None:
    lock = TimedLock(NOON_S, drift_ppm=10.0)
    lock.warm(-15.0)
    lock.go(NOON_S + 90 * DAY_S)
    lock.warm(25.0)
    lock.go(NOON_S + 180 * DAY_S)
    lock.warm(65.0)
    lock.go(NOON_S + 270 * DAY_S)
    # Ten ppm for 270 days, less 1600 x 0.034 ppm for 180 of them.
    gained_s = 270 * DAY_S * 10e-6 - 180 * DAY_S * 1600 * 0.034e-6
    assert lock.status.utc_s - lock.at_s == pytest.approx(gained_s, abs=1)


@pytest.mark.parametrize("drift_ppm", [0.0, 694.5, -694.5])
@pytest.mark.parametrize("on_power_loss", list(ClockOnPowerLoss))
@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe"])
def test_power_goes_in_the_night_of_a_change(
    name: str, on_power_loss: ClockOnPowerLoss, drift_ppm: float
) -> None:
    """Four variants x both changes x drift: the lock is judged by what its clock shows."""
    zone = zone_info(name)
    for change_s in changes_of(zone, 2027, 2027):
        lock = TimedLock(
            change_s - 3 * DAY_S,
            zone=parse_zone(posix_zone(name)),
            profile=roomy_profile(zone="zone"),
            drift_ppm=drift_ppm,
            on_power_loss=on_power_loss,
        )
        accesses = (
            Access(kinds=YEAR, windows=((change_s, change_s + HOUR_S),)),
            Access(kinds=frozenset({"week"}), spans=((0x7F, 60, 180),)),
        )
        codes = {lock.admit(access): access for access in accesses}
        lock.go(change_s - 1800)
        lock.cut_power(900)
        for off_s in range(-900, 3 * HOUR_S, 300):
            lock.go(change_s + off_s)
            is_believed = lock.quality() == ClockQuality.HOLDOVER
            for code, access in codes.items():
                assert lock.opens(code) is (is_believed and is_let_in(access, lock.shown, zone))


@pytest.mark.parametrize(
    ("quality", "disturb"),
    [
        (ClockQuality.LOST, lambda lock: lock.cut_power(60)),
        (ClockQuality.ROLLED_BACK, lambda lock: lock.jump(-2 * HOUR_S)),
    ],
)
def test_lock_that_does_not_know_the_time_keeps_no_holiday(
    quality: ClockQuality, disturb: Any
) -> None:
    lock = TimedLock(NOON_S, on_power_loss=ClockOnPowerLoss.LOST)
    free, today = lock.admit(ALWAYS), lock.admit(TODAY)
    lock.keep_holidays([Holiday(start_s=0, end_s=2**32 - 1, mode="vacation")])
    assert not lock.opens(free)
    disturb(lock)
    assert lock.quality() is quality
    assert (lock.opens(free), lock.opens(today)) == (True, False)
