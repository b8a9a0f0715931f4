from __future__ import annotations

import contextlib
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.errors import StoreError
from gateway.store import engine, schema
from gateway.store.engine import open_engines, parse_url, sqlite_path, store_errors
from gateway.store.funnel import Store
from gateway.tests.store.clocks import SetClock


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("gateway.db", "looks like"),
        ("mysql://localhost/x", "not 'mysql'"),
        ("postgresql+asyncpg://localhost/x", "not 'postgresql\\+asyncpg'"),
    ],
)
def test_parse_url_when_it_names_another_database_then_refused(url: str, sentence: str) -> None:
    with pytest.raises(StoreError, match=sentence):
        parse_url(url)


def test_sqlite_path_when_memory_or_postgresql_then_none() -> None:
    assert sqlite_path("sqlite://") is None
    assert sqlite_path("sqlite:///:memory:") is None
    assert sqlite_path("postgresql+psycopg://localhost/x") is None
    assert sqlite_path("sqlite:////srv/gateway.db") == Path("/srv/gateway.db")


def test_open_when_the_folder_is_missing_then_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="can't be opened: No such file"):
        open_engines(f"sqlite:///{tmp_path / 'missing' / 'gateway.db'}")


def test_open_when_the_file_is_no_database_then_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    path.write_text("not a database, but long enough to be looked at as one" * 50)
    with pytest.raises(StoreError, match="not a database"):
        Store.open(f"sqlite:///{path}", clock=SetClock(), inline=True)


def test_open_when_psycopg_is_missing_then_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match="strikeplate\\[postgres\\]"):
        open_engines("postgresql+psycopg://localhost/x")


def test_open_when_postgresql_then_nothing_is_connected_yet() -> None:
    engines = open_engines("postgresql+psycopg://127.0.0.1:1/nothing")
    assert not engines.is_shared
    with pytest.raises(StoreError, match="database failed"), store_errors():
        engines.reader.connect()
    engines.dispose()


def test_writer_when_it_begins_then_a_second_one_waits_and_readers_do_not(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    engines = open_engines(f"sqlite:///{path}")
    with engines.writer.begin() as conn:
        schema.migrate(conn)
    other = sqlite3.connect(path, isolation_level=None, timeout=0)
    with engines.writer.begin():
        # BEGIN IMMEDIATE took the lock before anything was written.
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM entry").fetchone() == (0,)
        with engines.reader.begin() as reader:
            assert reader.execute(sa.text("SELECT count(*) FROM entry")).scalar() == 0
    with engines.reader.begin():
        other.execute("BEGIN IMMEDIATE")
        other.execute("COMMIT")
    other.close()
    engines.dispose()


def test_second_store_compiles_no_statement_again(tmp_path: Path) -> None:
    query: sa.Select[Any] = sa.select(sa.literal_column("1").label("of_this_test")).where(
        sa.bindparam("of") == 7
    )
    compiled = []
    for name in ("one", "two"):
        engines = open_engines(f"sqlite:///{tmp_path / name}.db")
        for each in (engines.writer, engines.reader):
            with each.begin() as conn:
                assert conn.execute(query, {"of": 7}).scalar() == 1
                compiled.append(len(engine._COMPILED))
        engines.dispose()
    assert len(set(compiled)) == 1


def test_writer_takes_the_lock_where_its_transaction_begins(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    engines = open_engines(f"sqlite:///{path}")
    with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        with engines.reader.begin():
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        with engines.writer.begin(), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    engines.dispose()
