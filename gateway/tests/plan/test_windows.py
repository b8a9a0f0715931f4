from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plan.entry import DesiredEntry, LocalWindow, Phase, Scheduling, desired_phase
from gateway.plan.policy import Policy
from gateway.plan.windows import (
    EntryTimes,
    entry_times,
    keeps_windows,
    stored_window,
    user_name,
)
from gateway.tests.plan import strategies as make
from gateway.tests.plan.strategies import DAY_MS, HOUR_MS, NOON_MS, PROFILES
from protocols.doorlock.window import map_window, to_ms
from protocols.doorlock.zone import parse_zone
from protocols.errors import WindowError
from protocols.profiles.parser import DstQuirk, JitPolicy, Profile, ZoneAwareness

LATCH, JIT = PROFILES["latch-m"], PROFILES["generic-jit"]
START_MS = NOON_MS + 10 * DAY_MS
END_MS = START_MS + DAY_MS


def times(profile: Profile, policy: Policy | None = None, **changes: object) -> EntryTimes:
    asked = {
        "starts_at_ms": START_MS,
        "ends_at_ms": END_MS,
        "prefer_native_scheduling": True,
        "now_ms": NOON_MS,
    } | changes
    return entry_times(profile, policy or Policy(), **asked)  # type: ignore[arg-type] # by name


def test_entry_times_when_native_then_72_hours_ahead() -> None:
    found = times(LATCH)
    assert found.scheduling is Scheduling.NATIVE
    assert found.program_at_ms == START_MS - 72 * HOUR_MS
    assert found.remove_at_ms == END_MS


@pytest.mark.parametrize("profile_id", ["generic-jit", "generic-native"])
def test_entry_times_when_the_gateway_keeps_time_then_30_minutes_ahead(profile_id: str) -> None:
    found = times(PROFILES[profile_id], prefer_native_scheduling=False)
    assert found.scheduling is Scheduling.JUST_IN_TIME
    assert found.program_at_ms == START_MS - 30 * 60 * 1000
    assert found.remove_at_ms == END_MS


def test_entry_times_when_the_leads_are_configured_then_they_count() -> None:
    policy = Policy(native_lead_s=3600, jit_lead_s=60)
    native = times(LATCH, policy)
    assert native.program_at_ms == START_MS - HOUR_MS
    jit = times(JIT, policy)
    assert jit.program_at_ms == START_MS - 60_000


def test_entry_times_when_the_lead_has_begun_then_now() -> None:
    found = times(LATCH, starts_at_ms=NOON_MS + HOUR_MS, ends_at_ms=NOON_MS + 2 * HOUR_MS)
    assert found.program_at_ms == NOON_MS


def test_entry_times_when_the_brand_is_early_then_live_as_soon_as_written() -> None:
    early = dataclasses.replace(JIT, jit=JitPolicy.EARLY_LIVE)
    assert times(early).scheduling is Scheduling.EARLY_LIVE


@pytest.mark.parametrize("starts_at_ms", [None, NOON_MS, NOON_MS - DAY_MS])
def test_entry_times_when_ongoing_from_now_then_simply_there(starts_at_ms: int | None) -> None:
    found = times(LATCH, starts_at_ms=starts_at_ms, ends_at_ms=None)
    assert found.scheduling is Scheduling.ALWAYS
    assert found.remove_at_ms is None


def test_entry_times_when_ongoing_from_later_then_the_start_is_kept() -> None:
    native = times(LATCH, ends_at_ms=None)
    assert native.scheduling is Scheduling.NATIVE
    jit = times(JIT, ends_at_ms=None)
    assert jit.scheduling is Scheduling.JUST_IN_TIME
    assert jit.remove_at_ms is None


def test_entry_times_when_the_window_vanishes_then_refused() -> None:
    coarse = dataclasses.replace(LATCH, time_granularity_s=60)
    with pytest.raises(WindowError, match="nothing of the window"):
        times(coarse, starts_at_ms=START_MS + 1, ends_at_ms=START_MS + 59_000)


BERLIN = parse_zone("CET-1CEST,M3.5.0,M10.5.0/3")
# 2025-10-26T01:00Z, when clocks in Berlin go back.
CHANGE_MS = NOON_MS + 107 * DAY_MS + 13 * HOUR_MS


def local_kind(zone: ZoneAwareness, *, quirk: DstQuirk = DstQuirk.NONE) -> Profile:
    clock = dataclasses.replace(LATCH.clock, zone=zone, dst_quirk=quirk)
    return dataclasses.replace(LATCH, local_year_day=quirk is DstQuirk.NONE, clock=clock)


def test_entry_times_when_local_time_is_unknown_then_just_in_time() -> None:
    kind = local_kind(ZoneAwareness.ZONE)
    assert not keeps_windows(kind, None)
    assert times(kind).scheduling is Scheduling.JUST_IN_TIME
    assert keeps_windows(LATCH, None)
    assert not keeps_windows(dataclasses.replace(kind, native_scheduling=False), BERLIN)


@pytest.mark.parametrize("zone", [ZoneAwareness.ZONE, ZoneAwareness.OFFSET])
def test_entry_times_when_local_time_is_known_then_native_in_that_time(
    zone: ZoneAwareness,
) -> None:
    found = times(local_kind(zone), local=BERLIN)
    utc = map_window(LATCH, START_MS, END_MS)
    assert (found.scheduling, found.warnings) == (Scheduling.NATIVE, ())
    assert found.program_at_ms == START_MS - 72 * HOUR_MS
    assert found.local_window == LocalWindow(utc.start_s + 7200, utc.end_s + 7200)
    # Instants are instants, whatever is known of local time.
    assert times(LATCH, local=BERLIN).local_window is None


