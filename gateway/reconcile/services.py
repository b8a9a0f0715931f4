"""What sessions need from the rest of the gateway, handed over once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from gateway.access.context import Context
from gateway.plan.policy import Policy
from gateway.ports import LoopClock, Randomness
from gateway.reconcile.routes import Routes
from gateway.store.funnel import Store
from protocols.profiles.parser import Profile


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SessionServices:
    """The rooms and ports that the reconciler and its sessions use.

    Attributes:
        store: Where everything is kept.
        routes: The ways to devices.
        clock: Tells UTC.
        policy: Numbers and policies.
        profiles: Profile id to brand facts.
        randomness: Streams of ids, codes and waits.
    """

    store: Store
    routes: Routes
    clock: LoopClock
    policy: Policy
    profiles: Mapping[str, Profile]
    randomness: Randomness

    def context(self, workspace_id: str) -> Context:
        """The context of a unit that runs now."""
        return Context(
            now_ms=self.clock.now_ms(),
            workspace_id=workspace_id,
            policy=self.policy,
            profiles=self.profiles,
            randomness=self.randomness,
        )

    def draw(self, device_id: str) -> float:
        """The next number of a device's own stream of waits, 0 <= draw < 1.

        A stream a device: what one of them draws shifts nobody else's waits.
        """
        return self.randomness.stream(f"backoff/{device_id}").random()
