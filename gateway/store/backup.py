"""Back up a SQLite store to a file, and restore one; both verify what they leave behind.

The backup is made by SQLite's online backup, so the gateway may go on meanwhile. What comes out is
one plain SQLite file (no write-ahead log beside it), checked for integrity, made for its owner
alone, and put under its name only when it is whole. PostgreSQL has its own tools, and the error
says so.

A restored store knows less than its devices: it meets higher revisions on them, continues from
there and warns (DESIGN D21).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gateway.errors import StoreError
from gateway.store import schema
from gateway.store.engine import sqlite_path

# Pages a step of the online backup copies: 4 MiB, so that a progress bar moves, and a commit
# that waits for the lock does not wait long.
_PAGES_A_STEP: Final = 1024

# Called with pages copied so far and pages in all.
Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoreSummary:
    """What a store file holds.

    Attributes:
        revision: Its schema revision.
        committed_at_ms: Instant of its last commit, milliseconds since 1970; None for none.
        device_count: Devices.
        grant_count: Access grants.
        code_count: Access codes.
        size_bytes: Size of the file.
    """

    revision: str
    committed_at_ms: int | None
    device_count: int
    grant_count: int
    code_count: int
    size_bytes: int


def backup(url: str, target: Path, *, progress: Progress | None = None) -> StoreSummary:
    """Copy a SQLite store to a file; the gateway may run.

    Args:
        url: The store's URL.
        target: The file to write; it must not exist.
        progress: Told about the pages copied.

    Raises:
        StoreError: When the store is no SQLite file, is damaged, or the file can't be written.
    """
    source = _file_of(url)
    if target.exists():
        raise StoreError(f"{target} exists already; choose another name or move it away")
    # Looked at first: a store that is none, or that is damaged, is not worth copying.
    inspect(source)
    with _in_place(target) as partial:
        _copy(source, partial, progress)
        return inspect(partial)


def restore(source: Path, url: str, *, progress: Progress | None = None) -> StoreSummary:
    """Put a backup in the place of a store. The gateway must be stopped.

    Args:
        source: A file that `backup` wrote.
        url: The store's URL; what it held before is replaced.
        progress: Told about the pages copied.

    Raises:
        StoreError: When the file is no backup of a store, is damaged, or was written by a newer
            version: the store is untouched then. Or when the store can't be written, or a gateway
            has it open.
    """
    target = _file_of(url)
    inspect(source)
    _require_idle(target)
    with _in_place(target) as partial:
        _copy(source, partial, progress)
        summary = inspect(partial)
        # A write-ahead log of the store that was here would be replayed into the restored one.
        for suffix in ("-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)
    return summary


def inspect(path: Path) -> StoreSummary:
    """Read what a store file holds, and check that it is whole and of a known version.

    Raises:
        StoreError: When it is not; the sentence says which.
    """
    if not path.is_file():
        raise StoreError(f"there is no file {path}")
    with _as_store_errors(path), contextlib.closing(_open(path, "mode=ro")) as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            # The first line only says which database it is about.
            raise StoreError(f"{path} is damaged: {verdict.splitlines()[-1]}")
        revision = _revision(connection, path)
        return StoreSummary(
            revision=revision,
            committed_at_ms=_number(connection, "max(committed_at_ms)", "instant") or None,
            device_count=_number(connection, "count(*)", "device"),
            grant_count=_number(connection, "count(*)", "access_grant"),
            code_count=_number(connection, "count(*)", "access_code"),
            size_bytes=path.stat().st_size,
        )


def _revision(connection: sqlite3.Connection, path: Path) -> str:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not {"alembic_version", "instant", "access_code"} <= tables:
        raise StoreError(f"{path} is a SQLite file, but no store of strikeplate")
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    revision = "none" if row is None else str(row[0])
    if revision not in schema.known_revisions():
        raise StoreError(
            f"{path} was written by a newer strikeplate (schema {revision}); upgrade strikeplate"
        )
    return revision


def _number(connection: sqlite3.Connection, expression: str, table: str) -> int:
    query = f"SELECT {expression} FROM {table}"  # noqa: S608 - both are literals of this file.
    return int(connection.execute(query).fetchone()[0] or 0)


def _copy(source: Path, partial: Path, progress: Progress | None) -> None:
    def tell(_status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    with (
        contextlib.closing(_open(source, "mode=ro")) as origin,
        contextlib.closing(_open(partial, "mode=rw")) as copy,
    ):
        origin.backup(copy, pages=_PAGES_A_STEP, progress=tell)
        # One file in one piece; a store that is opened goes back to its write-ahead log.
        copy.execute("PRAGMA journal_mode = DELETE")


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, isolation_level=None)


def _require_idle(path: Path) -> None:
    """Refuse a store that somebody has open: leaving the write-ahead log needs it alone.

    Raises:
        StoreError: When it is in use.
    """
    if not path.exists():
        return
    with _as_store_errors(path), contextlib.closing(_open(path, "mode=rw")) as connection:
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        except sqlite3.OperationalError:
            mode = "in use"
        except sqlite3.DatabaseError:
            # What lies there is no database: nobody can have it open as one.
            return
    if mode != "delete":
        raise StoreError(f"the store at {path} is in use; stop the gateway first")


def _file_of(url: str) -> Path:
    path = sqlite_path(url)
    if path is None:
        raise StoreError(
            "only a store in a SQLite file is backed up and restored here; "
            "for PostgreSQL use pg_dump and pg_restore"
        )
    return path


@contextlib.contextmanager
def _in_place(target: Path) -> Iterator[Path]:
    """A file beside the target that takes its name when the block ends well, else vanishes."""
    partial = target.with_name(target.name + ".partial")
    with _as_store_errors(target):
        try:
            partial.unlink(missing_ok=True)
            # It holds PINs: for its owner alone from the first byte on.
            os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            yield partial
            descriptor = os.open(partial, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _as_store_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path} can't be used as a store: {error}") from None
    except OSError as error:
        raise StoreError(f"{path} can't be written: {error.strerror}") from None
