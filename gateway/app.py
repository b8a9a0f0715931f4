"""The gateway as a whole: every room made once, joined here, and torn down here."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from starlette.types import ASGIApp

from gateway.access.context import Context
from gateway.api.application import build_api
from gateway.api.services import Services
from gateway.config import GatewayConfig
from gateway.drivers.strike import warn_of
from gateway.errors import StoreError
from gateway.founding import found
from gateway.links.ble import BleBackend, BleCentral
from gateway.links.open import Carriers
from gateway.links.watch import NewsWatch
from gateway.plan.policy import SECOND_MS
from gateway.ports import Edge, KeypadSimulator, LoopClock, NoSettling, Randomness, Settling
from gateway.profiles import known_profiles
from gateway.reconcile.actions import end_interrupted
from gateway.reconcile.reconciler import Reconciler
from gateway.reconcile.routes import LinkRoutes
from gateway.reconcile.services import SessionServices
from gateway.store.funnel import CommitPhase, Store
from gateway.store.retention import Horizons, prune
from gateway.store.tables import device, entry
from protocols.strike.provider import PlaintextProvider

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a gateway is doing; what `GET /health` tells.

    Attributes:
        is_store_ok: The store answers.
        device_count: Devices that it looks after.
        online_count: Those of them that answered last.
        session_count: Conversations with devices that run now.
        oldest_due_at_ms: Since when the oldest unfinished entry has been due, milliseconds since
            1970; None when everything is done.
        is_plaintext: Sessions with devices are not protected.
    """

    is_store_ok: bool
    device_count: int = 0
    online_count: int = 0
    session_count: int = 0
    oldest_due_at_ms: int | None = None
    is_plaintext: bool = True


