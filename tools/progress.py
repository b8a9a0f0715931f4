"""A progress bar for work that this process does itself: shown beyond two seconds only."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from firmware_sim.kernel.wall import SystemWall, Wall
from tools.output import Output

# What takes less shows no bar; a bar that moves ten times a second looks alive.
_SHOWN_AFTER_S: Final = 2.0
_EVERY_S: Final = 0.1


class Progress:
    """Shows how far some work is; a context, at whose end the bar goes away.

    Args:
        output: Where it is shown, if a person watches.
        label: What is being done.
        total: Steps of the whole work.
        wall: The clock.
    """

    def __init__(self, output: Output, label: str, total: float, wall: Wall | None = None) -> None:
        self._output = output
        self._label = label
        self._total = total
        self._wall = wall or SystemWall()
        self._next_s = self._wall.monotonic_s() + _SHOWN_AFTER_S

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._output.progress_done()

    def done(self, steps: float) -> None:
        """Tell how many steps are done."""
        now_s = self._wall.monotonic_s()
        if now_s >= self._next_s:
            self._next_s = now_s + _EVERY_S
            self._output.progress(steps, self._total, self._label)
