"""What is logged, and where: warnings to standard error, more when asked."""

from __future__ import annotations

import logging

FORMAT = "%(levelname)s %(name)s: %(message)s"


def log_to_stderr(*, verbose: bool) -> None:
    """Send the project's log lines to standard error.

    Args:
        verbose: Show what happens, not only what is wrong. Libraries stay at warnings either way.
    """
    logging.basicConfig(level=logging.WARNING, format=FORMAT)
    for package in ("gateway", "firmware_sim", "hil_tests"):
        logging.getLogger(package).setLevel(logging.INFO if verbose else logging.WARNING)
