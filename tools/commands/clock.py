"""`strikeplate clock show|advance`: look at a running bench's clock, or move it."""

from __future__ import annotations

import argparse
import datetime as dt
import re
from typing import Any

from tools.bench_client import BenchClient, add_bench_options
from tools.errors import UsageError
from tools.output import Output

# Spans as people write them: "90", "90s", "15m", "72h", "3d", "1d12h".
SPAN = re.compile(
    r"(?:(?P<d>\d+(?:\.\d+)?)d)?(?:(?P<h>\d+(?:\.\d+)?)h)?"
    r"(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s?)?"
)
UNIT_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def register(verbs: Any, shared: argparse.ArgumentParser) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser("clock", help="show or advance a bench's clock")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", parents=[shared], help="show the bench's time")
    add_bench_options(show)
    show.set_defaults(run=run_show)
    advance = actions.add_parser("advance", parents=[shared], help="move the bench's time on")
    add_bench_options(advance)
    advance.add_argument("by", nargs="?", help="a span such as 90s, 15m, 72h, 3d or 1d12h")
    advance.add_argument("--to", help="an instant such as 2025-07-13T15:00:00Z")
    advance.add_argument(
        "--settle",
        action="store_true",
        help="run on until every device holds what is due (at most 120 s of bench time)",
    )
    advance.set_defaults(run=run_advance)


def run_show(arguments: argparse.Namespace, output: Output) -> int:
    """Show the bench's time."""
    with BenchClient.of(arguments) as bench:
        clock = bench.get("/bench/clock")
    output.result(clock, f"{clock['now']}  (speed {clock['speed']:g})")
    return 0


def run_advance(arguments: argparse.Namespace, output: Output) -> int:
    """Advance the bench's time; what stays unfinished is listed."""
    body: dict[str, Any] = {"settle": arguments.settle}
    if (arguments.by is None) == (arguments.to is None):
        raise UsageError("give either a span (such as 72h) or --to INSTANT")
    if arguments.to is not None:
        body["to"] = parse_instant(arguments.to)
    else:
        body["seconds"] = parse_span_s(arguments.by)
    with BenchClient.of(arguments) as bench:
        reply = bench.post("/bench/clock/advance", body)
    output.result(reply, reply["now"])
    unfinished = reply.get("unfinished", [])
    if unfinished:
        output.say("Unfinished:")
        output.table(
            ("DEVICE", "ENTRY", "REASON", "NEXT TRY"),
            [
                (item["device"], item["entry"] or "-", item["reason"], item["next_try"] or "-")
                for item in unfinished
            ],
        )
    return 0


def parse_span_s(text: str) -> float:
    """Seconds of a span such as `1d12h`.

    Raises:
        UsageError: When it is not a span.
    """
    match = SPAN.fullmatch(text)
    if match is None or not text:
        raise UsageError(f"{text!r} is not a span; write for example 90s, 15m, 72h or 1d12h")
    return sum(float(value) * UNIT_S[unit] for unit, value in match.groupdict().items() if value)


def parse_instant(text: str) -> str:
    """An instant with its zone, checked, as it came.

    Raises:
        UsageError: When it is not an ISO 8601 instant with a zone.
    """
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is not an instant; write for example 2025-07-13T15:00:00Z"
        ) from None
    if instant.tzinfo is None:
        raise UsageError(f"{text!r} names no time zone; end it with Z for UTC")
    return text
