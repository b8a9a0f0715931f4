"""What is logged, and where: warnings to standard error, more when asked."""

from __future__ import annotations

import logging

FORMAT = "%(levelname)s %(name)s: %(message)s"
PACKAGES = ("gateway", "firmware_sim", "hil_tests")


def log_to_stderr(*, verbose: bool) -> None:
    """Send the project's log lines to standard error.

    Args:
        verbose: Show what happens, not only what is wrong. Libraries stay at warnings either way.
    """
    logging.basicConfig(level=logging.WARNING, format=FORMAT)
    # What goes wrong in a request is logged where it is known, with its id; what is left of the
    # server's own words is that it cancels whoever hangs on while it ends.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    for package in PACKAGES:
        logging.getLogger(package).setLevel(logging.INFO if verbose else logging.WARNING)
