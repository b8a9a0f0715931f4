"""Bring a database to the schema of this version, with alembic, from the first table on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from gateway.errors import StoreError

_SCRIPTS: Final = Path(__file__).parent / "migrations"


def migrate(conn: sa.Connection) -> None:
    """Apply the migrations that are missing, within the caller's transaction.

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
    config = _config()
    config.attributes["connection"] = conn
    command.upgrade(config, "head")


def revision_of(conn: sa.Connection) -> str | None:
    """The schema revision of a database; None for an empty one."""
    return MigrationContext.configure(conn).get_current_revision()


def head_revision() -> str:
    """The schema revision of this version."""
    return known_revisions()[0]


def known_revisions() -> tuple[str, ...]:
    """Every schema revision that this version can read, newest first."""
    script = ScriptDirectory.from_config(_config())
    return tuple(revision.revision for revision in script.walk_revisions())


def _config() -> Config:
    config = Config()
    # A percent sign in the path would be read as an interpolation.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
