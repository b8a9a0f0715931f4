"""`strikeplate replay TOKEN`: repeat one run of an exploration, and see whether it is the same."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from hil_tests.explore.campaign import Campaign
from hil_tests.explore.divergence import Divergence, first_divergence
from hil_tests.explore.run import SUITES, VERSION, RunReport, Verdict, hush, perform
from hil_tests.explore.token import DIGEST_LENGTH, Token, parse_token
from tools.errors import RunDiverged, ToolError, ViolationsFound
from tools.output import Output


def register(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    del shared
    parser.add_argument("token", metavar="TOKEN", help="as `explore` prints it")
    parser.add_argument(
        "--campaign",
        type=Path,
        default=Path("campaign.jsonl"),
        metavar="FILE",
        help="the campaign that the run is of, for its stored trace (default: %(default)s)",
    )
    parser.add_argument(
        "--trace", type=Path, metavar="FILE", help="keep the trace of this run in a file"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Repeat the run.

    Raises:
        TokenUnusable: When the token is damaged, or of another version.
        RunDiverged: When the run was another one this time.
        ViolationsFound: When it was the same, and failed as before.
        ToolError: When its trace can't be kept.
    """
    token = parse_token(arguments.token, version=VERSION, suites=SUITES)
    if arguments.trace is not None:
        _check_writable(arguments.trace)
    hush()
    output.working(f"repeating {token.spec.suite} {token.spec.seed}")
    with tempfile.TemporaryDirectory(prefix="strikeplate-replay-") as folder:
        trace = arguments.trace or Path(folder) / "events.jsonl"
        report = perform(token.spec, trace_path=trace)
        is_same = report.digest[:DIGEST_LENGTH] == token.digest
        divergence = None if is_same else _divergence(arguments.campaign, token, trace)
    output.result(_document(report, divergence, is_same=is_same), _text(report, is_same=is_same))
    if not is_same:
        if divergence is not None:
            output.say(_side_by_side(divergence))
        raise RunDiverged(_difference(token, report, divergence))
    if report.verdict is not Verdict.OK:
        raise ViolationsFound(f"the run failed as before: {report.sentence}")
    return 0


def _check_writable(trace: Path) -> None:
    """Begin the file now: later, what goes wrong with it would pass for the run's own verdict."""
    try:
        trace.write_bytes(b"")
    except OSError as error:
        raise ToolError(f"can't write {trace}: {error.strerror}") from None


def _divergence(campaign: Path, token: Token, found: Path) -> Divergence | None:
    """Where the run parts from its stored trace; None when there is no such trace."""
    stored = Campaign(campaign, VERSION).trace_of(token.spec)
    return first_divergence(stored, found) if stored.is_file() and found.is_file() else None


def _document(
    report: RunReport, divergence: Divergence | None, *, is_same: bool
) -> dict[str, Any]:
    parted = divergence and {
        "event": divergence.number,
        "expected": divergence.expected,
        "found": divergence.found,
    }
    return {**report.as_document(), "is_same": is_same, "divergence": parted}


def _text(report: RunReport, *, is_same: bool) -> str:
    kind = "the same run" if is_same else "another run"
    ending = report.verdict.value + (f" ({report.sentence})" if report.sentence else "")
    return f"{kind}: {ending}, {report.counts['events']} events, digest {report.digest}"


def _side_by_side(divergence: Divergence) -> str:
    lines = [f"The runs part at event {divergence.number}:"]
    lines += [f"    {event}" for event in divergence.before]
    lines.append(f"  - {divergence.expected or '(the stored trace ends here)'}")
    lines.append(f"  + {divergence.found or '(this run ends here)'}")
    return "\n".join(lines)


def _difference(token: Token, report: RunReport, divergence: Divergence | None) -> str:
    sentence = (
        f"the digest is {report.digest[:DIGEST_LENGTH]} and was {token.digest}: "
        "the code has changed since, or something in it does not follow the seed"
    )
    if divergence is None:
        sentence += "; there is no stored trace to compare with (see --campaign)"
    return sentence
