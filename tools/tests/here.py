"""Runs the command line in this process: no second interpreter, and coverage sees it."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import cli
from tools.logs import PACKAGES

# Seconds that a bench on a busy machine may take to be up.
READY_TIMEOUT_S = 60.0
POLL_S = 0.01


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one result of a command with --json."""
        [line] = self.out.splitlines()
        return dict(json.loads(line))

    @property
    def sentence(self) -> str:
        """The one line on standard error, without the name of the program."""
        [line] = self.err.splitlines()
        assert line.startswith("strikeplate: ")
        return line.removeprefix("strikeplate: ")


@contextlib.contextmanager
def logging_as_before() -> Iterator[None]:
    """A command sets up logging for its whole process; here that is for its own time."""
    loggers = [logging.getLogger(name) for name in (None, "uvicorn.error", *PACKAGES)]
    levels = [logger.level for logger in loggers]
    handlers = list(logging.root.handlers)
    try:
        yield
    finally:
        logging.root.handlers[:] = handlers
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def strikeplate(*words: str | int | Path) -> Ran:
    """Run a command to its end."""
    out, err = io.StringIO(), io.StringIO()
    with (
        logging_as_before(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = cli.main([str(word) for word in words])
    return Ran(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _acting(state: Path, act: Callable[[str], None]) -> Iterator[None]:
    """Do something in a thread once the bench of a state is up, then end it by SIGTERM."""
    over = threading.Event()
    failures: list[BaseException] = []

    def watch() -> None:
        record = state / "up.json"
        while not record.exists():
            if over.wait(POLL_S):
                return  # It ended by itself.
        try:
            act(str(json.loads(record.read_text(encoding="utf-8"))["url"]))
        except BaseException as error:  # noqa: BLE001 - raised in the test's own thread.
            failures.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=watch, name="act", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join(READY_TIMEOUT_S)
        if failures:
            raise failures[0]


def strikeplate_up(
    state: Path, *options: str | int | Path, act: Callable[[str], None] = lambda _: None
) -> Ran:
    """Run a bench for as long as something is done with it; `act` gets its URL.

    The first start of a bench in a process takes the signals of the main thread for that long.
    """
    words: Sequence[str | int | Path] = ["up", "--state", state, "--port", "0", *options]
    with _acting(state, act):
        return strikeplate(*words)
