"""What every unit of work gets beside its connection: the instant, the workspace, the rules."""

from __future__ import annotations

import dataclasses
import random
import uuid
from collections.abc import Mapping

from gateway.errors import StoreError
from gateway.plan.policy import Policy
from gateway.ports import Randomness
from protocols.profiles.parser import Profile


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The surroundings of one unit.

    Attributes:
        now_ms: The instant that the unit runs at, milliseconds since 1970.
        workspace_id: Whose objects it may see.
        policy: Numbers and policies.
        profiles: Profile id to brand facts.
        randomness: Streams of ids and codes.
    """

    now_ms: int
    workspace_id: str
    policy: Policy
    profiles: Mapping[str, Profile]
    randomness: Randomness

    def new_id(self) -> str:
        """A fresh id, shaped as UUID version 4."""
        bits = self.randomness.stream("ids").getrandbits(128)
        return str(uuid.UUID(int=bits, version=4))

    @property
    def codes(self) -> random.Random:
        """The stream that PINs come from."""
        return self.randomness.stream("codes")

    def profile(self, profile_id: str) -> Profile:
        """The facts of a brand.

        Raises:
            StoreError: When the store names a profile that this gateway does not have.
        """
        profile = self.profiles.get(profile_id)
        if profile is None:
            raise StoreError(f"the store has a device of the unknown profile {profile_id!r}")
        return profile
