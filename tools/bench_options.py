"""How a verb finds the bench that it speaks to: options, environment, state folder.

Apart from the client: `strikeplate up` has a state folder too, and starts sooner without an HTTP
client.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any, Final

from tools.errors import BenchUnreachable

DEFAULT_STATE: Final = ".strikeplate"


def add_state_option(parser: Any, meaning: str = "a bench's state folder") -> None:
    """The option that names a state folder."""
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(DEFAULT_STATE),
        metavar="FOLDER",
        help=f"{meaning} (default: %(default)s)",
    )


def add_bench_options(parser: argparse.ArgumentParser) -> None:
    """Options by which a verb finds the bench that it speaks to."""
    parser.add_argument(
        "--url", help="the bench's URL (default: STRIKEPLATE_URL, then the state folder's up.json)"
    )
    add_state_option(parser, "the state folder of the bench")


def find_url(arguments: argparse.Namespace) -> str:
    """The URL of a running bench: option, then environment, then `up.json`.

    Raises:
        BenchUnreachable: When none of the three names one.
    """
    if arguments.url:
        return str(arguments.url)
    if from_environment := os.environ.get("STRIKEPLATE_URL"):
        return from_environment
    record = Path(arguments.state) / "up.json"
    try:
        return str(json.loads(record.read_text(encoding="utf-8"))["url"])
    except (FileNotFoundError, NotADirectoryError):
        raise BenchUnreachable(
            f"no bench is known: {record} does not exist; "
            "start one with `strikeplate up`, or name it with --url"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchUnreachable(f"{record} can't be read; name the bench with --url") from error


def find_api_key(arguments: argparse.Namespace) -> str:
    """The API key: environment, then the state folder's `api-key`.

    Raises:
        BenchUnreachable: When there is none, or none that can be sent.
    """
    key = os.environ.get("STRIKEPLATE_API_KEY")
    if not key:
        try:
            key = (Path(arguments.state) / "api-key").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError):
            key = ""
    if not key or not key.isascii() or not key.isprintable():
        raise BenchUnreachable(
            "no API key is known: set STRIKEPLATE_API_KEY, or name the state folder with --state"
        )
    return key
