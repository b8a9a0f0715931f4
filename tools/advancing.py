"""An advance with a progress bar: the bench is asked for its time while it advances."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Iterator
from typing import Any, Final

from tools.bench_client import BenchClient
from tools.errors import ToolError
from tools.output import Output

# Seconds between two looks at the bench's clock: a bar that moves twice a second looks alive.
_LOOK_EVERY_S: Final = 0.5
# Looks without a bar: what takes less than two seconds shows none.
_LOOKS_UNSHOWN: Final = 4


def advance(bench: BenchClient, target: dict[str, Any], output: Output) -> dict[str, Any]:
    """Advance a bench; the reply of `POST /bench/clock/advance`.

    Args:
        bench: The bench.
        target: The body of the request.
        output: Shows the progress, where a person watches.

    Raises:
        BenchUnreachable: When no bench answers.
        BenchRefused: When it refuses.
    """
    with _watched(bench, target, output) if output.is_watched else contextlib.nullcontext():
        return bench.post("/bench/clock/advance", target)


@contextlib.contextmanager
def _watched(bench: BenchClient, target: dict[str, Any], output: Output) -> Iterator[None]:
    begun = _now(bench)
    if "to" in target:
        total_s = (dt.datetime.fromisoformat(target["to"]) - begun).total_seconds()
    else:
        total_s = float(target["seconds"])
    over = threading.Event()

    def watch() -> None:
        looks = 0
        while not over.wait(_LOOK_EVERY_S):
            looks += 1
            if looks < _LOOKS_UNSHOWN:
                continue
            try:
                done_s = (_now(bench) - begun).total_seconds()
            except ToolError:
                return  # Whoever advances is told.
            output.progress(done_s, total_s, "advancing")

    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        output.progress_done()


def _now(bench: BenchClient) -> dt.datetime:
    return dt.datetime.fromisoformat(bench.get("/bench/clock")["now"])
