"""The funnel on a real loop: its writer thread, and PostgreSQL."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.store.funnel import CommitPhase, Store
from gateway.tests.store.clocks import adding, names, sorted_names
from gateway.tests.store.opening import file_url, opened


@pytest.mark.real_loop
@pytest.mark.parametrize("kind", ["memory", "file"])
async def test_writer_thread_when_many_tasks_write_and_read_then_all_is_there(
    tmp_path: Path, kind: str
) -> None:
    url = "sqlite://" if kind == "memory" else file_url(tmp_path)
    async with opened(url, inline=False) as store:
        threads: set[int] = set()

        def noting(name: str) -> object:
            def unit(conn: sa.Connection) -> str:
                threads.add(threading.get_ident())
                return adding(name)(conn)

            return unit

        async def caller(number: int) -> None:
            for step in range(10):
                name = f"{number:02d}-{step}"
                await store.write(noting(name))  # type: ignore[arg-type] # a unit
                # Answered means committed: a reader of another connection sees it.
                assert name in await store.read(sorted_names)

        async with asyncio.TaskGroup() as group:
            for number in range(8):
                group.create_task(caller(number), name=f"caller {number}")
        assert len(await store.read(names)) == 80
        assert len(threads) == 1
        assert threading.get_ident() not in threads


@pytest.mark.real_loop
async def test_writer_thread_when_a_batch_runs_then_the_next_collects(tmp_path: Path) -> None:
    async with opened(file_url(tmp_path), inline=False) as store:
        is_running, may_end = threading.Event(), threading.Event()

        def slow(conn: sa.Connection) -> str:
            is_running.set()
            assert may_end.wait(10)
            return adding("slow")(conn)

        commits: list[int] = []
        store.on_commit = lambda phase, number: (
            commits.append(number) if phase is CommitPhase.AFTER else None
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(store.write(slow), name="slow")
            await asyncio.get_running_loop().run_in_executor(None, is_running.wait, 10)
            for name in ("a", "b", "c"):
                group.create_task(store.write(adding(name)), name=name)
            # The loop is free meanwhile, and a file can be read.
            assert await store.read(names) == []
            may_end.set()
        assert commits == [1, 2]
        assert await store.read(names) == ["slow", "a", "b", "c"]


@pytest.mark.real_loop
async def test_writer_thread_when_the_caller_is_cancelled_then_the_unit_commits() -> None:
    async with opened(inline=False) as store:
        is_running, may_end = threading.Event(), threading.Event()

        def slow(conn: sa.Connection) -> str:
            is_running.set()
            assert may_end.wait(10)
            return adding("slow")(conn)

        async with asyncio.TaskGroup() as group:
            caller = group.create_task(store.write(slow), name="caller")
            await asyncio.get_running_loop().run_in_executor(None, is_running.wait, 10)
            caller.cancel()
            may_end.set()
        assert caller.cancelled()
        assert await store.read(names) == ["slow"]


@pytest.mark.real_servers
@pytest.mark.real_loop
@pytest.mark.parametrize("inline", [True, False])
async def test_postgresql_when_two_gateways_write_then_no_unit_is_lost_or_doubled(
    postgres_url: str, *, inline: bool
) -> None:
    """Two funnels count up one row: serialization failures are run again, not told."""

    def counting(conn: sa.Connection) -> int:
        held = conn.execute(sa.text("SELECT name FROM workspace")).scalar_one()
        conn.execute(sa.text("UPDATE workspace SET name = :name"), {"name": str(int(held) + 1)})
        return int(held) + 1

    async with (
        opened(postgres_url, inline=inline) as one,
        opened(postgres_url, inline=inline) as other,
    ):
        await one.write(adding("0"))
        answers: list[int] = []

        async def caller(store: Store) -> None:
            answers.extend([await store.write(counting) for _ in range(10)])

        async with asyncio.TaskGroup() as group:
            for store in (one, other):
                group.create_task(caller(store), name="caller")
        assert sorted(answers) == list(range(1, 21))
        assert await other.read(sorted_names) == ["0"]


@pytest.mark.real_servers
@pytest.mark.real_loop
async def test_postgresql_when_somebody_else_changes_what_was_read_then_the_batch_runs_again(
    postgres_url: str,
) -> None:
    """A real 40001: the row changes between a unit's read and its write."""
    foreign = sa.create_engine(postgres_url)
    runs: list[str] = []

    def racing(conn: sa.Connection) -> str:
        held = conn.execute(sa.text("SELECT name FROM workspace")).scalar_one()
        runs.append(held)
        if len(runs) == 1:
            with foreign.begin() as other:
                other.execute(sa.text("UPDATE workspace SET name = 'theirs'"))
        conn.execute(sa.text("UPDATE workspace SET name = :name"), {"name": held + "+ours"})
        return str(held)

    async with opened(postgres_url, inline=False) as store:
        await store.write(adding("first"))
        answers = await asyncio.gather(store.write(racing), store.write(adding("second")))
        assert list(answers) == ["theirs", "second"]
        assert runs == ["first", "theirs"]
        assert await store.read(sorted_names) == ["first", "second"]
    foreign.dispose()
