"""Entries, profiles and instants for the planner's properties."""

from __future__ import annotations

import dataclasses

from hypothesis import strategies as st

from gateway.plan.entry import Confirmed, DesiredEntry, Phase, Scheduling
from gateway.plan.policy import Policy
from gateway.plan.windows import entry_times
from gateway.profiles import load_profiles
from protocols.profiles.parser import JitPolicy, Profile

PROFILES = load_profiles()
# 2025-07-10T12:00:00Z.
NOON_MS = 1_752_148_800_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

instants = st.integers(NOON_MS - 10 * DAY_MS, NOON_MS + 20 * DAY_MS)
policies = st.builds(
    Policy,
    native_lead_s=st.integers(0, 10 * 86_400),
    jit_lead_s=st.integers(0, 86_400),
)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """One of ours, with another way to hold windows."""
    profile = draw(st.sampled_from(list(PROFILES.values())))
    return dataclasses.replace(
        profile,
        jit=draw(st.sampled_from(list(JitPolicy))),
        time_granularity_s=draw(st.sampled_from([1, 60, 900])),
    )


@st.composite
def windows(draw: st.DrawFn) -> tuple[int | None, int | None]:
    """Start and end, as callers may give them: at least an hour, which no granularity eats."""
    starts_at_ms = draw(st.none() | instants)
    begin_ms = NOON_MS if starts_at_ms is None else starts_at_ms
    length_ms = draw(st.none() | st.integers(HOUR_MS, 30 * DAY_MS))
    return starts_at_ms, None if length_ms is None else begin_ms + length_ms


@st.composite
def entries(draw: st.DrawFn, profile: Profile, policy: Policy) -> DesiredEntry:
    """An entry that was asked for at noon."""
    starts_at_ms, ends_at_ms = draw(windows())
    if starts_at_ms is None and ends_at_ms is not None:
        starts_at_ms = NOON_MS
    times = entry_times(
        profile,
        policy,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        prefer_native_scheduling=draw(st.booleans()),
        now_ms=NOON_MS,
    )
    return DesiredEntry(
        entry_id="e1",
        device_id="d1",
        slot=draw(st.integers(1, 30)),
        revision=draw(st.integers(1, 1000)),
        code="4711",
        user_name="Jane",
        scheduling=times.scheduling,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        program_at_ms=times.program_at_ms,
        remove_at_ms=times.remove_at_ms,
    )


def phases_of(scheduling: Scheduling) -> list[Phase]:
    """The phases that an entry of that kind may be confirmed in."""
    if scheduling is Scheduling.NATIVE:
        return [Phase.ABSENT, Phase.STORED]
    if scheduling is Scheduling.JUST_IN_TIME:
        return [Phase.ABSENT, Phase.DISABLED, Phase.ENABLED]
    return [Phase.ABSENT, Phase.ENABLED]


@st.composite
def confirmations(draw: st.DrawFn, entry: DesiredEntry) -> Confirmed:
    """What a device may have confirmed of an entry's present content."""
    phase = draw(st.sampled_from(phases_of(entry.scheduling)))
    return Confirmed(phase, 0 if phase is Phase.ABSENT else entry.revision)