class Gateway:
    """A gateway: an async context manager, single-use; `run` it in a task while it is entered.

    Args:
        config: What it looks after, and how.
        clock: Tells UTC.
        edge: The way to real sockets.
        randomness: Streams of ids, codes, keys and waits.
        settling: Lets a request wait for devices.
        ble_backend: The classes that bleak calls a backend; None for the platform's own.
        keypad: Presses the keys of simulated locks; None where there are none.
        store_inline: True under virtual time: the store uses no threads.

    Attributes:
        store: Where everything is kept; from entering on.
        reconciler: Makes devices so; from entering on.
        asgi: The HTTP application; from entering on.
    """

    store: Store
    reconciler: Reconciler
    asgi: ASGIApp

    def __init__(
        self,
        config: GatewayConfig,
        *,
        clock: LoopClock,
        edge: Edge,
        randomness: Randomness,
        settling: Settling | None = None,
        ble_backend: BleBackend | None = None,
        keypad: KeypadSimulator | None = None,
        store_inline: bool = False,
    ) -> None:
        self.config = config
        self._clock = clock
        self._edge = edge
        self._randomness = randomness
        self._settling = settling or NoSettling()
        self._ble_backend = ble_backend
        self._keypad = keypad
        self._store_inline = store_inline
        self._profiles = known_profiles(config.profiles)
        self._make_provider = PlaintextProvider
        self._watch: NewsWatch | None = None
        self._stop = asyncio.Event()
        self._ended = asyncio.Event()
        self._is_running = False

    # --- life -----------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Open the store, found what it must hold, build the rooms; nothing moves yet.

        Raises:
            StoreError: When the store can't be used.
            ConfigError: When a device names a profile that there is not.
        """
        warn_of(self._make_provider())
        self.store = Store.open(
            self.config.store.url, clock=self._clock, inline=self._store_inline
        )
        try:
            await self.store.write(self._found)
            self._build()
        except BaseException:
            await self.store.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def run(self) -> None:
        """Look after the devices until closed or cancelled."""
        if self._stop.is_set():
            return
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(self.reconciler.run(), name="reconciler")]
                if self._watch is not None:
                    running.append(tasks.create_task(self._watch.run(), name="news watch"))
                running.append(tasks.create_task(self._retain(), name="retention"))
                await self._stop.wait()
                for task in running:
                    task.cancel()
        finally:
            self._is_running = False
            self._ended.set()

    async def aclose(self) -> None:
        """End in order: tasks are cancelled, links dropped, what waits for the store committed."""
        self._stop.set()
        if self._is_running:
            await self._ended.wait()
        await self.store.aclose()

    async def crash(self) -> None:
        """End as a process that is killed: what was not committed by now is lost.

        Tasks and links end too, since their machine's sockets and radio would be gone; no session
        reports anything in either way of ending.
        """
        self.store.on_commit = _refuse_commit
        await self.aclose()

    # --- what others ask ------------------------------------------------------------------------

    async def health(self) -> Health:
        """How the gateway is doing; never raises."""

        def look(conn: sa.Connection) -> tuple[int, int, int | None]:
            counts = conn.execute(
                sa.select(
                    sa.func.count(),
                    sa.func.count().filter(device.c.is_online),
                ).select_from(device)
            ).one()
            oldest = conn.execute(
                sa.select(sa.func.min(entry.c.next_due_at_ms)).where(
                    entry.c.next_due_at_ms <= self._clock.now_ms()
                )
            ).scalar_one_or_none()
            return counts[0], counts[1], oldest

        try:
            device_count, online_count, oldest_due_at_ms = await self.store.read(look)
        except StoreError:
            return Health(is_store_ok=False, session_count=self.reconciler.running_count)
        return Health(
            is_store_ok=True,
            device_count=device_count,
            online_count=online_count,
            session_count=self.reconciler.running_count,
            oldest_due_at_ms=oldest_due_at_ms,
            is_plaintext=self._make_provider().warning is not None,
        )

    # --- inside ---------------------------------------------------------------------------------

    def _found(self, conn: sa.Connection) -> None:
        found(conn, self._context, self.config)
        # Before anybody can ask for new ones.
        count = end_interrupted(conn, self._context)
        if count:
            logger.warning("%d actions were interrupted by a restart", count)

    def _build(self) -> None:
        ble = self.config.ble
        central = BleCentral(
            self._ble_backend,
            connection_limit=ble.connection_limit,
            connect_timeout_s=ble.connect_timeout_s,
        )
        routes = LinkRoutes(
            Carriers(ble=central, edge=self._edge),
            clock=self._clock,
            make_provider=self._make_provider,
        )
        shared: dict[str, Any] = {
            "store": self.store,
            "clock": self._clock,
            "policy": self.config.policy,
            "profiles": self._profiles,
            "randomness": self._randomness,
        }
        self.reconciler = Reconciler(
            SessionServices(routes=routes, **shared), session_limit=ble.connection_limit
        )
        if ble.watch:
            self._watch = NewsWatch(central, self.reconciler.sighted)
        self.asgi = build_api(
            Services(
                waker=self.reconciler,
                settling=self._settling,
                keypad=self._keypad,
                health=self.health,
                **shared,
            )
        )

    async def _retain(self) -> None:
        """Delete what has been kept for long enough, from time to time."""
        policy = self.config.policy
        while True:
            now_ms = self._clock.now_ms()
            horizons = Horizons(
                events_ms=now_ms - policy.event_retention_s * SECOND_MS,
                log_ms=now_ms - policy.log_retention_s * SECOND_MS,
                attempts_ms=now_ms - policy.attempt_retention_s * SECOND_MS,
            )
            part = functools.partial(prune, horizons=horizons, rows_max=policy.retention_rows_max)
            try:
                while not (await self.store.write(part)).is_complete:
                    pass
            except StoreError as error:
                logger.warning("old rows could not be deleted: %s", error)
            await asyncio.sleep(policy.retention_interval_s)

    def _context(self, workspace_id: str) -> Context:
        return Context(
            now_ms=self._clock.now_ms(),
            workspace_id=workspace_id,
            policy=self.config.policy,
            profiles=self._profiles,
            randomness=self._randomness,
        )


def _refuse_commit(phase: CommitPhase, number: int) -> None:
    """A commit hook that lets nothing more into the store.

    Raises:
        StoreError: Always.
    """
    raise StoreError(f"the gateway crashed {phase.value} commit {number}")
