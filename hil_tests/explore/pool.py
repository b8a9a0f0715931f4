"""Performs many runs: one after the other, or in several processes at once."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hil_tests.errors import CampaignError
from hil_tests.explore.campaign import Campaign
from hil_tests.explore.run import Verdict, hush, perform
from hil_tests.explore.token import RunSpec

Line = dict[str, Any]


def perform_all(
    campaign: Campaign,
    specs: Sequence[RunSpec],
    *,
    jobs: int,
    is_time_up: Callable[[], bool],
) -> Iterator[Line]:
    """Perform runs and note each in its campaign; yields their lines as they come.

    Args:
        campaign: Where they are noted.
        specs: Which runs; those that are known are the caller's to leave out.
        jobs: Processes at once; 1 = in this one.
        is_time_up: Asked before each run; once it says so, none begins any more.

    Raises:
        CampaignError: When the campaign can't be written.
    """
    lines = _in_turn if jobs == 1 else _at_once
    for line in lines(campaign, specs, jobs, is_time_up):
        campaign.add(line)
        yield line


def _in_turn(
    campaign: Campaign, specs: Sequence[RunSpec], _jobs: int, is_time_up: Callable[[], bool]
) -> Iterator[Line]:
    for spec in specs:
        if is_time_up():
            return
        yield _perform(spec, campaign.trace_of(spec))


def _at_once(
    campaign: Campaign, specs: Sequence[RunSpec], jobs: int, is_time_up: Callable[[], bool]
) -> Iterator[Line]:
    # Fresh interpreters: what a run does must not depend on what its process did before.
    fresh = multiprocessing.get_context("spawn")
    left = list(reversed(specs))
    with concurrent.futures.ProcessPoolExecutor(jobs, fresh, initializer=hush) as pool:
        pending: set[concurrent.futures.Future[Line]] = set()
        while left or pending:
            while left and len(pending) < jobs and not is_time_up():
                spec = left.pop()
                pending.add(pool.submit(_perform, spec, campaign.trace_of(spec)))
            if not pending:
                return
            done, pending = concurrent.futures.wait(
                pending, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in done:
                yield future.result()


def _perform(spec: RunSpec, trace_path: Path) -> Line:
    """One run; its trace stays when it failed.

    Raises:
        CampaignError: When there is no place for its trace.
    """
    try:
        trace_path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CampaignError(f"can't write {trace_path.parent}: {error.strerror}") from None
    report = perform(spec, trace_path=trace_path)
    if report.verdict is Verdict.OK:
        trace_path.unlink(missing_ok=True)
    return report.as_document()
