"""The points of a run at which something may end, and the blow that ends it.

Points are numbered from 1 in the order in which a run reaches them: every COMMIT of the gateway's
store, seen just before and just after it; every value that the gateway writes to a lock, before
it leaves; every notification of a lock, before the gateway has it. A run is deterministic, so the
n-th point of an undisturbed run is the n-th point of any run in which nothing happened before it.

Of a killed gateway remains what it committed, what it sent, and what it answered. Points within a
second between which nothing of that was added are one to it: see `Tap.remains`. Later ones are
not: an outage at noon is another than one at one, when a code was due.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import enum
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

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


FRAMES = (Point.WRITE, Point.NOTIFICATION)
# Far below the length of an outage, and above what an exchange takes.
_AT_ONCE_S: Final = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Blow:
    """What ends where.

    Attributes:
        victim: What ends.
        point: At which kind of point.
        numbers: At which of them, from 1. With several numbers it falls several times: whoever
            was started again may end again while it makes up for the first time.
    """

    victim: Victim
    point: Point
    numbers: tuple[int, ...]

    @property
    def is_lethal(self) -> bool:
        """Whether it ends the gateway."""
        return self.victim in {Victim.GATEWAY, Victim.BENCH}

    def __str__(self) -> str:
        return f"{self.victim} at {self.point} {', '.join(map(str, self.numbers))}"


class Tap:
    """Counts the points of a run, and lets a blow fall.

    While the gateway is down nothing of it reaches the store or a lock, whatever its tasks still
    try before they are cancelled: a killed process does nothing more.

    Args:
        blow: What ends where; None = nothing does.
        answer_count: How many answers of the gateway are remembered by somebody.

    Attributes:
        on_blow: Called when the blow falls, with the address of the lock if it is about one.
        counts: Points reached so far.
        remains: The points at which a killed gateway leaves something else behind than at the
            point before, or does so later, each with its number.
        falls: How often the blow fell.
        is_down: Whether the gateway is dead and not started again yet.
    """

    def __init__(self, blow: Blow | None, answer_count: Callable[[], int]) -> None:
        self._blow = blow
        self._answer_count = answer_count
        self._left = (-1, -1, -1)
        self._left_at_s = 0.0
        self.on_blow: Callable[[str | None], None] = _tell_nobody
        self.counts: Counter[Point] = Counter()
        self.remains: list[tuple[Point, int]] = []
        self.falls = 0
        self.is_down = False

    def _does_fall(self, point: Point, address: str | None = None) -> bool:
        """Count a point; whether the blow falls on it."""
        self.counts[point] += 1
        # What is about to be sent has not left yet.
        sent_count = self.counts[Point.WRITE] - (point is Point.WRITE)
        left = (self.counts[Point.AFTER_COMMIT], sent_count, self._answer_count())
        now_s = asyncio.get_running_loop().time()
        if left != self._left or now_s - self._left_at_s >= _AT_ONCE_S:
            self._left, self._left_at_s = left, now_s
            self.remains.append((point, self.counts[point]))
        blow = self._blow
        if blow is None or blow.point is not point or self.counts[point] not in blow.numbers:
            return False
        self.falls += 1
        self.is_down = blow.is_lethal
        self.on_blow(address)
        return True

    def _commit(self, phase: CommitPhase, number: int) -> None:
        point = Point.BEFORE_COMMIT if phase is CommitPhase.BEFORE else Point.AFTER_COMMIT
        if self.is_down or self._does_fall(point):
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
            if self.is_down or self._does_fall(Point.WRITE, link._client.address):
                raise LinkClosed("the blow fell before this was sent")
            await send(link, value)

        def tapped_notified(link: BleLink, characteristic: Any, value: bytearray) -> None:
            if not self.is_down and not self._does_fall(Point.NOTIFICATION, link._client.address):
                notified(link, characteristic, value)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Store, "open", tapped_open)
            patch.setattr(BleLink, "send", tapped_send)
            patch.setattr(BleLink, "_notified", tapped_notified)
            yield


def _tell_nobody(address: str | None) -> None:
    """Tell nobody."""
    del address
