"""The points of a run at which something may end, and the blow that ends it.

Points are numbered from 1 in the order in which a run reaches them: every COMMIT of the gateway's
store, seen just before and just after it; every value that the gateway writes to a lock, before
it leaves; every notification of a lock, before the gateway has it. A run is deterministic, so the
n-th point of an undisturbed run is the n-th point of any run in which nothing happened before it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.errors import LinkClosed, StoreError
from gateway.links.ble import BleLink
from gateway.store.funnel import CommitPhase, Store


class Point(enum.StrEnum):
    """Where a blow can fall."""

    BEFORE_COMMIT = "before_commit"
    AFTER_COMMIT = "after_commit"
    WRITE = "write"
    NOTIFICATION = "notification"


class Victim(enum.StrEnum):
    """What ends."""

    GATEWAY = "gateway"  # as a killed process; started again on its store
    BENCH = "bench"  # the whole process with all devices; started again on its state folder
    LOCK = "lock"  # its power is cut, and comes back
    RADIO = "radio"  # the lock goes out of range, and comes back


COMMITS = (Point.BEFORE_COMMIT, Point.AFTER_COMMIT)
FRAMES = (Point.WRITE, Point.NOTIFICATION)


@dataclasses.dataclass(frozen=True, slots=True)
class Blow:
    """What ends where: the victim, and the number of the point, from 1."""

    victim: Victim
    point: Point
    number: int

    def __str__(self) -> str:
        return f"{self.victim} at {self.point} {self.number}"


class Tap:
    """Counts the points of a run, and lets one blow fall.

    While the gateway is down nothing of it reaches the store or a lock, whatever its tasks still
    try before they are cancelled: a killed process does nothing more.

    Attributes:
        counts: Points reached so far.
        has_fallen: Whether the blow fell.
        is_down: Whether the gateway is dead and not started again yet.
    """

    def __init__(self, blow: Blow | None) -> None:
        self._blow = blow
        self._on_blow: Callable[[str | None], None] = _nobody
        self._is_counting = False
        self.counts: Counter[Point] = Counter()
        self.has_fallen = False
        self.is_down = False

    @property
    def is_lethal(self) -> bool:
        """Whether the blow ends the gateway."""
        return self._blow is not None and self._blow.victim in {Victim.GATEWAY, Victim.BENCH}

    def start(self, on_blow: Callable[[str | None], None]) -> None:
        """Count from now on.

        Args:
            on_blow: Called when the blow falls, with the address of the lock if it is about one.
        """
        self._is_counting = True
        self._on_blow = on_blow

    def stop(self) -> None:
        """Count no more."""
        self._is_counting = False

    def _falls(self, point: Point, address: str | None = None) -> bool:
        """Count a point; whether the blow falls on it."""
        if not self._is_counting:
            return False
        self.counts[point] += 1
        blow = self._blow
        if blow is None or self.has_fallen or blow.point is not point:
            return False
        if self.counts[point] != blow.number:
            return False
        self.has_fallen = True
        self.is_down = self.is_lethal
        self._on_blow(address)
        return True

    def _commit(self, phase: CommitPhase, number: int) -> None:
        point = Point.BEFORE_COMMIT if phase is CommitPhase.BEFORE else Point.AFTER_COMMIT
        if self.is_down or self._falls(point):
            raise StoreError(f"the gateway was killed {phase.value} commit {number}")

    @contextlib.contextmanager
    def fitted(self) -> Iterator[None]:
        """Sit on every store and every link that is opened meanwhile."""
        open_store, send, notified = Store.open, BleLink.send, BleLink._notified

        def tapped_open(url: str, **options: Any) -> Store:
            store = open_store(url, **options)
            store.on_commit = self._commit
            return store

        async def tapped_send(link: BleLink, value: bytes) -> None:
            if self.is_down or self._falls(Point.WRITE, link._client.address):
                raise LinkClosed("the blow fell before this was sent")
            await send(link, value)

        def tapped_notified(link: BleLink, characteristic: Any, value: bytearray) -> None:
            if not self.is_down and not self._falls(Point.NOTIFICATION, link._client.address):
                notified(link, characteristic, value)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Store, "open", tapped_open)
            patch.setattr(BleLink, "send", tapped_send)
            patch.setattr(BleLink, "_notified", tapped_notified)
            yield


def _nobody(address: str | None) -> None:
    """Tell nobody."""
    del address
