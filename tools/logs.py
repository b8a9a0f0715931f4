"""What is logged, and where: warnings to standard error, more when asked."""

from __future__ import annotations

import logging
from typing import TextIO

from tools.output import Output

FORMAT = "%(levelname)s %(name)s: %(message)s"
PACKAGES = ("gateway", "firmware_sim", "hil_tests")


class _LineHandler(logging.StreamHandler[TextIO]):
    """Gives every log line a line of its own, beside what a terminal is shown meanwhile."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler.emit`."""
        self._output.progress_done()
        super().emit(record)


def log_to_stderr(output: Output, *, verbose: bool) -> None:
    """Send the project's log lines to standard error.

    Args:
        output: What else is shown there.
        verbose: Show what happens, not only what is wrong. Libraries stay at warnings either way.
    """
    logging.basicConfig(level=logging.WARNING, format=FORMAT, handlers=[_LineHandler(output)])
    # What goes wrong in a request is logged where it is known, with its id; what is left of the
    # server's own words is that it cancels whoever hangs on while it ends.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    for package in PACKAGES:
        logging.getLogger(package).setLevel(logging.INFO if verbose else logging.WARNING)
