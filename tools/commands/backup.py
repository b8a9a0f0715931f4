"""`strikeplate backup FILE`: copy the gateway's store, while it runs or not."""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway.store.backup import backup
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
    parser.add_argument("file", type=Path, metavar="FILE", help="where to write the copy")
    add_store_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Copy the store to a file; the copy is verified."""
    summary = backup(
        store_url(arguments), arguments.file, progress=page_progress(output, "backing up")
    )
    output.progress_done()
    document = {"file": str(arguments.file), **summary_document(summary)}
    output.result(document, f"{arguments.file}: {summary_text(summary)}")
    return 0
