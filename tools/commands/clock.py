"""`strikeplate clock show|advance`: look at a running bench's clock, or move it."""

from __future__ import annotations

import argparse
from typing import Any, Final

from hil_tests.bench_instants import instant
from tools import arguments as readers
from tools.advancing import advance
from tools.bench_client import BenchClient
from tools.bench_options import add_bench_options
from tools.errors import UsageError
from tools.output import Output

DEVICES: Final = "/bench/devices"


def register(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Add the verb's actions and options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", parents=[shared], help="show the bench's time")
    add_bench_options(show)
    show.set_defaults(run=run_show)
    move = actions.add_parser("advance", parents=[shared], help="move the bench's time on")
    add_bench_options(move)
    move.add_argument(
        "by",
        nargs="?",
        type=readers.span_s,
        metavar="SPAN",
        help="a span such as 90s, 15m, 72h, 3d or 1d12h",
    )
    move.add_argument(
        "--to",
        type=readers.instant_ms,
        metavar="ISO",
        help="an instant such as 2025-07-13T15:00:00Z",
    )
    move.add_argument(
        "--settle",
        action="store_true",
        help="run on until every device holds what is due (at most 120 s of bench time)",
    )
    move.set_defaults(run=run_advance)


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
        body["to"] = instant(arguments.to)
    else:
        body["seconds"] = arguments.by
    with BenchClient.of(arguments) as bench:
        reply = advance(bench, body, output)
        output.result(reply, reply["now"])
        if reply["unfinished"]:
            names = {each["device_id"]: each["name"] for each in bench.get(DEVICES)["devices"]}
            output.say("Unfinished:")
            output.table(
                ("DEVICE", "ENTRY", "REASON", "NEXT TRY"),
                [
                    (names[each["device"]], each["entry"], each["reason"], each["next_try"] or "-")
                    for each in reply["unfinished"]
                ],
            )
        if reply["unheld"]:
            output.say(f"Not waited for: {', '.join(reply['unheld'])}")
    return 0
