"""Starts `strikeplate up` as a child process and hands out its URL and key."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.errors import ToolError

# A bench that is told to end closes its links and its store first; this is far beyond that.
STOP_TIMEOUT_S = 20.0
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
    state.mkdir(parents=True, exist_ok=True)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"STRIKEPLATE_API_KEY", "STRIKEPLATE_URL"}
    }
    # The child's words go to a file: a pipe that nobody reads would stop it when full.
    with (state / LOG_NAME).open("w", encoding="utf-8") as log:
        return subprocess.Popen(  # noqa: S603 - our own program, no shell.
            [sys.executable, "-m", "tools.cli", "up", "--json", "--state", str(state), *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
        )


def wait_until_ready(process: subprocess.Popen[str], state: Path) -> str:
    """Read the ready line and return the URL in it.

    Raises:
        ToolError: When the process ended first.
    """
    assert process.stdout is not None  # noqa: S101 - it was opened as a pipe.
    for line in process.stdout:
        document = json.loads(line)
        if document.get("ready"):
            return str(document["url"])
    process.wait()
    last_words = (state / LOG_NAME).read_text(encoding="utf-8").strip().splitlines()
    raise ToolError(f"the bench did not start: {last_words[-1] if last_words else 'no reason'}")


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
