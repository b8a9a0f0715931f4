"""The root command: parses, delegates to one verb, turns errors into exit codes.

A verb's module is imported when the verb is used: `decode` needs no database, and `--help` needs
nothing at all.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any, Final, NoReturn

from tools.errors import UsageError, exit_code, told_as
from tools.output import Output

# Each verb is the module of that name in tools.commands (`power-cut` is `power_cut`), which has
# `register(parser, shared)`.
VERBS: Final = {
    "up": "run a bench: devices, gateway and API in one go",
    "demo": "show one grant become a door that opens",
    "gateway": "run the gateway on real links",
    "clock": "show or advance a bench's clock",
    "memory": "dump, load, show or compare what is in a lock's flash",
    "explore": "run random weeks on benches from seeds, and judge them",
    "replay": "repeat one run of an exploration from its token",
    "power-cut": "cut a lock's power at every flash operation, and look what is left",
    "decode": "explain a captured strike frame field by field",
    "backup": "copy the gateway's store",
    "restore": "put a backup in the place of the gateway's store",
}

# 128 + SIGINT, as shells count it.
INTERRUPTED: Final = 130


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors of the tree: one sentence, JSON when asked for."""

    def __init__(self, **options: Any) -> None:
        # A prefix that works today is another option's tomorrow.
        super().__init__(**{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """See `argparse.ArgumentParser.error`.

        Raises:
            UsageError: Always.
        """
        raise UsageError(f"{message}; see `{self.prog} --help`")


def build_parser(verb: str | None = None) -> Parser:
    """The parser of the command line.

    Args:
        verb: The one verb whose options are needed; None for all.
    """
    parser = Parser(
        prog="strikeplate",
        description="A hardware-in-the-loop bench and gateway for smart locks.",
    )
    parser.add_argument(
        "--version", action="version", version=f"strikeplate {metadata.version('strikeplate')}"
    )
    # Taken before the verb as well as behind it; the later parser must not undo the earlier.
    parser.add_argument("--json", action="store_true", help="print results as JSON")
    shared = Parser(add_help=False)
    shared.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print results as JSON"
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, summary in VERBS.items():
        of_verb = verbs.add_parser(name, parents=[shared], help=summary, description=summary)
        if verb in {None, name}:
            _verb_module(name).register(of_verb, shared)
    return parser


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    """What a command line asks for.

    Raises:
        UsageError: When it is wrong.
    """
    # No option of the root takes a value, so the first word that is none is the verb.
    verb = next((word for word in words if not word.startswith("-")), "")
    arguments, unknown = build_parser(verb).parse_known_args(words)
    if unknown:
        # Not left to argparse, which sends people to the help of the root.
        asked = f"{arguments.verb} {getattr(arguments, 'action', '')}".rstrip()
        raise UsageError(
            f"unrecognized arguments: {' '.join(unknown)}; see `strikeplate {asked} --help`"
        )
    return arguments


def _verb_module(name: str) -> Any:
    """Import a verb, and its world with it."""
    # Nothing that an import makes is garbage, yet the collector would walk all of it again and
    # again: a quarter of the time that a start takes.
    gc.disable()
    try:
        return importlib.import_module(f"tools.commands.{name.replace('-', '_')}")
    finally:
        gc.freeze()
        gc.enable()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the process exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    output = Output(as_json="--json" in words)
    try:
        arguments = _parsed(words)
        return int(arguments.run(arguments, output))
    except KeyboardInterrupt:
        output.progress_done()
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing is left to tell it, and the
        # interpreter must not complain about the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the end of the line: nobody sees a traceback.
        told = told_as(error)
        output.error(told)
        return exit_code(told)


if __name__ == "__main__":
    sys.exit(main())
