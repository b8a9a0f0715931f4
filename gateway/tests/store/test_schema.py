from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from gateway.errors import StoreError
from gateway.store import schema
from gateway.store.engine import open_engines
from gateway.store.funnel import Store
from gateway.store.tables import metadata
from gateway.tests.store.clocks import SetClock

_DECLARATIONS = sa.text("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")


def test_migrations_when_all_are_applied_then_the_tables_are_those_declared() -> None:
    engines = open_engines("sqlite://")
    with engines.writer.begin() as conn:
        schema.migrate(conn)
    with engines.writer.begin() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        migrated = sorted(conn.execute(_DECLARATIONS).scalars(), key=str)
    declared = sa.create_engine("sqlite://")
    with declared.begin() as conn:
        metadata.create_all(conn)
        created = sorted(conn.execute(_DECLARATIONS).scalars(), key=str)
    words = [sorted(str(sql).replace(",", " ").split()) for sql in created]
    seen = [
        sorted(str(sql).replace(",", " ").split())
        for sql in migrated
        if sql is not None and "alembic_version" not in sql
    ]
    # Names, types, nullability, keys and indexes agree to the word.
    assert sorted(words) == sorted(seen)
    engines.dispose()
    declared.dispose()


def test_migrate_when_a_file_is_new_then_it_is_what_the_migrations_make(tmp_path: Path) -> None:
    dumps = []
    for name, fill in (("stepwise", schema._upgrade), ("at once", schema.migrate)):
        engines = open_engines(f"sqlite:///{tmp_path / name}")
        with engines.writer.begin() as conn:
            fill(conn)
        with engines.writer.begin() as conn:
            rows = {
                table: sorted(map(str, conn.exec_driver_sql(f'SELECT * FROM "{table}"')))  # noqa: S608 - our own names.
                for table in sa.inspect(conn).get_table_names()
            }
            mode = conn.exec_driver_sql("PRAGMA journal_mode").scalar()
            dumps.append((sorted(map(str, conn.execute(_DECLARATIONS).scalars())), rows, mode))
        engines.dispose()
    assert dumps[0] == dumps[1]
    assert dumps[0][1]["alembic_version"] == [f"('{schema.head_revision()}',)"]


def test_migrate_when_it_fails_then_the_file_is_as_empty_as_before(tmp_path: Path) -> None:
    engines = open_engines(f"sqlite:///{tmp_path / 'gateway.db'}")
    with contextlib.suppress(RuntimeError), engines.writer.begin() as conn:
        schema.migrate(conn)
        raise RuntimeError
    with engines.writer.begin() as conn:
        assert sa.inspect(conn).get_table_names() == []
    engines.dispose()


def test_migrate_when_it_is_done_then_again_changes_nothing() -> None:
    engines = open_engines("sqlite://")
    with engines.writer.begin() as conn:
        schema.migrate(conn)
        schema.migrate(conn)
        assert schema.revision_of(conn) == schema.head_revision()
        assert conn.execute(sa.text("SELECT count(*) FROM instant")).scalar() == 1
    engines.dispose()


def test_open_when_a_newer_version_wrote_it_then_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'gateway.db'}"
    engines = open_engines(url)
    with engines.writer.begin() as conn:
        schema.migrate(conn)
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engines.dispose()
    with pytest.raises(StoreError, match=r"newer strikeplate \(schema 9999\)"):
        Store.open(url, clock=SetClock(), inline=True)


def test_migrations_when_walked_then_one_line_from_the_first_to_the_head() -> None:
    revisions = schema.known_revisions()
    assert revisions[-1] == "0001"
    assert revisions[0] == schema.head_revision()
    assert len(set(revisions)) == len(revisions)
