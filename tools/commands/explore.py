"""`strikeplate explore`: random weeks on benches, from seeds, until something breaks."""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from firmware_sim.kernel.wall import SystemWall
from hil_tests.explore.campaign import Campaign, Line, shard_of
from hil_tests.explore.pool import perform_all
from hil_tests.explore.run import SUITES, VERSION, Verdict, hush
from hil_tests.explore.token import RunSpec
from tools.errors import UsageError, ViolationsFound
from tools.output import Output, count

_RANGE: Final = re.compile(r"(\d{1,15}):(\d{1,15})|(\d{1,15})")
_SHARD: Final = re.compile(r"(\d{1,6})/(\d{1,6})")
_MINUTE_S: Final = 60.0
# Violations that are shown; the rest is in the file.
_SHOWN_MAX: Final = 20


def register(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    del shared
    parser.add_argument(
        "--seeds", type=_seeds, metavar="A:B", help="the seeds from A to below B, or one seed"
    )
    parser.add_argument(
        "--suite",
        action="append",
        choices=sorted(SUITES),
        help="a suite to run; may be given several times (default: all)",
    )
    parser.add_argument(
        "--interleave",
        action="store_true",
        help="also run ready callbacks in an order drawn from the seed",
    )
    parser.add_argument(
        "--shard", type=_shard, metavar="K/N", help="the K-th of N parts, for N machines"
    )
    parser.add_argument(
        "--campaign",
        type=Path,
        default=Path("campaign.jsonl"),
        metavar="FILE",
        help="one line a run; runs that are in it are not run again (default: %(default)s)",
    )
    parser.add_argument(
        "--merge",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="take over the runs of other campaigns first",
    )
    parser.add_argument(
        "--jobs",
        type=_jobs,
        default=1,
        metavar="N",
        help="processes at once; 0 = one a core (default: %(default)s)",
    )
    parser.add_argument(
        "--minutes", type=_minutes, metavar="M", help="begin no run after so many minutes"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Run what is not known yet, then tell of all that was asked for.

    Raises:
        ViolationsFound: When a run broke a rule, stood still or crashed.
        CampaignError: When the campaign can't be read or written.
    """
    if arguments.seeds is None and not arguments.merge:
        raise UsageError(
            "say which seeds, such as --seeds 0:200; see `strikeplate explore --help`"
        )
    hush()
    campaign = Campaign(arguments.campaign, VERSION)
    merged = sum(campaign.merge(path) for path in arguments.merge)
    specs = _specs(arguments)
    todo = campaign.todo(specs)
    _perform(campaign, todo, arguments, output)
    lines = campaign.lines(specs) if arguments.seeds is not None else campaign.all_lines()
    summary = _summary(lines, campaign, len(specs), len(todo), merged)
    output.result(summary, _text(summary))
    failed = [line for line in lines if line["verdict"] != Verdict.OK]
    if failed:
        _show(failed, output)
        raise ViolationsFound(
            f"{count(len(failed), 'run')} of {len(lines)} failed; "
            f"repeat the first with `strikeplate replay {failed[0]['token']}`"
        )
    return 0


def _specs(arguments: argparse.Namespace) -> list[RunSpec]:
    """The runs that were asked for, seed by seed: a bound in time cuts all suites alike."""
    suites = arguments.suite or list(SUITES)
    specs = [
        RunSpec(suite=suite, seed=seed, is_interleaved=arguments.interleave)
        for seed in arguments.seeds or ()
        for suite in suites
    ]
    return specs if arguments.shard is None else shard_of(specs, *arguments.shard)


def _perform(
    campaign: Campaign, todo: Sequence[RunSpec], arguments: argparse.Namespace, output: Output
) -> None:
    wall = SystemWall()
    until_s = (
        None if arguments.minutes is None else wall.monotonic_s() + arguments.minutes * _MINUTE_S
    )

    def is_time_up() -> bool:
        return until_s is not None and wall.monotonic_s() >= until_s

    output.progress(0, len(todo), "exploring")
    failed = 0
    runs = perform_all(campaign, todo, jobs=arguments.jobs, is_time_up=is_time_up)
    for done, line in enumerate(runs, start=1):
        failed += line["verdict"] != Verdict.OK
        label = f"exploring, {failed} failed" if failed else "exploring"
        output.progress(done, len(todo), label)
    output.progress_done()


def _summary(
    lines: Sequence[Line], campaign: Campaign, asked: int, todo: int, merged: int
) -> dict[str, Any]:
    verdicts = Counter(line["verdict"] for line in lines)
    return {
        "campaign": str(campaign.path),
        "runs": len(lines),
        "verdicts": dict(sorted(verdicts.items())),
        "known_before": asked - todo,
        "merged": merged,
        "of_other_versions": campaign.count_of_other_versions(),
        "not_run": max(0, asked - len(lines)),
        "failures": [
            {key: line[key] for key in ("token", "verdict", "sentence")}
            for line in lines
            if line["verdict"] != Verdict.OK
        ],
    }


def _text(summary: dict[str, Any]) -> str:
    verdicts = ", ".join(f"{number} {name}" for name, number in summary["verdicts"].items())
    text = f"{count(summary['runs'], 'run')}: {verdicts or 'none'} ({summary['campaign']})"
    if summary["not_run"]:
        text += f"; {summary['not_run']} not begun in time: the same command goes on with them"
    if others := summary["of_other_versions"]:
        text += f"; {count(others, 'run')} of other versions of strikeplate left out"
    return text


def _show(failed: Sequence[Line], output: Output) -> None:
    output.table(
        ("TOKEN", "VERDICT", "WHAT"),
        [(line["token"], line["verdict"], line["sentence"]) for line in failed[:_SHOWN_MAX]],
    )
    if len(failed) > _SHOWN_MAX:
        output.say(f"and {len(failed) - _SHOWN_MAX} more")


def _seeds(text: str) -> range:
    """Seeds such as `0:200` or `17`.

    Raises:
        UsageError: When they are none.
    """
    match = _RANGE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text[:40]!r} are no seeds; write for example 0:200, or 17")
    if match[3] is not None:
        return range(int(match[3]), int(match[3]) + 1)
    seeds = range(int(match[1]), int(match[2]))
    if not seeds:
        raise UsageError(f"{text} holds no seed: the second number is not above the first")
    return seeds


def _shard(text: str) -> tuple[int, int]:
    """A shard such as `3/8`.

    Raises:
        UsageError: When it is none.
    """
    match = _SHARD.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"{text[:40]!r} is no shard; write for example 3/8, from 1/8 to 8/8")
    return int(match[1]), int(match[2])


def _jobs(text: str) -> int:
    """Processes at once.

    Raises:
        UsageError: When it is no such number.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 3):  # noqa: PLR2004 - digits.
        raise UsageError(f"--jobs must be a whole number, not {text[:40]!r}")
    return int(text) or os.cpu_count() or 1


def _minutes(text: str) -> float:
    """A bound in minutes.

    Raises:
        UsageError: When it is none.
    """
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not 0.0 <= minutes < float("inf"):
        raise UsageError(f"--minutes must be a number from 0, not {text[:40]!r}")
    return minutes
