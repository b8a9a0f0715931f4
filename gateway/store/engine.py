"""Engines by URL: what the store asks of SQLite and of PostgreSQL, said once.

SQLite (file): WAL, `synchronous=FULL`; the writer begins with `BEGIN IMMEDIATE`, so it never has
to upgrade a lock, readers with a deferred `BEGIN`. SQLite (memory): one connection serves both.
PostgreSQL: units decide on what they read, so the writer is SERIALIZABLE, and takes its turn with
the writers of other gateways before its snapshot (every commit touches the row of `instant`, so
side by side all but one would lose); a batch that loses all the same is run again. Readers see
one snapshot.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import LRUCache

from gateway.errors import StoreError

# How long SQLite waits for another process's lock, milliseconds: longer than any batch takes.
_BUSY_TIMEOUT_MS: Final = 5000
# Waits for other gateways' batches; readers go on. A LOCK that comes first precedes the snapshot.
_TURN: Final = "LOCK TABLE instant IN EXCLUSIVE MODE"
# PostgreSQL's serialization_failure and deadlock_detected: the batch may be run again.
_RERUN_STATES: Final = ("40001", "40P01")
# Statements that the store has, and a few forms of each: far more than are in use.
_COMPILED_MAX: Final = 1000


class _Sqlite(SQLiteDialect_pysqlite):
    """SQLAlchemy's own dialect for SQLite, with a BEGIN, and equal to every other of its kind.

    Compiled statements are kept by statement and dialect, so every engine would compile all of
    them again: a tenth of a second for each store that a bench or a test opens. All engines of
    one process speak to one library, so what is compiled for one is right for each.

    Args:
        begin: The statement that begins a transaction. A listener could send it as well, but an
            engine with a listener looks for more of them around every statement.
    """

    supports_statement_cache = True

    def __init__(self, begin: str = "BEGIN", **options: Any) -> None:
        super().__init__(**options)
        self._begin = begin

    def do_begin(self, dbapi_connection: Any) -> None:
        """Begin a transaction; Python's own would begin late and commit on its own."""
        dbapi_connection.cursor().execute(self._begin)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))


_DIALECT: Final = "sqlite.strikeplate"
registry.register(_DIALECT, __name__, _Sqlite.__name__)
_COMPILED: Final[LRUCache[Any, Any]] = LRUCache(_COMPILED_MAX)


@dataclasses.dataclass(frozen=True, slots=True)
class Engines:
    """The two ways to the database.

    Attributes:
        writer: For the one writer.
        reader: For reads; the same engine when `is_shared`.
        is_shared: True when both use one connection, so that reads must fall between batches.
        turn: Statement with which a batch begins, if any.
    """

    writer: sa.Engine
    reader: sa.Engine
    is_shared: bool
    turn: str | None = None

    def dispose(self) -> None:
        """Close every connection."""
        self.writer.dispose()
        self.reader.dispose()


def parse_url(url: str) -> URL:
    """Read a store URL.

    Raises:
        StoreError: When it names a database that the store does not know.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError('a store URL looks like "sqlite:///gateway.db"') from None
    if parsed.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise StoreError(
            f"the store knows sqlite and postgresql+psycopg, not {parsed.drivername!r}"
        )
    return parsed


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite URL; None for memory or another database.

    Raises:
        StoreError: When the URL can't be used.
    """
    parsed = parse_url(url)
    if parsed.drivername != "sqlite" or parsed.database in {None, "", ":memory:"}:
        return None
    return Path(str(parsed.database))


def open_engines(url: str) -> Engines:
    """Open the engines of a store; nothing is read yet.

    A SQLite file that does not exist is made for its owner alone, since it holds PINs.

    Raises:
        StoreError: When the URL can't be used, or the file can't be made.
    """
    parsed = parse_url(url)
    if parsed.drivername != "sqlite":
        return _open_postgresql(parsed)
    path = sqlite_path(url)
    if path is None:
        engine = _open_sqlite(parsed, begin="BEGIN", poolclass=StaticPool)
        return Engines(writer=engine, reader=engine, is_shared=True)
    _make_file(path)
    return Engines(
        writer=_open_sqlite(parsed, begin="BEGIN IMMEDIATE"),
        reader=_open_sqlite(parsed, begin="BEGIN"),
        is_shared=False,
    )


def may_run_again(error: BaseException) -> bool:
    """True for an abort that says nothing about the units: the batch may succeed next time."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _RERUN_STATES


@contextlib.contextmanager
def store_errors() -> Iterator[None]:
    """Turn the database's own errors into `StoreError`; values of statements are not repeated."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"the store's database failed: {_sentence(error)}") from error


def _sentence(error: DBAPIError) -> str:
    # The driver's first line; SQLAlchemy's own text repeats the statement with its values, and
    # a PostgreSQL detail line may repeat a key.
    return str(error.orig).strip().partition("\n")[0] or type(error.orig).__name__


def _open_sqlite(url: URL, *, begin: str, poolclass: type[sa.Pool] | None = None) -> sa.Engine:
    engine = sa.create_engine(
        url.set(drivername=_DIALECT.replace(".", "+")),
        poolclass=poolclass,
        begin=begin,
        execution_options={"compiled_cache": _COMPILED},
        # Connections are made in one thread of the funnel and may be closed in another.
        connect_args={"check_same_thread": False},
        hide_parameters=True,
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # Transactions are begun by the dialect.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    return engine


def _open_postgresql(url: URL) -> Engines:
    try:
        engine = sa.create_engine(url, hide_parameters=True, isolation_level="SERIALIZABLE")
    except (ImportError, NoSuchModuleError):
        raise StoreError("PostgreSQL needs psycopg: install strikeplate[postgres]") from None
    reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Engines(writer=engine, reader=reader, is_shared=False, turn=_TURN)


def _make_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"the store file {path} can't be opened: {error.strerror}") from None
