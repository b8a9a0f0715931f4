"""What the API needs from the rest of the gateway, handed over once at the start."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.plan.policy import Policy
from gateway.ports import Clock, KeypadSimulator, Randomness, Settling
from protocols.profiles.parser import Profile

T = TypeVar("T")


class UnitStore(Protocol):
    """The store as the API sees it: whole units in, results after COMMIT out."""

    async def write(self, unit: Callable[[sa.Connection], T]) -> T:
        """Run a unit in the next batch; resolves after its COMMIT."""

    async def read(self, query: Callable[[sa.Connection], T]) -> T:
        """Run a query and fetch it whole."""


class Waker(Protocol):
    """Whoever makes devices so: told that one has work."""

    def wake(self, device_id: str | None) -> None:
        """Look at this device now; at all of them when None."""


class HealthReport(Protocol):
    """How a gateway is doing: a dataclass whose every field `GET /health` shows."""

    @property
    def is_store_ok(self) -> bool:
        """The store answers."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of what one request may ask of the gateway.

    Attributes:
        body_bytes: Longest request body that is read.
        page_size: Largest page of a list that documents no larger default.
        list_size: Most objects of a list that has no pages.
        sync_wait_s: Seconds of the loop that a request with `sync` waits for its action attempt
            where nothing settles; where something does, the request has waited already.
    """

    # The largest documented body (1,000 device ids) is under 40 kB; 1 MiB leaves room for
    # metadata and still bounds the memory of a hundred callers.
    body_bytes: int = 1 << 20
    # Documented defaults are 500; a page of 1,000 devices renders to about 2 MB.
    page_size: int = 1000
    # Without a cursor nobody can ask for the rest, so this bound is far above the default of 500;
    # 10,000 events render to about 5 MB.
    list_size: int = 10_000
    # The SDKs give up a request after 30 s.
    sync_wait_s: float = 20.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The rooms that the API's handlers use.

    Attributes:
        store: Where everything is kept.
        waker: Told when a device has work.
        settling: Lets a request that changed something wait for the devices.
        clock: Tells UTC.
        policy: Numbers and policies.
        profiles: Profile id to brand facts.
        randomness: Streams of ids and codes.
        keypad: Presses the keys of simulated locks; None where there are none.
        health: How the gateway is doing; None where the store is all there is to ask.
        limits: Bounds of one request.
    """

    store: UnitStore
    waker: Waker
    settling: Settling
    clock: Clock
    policy: Policy
    profiles: Mapping[str, Profile]
    randomness: Randomness
    keypad: KeypadSimulator | None = None
    health: Callable[[], Awaitable[HealthReport]] | None = None
    limits: Limits = Limits()

    def context(self, workspace_id: str) -> Context:
        """The context of a unit that runs now."""
        return Context(
            now_ms=self.clock.now_ms(),
            workspace_id=workspace_id,
            policy=self.policy,
            profiles=self.profiles,
            randomness=self.randomness,
        )
