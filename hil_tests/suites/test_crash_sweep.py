"""Something ends at every store commit and at every frame: nothing is lost, nothing done twice.

A workload runs once undisturbed; then once for every point of it, at which the gateway is killed,
or the whole bench, or a lock loses its power or its radio; points at which a killed gateway leaves
the same behind are one. Half a minute later what ended is there
again, and the workload goes on. At its end nothing may tell the runs apart: what the doors did,
what the locks hold at which revision, every record that they ever wrote, what the API shows, and
what was told about each object, in order; but for what was told about the trouble itself.

Here some points of each kind are swept; all of them under `real_servers`, which takes minutes.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from hil_tests.bench_file import BenchFile
from hil_tests.bench_state import RAM_DISK
from hil_tests.suites.crash_finding import differences
from hil_tests.suites.crash_points import FRAMES, Blow, Point, Victim
from hil_tests.suites.crash_trial import Stage, Trial
from hil_tests.suites.crash_workloads import WORKLOADS

# One point in so many is swept in `make test`: together well under a minute on two cores.
SAMPLE: Final = {Victim.GATEWAY: 23, Victim.LOCK: 41, Victim.BENCH: 61, Victim.RADIO: 121}
# Parts into which the points of one workload are cut, so that each is done within a test's time.
PARTS: Final = 4
# Where a blow is a variation of another one, one point in so many is enough.
VARIATION: Final = 8
# Somebody who was started again may end again, and again, while it makes up for the first time:
# so many points later.
AGAIN: Final = (2, 7)


@pytest.fixture(scope="module")
def stage(bench_file: BenchFile) -> Iterator[Stage]:
    # A RAM disk where there is one: what counts is what was written before the blow and what was
    # not, and a disk's own time to write it is half of a trial.
    with tempfile.TemporaryDirectory(prefix="strikeplate-stage-", dir=RAM_DISK) as stage:
        yield Stage(bench_file, Path(stage))


@pytest.fixture(scope="module")
def undisturbed(stage: Stage) -> dict[str, Trial]:
    """Each workload's trial without a blow, made when it is asked for."""
    return _Undisturbed(stage)


class _Undisturbed(dict[str, Trial]):
    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage

    def __missing__(self, name: str) -> Trial:
        self[name] = self._stage.perform(WORKLOADS[name])
        return self[name]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of lives have nothing to say; a failure is repeated from its sentence."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def points_of(trial: Trial, victim: Victim) -> list[tuple[Point, int]]:
    """Every point at which a victim may end; those that are one to it, once."""
    if victim in {Victim.GATEWAY, Victim.BENCH}:
        return list(trial.remains)
    return [(point, number) for point in FRAMES for number in range(1, trial.counts[point] + 1)]


def sweep(stage: Stage, name: str, expected: Trial, blows: Sequence[Blow], *, of_all: int) -> None:
    """Let each blow fall in a run of its own, and compare."""
    for blow in blows:
        trial = stage.perform(WORKLOADS[name], blow)
        assert trial.falls, f"{name}: {blow} never fell"
        assert differences(expected.finding, trial.finding) == [], f"{name}: {blow}"
    counts = ", ".join(f"{expected.counts[point]} {point}" for point in Point)
    print(f"{name}: {counts}; {blows[0].victim} ended at {len(blows)} of {of_all} points")


@pytest.mark.parametrize("victim", list(Victim))
@pytest.mark.parametrize("name", list(WORKLOADS))
def test_end_at_some_points_changes_nothing_in_effect(
    stage: Stage, undisturbed: dict[str, Trial], name: str, victim: Victim
) -> None:
    expected = undisturbed[name]
    points = points_of(expected, victim)
    # Each workload begins elsewhere, so that together they see every kind of point.
    offset = 4 * list(WORKLOADS).index(name) + list(Victim).index(victim)
    sampled = points[offset % SAMPLE[victim] :: SAMPLE[victim]]
    blows = [Blow(victim, point, (number,)) for point, number in sampled]
    sweep(stage, name, expected, blows, of_all=len(points))


@pytest.mark.real_servers
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("victim", [Victim.GATEWAY, Victim.LOCK])
@pytest.mark.parametrize("name", list(WORKLOADS))
def test_end_at_every_point_changes_nothing_in_effect(
    stage: Stage, undisturbed: dict[str, Trial], name: str, victim: Victim, part: int
) -> None:
    expected = undisturbed[name]
    points = points_of(expected, victim)
    blows = [Blow(victim, point, (number,)) for point, number in points[part::PARTS]]
    sweep(stage, name, expected, blows, of_all=len(points))


@pytest.mark.real_servers
@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", [Victim.BENCH, Victim.RADIO])
@pytest.mark.parametrize("name", list(WORKLOADS))
def test_end_of_everything_or_of_the_radio_changes_nothing_in_effect(
    stage: Stage, undisturbed: dict[str, Trial], name: str, victim: Victim
) -> None:
    expected = undisturbed[name]
    points = points_of(expected, victim)
    blows = [Blow(victim, point, (number,)) for point, number in points[::VARIATION]]
    sweep(stage, name, expected, blows, of_all=len(points))


@pytest.mark.real_servers
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", list(WORKLOADS))
def test_end_that_comes_again_while_it_is_made_up_for_changes_nothing_in_effect(
    stage: Stage, undisturbed: dict[str, Trial], name: str
) -> None:
    expected = undisturbed[name]
    points = points_of(expected, Victim.GATEWAY)
    blows = [
        Blow(Victim.GATEWAY, point, (number, *(number + later for later in AGAIN)))
        for point, number in points[::VARIATION]
    ]
    sweep(stage, name, expected, blows, of_all=len(points))
