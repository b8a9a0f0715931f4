from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg.errors
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from gateway.errors import StoreError
from gateway.store.funnel import BATCH_MAX, RUNS_MAX, CommitPhase, Store
from gateway.tests.store.clocks import NOON_MS, SetClock, adding, names
from gateway.tests.store.opening import file_url, opened


class Refusal(Exception):  # noqa: N818 - what a unit raises here.
    """A unit's own error."""


class Crash(Exception):  # noqa: N818 - what the hook raises here.
    """The process ends here."""


async def write_all(store: Store, *wanted: str) -> list[str | BaseException]:
    """Write several in the same turn of the loop."""
    return await asyncio.gather(
        *(store.write(adding(name)) for name in wanted), return_exceptions=True
    )


async def test_write_when_many_come_in_one_turn_then_one_commit() -> None:
    async with opened() as store:
        commits: list[tuple[CommitPhase, int]] = []
        store.on_commit = lambda phase, number: commits.append((phase, number))
        assert await write_all(store, "a", "b", "c") == ["a", "b", "c"]
        assert commits == [(CommitPhase.BEFORE, 1), (CommitPhase.AFTER, 1)]
        assert await store.read(names) == ["a", "b", "c"]


async def test_write_when_one_unit_fails_then_it_fails_alone() -> None:
    async with opened() as store:

        def bad(conn: sa.Connection) -> str:
            adding("half")(conn)
            raise Refusal

        results = await asyncio.gather(
            store.write(adding("a")),
            store.write(bad),
            store.write(adding("b")),
            return_exceptions=True,
        )
        assert [type(one) for one in results] == [str, Refusal, str]
        assert await store.read(names) == ["a", "b"]


async def test_write_when_a_unit_breaks_a_constraint_then_a_store_error_without_values() -> None:
    async with opened() as store:
        await store.write(adding("secret-4711"))
        with pytest.raises(StoreError, match="UNIQUE") as caught:
            await store.write(adding("secret-4711"))
        assert "4711" not in str(caught.value)


async def test_write_when_every_unit_failed_then_nothing_is_committed() -> None:
    async with opened() as store:
        commits: list[int] = []
        store.on_commit = lambda _phase, number: commits.append(number)

        def bad(_conn: sa.Connection) -> None:
            raise Refusal

        with pytest.raises(Refusal):
            await store.write(bad)
        both = await asyncio.gather(store.write(bad), store.write(bad), return_exceptions=True)
        assert [type(one) for one in both] == [Refusal, Refusal]
        assert commits == []


async def test_write_when_its_caller_is_cancelled_then_the_unit_commits() -> None:
    async with opened() as store:
        async with asyncio.TaskGroup() as group:
            caller = group.create_task(store.write(adding("a")), name="caller")
            other = group.create_task(store.write(adding("b")), name="other")
            # One turn: the units are collected, not yet committed.
            await asyncio.sleep(0)
            caller.cancel()
        assert caller.cancelled()
        assert other.result() == "b"
        assert await store.read(names) == ["a", "b"]


async def test_write_when_the_commit_fails_then_every_caller_is_told() -> None:
    async with opened() as store:

        def crash(phase: CommitPhase, _number: int) -> None:
            if phase is CommitPhase.BEFORE:
                raise Crash

        store.on_commit = crash
        assert [type(one) for one in await write_all(store, "a", "b")] == [Crash, Crash]
        store.on_commit = None
        assert await store.read(names) == []
        assert await write_all(store, "c") == ["c"]


async def test_write_when_more_than_a_batch_waits_then_in_order_over_several_commits() -> None:
    async with opened() as store:
        count = 0

        def tally(phase: CommitPhase, _number: int) -> None:
            nonlocal count
            count += phase is CommitPhase.AFTER

        store.on_commit = tally
        wanted = [f"{number:04d}" for number in range(2 * BATCH_MAX + 1)]
        assert await write_all(store, *wanted) == wanted
        assert count == 3
        assert await store.read(names) == wanted


class Aborted(psycopg.errors.SerializationFailure):
    """PostgreSQL's abort for somebody else's sake."""


def failing_with(cause: Exception) -> OperationalError:
    return OperationalError("COMMIT", {}, cause)


async def test_write_when_the_database_aborts_then_the_batch_runs_again() -> None:
    async with opened() as store:
        aborts = 2

        def abort(phase: CommitPhase, _number: int) -> None:
            nonlocal aborts
            if phase is CommitPhase.BEFORE and aborts:
                aborts -= 1
                raise failing_with(Aborted())

        store.on_commit = abort
        assert await write_all(store, "a", "b") == ["a", "b"]
        assert await store.read(names) == ["a", "b"]


