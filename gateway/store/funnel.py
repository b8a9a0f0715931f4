"""The one way into the store: a funnel for writes, a seam for reads.

Theory of operation: a *unit* is a plain function of the connection. `write` puts it into a queue;
on the loop's next turn the funnel takes what has collected, runs it in one transaction, each unit
in a savepoint of its own where there are several, commits once, and only then resolves the
callers. One bad unit fails alone. A batch that the database aborts for somebody else's sake
(serialization failure, deadlock) is run again, so a unit reads inside the transaction what it
decides on and has no other effect. A unit whose caller was cancelled commits all the same; a
failed COMMIT fails every caller.

Under virtual time the batch runs inline, with no thread. On a real loop it runs in the one writer
thread; what arrives meanwhile makes the next batch. Reads are fetched whole, each in a deferred
transaction of its own: on files and PostgreSQL through their own connections, in memory through
the one connection there is, so between batches.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import enum
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Generic, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from gateway.errors import StoreError
from gateway.ports import Clock
from gateway.store import instant, schema
from gateway.store.engine import Engines, may_run_again, open_engines, store_errors

T = TypeVar("T")
# Work on a connection.
Unit = Callable[[sa.Connection], T]

# Units of one transaction at most: 256 share one fsync, which is where sharing stops to pay (see
# the group-commit benchmark); what is over waits for the next turn.
BATCH_MAX: Final = 256
# Runs of a batch that PostgreSQL aborts before its callers are told: each retry has lost a race
# to another process, and five in a row is no race any more.
RUNS_MAX: Final = 5
# Reads that run at the same time on a real loop: they share two cores with everything else.
_READERS: Final = 2


class CommitPhase(enum.Enum):
    """When the commit hook is called."""

    BEFORE = "before"
    AFTER = "after"


# Called around each COMMIT with its number, from 1; what it raises fails the batch's callers.
# After the COMMIT that is a crash between the commit and its answers.
CommitHook = Callable[[CommitPhase, int], None]


@dataclasses.dataclass(frozen=True, slots=True)
class _Waiting(Generic[T]):
    """A unit and whom to tell."""

    unit: Unit[T]
    future: asyncio.Future[T]


@dataclasses.dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a unit: a value, or an error."""

    value: Any = None
    error: BaseException | None = None


