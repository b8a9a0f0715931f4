"""Bring a database to the schema of this version, with alembic, from the first table on."""

from __future__ import annotations

import functools
import sqlite3
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from gateway.errors import StoreError

_SCRIPTS: Final = Path(__file__).parent / "migrations"


def fill(conn: sa.Connection) -> None:
    """Bring a new database in memory to the schema of this version.

    The migrations run once a process; after that their result is copied, which takes a fraction
    of a millisecond instead of a tenth of a second. Benches and tests open many such stores.
    """
    # The pool's wrapper has no `backup`; SQLAlchemy calls what lies below it the driver's.
    driver: Any = conn.connection.driver_connection
    _template().backup(driver)


def migrate(conn: sa.Connection) -> None:
    """Apply the migrations that are missing, within the caller's transaction.

    A new SQLite database gets what the migrations of an earlier one in this process came to.

    Raises:
        StoreError: When a newer version of strikeplate wrote this database.
    """
    held = revision_of(conn)
    if held == head_revision():
        return
    if held is not None and held not in known_revisions():
        raise StoreError(
            f"the store was written by a newer strikeplate (schema {held}); upgrade strikeplate"
        )
    if held is None and conn.dialect.name == "sqlite" and not sa.inspect(conn).get_table_names():
        for statement in _statements():
            conn.exec_driver_sql(statement)
    else:
        _upgrade(conn)


def _upgrade(conn: sa.Connection) -> None:
    config = _config()
    config.attributes["connection"] = conn
    command.upgrade(config, "head")


def revision_of(conn: sa.Connection) -> str | None:
    """The schema revision of a database; None for an empty one."""
    return MigrationContext.configure(conn).get_current_revision()


def head_revision() -> str:
    """The schema revision of this version."""
    return known_revisions()[0]


@functools.cache
def known_revisions() -> tuple[str, ...]:
    """Every schema revision that this version can read, newest first."""
    script = ScriptDirectory.from_config(_config())
    return tuple(revision.revision for revision in script.walk_revisions())


@functools.cache
def _template() -> sqlite3.Connection:
    """A migrated database in memory that nobody writes to."""
    # Whichever thread asks first makes it; copying holds SQLite's own lock.
    held = sqlite3.connect(":memory:", check_same_thread=False)
    engine = sa.create_engine("sqlite://", creator=lambda: held, poolclass=sa.StaticPool)
    with engine.begin() as conn:
        _upgrade(conn)
    return held


@functools.cache
def _statements() -> tuple[str, ...]:
    """SQL that makes a migrated database of an empty one; its transaction is the caller's."""
    around = ("BEGIN TRANSACTION;", "COMMIT;")
    return tuple(line for line in _template().iterdump() if line not in around)


def _config() -> Config:
    config = Config()
    # A percent sign in the path would be read as an interpolation.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