async def test_write_when_a_unit_meets_the_abort_then_the_batch_runs_again() -> None:
    async with opened() as store:
        runs: list[int] = []

        def unlucky(conn: sa.Connection) -> str:
            runs.append(len(runs))
            if len(runs) == 1:
                raise failing_with(psycopg.errors.DeadlockDetected())
            return adding("b")(conn)

        results = await asyncio.gather(store.write(adding("a")), store.write(unlucky))
        assert list(results) == ["a", "b"]
        assert await store.read(names) == ["a", "b"]


async def test_write_when_the_database_aborts_for_ever_then_the_callers_are_told() -> None:
    async with opened() as store:
        runs = 0

        def abort(phase: CommitPhase, _number: int) -> None:
            nonlocal runs
            runs += phase is CommitPhase.BEFORE
            raise failing_with(Aborted())

        store.on_commit = abort
        with pytest.raises(StoreError):
            await store.write(adding("a"))
        assert runs == RUNS_MAX


async def test_committed_at_when_commits_happen_then_the_highest_instant(tmp_path: Path) -> None:
    clock = SetClock()
    async with opened(file_url(tmp_path), clock=clock) as store:
        assert store.committed_at_ms() is None
        await store.write(adding("a"))
        assert store.committed_at_ms() == NOON_MS
        clock.at_ms = NOON_MS - 5000
        await store.write(adding("b"))
        assert store.committed_at_ms() == NOON_MS
    async with opened(file_url(tmp_path)) as store:
        assert store.committed_at_ms() == NOON_MS


async def test_aclose_when_units_wait_then_they_are_committed(tmp_path: Path) -> None:
    async with opened(file_url(tmp_path)) as store:
        async with asyncio.TaskGroup() as group:
            group.create_task(store.write(adding("a")), name="caller")
            await asyncio.sleep(0)
            await store.aclose()
        with pytest.raises(StoreError, match="closed"):
            await store.write(adding("b"))
        with pytest.raises(StoreError, match="closed"):
            await store.read(names)
    async with opened(file_url(tmp_path)) as store:
        assert await store.read(names) == ["a"]


async def test_read_when_a_file_is_read_then_in_its_own_transaction(tmp_path: Path) -> None:
    async with opened(file_url(tmp_path)) as store:
        await store.write(adding("a"))

        def tries_to_write(conn: sa.Connection) -> object:
            return conn.exec_driver_sql("PRAGMA query_only").scalar(), names(conn)

        assert await store.read(tries_to_write) == (0, ["a"])
        with pytest.raises(StoreError, match="no such table"):
            await store.read(lambda conn: conn.exec_driver_sql("SELECT * FROM missing").all())


async def test_store_file_when_it_is_made_then_for_its_owner_alone(tmp_path: Path) -> None:
    async with opened(file_url(tmp_path)) as store:
        await store.write(adding("a"))
        for name in ("gateway.db", "gateway.db-wal"):
            assert (tmp_path / name).stat().st_mode & 0o077 == 0


async def test_pragmas_when_a_file_is_open_then_wal_full_and_foreign_keys(tmp_path: Path) -> None:
    async with opened(file_url(tmp_path)) as store:

        def pragmas(conn: sa.Connection) -> list[object]:
            asked = ("journal_mode", "synchronous", "foreign_keys")
            return [conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]

        assert await store.write(pragmas) == ["wal", 2, 1]


@pytest.mark.parametrize("moment", list(CommitPhase))
async def test_crash_when_at_any_commit_then_nothing_promised_is_lost(
    tmp_path: Path, moment: CommitPhase
) -> None:
    """The process ends at the n-th commit; whoever was answered finds it after the restart."""
    wanted = [f"{number:02d}" for number in range(9)]
    for crash_at in range(1, 6):
        folder = tmp_path / f"{moment.value}-{crash_at}"
        folder.mkdir()
        store = Store.open(file_url(folder), clock=SetClock(), inline=True)
        is_dead = False

        def crash(
            phase: CommitPhase,
            number: int,
            at: tuple[CommitPhase, int] = (moment, crash_at),
        ) -> None:
            nonlocal is_dead
            is_dead = is_dead or (phase, number) == at
            if is_dead:
                raise Crash

        store.on_commit = crash
        promised: list[str] = []
        for first in range(0, len(wanted), 2):
            answers = await write_all(store, *wanted[first : first + 2])
            promised += [answer for answer in answers if isinstance(answer, str)]
        await store.aclose()
        async with opened(file_url(folder)) as reopened:
            kept = await reopened.read(names)
            assert set(promised) <= set(kept)
            # What is kept is a beginning of what was asked: batches commit in order, and whole.
            assert kept == wanted[: len(kept)]
            committed = crash_at - 1 + (moment is CommitPhase.AFTER)
            assert len(kept) == min(2 * committed, len(wanted))
            assert await write_all(reopened, "later") == ["later"]
