from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plan.entry import Phase, Scheduling, desired_phase
from gateway.plan.policy import Policy
from gateway.plan.windows import EntryTimes, entry_times, stored_window, user_name
from gateway.tests.plan import strategies as make
from gateway.tests.plan.strategies import DAY_MS, HOUR_MS, NOON_MS, PROFILES
from protocols.doorlock.window import to_ms
from protocols.errors import WindowError
from protocols.profiles.parser import JitPolicy, Profile

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
