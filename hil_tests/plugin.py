"""Pytest hooks: which bench the suites run on, and the line that repeats a failure."""

from __future__ import annotations

import shlex
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

# A test that asks for this, itself or through another fixture, runs on benches of the seed.
_BENCH_FIXTURE: Final = "open_bench"


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a bench's test its seed, and the command that repeats a failure."""
    del call
    report = yield
    if _BENCH_FIXTURE in getattr(item, "fixturenames", ()):
        if report.when == "setup":
            seed = item.config.getoption("--bench-seed")
            item.user_properties.append(("bench_seed", seed))
        if report.failed:
            report.sections.append(("Repeat this run", repeat_command(item)))
    return report


def repeat_command(item: pytest.Item) -> str:
    """The command that runs one test again on the same benches with the same seed."""
    words = ["python", "-m", "pytest", item.nodeid, "--bench-seed"]
    words.append(str(item.config.getoption("--bench-seed")))
    bench = item.config.getoption("--bench")
    if bench:
        words += ["--bench", str(bench)]
    return shlex.join(words)