def test_entry_times_when_a_lock_may_miss_a_change_then_from_its_programming_on() -> None:
    kind, start_ms = local_kind(ZoneAwareness.OFFSET), CHANGE_MS + DAY_MS
    winter_s = map_window(LATCH, start_ms, start_ms + DAY_MS).start_s + 3600
    # Programmed before the change: a clock that is still an hour ahead opens no earlier.
    for now_ms, start_s in ((NOON_MS, winter_s + 3600), (CHANGE_MS, winter_s)):
        found = times(
            kind,
            starts_at_ms=start_ms,
            ends_at_ms=start_ms + DAY_MS,
            local=BERLIN,
            now_ms=now_ms,
        )
        assert found.local_window is not None
        assert found.local_window.start_s == start_s


def test_entry_times_when_local_time_leaves_nothing_then_refused() -> None:
    with pytest.raises(WindowError, match="nothing of the window"):
        times(
            local_kind(ZoneAwareness.ZONE),
            starts_at_ms=CHANGE_MS,
            ends_at_ms=CHANGE_MS + HOUR_MS // 2,
            local=BERLIN,
        )


@pytest.mark.parametrize(
    ("starts_ms", "ends_ms", "is_native"),
    [
        (CHANGE_MS - DAY_MS, CHANGE_MS, True),
        (CHANGE_MS - DAY_MS, CHANGE_MS + 1000, False),
        (CHANGE_MS + 71 * HOUR_MS, CHANGE_MS + 80 * HOUR_MS, False),
        (CHANGE_MS + 73 * HOUR_MS, CHANGE_MS + 80 * HOUR_MS, True),
        (CHANGE_MS - 2 * DAY_MS, None, True),
        (CHANGE_MS + HOUR_MS, None, False),
    ],
)
def test_entry_times_when_a_lock_would_move_the_window_then_just_in_time(
    starts_ms: int, ends_ms: int | None, *, is_native: bool
) -> None:
    kind = local_kind(ZoneAwareness.ZONE, quirk=DstQuirk.OFFSET_AT_WRITE)
    found = times(kind, starts_at_ms=starts_ms, ends_at_ms=ends_ms, local=BERLIN)
    assert (found.scheduling is Scheduling.NATIVE) is is_native
    assert found.local_window is None
    unknown = times(kind, starts_at_ms=starts_ms, ends_at_ms=ends_ms)
    assert unknown.scheduling is Scheduling.NATIVE


def test_stored_window_when_it_was_worked_out_before_then_that_one() -> None:
    kind = local_kind(ZoneAwareness.ZONE)
    entry = DesiredEntry(
        entry_id="e1",
        device_id="d1",
        code="4711",
        scheduling=Scheduling.NATIVE,
        starts_at_ms=START_MS,
        ends_at_ms=END_MS,
        program_at_ms=NOON_MS,
        local_window=LocalWindow(1, 2),
    )
    window = stored_window(entry, kind)
    assert (window.start_s, window.end_s) == (1, 2)
    with pytest.raises(WindowError, match="time zone is unknown"):
        stored_window(dataclasses.replace(entry, local_window=None), kind)


@given(st.data())
def test_windows_when_stored_or_kept_then_never_wider_than_asked(data: st.DataObject) -> None:
    profile, policy = data.draw(make.profiles()), data.draw(make.policies)
    entry = data.draw(make.entries(profile, policy))
    at_ms = data.draw(make.instants)
    phase = desired_phase(entry, at_ms)
    if phase is Phase.STORED:
        window = stored_window(entry, profile)
        begin_ms = entry.program_at_ms if entry.starts_at_ms is None else entry.starts_at_ms
        assert to_ms(window.start_s) >= begin_ms
        assert entry.ends_at_ms is None or to_ms(window.end_s) <= entry.ends_at_ms
    if phase is Phase.ENABLED and entry.scheduling is not Scheduling.EARLY_LIVE:
        assert entry.starts_at_ms is None or at_ms >= entry.starts_at_ms
        assert entry.ends_at_ms is None or at_ms < entry.ends_at_ms


@given(st.data())
def test_program_at_when_planned_then_between_asking_and_the_start(data: st.DataObject) -> None:
    profile, policy = data.draw(make.profiles()), data.draw(make.policies)
    entry = data.draw(make.entries(profile, policy))
    assert entry.program_at_ms >= NOON_MS
    if entry.starts_at_ms is not None:
        assert entry.program_at_ms <= max(NOON_MS, entry.starts_at_ms)


@pytest.mark.parametrize(
    ("name", "bytes_max", "expected"),
    [
        (None, 10, ""),
        ("Jane Doe", 10, "Jane Doe"),
        ("Jane Doe the second", 10, "Jane Doe t"),
        ("Zoë und Änne", 5, "Zoë "),
        ("日本語", 4, "日"),
        ("日本語", 0, ""),
    ],
)
def test_user_name_when_too_long_then_whole_characters_are_kept(
    name: str | None, bytes_max: int, expected: str
) -> None:
    assert user_name(name, bytes_max=bytes_max) == expected


@given(st.text(), st.integers(0, 20))
def test_user_name_when_any_then_it_fits(name: str, bytes_max: int) -> None:
    found = user_name(name, bytes_max=bytes_max)
    assert len(found.encode()) <= bytes_max
    assert name.startswith(found)
