"""The one place that prints: text for people, JSON for programs, progress on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TextIO

from protocols.errors import StrikeplateError

# Characters: with label and percentage it fits the narrowest terminal in use.
BAR_WIDTH: Final = 30


def count(number: int, noun: str) -> str:
    """A number of things, for people."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class Output:
    """Writes a command's results.

    With `as_json` every result is one JSON document a line and narration is left out, so that a
    program reads nothing but results.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        stream: TextIO | None = None,
        error_stream: TextIO | None = None,
    ) -> None:
        self.as_json = as_json
        self._stream = sys.stdout if stream is None else stream
        self._errors = sys.stderr if error_stream is None else error_stream
        self._progress_shown = False

    def say(self, text: str) -> None:
        """Narrate: shown to people only."""
        if not self.as_json:
            self._write(text)

    def result(self, document: Mapping[str, Any], text: str | None = None) -> None:
        """One result: the document as JSON, or its text for people."""
        if self.as_json:
            self._write(json.dumps(document))
        else:
            self._write(text if text is not None else json.dumps(document, indent=2))

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Rows in columns, for people."""
        if self.as_json:
            return
        lines = [tuple(header), *(tuple(row) for row in rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self._write("  ".join(cells).rstrip())

    @property
    def is_watched(self) -> bool:
        """Whether a person watches a terminal, so that progress is worth showing."""
        return not self.as_json and self._errors.isatty()

    def working(self, label: str) -> None:
        """Say what is being waited for, until something else is written."""
        self._show(f"{label} ...")

    def progress(self, done: float, total: float, label: str) -> None:
        """A bar that redraws itself; silent unless a person watches."""
        share = min(1.0, max(0.0, done / total)) if total > 0 else 1.0
        filled = round(BAR_WIDTH * share)
        self._show(f"{label} [{'#' * filled}{'-' * (BAR_WIDTH - filled)}] {share:4.0%}")

    def _show(self, line: str) -> None:
        if self.is_watched:
            self._errors.write(f"\r\x1b[K{line}")
            self._errors.flush()
            self._progress_shown = True

    def progress_done(self) -> None:
        """Clear what `working` or `progress` shows."""
        if self._progress_shown:
            self._errors.write("\r\x1b[K")
            self._errors.flush()
            self._progress_shown = False

    def error(self, error: StrikeplateError) -> None:
        """One sentence on standard error."""
        self.progress_done()
        sentence = str(error)
        if self.as_json:
            document = {"error": {"type": type(error).__name__, "message": sentence}}
            self._errors.write(json.dumps(document) + "\n")
        else:
            self._errors.write(f"strikeplate: {sentence}\n")
        self._errors.flush()

    def _write(self, text: str) -> None:
        self.progress_done()
        self._stream.write(text + "\n")
        # Flushed line by line: `up` prints one ready line that a script waits for.
        self._stream.flush()