class Store:
    """Durable state. Single use: opened once, closed once.

    Attributes:
        on_commit: Hook around every COMMIT, for crash tests.
    """

    def __init__(self, engines: Engines, *, clock: Clock, inline: bool) -> None:
        self.on_commit: CommitHook | None = None
        self._engines = engines
        self._clock = clock
        self._waiting: list[_Waiting[Any]] = []
        # True from the moment that a turn is arranged until its batch is resolved.
        self._is_arranged = False
        self._is_closed = False
        self._commit_count = 0
        self._writer: ThreadPoolExecutor | None = None
        self._readers: ThreadPoolExecutor | None = None
        if not inline:
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
            self._readers = (
                self._writer
                if engines.is_shared
                else ThreadPoolExecutor(_READERS, thread_name_prefix="store-reader")
            )
        with engines.reader.connect() as conn, conn.begin():
            self._committed_at_ms = instant.committed_at_ms(conn)

    @classmethod
    def open(cls, url: str, *, clock: Clock, inline: bool) -> Self:
        """Open a store and bring it to the schema of this version.

        Args:
            url: `sqlite:///path`, `sqlite://` for memory, or `postgresql+psycopg://...`.
            clock: Tells the instant of each commit.
            inline: True under virtual time: no threads.

        Raises:
            StoreError: When the URL can't be used, or a newer version wrote the database.
        """
        engines = open_engines(url)
        try:
            with store_errors(), engines.writer.connect() as conn:
                if engines.is_shared:
                    schema.fill(conn)
                with conn.begin():
                    schema.migrate(conn)
            return cls(engines, clock=clock, inline=inline)
        except BaseException:
            engines.dispose()
            raise

    async def write(self, unit: Unit[T]) -> T:
        """Run a unit in the next batch; resolves after its COMMIT.

        A cancelled call leaves its unit in the batch.

        Raises:
            StoreError: When the commit failed, or the store is closed.
            Exception: Whatever the unit raised; nothing of it was kept.
        """
        if self._is_closed:
            raise StoreError("the store is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Waiting(unit, future))
        self._arrange(loop)
        return await future

    async def read(self, query: Unit[T]) -> T:
        """Run a query in a transaction of its own; it fetches whole what it returns.

        Raises:
            StoreError: When the database failed, or the store is closed.
        """
        if self._is_closed:
            raise StoreError("the store is closed")
        if self._readers is None:
            return self._read(query)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query)

    def committed_at_ms(self) -> int | None:
        """Highest instant of any commit, milliseconds since 1970; None for a new store."""
        return self._committed_at_ms

    async def aclose(self) -> None:
        """Commit what waits, then close; again is no error."""
        if self._is_closed:
            return
        if self._is_arranged:
            # A last unit of nothing comes after all others; their errors are their callers'.
            with contextlib.suppress(Exception):
                await self.write(_nothing)
        self._is_closed = True
        for executor in (self._readers, self._writer):
            if executor is not None:
                executor.shutdown()
        self._engines.dispose()

    def _arrange(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_arranged:
            self._is_arranged = True
            loop.call_soon(self._take, loop)

    def _take(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = self._waiting[:BATCH_MAX]
        del self._waiting[:BATCH_MAX]
        if self._writer is None:
            self._resolve(loop, batch, self._commit(batch))
        else:
            self._writer.submit(self._commit_in_thread, loop, batch)

    def _commit_in_thread(
        self, loop: asyncio.AbstractEventLoop, batch: list[_Waiting[Any]]
    ) -> None:
        outcomes = self._commit(batch)
        # A loop that was closed meanwhile has nobody left to tell.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._resolve, loop, batch, outcomes)

    def _resolve(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: list[_Waiting[Any]],
        outcomes: list[_Outcome],
    ) -> None:
        self._is_arranged = False
        if self._waiting:
            self._arrange(loop)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if waiting.future.done():
                continue
            if outcome.error is None:
                waiting.future.set_result(outcome.value)
            else:
                waiting.future.set_exception(outcome.error)

    def _commit(self, batch: list[_Waiting[Any]]) -> list[_Outcome]:
        """Run a batch to its commit; whatever fails becomes the outcome of its callers."""
        runs_left = RUNS_MAX
        while True:
            runs_left -= 1
            try:
                return self._run(batch)
            except DBAPIError as error:
                if not (runs_left and may_run_again(error)):
                    return [_Outcome(error=_as_store_error(error))] * len(batch)
            except Exception as error:  # noqa: BLE001 - the owner of each call gets it.
                return [_Outcome(error=error)] * len(batch)

    def _run(self, batch: list[_Waiting[Any]]) -> list[_Outcome]:
        with self._engines.writer.connect() as conn:
            transaction = conn.begin()
            try:
                if self._engines.turn is not None:
                    conn.exec_driver_sql(self._engines.turn)
                if len(batch) == 1:
                    # Whatever it raises, the whole transaction is rolled back with it.
                    outcomes = [_Outcome(value=batch[0].unit(conn))]
                else:
                    outcomes = [_run_unit(conn, waiting.unit) for waiting in batch]
                if all(outcome.error is not None for outcome in outcomes):
                    # Nothing to keep: no fsync for it.
                    transaction.rollback()
                    return outcomes
                now_ms = self._clock.now_ms()
                instant.record(conn, now_ms)
                self._call_hook(CommitPhase.BEFORE, self._commit_count + 1)
                transaction.commit()
            except BaseException:
                transaction.rollback()
                raise
        self._commit_count += 1
        self._committed_at_ms = max(now_ms, self._committed_at_ms or now_ms)
        self._call_hook(CommitPhase.AFTER, self._commit_count)
        return outcomes

    def _read(self, query: Unit[T]) -> T:
        with store_errors(), self._engines.reader.connect() as conn, conn.begin():
            return query(conn)

    def _call_hook(self, phase: CommitPhase, number: int) -> None:
        if self.on_commit is not None:
            self.on_commit(phase, number)


def _run_unit(conn: sa.Connection, unit: Unit[Any]) -> _Outcome:
    """Run one unit in a savepoint of its own.

    Raises:
        DBAPIError: When the transaction as a whole is lost.
    """
    savepoint = conn.begin_nested()
    try:
        value = unit(conn)
        savepoint.commit()
    except Exception as error:
        if may_run_again(error):
            raise
        savepoint.rollback()
        is_database = isinstance(error, DBAPIError)
        return _Outcome(error=_as_store_error(error) if is_database else error)
    return _Outcome(value=value)


def _as_store_error(error: BaseException) -> StoreError:
    try:
        with store_errors():
            raise error
    except StoreError as translated:
        return translated


def _nothing(_conn: sa.Connection) -> None:
    """The unit that does nothing."""
