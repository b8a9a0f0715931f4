"""Starts `strikeplate up` as a child process and hands out its URL and key."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tools.errors import ToolError

# A bench that is told to end closes its links and its store first; this is far beyond that.
STOP_TIMEOUT_S = 20.0
# What may lead a person's commands to a bench; one that is started here has its own.
FOREIGN_NAMES = frozenset({"STRIKEPLATE_API_KEY", "STRIKEPLATE_URL"})
LOG_NAME = "up.log"


@contextlib.contextmanager
def running_bench(state: Path, options: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Run a bench for the length of the context.

    Args:
        state: State folder; made when missing.
        options: Further options of `strikeplate up`.

    Yields:
        The URL and the API key.

    Raises:
        ToolError: When the bench does not come up; the sentence holds its own last words.
    """
    process = start_bench(state, options)
    try:
        url = wait_until_ready(process, state)
        yield url, (state / "api-key").read_text(encoding="utf-8").strip()
    finally:
        stop_bench(process)


def start_bench(state: Path, options: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Start `strikeplate up` with its state in a folder of its own."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN_NAMES}
    # The child's words go to a file: a pipe that nobody reads would stop it when full.
    with (state / LOG_NAME).open("w", encoding="utf-8") as log:
        return subprocess.Popen(  # noqa: S603 - our own program, no shell.
            # -P: a folder `tools` where the user stands must not be taken for ours.
            [sys.executable, "-P", "-m", "tools.cli", *up_words(state, options)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
        )


def up_words(state: Path, options: Sequence[str]) -> list[str]:
    """The command line of a bench whose start somebody waits for."""
    return ["up", "--json", "--state", str(state), *options]


def wait_until_ready(process: subprocess.Popen[str], state: Path) -> str:
    """Read the ready line and return the URL in it.

    Raises:
        ToolError: When the process ended first.
    """
    assert process.stdout is not None  # noqa: S101 - it was opened as a pipe.
    try:
        return ready_url(process.stdout, state)
    except ToolError:
        process.wait()
        raise


def ready_url(told: Iterable[str], state: Path) -> str:
    """The URL of a bench, from what it tells line by line.

    Raises:
        ToolError: When it ended first.
    """
    for line in told:
        document = json.loads(line)
        if document.get("ready"):
            return str(document["url"])
    raise ToolError(f"the bench did not start: {_last_words(state / LOG_NAME)}")


def _last_words(log: Path) -> str:
    """The sentence with which a bench ended."""
    lines = log.read_text(encoding="utf-8").strip().splitlines()
    try:
        return str(json.loads(lines[-1])["error"]["message"])
    except (ValueError, KeyError, TypeError, IndexError):
        return lines[-1] if lines else "it gave no reason"


def stop_bench(process: subprocess.Popen[str]) -> int:
    """End the bench cleanly; kill it when it does not end."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return process.returncode
