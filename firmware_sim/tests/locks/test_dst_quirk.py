"""A lock that converts instants by its distance from UTC when it is told them, and when asked."""

from __future__ import annotations

import dataclasses

import pytest

from firmware_sim.tests.locks.rig import DAY_S, FROM_THE_START, T0_S, Rig, profile
from protocols.doorlock.schedule import OPEN_END_S
from protocols.doorlock.vocabulary import RecordKind, Status
from protocols.profiles.parser import DstQuirk
from protocols.strike import messages as m

CODE = "482915"
WINDOW = m.GetYearDaySchedule(year_day_index=1, user_index=1)


def quirky(utc_offset_min: int) -> Rig:
    facts = profile("generic-native")
    clock = dataclasses.replace(facts.clock, dst_quirk=DstQuirk.OFFSET_AT_WRITE)
    return Rig(
        profile_facts=dataclasses.replace(facts, clock=clock), utc_offset_min=utc_offset_min
    )


def tell(rig: Rig, utc_offset_min: int) -> None:
    """Set the clock as it is, at another distance from UTC."""
    assert rig.status(m.SetTime(utc_s=T0_S, utc_offset_min=utc_offset_min)) is Status.SUCCESS


@pytest.mark.parametrize(
    ("after_min", "reason"), [(120, "opened"), (60, "outside_schedule"), (180, "opened")]
)
def test_window_moves_with_the_distance_from_utc(after_min: int, reason: str) -> None:
    rig = quirky(120)
    rig.program(1, CODE, window=(T0_S - 1800, T0_S + 2 * 3600))
    tell(rig, after_min)
    assert rig.enter(CODE + "#")[1] == reason
    told = rig.ask(WINDOW)
    moved_s = (120 - after_min) * 60
    assert (told.start_s, told.end_s) == (T0_S - 1800 + moved_s, T0_S + 7200 + moved_s)


def test_records_and_memory_are_told_as_they_are_now() -> None:
    rig = quirky(60)
    rig.program(1, CODE, window=(T0_S, T0_S + DAY_S))
    rig.program(2, "739204")
    digest, before = rig.ask(m.GetStatus()).memory_digest, rig.ask(FROM_THE_START).records
    tell(rig, 0)
    assert rig.ask(m.GetStatus()).memory_digest != digest
    changed = {record.kind for record in set(rig.ask(FROM_THE_START).records) ^ set(before)}
    assert changed == {RecordKind.YEAR_DAY_SCHEDULE}
    tell(rig, 60)
    assert rig.ask(m.GetStatus()).memory_digest == digest
    assert rig.ask(FROM_THE_START).records == before


def test_bounds_stay_within_what_a_lock_counts_and_an_open_end_is_none() -> None:
    rig = quirky(-60)
    rig.program(1, CODE, window=(0, OPEN_END_S))
    told = rig.ask(WINDOW)
    assert (told.start_s, told.end_s) == (3600, OPEN_END_S)
    assert rig.enter(CODE + "#")[1] == "opened"
