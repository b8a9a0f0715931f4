"""A reconciler on scripted locks, a real store in memory, and virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

from gateway.access import attempts, codes, devices
from gateway.access.context import Context
from gateway.access.requests import CodeRequest, DeviceRegistration
from gateway.plan.policy import Policy
from gateway.profiles import load_profiles
from gateway.reconcile.reconciler import Reconciler
from gateway.reconcile.routes import Routes
from gateway.reconcile.services import SessionServices
from gateway.store.funnel import Store
from gateway.store.tables import (
    access_code,
    action_attempt,
    device,
    device_log,
    entry,
    event,
    workspace,
)
from gateway.tests.peer import PeerLock, PeerRoutes
from protocols.profiles.parser import Profile

T = TypeVar("T")

START_MS = 1_752_148_800_000  # 2025-07-10T12:00:00Z
HOUR_S = 3600
DAY_S = 24 * HOUR_S


class LoopClock:
    """UTC by the time of the loop that it is made on; any thread may ask."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def now_ms(self) -> int:
        return START_MS + round(self._loop.time() * 1_000_000) // 1000

    def loop_s(self, utc_ms: int) -> float:
        return (utc_ms - START_MS) / 1000


@dataclass
class Streams:
    """Named streams of one seed."""

    seed: int = 1
    known: dict[str, random.Random] = field(default_factory=dict)

    def stream(self, name: str) -> random.Random:
        if name not in self.known:
            digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
            self.known[name] = random.Random(digest)
        return self.known[name]


@dataclass
class Rig:
    """What a test holds."""

    store: Store
    services: SessionServices
    locks: dict[str, PeerLock]
    session_limit: int
    reconciler: Reconciler

    # --- the gateway's life ---------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Reconciler]:
        """A new reconciler on the same store, for as long as the context lasts."""
        self.reconciler = Reconciler(self.services, session_limit=self.session_limit)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.reconciler.run())
            yield self.reconciler
            task.cancel()

    # --- what people ask for --------------------------------------------------------------------

    def context(self) -> Context:
        return self.services.context("w-1")

    async def write(self, unit: Callable[[sa.Connection, Context], T]) -> T:
        return await self.store.write(lambda conn: unit(conn, self.context()))

    async def add_code(
        self,
        device_id: str = "d-0",
        code: str | None = "123456",
        *,
        starts_in_s: float | None = None,
        ends_in_s: float | None = None,
        **options: Any,
    ) -> str:
        """Ask for an access code; its window is given from now."""
        now_ms = self.services.clock.now_ms()
        request = CodeRequest(
            device_id=device_id,
            code=code,
            starts_at_ms=None if starts_in_s is None else now_ms + round(starts_in_s * 1000),
            ends_at_ms=None if ends_in_s is None else now_ms + round(ends_in_s * 1000),
            **options,
        )
        code_id = await self.write(lambda conn, ctx: codes.create_code(conn, ctx, request))
        self.reconciler.wake(device_id)
        return code_id

    async def delete_code(self, code_id: str, device_id: str = "d-0") -> None:
        await self.write(lambda conn, ctx: codes.delete_code(conn, ctx, code_id))
        self.reconciler.wake(device_id)

    async def begin(self, action_type: str, device_id: str = "d-0") -> str:
        attempt_id = await self.write(
            lambda conn, ctx: attempts.begin(conn, ctx, action_type, device_id)
        )
        self.reconciler.wake(device_id)
        return attempt_id

    # --- what a test looks at -------------------------------------------------------------------

    async def rows(self, table: sa.Table, *clauses: sa.ColumnElement[bool]) -> list[Any]:
        statement = sa.select(table).where(*clauses).order_by(*table.primary_key.columns)
        return list(await self.store.read(lambda conn: conn.execute(statement).all()))

    async def attempt(self, attempt_id: str) -> Any:
        found = await self.rows(action_attempt, action_attempt.c.action_attempt_id == attempt_id)
        return found[0]

    async def code(self, code_id: str) -> Any:
        found = await self.rows(access_code, access_code.c.access_code_id == code_id)
        return found[0] if found else None

    async def entry(self, entry_id: str) -> Any:
        found = await self.rows(entry, entry.c.entry_id == entry_id)
        return found[0] if found else None

    async def device(self, device_id: str = "d-0") -> Any:
        return (await self.rows(device, device.c.device_id == device_id))[0]

    async def logged(self, device_id: str = "d-0") -> list[int]:
        found = await self.rows(device_log, device_log.c.device_id == device_id)
        return [row.log_index for row in found]

    async def event_types(self) -> list[str]:
        statement = sa.select(event.c.event_type).order_by(event.c.event_seq)
        return list(await self.store.read(lambda conn: conn.execute(statement).scalars().all()))

    async def until(self, condition: Callable[[], bool], limit_s: float = 120.0) -> None:
        """Let time go on until something is so."""
        for _ in range(round(limit_s * 10)):
            if condition():
                return
            await asyncio.sleep(0.1)
        raise AssertionError("it never came about")

    async def quiet(self) -> None:
        """Let time go on until no session runs."""
        await self.until(lambda: not self.reconciler.is_busy)

    async def settle(self, limit_s: float = 120.0) -> None:
        """Let time go on until nothing due is open."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + limit_s
        while loop.time() < limit:
            await asyncio.sleep(0.1)
            limit_ms = self.services.clock.now_ms() + round((limit - loop.time()) * 1000)
            if self.reconciler.is_settled(limit_ms):
                return


@contextlib.asynccontextmanager
async def make_rig(
    count: int = 1,
    *,
    profile_id: str = "generic-native",
    profiles: Mapping[str, Profile] | None = None,
    policy: Policy | None = None,
    session_limit: int = 7,
    routes: Callable[[dict[str, PeerLock]], Routes] = PeerRoutes,
    url: str = "sqlite://",
) -> AsyncIterator[Rig]:
    """Devices `d-0`, `d-1`, ... of one profile, known to the store and not contacted yet."""
    clock = LoopClock()
    store = Store.open(url, clock=clock, inline=True)
    locks = {f"d-{number}": PeerLock(clock, profile_id=profile_id) for number in range(count)}
    services = SessionServices(
        store=store,
        routes=routes(locks),
        clock=clock,
        policy=policy or Policy(),
        profiles=profiles or load_profiles(),
        randomness=Streams(),
    )
    rig = Rig(
        store=store,
        services=services,
        locks=locks,
        session_limit=session_limit,
        reconciler=Reconciler(services, session_limit=session_limit),
    )
    await rig.write(_found)
    for device_id in locks:
        registration = DeviceRegistration(
            device_id=device_id,
            name=device_id,
            display_name=device_id,
            profile_id=profile_id,
            moniker=f"ble:F0:00:00:00:00:{int(device_id[2:]):02X}",
        )
        await rig.write(functools.partial(devices.register, registration=registration))
    try:
        yield rig
    finally:
        await store.aclose()


def _found(conn: sa.Connection, ctx: Context) -> None:
    conn.execute(
        workspace.insert().values(
            workspace_id="w-1",
            name="Test",
            company_name="Test",
            is_sandbox=True,
            created_at_ms=ctx.now_ms,
        )
    )
