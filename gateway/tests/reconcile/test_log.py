"""Access-log records are fetched whole, in order, and once."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import StoreError
from gateway.links.watch import Sighting
from gateway.store.funnel import CommitPhase
from gateway.tests.peer import Fault
from gateway.tests.reconcile.rig import HOUR_S, Rig, make_rig
from protocols.doorlock.vocabulary import LockOperationType, OperationSource
from protocols.strike import messages as m


def news(rig: Rig) -> None:
    """The lock advertises that its log has grown."""
    low = len(rig.locks["d-0"].log) & 0xFFFF
    rig.reconciler.sighted(
        Sighting(address="F0:00:00:00:00:00", has_news=True, log_next_low=low, is_changed=True)
    )


async def test_log_of_several_pages_is_fetched_to_its_end() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        for _ in range(50):
            lock.add_log()
        await rig.settle()
        assert await rig.logged() == list(range(50))
        assert (await rig.device()).log_next_index == 50
        assert (await rig.event_types()).count("lock.unlocked") == 50


async def test_log_is_not_read_when_nothing_is_new() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        lock.add_log()
        await rig.settle()
        await asyncio.sleep(24 * HOUR_S)
        assert sum(isinstance(request, m.ReadLog) for request in lock.requests) == 1


@pytest.mark.parametrize("fault", list(Fault))
async def test_log_is_fetched_once_whatever_is_lost_on_the_way(fault: Fault) -> None:
    for number in range(3, 12):
        async with make_rig() as rig, rig.running():
            lock = rig.locks["d-0"]
            for _ in range(30):
                lock.add_log()
            lock.fault = lambda seen, _, number=number: fault if seen == number else None
            await rig.settle()
            await asyncio.sleep(60)
            assert await rig.logged() == list(range(30))
            assert (await rig.event_types()).count("lock.unlocked") == 30


async def test_log_is_fetched_once_though_every_report_is_lost_at_first() -> None:
    """A crash between the device and the commit: the same records come again."""
    async with make_rig() as rig:
        lock = rig.locks["d-0"]
        for _ in range(30):
            lock.add_log()
        for crash_at in range(1, 12):
            commits = 0

            def hook(phase: CommitPhase, number: int, crash_at: int = crash_at) -> None:
                nonlocal commits
                commits += phase is CommitPhase.BEFORE
                if commits == crash_at:
                    raise StoreError(f"killed at {number}")

            rig.store.on_commit = hook
            async with rig.running():
                await asyncio.sleep(1)
        rig.store.on_commit = None
        async with rig.running():
            await asyncio.sleep(120)
        assert await rig.logged() == list(range(30))
        assert (await rig.event_types()).count("lock.unlocked") == 30


async def test_log_records_that_the_ring_has_lost_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        for _ in range(20):
            lock.add_log()
        del lock.log[:12]
        lock.log_end = 20
        await rig.settle()
        assert await rig.logged() == list(range(12, 20))
        assert "has lost the records before 12" in caplog.text


async def test_log_that_was_reset_is_read_from_its_new_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        for _ in range(20):
            lock.add_log()
        await rig.settle()
        lock.log.clear()
        lock.add_log()
        await asyncio.sleep(7 * HOUR_S)
        assert "its access log was reset, from 20 to 1" in caplog.text
        assert (await rig.device()).log_next_index == 1
        # A device whose log is another one may be another device.
        assert sum(isinstance(request, m.GetInfo) for request in lock.requests) == 2


async def test_log_record_that_is_written_while_connected_is_fetched_too() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        lock.add_log()

        def open_door(_: int, message: object) -> None:
            """Somebody uses the keypad while the log is being read."""
            if isinstance(message, m.ReadLog) and len(lock.log) < 4:
                lock.add_log()
                lock.report(
                    m.LockOperation(
                        log_index=len(lock.log) - 1,
                        utc_s=1,
                        operation=LockOperationType.UNLOCK,
                        source=OperationSource.KEYPAD,
                        user_index=0,
                        credential_index=0,
                    )
                )

        lock.fault = open_door
        news(rig)
        await asyncio.sleep(2)
        assert lock.session_count == 2
        assert await rig.logged() == list(range(len(lock.log)))
        assert len(lock.log) >= 2


async def test_log_that_goes_backwards_ends_the_session() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        for _ in range(3):
            lock.add_log()
        lock.log.reverse()
        news(rig)
        await asyncio.sleep(2)
        assert (await rig.device()).attempts >= 1


async def test_log_that_promises_more_than_it_has_is_no_endless_session() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        lock.log_end = 7
        news(rig)
        await asyncio.sleep(2)
        assert lock.session_count == 2
        assert (await rig.device()).log_next_index == 7


async def test_log_that_a_dead_gateway_had_read_is_fetched_when_the_lock_is_heard() -> None:
    """The lock thinks that its news were read; only its index tells that nobody stored them."""
    async with make_rig() as rig:
        lock = rig.locks["d-0"]
        async with rig.running():
            await rig.settle()
            contacts = lock.session_count
        lock.add_log()
        async with rig.running():
            heard = Sighting(
                address="F0:00:00:00:00:00", has_news=False, log_next_low=1, is_changed=True
            )
            # Before the first look at the store as well.
            rig.reconciler.sighted(heard)
            await asyncio.sleep(2)
            assert await rig.logged() == [0]
            assert lock.session_count == contacts + 1
            # What is stored is no news, whoever hears it again.
            rig.reconciler.sighted(heard)
            await asyncio.sleep(2)
            assert lock.session_count == contacts + 1
