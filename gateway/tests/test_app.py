"""The gateway as a whole, on a backend without a radio and with a scripted lock behind it."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from gateway.app import Gateway
from gateway.config import (
    ApiConfig,
    BleConfig,
    DeviceConfig,
    GatewayConfig,
    StoreConfig,
)
from gateway.errors import ConfigError, StoreError
from gateway.plan.policy import DAY_S, HOUR_S, Policy
from gateway.ports import DirectEdge
from gateway.store.tables import action_attempt, device, event, workspace
from gateway.tests.links.loopback import Air, Peripheral
from gateway.tests.peer import PeerLock
from gateway.tests.reconcile.rig import LoopClock, Streams
from protocols.strike import messages as m
from protocols.strike.gatt import Advertisement
from protocols.strike.provider import PlaintextProvider
from protocols.strike.session import RequestReceived, Role, Session

ADDRESS = "F0:00:00:00:00:01"
KEY = "seam_test1_abcdef"
DEVICES = (
    DeviceConfig(
        name="front",
        display_name="Front Door",
        device_id="d-front",
        profile="generic-jit",
        moniker=f"ble:{ADDRESS}",
    ),
    DeviceConfig(name="back", profile="generic-native", moniker="ble:F0:00:00:00:00:02"),
)


class LockPeripheral(Peripheral):
    """A peripheral whose writes go to a scripted lock; a new session a connection."""

    def __init__(self, lock: PeerLock) -> None:
        super().__init__()
        self.lock = lock
        self.spoken_with: Any = None
        self.session: Session | None = None
        self.written = self  # type: ignore[assignment] # Writes are answered instead of kept.

    def append(self, written: tuple[bytes, bool]) -> None:
        if self.spoken_with is not self.client:
            self.spoken_with = self.client
            self.session = Session(Role.RESPONDER, PlaintextProvider(), self.mtu)
        assert self.session is not None
        for received in self.session.receive(written[0], 0.0):
            assert isinstance(received, RequestReceived)
            self.lock.requests.append(received.message)
            reply = self.lock.handle(received.message)
            for value in self.session.send(reply, 0.0, in_reply_to=received.transaction):
                self.notify(value)


def make(
    config: GatewayConfig, lock: PeerLock | None = None, **options: Any
) -> tuple[Gateway, Air]:
    air = Air({} if lock is None else {ADDRESS: LockPeripheral(lock)})
    gateway = Gateway(
        config,
        clock=LoopClock(),
        edge=DirectEdge(),
        randomness=Streams(),
        ble_backend=air,
        store_inline=True,
        **options,
    )
    return gateway, air


def config_of(url: str = "sqlite://", **options: Any) -> GatewayConfig:
    options.setdefault("devices", DEVICES[:1])
    return GatewayConfig(store=StoreConfig(url=url), api=ApiConfig(key=KEY), **options)


@contextlib.asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[Gateway]:
    async with asyncio.TaskGroup() as tasks, gateway:
        task = tasks.create_task(gateway.run())
        yield gateway
        task.cancel()


def client_of(gateway: Gateway) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=gateway.asgi),
        base_url="http://gateway",
        headers={"authorization": f"Bearer {KEY}"},
    )


async def test_code_of_the_api_reaches_the_lock() -> None:
    lock = PeerLock(LoopClock(), profile_id="generic-jit")
    gateway, air = make(config_of(), lock)
    async with running(gateway), client_of(gateway) as client:
        reply = await client.post(
            "/access_codes/create", json={"device_id": "d-front", "code": "123456"}
        )
        assert reply.status_code == 200
        await asyncio.sleep(2)
        assert lock.opens("123456")
        code_id = reply.json()["access_code"]["access_code_id"]
        code = await client.post("/access_codes/get", json={"access_code_id": code_id})
        assert code.json()["access_code"]["status"] == "set"
    assert air.connection_count == 0
    assert not air.scanners


@pytest.mark.real_loop
async def test_gateway_on_a_real_loop_programs_the_lock(tmp_path: pathlib.Path) -> None:
    class Watched(PeerLock):
        def handle(self, message: Any) -> object:
            reply = super().handle(message)
            if isinstance(message, m.SetCredential):
                written.set()
            return reply

    written = asyncio.Event()
    lock = Watched(LoopClock(), profile_id="generic-jit")
    gateway = Gateway(
        config_of(f"sqlite:///{tmp_path}/gateway.db"),
        clock=LoopClock(),
        edge=DirectEdge(),
        randomness=Streams(),
        ble_backend=Air({ADDRESS: LockPeripheral(lock)}),
    )
    async with running(gateway), client_of(gateway) as client:
        body = {"device_id": "d-front", "code": "123456"}
        assert (await client.post("/access_codes/create", json=body)).status_code == 200
        async with asyncio.timeout(20):
            await written.wait()
    assert lock.opens("123456")


async def test_health_tells_how_it_is() -> None:
    gateway, _ = make(config_of(devices=DEVICES), PeerLock(LoopClock(), profile_id="generic-jit"))
    async with running(gateway), client_of(gateway) as client:
        await asyncio.sleep(5)
        health = await gateway.health()
        assert health.is_store_ok
        assert (health.device_count, health.session_count) == (2, 1)  # One is being tried.
        assert health.oldest_due_at_ms is None
        assert health.is_plaintext
        await client.post("/access_codes/create", json={"device_id": "d-front", "code": "123456"})
        reply = await client.get("/health")
        assert reply.status_code == 200
        assert reply.json()["device_count"] == 2


async def test_health_without_a_store_says_so() -> None:
    gateway, _ = make(config_of())
    async with gateway:

        async def failing(_: object) -> object:
            raise StoreError("gone")

        gateway.store.read = failing  # type: ignore[method-assign,assignment] # It is gone.
        assert not (await gateway.health()).is_store_ok
        async with client_of(gateway) as client:
            assert (await client.get("/health")).status_code == 503


async def test_news_on_the_air_wakes_the_device() -> None:
    lock = PeerLock(LoopClock(), profile_id="generic-jit")
    gateway, air = make(config_of(), lock)
    async with running(gateway):
        await asyncio.sleep(5)
        before = len(lock.requests)
        lock.add_log()
        air.advertise(
            ADDRESS, Advertisement(has_news=True, profile_hint=1, log_next_low=1).encode()
        )
        await asyncio.sleep(1)
        assert [type(request) for request in lock.requests[before:]] == [m.GetStatus, m.ReadLog]


async def test_gateway_without_a_watch_does_not_scan() -> None:
    gateway, air = make(config_of(ble=BleConfig(watch=False)))
    async with running(gateway):
        await asyncio.sleep(1)
        assert air.scan_count == 0


async def test_plaintext_is_warned_of_once_at_the_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lock = PeerLock(LoopClock(), profile_id="generic-jit")
    gateway, _ = make(config_of(), lock)
    async with running(gateway):
        await asyncio.sleep(30)
    warnings = [record for record in caplog.records if "plaintext" in record.getMessage()]
    assert len(warnings) == 1


async def test_start_keeps_ids_and_names_over_restarts(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"

    async def known() -> list[tuple[str, str]]:
        gateway, _ = make(config_of(url, devices=DEVICES))
        async with gateway:
            rows = await gateway.store.read(
                lambda conn: conn.execute(
                    sa.select(device.c.name, device.c.device_id).order_by(device.c.name)
                ).all()
            )
            spaces = await gateway.store.read(
                lambda conn: conn.execute(sa.select(workspace.c.workspace_id)).all()
            )
            assert len(spaces) == 1
            return [(row.name, row.device_id) for row in rows]

    first = await known()
    assert dict(first)["front"] == "d-front"
    assert await known() == first
    gateway, _ = make(config_of(url))
    async with gateway:
        assert "devices that the configuration does not name: back" in caplog.text


async def test_start_with_an_unknown_profile_is_refused_and_closes_the_store() -> None:
    bad = DeviceConfig(name="x", profile="latch-x", moniker=f"ble:{ADDRESS}")
    gateway, _ = make(config_of(devices=(bad,)))
    with pytest.raises(ConfigError, match="'x': there is no profile 'latch-x'; known: 2n"):
        async with gateway:
            pytest.fail("it did not start")
    with pytest.raises(StoreError):
        await gateway.store.read(lambda conn: conn.execute(sa.select(1)))


async def test_start_ends_actions_of_an_earlier_life(tmp_path: pathlib.Path) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    gateway, _ = make(config_of(url))
    async with gateway, client_of(gateway) as client:
        reply = await client.post("/locks/unlock_door", json={"device_id": "d-front"})
        assert reply.json()["action_attempt"]["status"] == "pending"
    lock = PeerLock(LoopClock(), profile_id="generic-jit")
    gateway, _ = make(config_of(url), lock)
    async with running(gateway):
        await asyncio.sleep(5)
        rows = await gateway.store.read(lambda conn: conn.execute(sa.select(action_attempt)).all())
        assert [row.error["type"] for row in rows] == ["gateway_restarted"]
        assert not any(isinstance(request, m.UnlockDoor) for request in lock.requests)


async def test_close_ends_run_and_drops_links() -> None:
    # A clock that is set keeps the session waiting for the next whole second.
    lock = PeerLock(LoopClock(), profile_id="generic-jit", clock_error_ms=-60_000)
    gateway, air = make(config_of(), lock)
    async with asyncio.TaskGroup() as tasks:
        await gateway.__aenter__()
        task = tasks.create_task(gateway.run())
        await asyncio.sleep(0.5)
        assert air.connection_count == 1
        await gateway.aclose()
        await gateway.aclose()
        assert air.connection_count == 0
        assert not air.scanners
        await asyncio.sleep(0)
        assert task.done()


async def test_close_before_run_begins_leaves_nothing_running() -> None:
    gateway, air = make(config_of())
    async with asyncio.TaskGroup() as tasks:
        await gateway.__aenter__()
        tasks.create_task(gateway.run())
        await gateway.aclose()
    assert air.scan_count == 0


async def test_crash_loses_what_was_not_committed(tmp_path: pathlib.Path) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    lock = PeerLock(LoopClock(), profile_id="generic-jit")
    gateway, air = make(config_of(url), lock)

    async def ask(statement: sa.Executable) -> None:
        with pytest.raises(StoreError, match="the gateway crashed before commit"):
            await gateway.store.write(lambda conn: conn.execute(statement))

    async with asyncio.TaskGroup() as tasks:
        await gateway.__aenter__()
        tasks.create_task(gateway.run())
        await asyncio.sleep(5)
        tasks.create_task(ask(sa.update(device).values(display_name="lost")))
        await asyncio.sleep(0)
        await gateway.crash()
    assert air.connection_count == 0
    gateway, _ = make(config_of(url))
    async with gateway:
        names = await gateway.store.read(
            lambda conn: conn.execute(sa.select(device.c.display_name)).scalars().all()
        )
        assert names == ["Front Door"]


async def test_old_events_are_deleted_bit_by_bit() -> None:
    policy = Policy(event_retention_s=DAY_S, retention_interval_s=HOUR_S, retention_rows_max=10)
    gateway, _ = make(config_of(policy=policy, devices=()))

    def add(conn: sa.Connection) -> None:
        for number in range(35):
            conn.execute(
                event.insert().values(
                    event_id=f"e-{number}",
                    workspace_id="w",
                    event_type="x",
                    occurred_at_ms=LoopClock().now_ms(),
                    created_at_ms=LoopClock().now_ms(),
                    body={},
                )
            )

    def count(conn: sa.Connection) -> int:
        return conn.execute(sa.select(sa.func.count()).select_from(event)).scalar_one()

    async with running(gateway):
        await gateway.store.write(add)
        await asyncio.sleep(DAY_S - HOUR_S / 2)
        assert await gateway.store.read(count) == 35
        await asyncio.sleep(2 * HOUR_S)
        assert await gateway.store.read(count) == 0


async def test_retention_outlives_a_store_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    gateway, _ = make(config_of(devices=()))
    async with running(gateway):
        await asyncio.sleep(1)

        def refuse(*_: object) -> None:
            raise StoreError("disk full")

        gateway.store.on_commit = refuse
        await asyncio.sleep(HOUR_S + 1)
        assert "old rows could not be deleted: disk full" in caplog.text
        gateway.store.on_commit = None
        await asyncio.sleep(HOUR_S)
