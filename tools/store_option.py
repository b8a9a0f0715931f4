"""Which store a verb works on: a bench's state folder, or a gateway's configuration."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from gateway.config import load_config
from gateway.store.backup import StoreSummary
from hil_tests.bench_instants import instant
from hil_tests.bench_state import BenchState
from tools.bench_options import add_state_option
from tools.errors import UsageError
from tools.output import Output, count

_MIB = 1024 * 1024


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Options that name a store."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--config", type=Path, metavar="FILE", help="a gateway's configuration")
    add_state_option(which)


def store_url(arguments: argparse.Namespace) -> str:
    """The URL of the store that the options name.

    Raises:
        UsageError: When the state folder does not exist.
        ConfigError: When the configuration can't be used.
    """
    if arguments.config is not None:
        return load_config(arguments.config, environment=os.environ).store.url
    if not arguments.state.is_dir():
        raise UsageError(
            f"there is no state folder {arguments.state}; name one with --state or --config"
        )
    return BenchState(arguments.state).store_url


def page_progress(output: Output, label: str) -> Callable[[int, int], None]:
    """A progress bar over copied pages."""

    def show(done: int, total: int) -> None:
        output.progress(done, total, label)

    return show


def summary_document(summary: StoreSummary) -> dict[str, object]:
    """What a store holds, as JSON."""
    at_ms = summary.committed_at_ms
    return {
        "committed_at": None if at_ms is None else instant(at_ms),
        "devices": summary.device_count,
        "access_grants": summary.grant_count,
        "access_codes": summary.code_count,
        "size_bytes": summary.size_bytes,
        "schema": summary.revision,
    }


def summary_text(summary: StoreSummary) -> str:
    """What a store holds, in one line."""
    at_ms = summary.committed_at_ms
    at = "never written" if at_ms is None else f"as of {instant(at_ms)}"
    return (
        f"{count(summary.device_count, 'device')}, {count(summary.grant_count, 'grant')}, "
        f"{count(summary.code_count, 'code')}, {summary.size_bytes / _MIB:.1f} MiB, {at}"
    )
