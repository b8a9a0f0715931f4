"""A gateway's API for tests: the real store and domain, and devices that confirm what is due.

The devices are played by the domain's own reports (`outcomes`), so no driver and no link is
needed: a session plan is made, every step of it confirmed, every waiting action done.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import sqlalchemy as sa
from fastapi import FastAPI

from gateway.access import attempts, devices, keys, milestones, outcomes, sessions, workspaces
from gateway.access.context import Context
from gateway.access.requests import DeviceRegistration
from gateway.api.application import build_api
from gateway.api.services import Limits, Services
from gateway.plan.policy import Policy
from gateway.profiles import load_profiles
from gateway.store.funnel import Store
from gateway.tests.api.required import check_reply
from protocols.doorlock.vocabulary import LockState

KEY = "seam_test1_0123456789abcdef"
WORKSPACE_ID = "0b5e7f2c-8f1c-4f9e-9f62-3a3b8c1f7d10"
# The device of the seed's example.
LATCH = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
NATIVE = "11111111-1111-4111-8111-111111111111"
JIT = "22222222-2222-4222-8222-222222222222"
START_MS = 1_752_148_800_000  # 2025-07-10T12:00:00Z
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class SteppedClock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        return self.ms


class NamedStreams:
    """Seeded streams by name."""

    def __init__(self) -> None:
        self._streams: dict[str, random.Random] = {}

    def stream(self, name: str) -> random.Random:
        return self._streams.setdefault(name, random.Random(name))


class TypedKeypad:
    """The keypads of simulated locks: opens for the codes that it was told."""

    def __init__(self) -> None:
        self.opens_for: set[tuple[str, str]] = set()
        self.device_ids = {LATCH, NATIVE, JIT}

    async def enter(self, device_id: str, digits: str) -> bool:
        if device_id not in self.device_ids:
            raise KeyError(device_id)
        return (device_id, digits) in self.opens_for


@dataclasses.dataclass
class House:
    """An API with its surroundings.

    Attributes:
        is_confirming: False leaves all that is due undone, as devices out of reach do.
        woken: Devices that the API told to have work, in order.
        settling_takes_ms: How far time goes on while devices settle.
    """

    store: Store
    clock: SteppedClock
    randomness: NamedStreams
    keypad: TypedKeypad
    policy: Policy
    is_confirming: bool = True
    woken: list[str | None] = dataclasses.field(default_factory=list)
    settle_count: int = 0
    settling_takes_ms: int = 0
    services: Services = dataclasses.field(init=False)
    app: FastAPI = dataclasses.field(init=False)
    client: httpx.AsyncClient = dataclasses.field(init=False)

    def wake(self, device_id: str | None) -> None:
        self.woken.append(device_id)

    async def settle(self) -> None:
        self.settle_count += 1
        self.clock.ms += self.settling_takes_ms
        if self.is_confirming:
            await self.confirm()

    async def confirm(self) -> None:
        """Do everything that is due now on every device."""
        await self.store.write(lambda conn: milestones.apply(conn, self.context()))
        due = await self.store.read(lambda conn: sessions.due_devices(conn, self.context()))
        for one in due:
            await self.store.write(self._session(one.device_id))
        await self.store.write(lambda conn: milestones.apply(conn, self.context()))

    def _session(self, device_id: str) -> Callable[[sa.Connection], None]:
        ctx = self.context()

        def unit(conn: sa.Connection) -> None:
            plan = sessions.plan_session(conn, ctx, device_id)
            outcomes.device_contacted(conn, ctx, device_id, REPORTED)
            for step in plan.steps:
                outcomes.entry_confirmed(
                    conn, ctx, step.entry.entry_id, step.to_phase, step.entry.revision
                )
            for attempt in plan.attempts:
                result = {"was_confirmed_by_device": True}
                attempts.finish(conn, ctx, attempt.action_attempt_id, result=result)

        return unit

    async def at(self, now_ms: int) -> None:
        """Let time go on to an instant, with what time alone changes and what is then due."""
        self.clock.ms = now_ms
        await self.settle()

    def rebuild(self, **changed: Any) -> None:
        """Make the application anew with other services; the client speaks to it from now on."""
        self.services = dataclasses.replace(self.services, **changed)
        self.app = build_api(self.services)
        self.client._transport = httpx.ASGITransport(self.app)

    def context(self) -> Context:
        return self.services.context(WORKSPACE_ID)

    async def call(self, path: str, *, method: str = "POST", **parameters: Any) -> dict[str, Any]:
        """A request that is answered with success."""
        response = await self.ask(path, method=method, **parameters)
        body: dict[str, Any] = response.json()
        assert response.status_code == 200, body
        assert response.headers["seam-request-id"].startswith("request")
        check_reply(body)
        return body

    async def ask(self, path: str, *, method: str = "POST", **parameters: Any) -> httpx.Response:
        """A request with a JSON body; a parameter that is `...` is left out."""
        given = {name: value for name, value in parameters.items() if value is not ...}
        return await self.client.request(method, path, json=given)


# As `gateway.reconcile.reported` has it.
REPORTED = {
    "profile_id": "any",
    "serial_number": "SP-0001",
    "lock_state": int(LockState.LOCKED),
    "door_state": 1,
    "battery_mv": 5900,
}


@asynccontextmanager
async def open_house(
    *, policy: Policy | None = None, limits: Limits | None = None, inline: bool = True
) -> AsyncIterator[House]:
    """A house with three devices, one of each profile, and one API key."""
    clock = SteppedClock()
    store = Store.open("sqlite://", clock=clock, inline=inline)
    house = House(
        store=store,
        clock=clock,
        randomness=NamedStreams(),
        keypad=TypedKeypad(),
        policy=policy or Policy(),
    )
    house.services = Services(
        store=store,
        waker=house,
        settling=house,
        clock=clock,
        policy=house.policy,
        profiles=load_profiles(),
        randomness=house.randomness,
        keypad=house.keypad,
        limits=limits or Limits(),
    )
    house.app = build_api(house.services)
    try:
        await store.write(lambda conn: _furnish(conn, house.context()))
        async with client_of(house) as client:
            house.client = client
            yield house
    finally:
        await store.aclose()


def client_of(house: House, *, key: str | None = KEY) -> httpx.AsyncClient:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    transport = httpx.ASGITransport(house.app)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway.test", headers=headers)


def _furnish(conn: sa.Connection, ctx: Context) -> None:
    workspaces.ensure_workspace(
        conn, ctx, name="Sandbox", company_name="Strikeplate", is_sandbox=True
    )
    keys.add_api_key(conn, ctx, KEY, "test")
    for number, (device_id, profile_id) in enumerate(
        ((LATCH, "latch-m"), (NATIVE, "generic-native"), (JIT, "generic-jit")), start=1
    ):
        registration = DeviceRegistration(
            device_id=device_id,
            name=f"door-{number}",
            display_name=f"Door {number}",
            profile_id=profile_id,
            moniker=f"ble:F0:00:00:00:00:0{number}",
        )
        devices.register(conn, ctx, registration)
