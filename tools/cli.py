"""The root command: parses, delegates to one verb, turns errors into exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import metadata

from protocols.errors import StrikeplateError
from tools.commands import backup, clock, decode, demo, gateway, restore, up
from tools.errors import exit_code
from tools.output import Output

VERBS = (up, demo, gateway, clock, decode, backup, restore)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="strikeplate",
        description="A hardware-in-the-loop bench and gateway for smart locks.",
    )
    parser.add_argument(
        "--version", action="version", version=f"strikeplate {metadata.version('strikeplate')}"
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print results as JSON")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        verb.register(verbs, shared)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the process exit code."""
    arguments = build_parser().parse_args(argv)
    output = Output(as_json=arguments.json)
    try:
        return int(arguments.run(arguments, output))
    except StrikeplateError as error:
        output.error(error)
        return exit_code(error)
    except KeyboardInterrupt:
        output.progress_done()
        # 128 + SIGINT, as shells count it.
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing is left to tell it, and the
        # interpreter must not complain about the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
