"""One device's trouble stays its own: isolation, back-off, bounds, idleness."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import cast

import pytest
import sqlalchemy as sa

from gateway.access.sessions import DueDevice
from gateway.drivers.interface import Driver
from gateway.errors import ConfigError, ConnectFailed, StoreError
from gateway.links.watch import Sighting
from gateway.plan.policy import Policy
from gateway.reconcile.agenda import HEARD_AGAIN_MS
from gateway.reconcile.failures import SessionFailure
from gateway.reconcile.reconciler import HOLD_MS, STORE_RETRY_S
from gateway.reconcile.routes import OnEvent, Route
from gateway.reconcile.session import CONNECT_LIMIT_S, SESSION_LIMIT_S
from gateway.store.funnel import CommitPhase
from gateway.store.tables import device
from gateway.tests.peer import Fault, PeerLock, PeerRoute, PeerRoutes
from gateway.tests.reconcile.rig import DAY_S, HOUR_S, Rig, make_rig
from protocols.strike import messages as m


async def test_dead_device_among_fifty_holds_up_nobody() -> None:
    async with make_rig(50, session_limit=4) as rig:
        rig.locks["d-0"].is_reachable = False
        async with rig.running():
            await rig.settle()
            before = asyncio.get_running_loop().time()
            for device_id in rig.locks:
                await rig.add_code(device_id)
            await asyncio.sleep(12)
            late = [
                device_id
                for device_id, lock in rig.locks.items()
                if device_id != "d-0" and not lock.opens("123456")
            ]
            assert late == []
            assert asyncio.get_running_loop().time() - before < 13
            assert rig.locks["d-0"].pins() == {}


# Never handed out: the ways below don't get so far.
NO_DRIVER: Driver = cast("Driver", None)


@dataclass
class Broken:
    """A way that brings out a mistake of ours, or names nothing."""

    error: Exception
    name: str = "broken"

    def open(self, on_event: OnEvent) -> contextlib.AbstractAsyncContextManager[Driver]:
        return self._fail(on_event)

    @contextlib.asynccontextmanager
    async def _fail(self, _: OnEvent) -> AsyncIterator[Driver]:
        if self.name:
            raise self.error
        yield NO_DRIVER


@dataclass
class Hanging:
    """A way whose radio stack never answers."""

    name: str = "hanging"

    def open(self, on_event: OnEvent) -> contextlib.AbstractAsyncContextManager[Driver]:
        return self._hang(on_event)

    @contextlib.asynccontextmanager
    async def _hang(self, _: OnEvent) -> AsyncIterator[Driver]:
        await asyncio.Event().wait()
        yield NO_DRIVER


@dataclass
class MixedRoutes:
    """Routes of the first device come from a test."""

    locks: dict[str, PeerLock]
    first: Sequence[Route]

    def of(self, device: DueDevice) -> Sequence[Route]:
        if device.device_id == "d-0":
            return self.first
        return PeerRoutes(self.locks).of(device)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ZeroDivisionError("a mistake"), SessionFailure.INTERNAL_ERROR),
        (AssertionError(), SessionFailure.INTERNAL_ERROR),
        (ExceptionGroup("many", [ValueError("x")]), SessionFailure.INTERNAL_ERROR),
        (ConfigError("names nothing"), SessionFailure.BAD_MONIKER),
        (ConnectFailed("out of reach"), SessionFailure.CONNECT_FAILED),
        (StoreError("disk full"), SessionFailure.STORE_ERROR),
        (TimeoutError(), SessionFailure.CONNECT_FAILED),
    ],
)
async def test_any_error_of_one_device_is_that_devices_failure(
    error: Exception, reason: SessionFailure
) -> None:
    def routes(locks: dict[str, PeerLock]) -> MixedRoutes:
        return MixedRoutes(locks, [Broken(error)])

    async with make_rig(2, routes=routes) as rig, rig.running():
        await rig.add_code("d-0")
        await rig.add_code("d-1")
        await asyncio.sleep(30)
        assert rig.locks["d-1"].opens("123456")
        unfinished = rig.reconciler.unfinished()
        assert [(each.device_id, each.reason) for each in unfinished] == [("d-0", reason)]
        assert (await rig.device("d-0")).attempts >= 3
        assert not (await rig.device("d-0")).is_online
        assert (await rig.device("d-1")).is_online


async def test_device_without_a_way_is_unreachable() -> None:
    async with make_rig(routes=lambda locks: MixedRoutes(locks, [])) as rig, rig.running():
        await rig.add_code()
        await asyncio.sleep(1)
        assert [each.reason for each in rig.reconciler.unfinished()] == ["connect_failed"]


async def test_second_way_is_tried_when_the_first_fails() -> None:
    def routes(locks: dict[str, PeerLock]) -> MixedRoutes:
        ways: list[Route] = [
            Broken(ConnectFailed("out of reach")),
            Hanging(),
            PeerRoute(locks["d-0"]),
        ]
        return MixedRoutes(locks, ways)

    async with make_rig(routes=routes) as rig, rig.running():
        await rig.add_code()
        await asyncio.sleep(CONNECT_LIMIT_S + 1)
        assert rig.locks["d-0"].opens("123456")


async def test_session_that_takes_too_long_keeps_what_was_confirmed() -> None:
    async with make_rig() as rig:
        lock = rig.locks["d-0"]
        lock.slot_count = 30
        lock.latency_s = 1.9  # A request takes 3.8 s, just within its time-out.
        async with rig.running():
            for number in range(20):
                await rig.add_code(code=f"1234{number:02}")
            await asyncio.sleep(SESSION_LIMIT_S + 1)
            assert lock.session_count == 1
            done = len(lock.pins())
            assert 5 < done < 20
            reasons = {each.reason for each in rig.reconciler.unfinished()}
            assert reasons == {"session_too_long"}
            assert len(rig.reconciler.unfinished()) == 20 - done
            await asyncio.sleep(4 * SESSION_LIMIT_S)
            assert len(lock.pins()) == 20


async def test_back_off_grows_to_its_cap_and_a_contact_ends_it() -> None:
    policy = Policy(retry_jitter=0.0)
    async with make_rig(policy=policy) as rig:
        lock = rig.locks["d-0"]
        lock.is_reachable = False
        async with rig.running():
            await rig.add_code()
            await asyncio.sleep(2 * HOUR_S)
            gaps = [
                round(later - earlier - 10)  # An attempt takes 10 s.
                for earlier, later in itertools.pairwise(lock.connect_times_s)
            ]
            assert gaps[:8] == [5, 10, 20, 40, 80, 160, 320, 640]
            assert set(gaps[8:]) == {900}
            lock.is_reachable = True
            await asyncio.sleep(900)
            assert lock.opens("123456")
            row = await rig.device()
            assert (row.attempts, row.next_try_at_ms, row.errors) == (0, None, [])


async def test_back_off_of_two_devices_is_out_of_step() -> None:
    async with make_rig(2) as rig:
        for lock in rig.locks.values():
            lock.is_reachable = False
        async with rig.running():
            await asyncio.sleep(HOUR_S)
            one, other = (lock.connect_times_s for lock in rig.locks.values())
            assert one[0] == other[0]
            assert not set(one[1:]) & set(other[1:])


async def test_sessions_at_once_never_exceed_the_limit() -> None:
    class Counting(PeerRoutes):
        open_count = 0
        open_count_max = 0

        def of(self, device: DueDevice) -> Sequence[Route]:
            route = super().of(device)[0]
            outer = self

            class Counted:
                name = "counted"

                @contextlib.asynccontextmanager
                async def open(self, on_event: OnEvent) -> AsyncIterator[Driver]:
                    outer.open_count += 1
                    outer.open_count_max = max(outer.open_count, outer.open_count_max)
                    try:
                        async with route.open(on_event) as driver:
                            yield driver
                    finally:
                        outer.open_count -= 1

            return (Counted(),)

    counting: list[Counting] = []

    def routes(locks: dict[str, PeerLock]) -> Counting:
        counting.append(Counting(locks))
        return counting[0]

    async with make_rig(30, session_limit=3, routes=routes) as rig, rig.running():
        for device_id in rig.locks:
            await rig.add_code(device_id)
        await rig.settle()
        assert all(lock.opens("123456") for lock in rig.locks.values())
        assert counting[0].open_count_max == 3


@pytest.mark.parametrize("limit", [1, 3])
async def test_devices_in_trouble_leave_a_connection_to_healthy_ones(limit: int) -> None:
    async with make_rig(10, session_limit=limit) as rig:
        for number in range(9):
            rig.locks[f"d-{number}"].is_reachable = False
        async with rig.running():
            await asyncio.sleep(HOUR_S)
            before = asyncio.get_running_loop().time()
            await rig.add_code("d-9")
            await rig.until(lambda: rig.locks["d-9"].opens("123456"))
            # With one connection, at worst a try that had begun ends first.
            assert asyncio.get_running_loop().time() - before < (11 if limit == 1 else 1)


async def test_idle_devices_cost_no_timers() -> None:
    async with make_rig(50) as rig, rig.running():
        await rig.settle()
        reads = 0
        read = rig.store.read

        async def counted(query: object) -> object:
            nonlocal reads
            reads += 1
            return await read(query)  # type: ignore[arg-type] # Passed on as it came.

        rig.store.read = counted  # type: ignore[method-assign,assignment] # Counts the looks.
        await asyncio.sleep(5 * HOUR_S)
        assert reads <= 5  # One sweep an hour, whatever the number of devices.
        assert sum(lock.session_count for lock in rig.locks.values()) == 50


async def test_store_that_can_not_be_written_holds_the_device_and_goes_on() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        await rig.add_code()
        contacts = lock.session_count

        def refuse(phase: CommitPhase, number: int) -> None:
            raise StoreError(f"disk full {phase} {number}")

        rig.store.on_commit = refuse
        await asyncio.sleep(HOLD_MS / 1000 * 3)
        assert lock.session_count - contacts <= 4
        assert not lock.opens("123456")
        rig.store.on_commit = None
        await asyncio.sleep(HOLD_MS / 1000 + 5)
        await rig.settle()
        assert lock.opens("123456")
        assert rig.reconciler.unfinished() == ()


async def test_store_that_can_not_be_read_is_tried_again() -> None:
    async with make_rig() as rig, rig.running():
        await rig.settle()
        read = rig.store.read
        calls = 0

        async def failing(query: object) -> object:
            nonlocal calls
            calls += 1
            if calls <= 3:
                raise StoreError("the database restarts")
            return await read(query)  # type: ignore[arg-type] # Passed on as it came.

        rig.store.read = failing  # type: ignore[method-assign,assignment] # Fails three times.
        await rig.add_code()
        await asyncio.sleep(3 * STORE_RETRY_S + 1)
        assert rig.locks["d-0"].opens("123456")


# --- what is heard on the air -------------------------------------------------------------------


def heard(*, has_news: bool, low: int = 0, is_changed: bool = True) -> Sighting:
    return Sighting(
        address="F0:00:00:00:00:00", has_news=has_news, log_next_low=low, is_changed=is_changed
    )


async def test_news_brings_a_session_at_once() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        lock.add_log()
        rig.reconciler.sighted(heard(has_news=True, low=1))
        await asyncio.sleep(1)
        assert lock.session_count == 2
        assert await rig.logged() == [0]


async def test_sighting_without_news_contacts_nobody() -> None:
    async with make_rig() as rig, rig.running():
        await rig.settle()
        rig.reconciler.sighted(heard(has_news=False))
        rig.reconciler.sighted(heard(has_news=True, is_changed=False))
        rig.reconciler.sighted(
            Sighting(address="AA:AA:AA:AA:AA:AA", has_news=True, log_next_low=1, is_changed=True)
        )
        await asyncio.sleep(60)
        assert rig.locks["d-0"].session_count == 1


async def test_news_heard_while_connecting_needs_no_second_session() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        lock.add_log()
        rig.reconciler.sighted(heard(has_news=True, low=1))
        await asyncio.sleep(0.02)  # The session has begun.
        rig.reconciler.sighted(heard(has_news=True, low=1))
        await asyncio.sleep(60)
        assert lock.session_count == 2
        lock.add_log()
        rig.reconciler.sighted(heard(has_news=True, low=2))
        await asyncio.sleep(0.2)  # Records that come while it is connected are fetched too.
        await asyncio.sleep(60)
        assert lock.session_count == 3
        assert await rig.logged() == [0, 1]


async def test_device_that_is_heard_again_is_not_kept_waiting() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        lock.is_reachable = False
        await rig.add_code()
        await asyncio.sleep(4 * HOUR_S)
        assert (await rig.device()).attempts > 8
        lock.is_reachable = True
        contacts = lock.session_count
        await asyncio.sleep(120)
        if lock.session_count == contacts:  # Its back-off still runs.
            rig.reconciler.sighted(heard(has_news=False, is_changed=False))
            await asyncio.sleep(1)
        assert lock.opens("123456")


async def test_device_that_is_heard_but_never_connects_is_no_hot_loop() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        lock.is_reachable = False
        await rig.add_code()
        before = lock.session_count
        for _ in range(HOUR_S):
            rig.reconciler.sighted(heard(has_news=False, is_changed=False))
            await asyncio.sleep(1)
        # A minute's wait and ten seconds of trying, after the first few.
        assert lock.session_count - before < 65


async def test_device_that_failed_before_a_restart_is_heard_again() -> None:
    async with make_rig() as rig:
        lock = rig.locks["d-0"]
        lock.is_reachable = False
        async with rig.running():
            await rig.add_code()
            await asyncio.sleep(2 * HOUR_S)
        lock.is_reachable = True
        async with rig.running():
            await asyncio.sleep(0.1)
            contacts = lock.session_count
            rig.reconciler.sighted(heard(has_news=False))
            await asyncio.sleep(HEARD_AGAIN_MS / 1000 + 1)
            assert lock.session_count == contacts + 1
            assert lock.opens("123456")


async def test_device_with_a_moniker_that_is_none_does_not_end_the_start() -> None:
    async with make_rig() as rig:
        await rig.store.write(lambda conn: conn.execute(sa.update(device).values(moniker="ble:x")))
        async with rig.running():
            await rig.settle()
            assert rig.locks["d-0"].session_count == 1


# --- settled ------------------------------------------------------------------------------------


async def limit_ms(rig: Rig, seconds: float) -> int:
    return rig.services.clock.now_ms() + round(seconds * 1000)


async def test_settled_follows_the_work() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        assert not rig.reconciler.is_settled(2**62)  # It has not looked yet.
        await rig.settle()
        assert rig.reconciler.is_settled(await limit_ms(rig, 120))
        await rig.add_code()
        assert not rig.reconciler.is_settled(await limit_ms(rig, 120))
        await rig.settle()
        assert rig.reconciler.unfinished() == ()
        lock.is_reachable = False
        await rig.add_code(code="654321")
        await asyncio.sleep(10.5)
        # It failed once: it is tried again within the limit.
        assert not rig.reconciler.is_settled(await limit_ms(rig, 120))
        assert rig.reconciler.is_settled(await limit_ms(rig, 1))
        await asyncio.sleep(DAY_S)
        [open_entry] = rig.reconciler.unfinished()
        assert (open_entry.device_id, open_entry.reason) == ("d-0", "connect_failed")
        assert open_entry.next_try_at_ms is not None
        if open_entry.next_try_at_ms > await limit_ms(rig, 120):
            assert rig.reconciler.is_settled(await limit_ms(rig, 120))


async def test_settled_is_told_of_an_entry_whose_device_is_heard_again() -> None:
    async with make_rig() as rig, rig.running():
        await rig.settle()
        rig.locks["d-0"].is_reachable = False
        await rig.add_code()
        await asyncio.sleep(2 * HOUR_S)
        await rig.quiet()
        rig.reconciler.sighted(heard(has_news=False))
        [open_entry] = rig.reconciler.unfinished()
        assert open_entry.next_try_at_ms is not None
        assert open_entry.next_try_at_ms <= await limit_ms(rig, 60)


async def test_device_that_loses_every_reply_fails_and_comes_back() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        lock.fault = lambda *_: Fault.LOSE_REPLY
        await rig.add_code()
        await asyncio.sleep(30)
        assert [each.reason for each in rig.reconciler.unfinished()] == ["no_answer"]
        lock.fault = None
        await asyncio.sleep(60)
        assert lock.opens("123456")
        assert sum(isinstance(change, m.SetCredential) for change in lock.changes) == 1
