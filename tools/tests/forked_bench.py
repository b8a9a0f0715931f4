"""`strikeplate up` in processes that are forked from one that has imported it already.

The program, its process, its files and its end by a signal are those of `start_bench`; only the
two seconds of importing, which a hundred benches would pay one by one, are paid once.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

from tools.cli import main
from tools.running_bench import (
    FOREIGN_NAMES,
    LOG_NAME,
    STOP_TIMEOUT_S,
    ready_url,
    up_words,
)

# One server for each worker of a test run.
_CONTEXT: Final = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "tools.commands.up"])


@contextlib.contextmanager
def forked_bench(state: Path, options: Sequence[str]) -> Iterator[tuple[ForkServerProcess, str]]:
    """Run a bench for the length of the context; gives its process and its URL.

    It is told to end at the end, unless it was killed before.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    told, telling = _CONTEXT.Pipe(duplex=False)
    words = up_words(state, options)
    process = _CONTEXT.Process(target=_run, args=(words, telling, state / LOG_NAME))
    process.start()
    telling.close()
    # It stays open: whatever the bench says later must not find a closed pipe.
    with told, os.fdopen(os.dup(told.fileno()), encoding="utf-8") as lines:
        try:
            yield process, ready_url(lines, state)
        finally:
            process.terminate()
            process.join(STOP_TIMEOUT_S)
            process.kill()
            process.join()


def _run(words: list[str], telling: Connection, log: Path) -> None:
    """In the child: what `up` writes goes where `start_bench` would have it."""
    for name in FOREIGN_NAMES:
        os.environ.pop(name, None)
    os.dup2(telling.fileno(), sys.stdout.fileno())
    with log.open("w", encoding="utf-8") as errors:
        os.dup2(errors.fileno(), sys.stderr.fileno())
    sys.exit(main(words))
