"""The narrow interfaces between the gateway's rooms, and to the floor above.

Everything that the gateway does not own comes in through one of these: clocks, randomness, the
way to the outside world, keypads of simulated locks. `DirectEdge` is the plain one for a real
loop; in `up` the floor above passes one that crosses to the edge thread.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Tells UTC."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z."""


class LoopClock(Clock, Protocol):
    """A clock that also knows when the running loop's timers mean."""

    def loop_s(self, utc_ms: int) -> float:
        """Time of the running loop, in seconds, at a UTC instant in milliseconds since 1970.

        A timer is set for this instant, not for a span from now: on a virtual loop it then fires
        exactly when the clock reads that millisecond, not a rounding later.
        """


class Edge(Protocol):
    """The way out: runs one coroutine where real sockets may be used."""

    async def outward(self, work: Callable[[], Awaitable[T]], *, deadline_s: float) -> T:
        """Run a unit of outward work to its end.

        Args:
            work: Makes the coroutine; called where it will run.
            deadline_s: Wall-clock seconds after which it is cancelled.

        Raises:
            TimeoutError: When the deadline passed.
        """


class DirectEdge:
    """The edge of a gateway that runs on a real loop: a plain await."""

    async def outward(self, work: Callable[[], Awaitable[T]], *, deadline_s: float) -> T:
        """See `Edge.outward`."""
        async with asyncio.timeout(deadline_s):
            return await work()


class Settling(Protocol):
    """Lets a request wait until what it changed has reached the devices.

    At speed 0 nothing else moves time, so a request that changes something waits here before it
    answers. On a real loop it returns at once.
    """

    async def settle(self) -> None:
        """Return when nothing that is due is unfinished, or at the limit."""


class NoSettling:
    """Time moves by itself: nothing to wait for."""

    async def settle(self) -> None:
        """Return at once."""


class KeypadSimulator(Protocol):
    """Presses the keys of a simulated lock (Seam's `/locks/simulate/*`)."""

    async def enter(self, device_id: str, digits: str) -> bool:
        """Type a code at the door and submit it; True when it opened.

        Raises:
            KeyError: When there is no simulated device of that id.
        """


class Randomness(Protocol):
    """Where ids and PINs come from: one named stream a purpose."""

    def stream(self, name: str) -> random.Random:
        """The stream of that name; always the same object for the same name."""
