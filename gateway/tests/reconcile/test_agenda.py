"""The agenda in memory, and how it is read from the store."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.access import sessions
from gateway.access.sessions import DueDevice
from gateway.reconcile.agenda import (
    HEARD_AGAIN_MS,
    HEARD_AGAIN_MS_MAX,
    Agenda,
    Appointment,
    has_open_entries,
    heard_again_ms,
    read_appointments,
    read_overdue,
)
from gateway.store.tables import device
from gateway.tests.reconcile.rig import HOUR_S, Rig, make_rig


def appointment(
    device_id: str,
    at_ms: int | None,
    *,
    attempts: int = 0,
    entry_due_at_ms: int | None = None,
    has_failures: bool = False,
) -> Appointment:
    return Appointment(
        due=DueDevice(
            device_id=device_id,
            workspace_id="w",
            profile_id="p",
            moniker="m",
            attempts=attempts,
        ),
        at_ms=at_ms,
        entry_due_at_ms=entry_due_at_ms,
        has_failures=has_failures,
    )


def names(found: list[Appointment]) -> list[str]:
    return [each.due.device_id for each in found]


def agenda_of(*found: Appointment) -> Agenda:
    agenda = Agenda()
    agenda.replace(found, None)
    return agenda


def test_due_is_in_the_order_of_need() -> None:
    agenda = agenda_of(
        appointment("late", 90),
        appointment("trouble", 10, attempts=3),
        appointment("early", 50),
        appointment("asked", 99),
        appointment("future", 101),
        appointment("never", None),
        appointment("busy", 1),
    )
    agenda.ask("asked")
    agenda.ask("future")
    assert names(agenda.due(100, {"busy"})) == ["asked", "early", "late", "trouble"]
    assert agenda.next_ms(100, {"busy"}) == 101
    assert agenda.next_ms(101, {"busy"}) is None


def test_ask_that_came_to_nothing_is_forgotten() -> None:
    agenda = agenda_of(appointment("a", 200), appointment("b", 100))
    agenda.ask("a")
    assert names(agenda.due(100, ())) == ["b"]
    agenda.replace([appointment("a", 100)], ["a"])
    assert names(agenda.due(100, ())) == ["a", "b"]  # By time and name, not by having been asked.


def test_hear_makes_a_session_earlier_and_never_later() -> None:
    agenda = agenda_of(appointment("a", 200), appointment("b", None))
    assert agenda.hear("a", 150)
    assert not agenda.hear("a", 160)
    assert agenda.hear("a", 140)
    assert agenda.hear("b", 300)
    assert (agenda.next_at_ms("a"), agenda.next_at_ms("b")) == (140, 300)
    agenda.unhear("a")
    assert agenda.next_at_ms("a") == 200
    agenda.begin("b")
    assert agenda.next_at_ms("b") is None


def test_hear_of_a_device_that_the_store_does_not_have_is_nothing() -> None:
    agenda = agenda_of()
    agenda.hear("gone", 1)
    assert agenda.next_at_ms("gone") is None
    assert agenda.due(100, ()) == []


def test_hold_keeps_a_device_away_until_then() -> None:
    agenda = agenda_of(appointment("a", 50), appointment("b", None))
    agenda.hold("a", 120)
    agenda.hold("b", 120)
    assert agenda.due(100, ()) == []
    assert agenda.next_ms(100, ()) == 120
    assert names(agenda.due(120, ())) == ["a"]
    assert agenda.held_until_ms("a") == 120
    agenda.begin("a")
    assert agenda.held_until_ms("a") is None


def test_replace_of_some_drops_those_that_are_gone() -> None:
    agenda = agenda_of(appointment("a", 1), appointment("b", 1))
    agenda.replace([appointment("a", 2)], ["a", "b"])
    assert (agenda.next_at_ms("a"), agenda.next_at_ms("b")) == (2, None)


def test_heard_again_ms_grows_with_the_failures_up_to_a_minute() -> None:
    assert heard_again_ms(1000, 1) == 1000 + HEARD_AGAIN_MS
    assert heard_again_ms(1000, 3) == 1000 + 3 * HEARD_AGAIN_MS
    assert heard_again_ms(1000, 10**6) == 1000 + HEARD_AGAIN_MS_MAX


def test_has_open_entries_looks_at_dues_and_failures() -> None:
    assert not has_open_entries([appointment("a", 1), appointment("b", 1, entry_due_at_ms=9)], 8)
    assert has_open_entries([appointment("b", 1, entry_due_at_ms=9)], 9)
    assert has_open_entries([appointment("b", None, has_failures=True)], 0)


async def compared(rig: Rig) -> tuple[list[str], int | None]:
    """What is due, and when the next is, as the access room says it."""
    ctx = rig.context()

    def query(conn: sa.Connection) -> tuple[Any, ...]:
        found = sessions.due_devices(conn, ctx)
        busy = [each.device_id for each in found]
        return found, sessions.next_session_ms(conn, ctx, busy=busy)

    found, next_ms = await rig.store.read(query)
    return sorted(each.device_id for each in found), next_ms


async def test_read_appointments_agrees_with_what_the_access_room_says() -> None:
    async with make_rig(6, profile_id="generic-jit") as rig:
        for number in (1, 4):
            rig.locks[f"d-{number}"].is_reachable = False
        async with rig.running():
            await rig.settle()
            for number, device_id in enumerate(rig.locks):
                await rig.add_code(device_id, starts_in_s=number * 900.0, ends_in_s=2 * HOUR_S)
            await asyncio.sleep(HOUR_S + 7)
            await rig.begin("UNLOCK_DOOR", "d-4")
        for _ in range(200):
            now_ms = rig.services.clock.now_ms()
            query = functools.partial(read_appointments, now_ms=now_ms, device_ids=None)
            found = await rig.store.read(query)
            agenda = Agenda()
            agenda.replace(found, None)
            due = sorted(names(agenda.due(now_ms, ())))
            assert (due, agenda.next_ms(now_ms, due)) == await compared(rig)
            await asyncio.sleep(61)


async def test_read_appointments_of_some_are_those_of_all() -> None:
    async with make_rig(3) as rig:
        now_ms = rig.services.clock.now_ms()
        every = await rig.store.read(lambda conn: read_appointments(conn, now_ms, None))
        one = await rig.store.read(lambda conn: read_appointments(conn, now_ms, ["d-1", "x"]))
        assert one == [each for each in every if each.due.device_id == "d-1"]
        assert await rig.store.read(lambda conn: read_appointments(conn, now_ms, [])) == []


async def test_read_overdue_names_devices_in_back_off_too() -> None:
    async with make_rig(3) as rig:
        rig.locks["d-1"].is_reachable = False
        async with rig.running():
            await rig.settle()
            await rig.add_code("d-1")
            await asyncio.sleep(HOUR_S)
        far_ms = rig.services.clock.now_ms() + 10 * HOUR_S * 1000
        assert await rig.store.read(lambda conn: read_overdue(conn, far_ms)) == ["d-1"]


async def test_wake_of_all_finds_what_nobody_told() -> None:
    async with make_rig(2) as rig, rig.running():
        await rig.settle()
        await rig.store.write(
            lambda conn: conn.execute(sa.update(device).values(next_contact_at_ms=0))
        )
        await asyncio.sleep(60)
        assert [lock.session_count for lock in rig.locks.values()] == [1, 1]
        rig.reconciler.wake(None)
        await asyncio.sleep(1)
        assert [lock.session_count for lock in rig.locks.values()] == [2, 2]


async def test_sweep_finds_within_an_hour_what_nobody_told() -> None:
    async with make_rig() as rig, rig.running():
        await rig.settle()
        await rig.store.write(
            lambda conn: conn.execute(sa.update(device).values(next_contact_at_ms=0))
        )
        await asyncio.sleep(HOUR_S + 1)
        assert rig.locks["d-0"].session_count == 2


@pytest.mark.parametrize("past_ms", [0, 1])
async def test_instant_that_stays_in_the_past_is_no_hot_loop(past_ms: int) -> None:
    async with make_rig() as rig:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await rig.reconciler._sleep(past_ms)
        assert loop.time() == before
        await rig.reconciler._sleep(past_ms)
        assert loop.time() == before + 1


async def test_milestone_that_comes_to_nothing_is_no_hot_loop() -> None:
    async with make_rig() as rig, rig.running():
        await rig.settle()
        rig.reconciler._next_milestone_ms = 0
        rig.reconciler._look.set()
        await asyncio.sleep(10)
        assert rig.reconciler.is_settled(2**62)
