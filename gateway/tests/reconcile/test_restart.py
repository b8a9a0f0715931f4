"""The gateway may die anywhere: nothing is lost, nothing is done twice in effect."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.errors import StoreError
from gateway.store.funnel import CommitPhase
from gateway.tests.peer import Fault
from gateway.tests.reconcile.rig import HOUR_S, Rig, make_rig
from protocols.strike import messages as m


class Killer:
    """Ends a life of the gateway at a chosen moment."""

    def __init__(self) -> None:
        self.countdown = 0
        self.killed = asyncio.Event()

    def arm(self, countdown: int) -> None:
        self.countdown = countdown
        self.killed.clear()

    def step(self) -> bool:
        """True at the chosen step."""
        self.countdown -= 1
        if self.countdown == 0:
            self.killed.set()
            return True
        return False


async def one_life(rig: Rig, killer: Killer, limit_s: float) -> None:
    """Run the gateway until it is killed, or for so long."""
    async with rig.running():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await killer.killed.wait()


@contextlib.asynccontextmanager
async def prepared(profile_id: str) -> AsyncIterator[Rig]:
    """Two codes to program, one to remove, two log records to fetch."""
    async with make_rig(profile_id=profile_id) as rig:
        lock = rig.locks["d-0"]
        async with rig.running():
            gone = await rig.add_code(code="555555")
            await rig.settle()
        await rig.delete_code(gone)
        await rig.add_code(starts_in_s=120, ends_in_s=HOUR_S)
        await rig.add_code(code="654321")
        lock.add_log()
        lock.add_log()
        yield rig


async def check(rig: Rig) -> None:
    lock = rig.locks["d-0"]
    assert sorted(lock.pins().values()) == ["123456", "654321"]
    assert lock.opens("123456")
    assert lock.opens("654321")
    assert len({repr(change) for change in lock.changes}) == len(lock.changes)
    # Every write that changed something raised the revision of its record.
    for slot in (1, 2, 3):
        revisions = [
            change.revision
            for change in lock.changes
            if isinstance(change, m.SetCredential) and change.credential_index == slot
        ]
        assert revisions == sorted(set(revisions))
    assert await rig.logged() == [0, 1]
    types = await rig.event_types()
    assert types.count("lock.unlocked") == 2
    assert types.count("access_code.set_on_device") == 3
    assert types.count("access_code.removed_from_device") == 1
    assert rig.reconciler.unfinished() == ()


async def at_every_moment(
    profile_id: str, arm: Callable[[Rig, Killer], None]
) -> tuple[int, list[int]]:
    """Kill one life at each moment in turn, then let the gateway live; returns the moments."""
    moment = 0
    requests: list[int] = []
    while True:
        moment += 1
        async with prepared(profile_id) as rig:
            killer = Killer()
            killer.arm(moment)
            arm(rig, killer)
            await one_life(rig, killer, 180)
            was_killed = killer.killed.is_set()
            rig.store.on_commit = None
            rig.locks["d-0"].fault = None
            async with rig.running():
                await rig.settle()
                await asyncio.sleep(180)
                await rig.settle()
                await check(rig)
            requests.append(len(rig.locks["d-0"].requests))
            if not was_killed:
                return moment, requests


@pytest.mark.parametrize("profile_id", ["generic-native", "generic-jit"])
@pytest.mark.parametrize("fault", [None, Fault.DROP_BEFORE, Fault.DROP_AFTER])
async def test_kill_at_every_request_loses_nothing_and_does_nothing_twice(
    profile_id: str, fault: Fault | None
) -> None:
    def arm(rig: Rig, killer: Killer) -> None:
        rig.locks["d-0"].fault = lambda *_: fault if killer.step() else None

    moments, _ = await at_every_moment(profile_id, arm)
    assert moments >= 10


@pytest.mark.parametrize("profile_id", ["generic-native", "generic-jit"])
@pytest.mark.parametrize("phase", list(CommitPhase))
async def test_kill_at_every_commit_loses_nothing_and_does_nothing_twice(
    profile_id: str, phase: CommitPhase
) -> None:
    def arm(rig: Rig, killer: Killer) -> None:
        def hook(at: CommitPhase, number: int) -> None:
            if at is phase and killer.step():
                raise StoreError(f"killed at {at.value} {number}")

        rig.store.on_commit = hook

    moments, _ = await at_every_moment(profile_id, arm)
    assert moments >= 4


async def test_kill_while_connecting_closes_the_link() -> None:
    async with make_rig() as rig:
        lock = rig.locks["d-0"]
        lock.connect_s = 5
        async with rig.running():
            await asyncio.sleep(1)
        assert lock.connected_count == 0
        lock.connect_s = 0.1
        async with rig.running():
            await rig.settle()
        assert lock.connected_count == 1


async def test_restart_of_an_idle_gateway_contacts_nobody() -> None:
    async with make_rig(5) as rig:
        async with rig.running():
            await rig.settle()
        before = sum(lock.session_count for lock in rig.locks.values())
        for _ in range(3):
            async with rig.running():
                await asyncio.sleep(60)
        assert sum(lock.session_count for lock in rig.locks.values()) == before


async def test_restart_keeps_the_back_off() -> None:
    async with make_rig() as rig:
        lock = rig.locks["d-0"]
        lock.is_reachable = False
        async with rig.running():
            await asyncio.sleep(2 * HOUR_S)
        contacts = lock.session_count
        for _ in range(10):
            async with rig.running():
                await asyncio.sleep(30)
        # Ten restarts in five minutes are not ten tries.
        assert lock.session_count - contacts <= 2
