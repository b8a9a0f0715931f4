from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.store import schema
from gateway.store.backup import backup, inspect, restore
from gateway.store.funnel import Store
from gateway.tests.store.clocks import NOON_MS, SetClock, adding, names


def file_url(path: Path) -> str:
    return f"sqlite:///{path}"


def left_over(folder: Path) -> list[str]:
    """Files that should not be there when all is done."""
    names = (path.name for path in folder.iterdir())
    return [name for name in names if name.endswith(".partial") or name.startswith("copy.db-")]


async def fill(path: Path, *wanted: str) -> None:
    store = Store.open(file_url(path), clock=SetClock(), inline=True)
    for name in wanted:
        await store.write(adding(name))
    await store.aclose()


async def held(path: Path) -> list[str]:
    store = Store.open(file_url(path), clock=SetClock(), inline=True)
    try:
        return await store.read(names)
    finally:
        await store.aclose()


async def test_backup_when_the_gateway_runs_then_what_was_committed_is_in_it(
    tmp_path: Path,
) -> None:
    live, copy = tmp_path / "gateway.db", tmp_path / "copy.db"
    store = Store.open(file_url(live), clock=SetClock(), inline=True)
    await store.write(adding("a"))
    told: list[tuple[int, int]] = []
    summary = backup(file_url(live), copy, progress=lambda *at: told.append(at))
    await store.write(adding("b"))
    await store.aclose()
    assert summary.committed_at_ms == NOON_MS
    assert summary.size_bytes == copy.stat().st_size
    assert (summary.device_count, summary.grant_count, summary.code_count) == (0, 0, 0)
    assert told[-1][0] == told[-1][1]
    assert copy.stat().st_mode & 0o077 == 0
    assert not left_over(tmp_path)
    assert await held(copy) == ["a"]
    assert await held(live) == ["a", "b"]


async def test_restore_when_the_backup_is_sound_then_it_replaces_the_store(
    tmp_path: Path,
) -> None:
    live, copy = tmp_path / "gateway.db", tmp_path / "copy.db"
    await fill(live, "a")
    backup(file_url(live), copy)
    await fill(live, "b")
    # A log that a killed gateway left behind must not be replayed into what is restored.
    (tmp_path / "gateway.db-wal").write_bytes(b"left over")
    assert restore(copy, file_url(live)).committed_at_ms == NOON_MS
    assert await held(live) == ["a"]


async def test_restore_when_there_was_no_store_then_it_makes_one(tmp_path: Path) -> None:
    live, copy = tmp_path / "gateway.db", tmp_path / "copy.db"
    await fill(live, "a")
    backup(file_url(live), copy)
    fresh = tmp_path / "fresh.db"
    restore(copy, file_url(fresh))
    assert await held(fresh) == ["a"]


async def test_restore_when_the_file_is_foreign_damaged_or_newer_then_refused_untouched(
    tmp_path: Path,
) -> None:
    live, copy = tmp_path / "gateway.db", tmp_path / "copy.db"
    await fill(live, "a")
    backup(file_url(live), copy)
    text = tmp_path / "text.db"
    text.write_text("no database at all, though long enough to be looked at" * 30)
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE something (a)")
    connection.close()
    newer = tmp_path / "newer.db"
    newer.write_bytes(copy.read_bytes())
    with sqlite3.connect(newer) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    unstamped = tmp_path / "unstamped.db"
    unstamped.write_bytes(copy.read_bytes())
    with sqlite3.connect(unstamped) as connection:
        connection.execute("DELETE FROM alembic_version")
    connection.close()
    damaged = tmp_path / "damaged.db"
    raw = bytearray(copy.read_bytes())
    raw[len(raw) // 2 :] = b"\xff" * (len(raw) - len(raw) // 2)
    damaged.write_bytes(raw)
    lost = tmp_path / "lost.db"
    lost.write_bytes(copy.read_bytes())
    with sqlite3.connect(lost) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_master WHERE name = 'ix_entry_due'")
    connection.close()
    for path, sentence in (
        (lost, "damaged: .*never used"),
        (tmp_path / "missing.db", "there is no file"),
        (text, "not a database"),
        (foreign, "no store of strikeplate"),
        (newer, r"newer strikeplate \(schema 9999\)"),
        (unstamped, r"schema none"),
        (damaged, "damaged|malformed"),
    ):
        with pytest.raises(StoreError, match=sentence):
            restore(path, file_url(live))
    assert await held(live) == ["a"]
    assert not left_over(tmp_path)


async def test_backup_when_it_can_not_be_made_then_a_sentence(tmp_path: Path) -> None:
    live = tmp_path / "gateway.db"
    with pytest.raises(StoreError, match="there is no file"):
        backup(file_url(live), tmp_path / "copy.db")
    await fill(live, "a")
    with pytest.raises(StoreError, match="exists already"):
        backup(file_url(live), live)
    with pytest.raises(StoreError, match="can't be written"):
        backup(file_url(live), tmp_path / "missing" / "copy.db")
    for url in ("sqlite://", "postgresql+psycopg://localhost/x"):
        with pytest.raises(StoreError, match="pg_dump"):
            backup(url, tmp_path / "copy.db")


async def test_inspect_when_a_path_has_odd_characters_then_it_is_found(tmp_path: Path) -> None:
    odd = tmp_path / "a b?c#d%e.db"
    live = tmp_path / "gateway.db"
    await fill(live, "a")
    backup(file_url(live), odd)
    assert inspect(odd).revision == schema.head_revision()


async def test_restore_when_a_gateway_has_the_store_open_then_refused(tmp_path: Path) -> None:
    live, copy = tmp_path / "gateway.db", tmp_path / "copy.db"
    await fill(live, "a")
    backup(file_url(live), copy)
    store = Store.open(file_url(live), clock=SetClock(), inline=True)
    await store.write(adding("b"))
    with pytest.raises(StoreError, match="in use; stop the gateway first"):
        restore(copy, file_url(live))
    assert await store.read(names) == ["a", "b"]
    await store.aclose()
    restore(copy, file_url(live))
    assert await held(live) == ["a"]


async def test_restore_when_garbage_lies_in_its_place_then_it_is_replaced(tmp_path: Path) -> None:
    live, copy = tmp_path / "gateway.db", tmp_path / "copy.db"
    await fill(live, "a")
    backup(file_url(live), copy)
    live.write_text("this was a store once, before the disk broke" * 40)
    restore(copy, file_url(live))
    assert await held(live) == ["a"]
