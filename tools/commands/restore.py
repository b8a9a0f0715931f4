"""`strikeplate restore FILE`: put a backup in the place of the gateway's store."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from gateway.store.backup import restore
from hil_tests.bench_state import BenchState
from tools.output import Output
from tools.store_option import (
    add_store_options,
    page_progress,
    store_url,
    summary_document,
    summary_text,
)


def register(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    del shared
    parser.add_argument("file", type=Path, metavar="FILE", help="a file that backup wrote")
    add_store_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Replace the store; the gateway must be stopped.

    Devices may know more than the backup: the gateway finds higher revisions on them, goes on
    from there and says so.
    """
    url = store_url(arguments)
    bench = None if arguments.config is not None else BenchState(arguments.state)
    with contextlib.nullcontext() if bench is None else bench.claim():
        summary = restore(arguments.file, url, progress=page_progress(output, "restoring"))
    output.progress_done()
    document = {"file": str(arguments.file), **summary_document(summary)}
    output.result(document, f"restored: {summary_text(summary)}")
    return 0
