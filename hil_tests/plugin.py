"""Pytest hooks: which bench the suites run on, and the line that repeats a failure."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and settings of benches."""
    group = parser.getgroup("strikeplate", "benches in virtual time")
    group.addoption("--bench", metavar="FILE", help="bench file of the suites")
    group.addoption(
        "--bench-seed", type=int, default=1, metavar="N", help="seed of the suites' benches"
    )
    parser.addini("bench_file", "bench file of the suites, relative to the root", default="")


def bench_path(config: pytest.Config) -> Path:
    """The bench file that option or setting names.

    Raises:
        UsageError: When there is none.
    """
    named = config.getoption("--bench") or config.getini("bench_file")
    if not named:
        raise pytest.UsageError("no bench file: give --bench FILE, or set bench_file")
    return config.rootpath / str(named)
