from __future__ import annotations

import asyncio

from firmware_sim.kernel.loop import SimLoop


def virtual_loop() -> SimLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    return loop


async def test_run_to_ends_exactly_at_its_instant_without_a_timer_there() -> None:
    loop = virtual_loop()
    assert not await loop.run_to(12.25)
    assert loop.time() == 12.25


async def test_run_to_ends_after_all_that_is_due_there_even_what_was_created_there() -> None:
    loop = virtual_loop()
    happened: list[str] = []

    def first() -> None:
        happened.append("first")
        loop.call_soon(lambda: loop.call_at(10.0, second))

    def second() -> None:
        happened.append("second")
        loop.call_later(0.0, third)

    def third() -> None:
        happened.append("third")
        loop.call_at(10.0 + 1e-9, happened.append, "beyond")

    loop.call_at(10.0, first)
    await loop.run_to(10.0)
    assert happened == ["first", "second", "third"]
    assert loop.time() == 10.0


async def test_run_to_an_instant_that_has_passed_ends_once_idle_now() -> None:
    loop = virtual_loop()
    await asyncio.sleep(5.0)
    happened: list[int] = []
    loop.call_soon(lambda: loop.call_soon(happened.append, 1))
    await loop.run_to(3.0)
    assert loop.time() == 5.0
    assert happened == [1]


async def test_run_to_with_a_judge_ends_when_idle_and_agreed() -> None:
    loop = virtual_loop()
    done: list[float] = []
    asked_at: list[float] = []

    def judge() -> bool:
        asked_at.append(loop.time())
        return bool(done)

    loop.call_at(2.0, lambda: None)
    loop.call_at(4.0, lambda: loop.call_soon(lambda: loop.call_soon(done.append, loop.time())))
    assert await loop.run_to(100.0, judge=judge)
    assert loop.time() == 4.0
    assert asked_at == [0.0, 2.0, 4.0]


async def test_run_to_with_a_judge_that_never_agrees_ends_at_its_instant() -> None:
    loop = virtual_loop()
    assert not await loop.run_to(100.0, judge=lambda: False)
    assert loop.time() == 100.0


async def test_watches_when_several_end_in_order_of_instant_then_of_creation() -> None:
    loop = virtual_loop()
    ended: list[tuple[str, float]] = []

    def watch(name: str, at_s: float) -> None:
        loop.watch_idle(at_s, lambda _agreed: ended.append((name, loop.time())))

    watch("late", 3.0)
    watch("first", 1.0)
    watch("second", 1.0)
    await asyncio.sleep(5.0)
    assert ended == [("first", 1.0), ("second", 1.0), ("late", 3.0)]


async def test_watch_when_its_callback_creates_work_lets_it_run_before_the_next_watch() -> None:
    loop = virtual_loop()
    order: list[str] = []
    loop.watch_idle(1.0, lambda _agreed: loop.call_at(1.0, order.append, "work"))
    loop.watch_idle(1.0, lambda _agreed: order.append("watch"))
    await asyncio.sleep(2.0)
    assert order == ["work", "watch"]


async def test_watch_when_cancelled_is_never_called() -> None:
    loop = virtual_loop()
    ended: list[bool] = []
    loop.watch_idle(1.0, ended.append).cancel()
    watch = loop.watch_idle(2.0, ended.append, judge=lambda: loop.time() > 1.0)
    loop.call_at(1.5, watch.cancel)
    await asyncio.sleep(5.0)
    assert ended == []


async def test_run_to_when_cancelled_leaves_no_watch() -> None:
    loop = virtual_loop()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(loop.run_to(10.0))
        await asyncio.sleep(1.0)
        waiting.cancel()
    await asyncio.sleep(20.0)
    assert loop.time() == 21.0
    assert not loop._watches.pending


async def test_run_to_when_cancelled_as_it_ends_raises_nothing_else() -> None:
    loop = virtual_loop()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(loop.run_to(10.0))
        # Idle at the same instant, and registered first: cancels before the other ends.
        loop.watch_idle(10.0, lambda _agreed: waiting.cancel())
        await asyncio.sleep(0)
    assert waiting.cancelled()


async def test_virtual_loop_runs_free_and_holds_nothing() -> None:
    loop = virtual_loop()
    assert loop.speed == float("inf")
    assert not loop.is_held
    with loop.free_run():
        await asyncio.sleep(1.0)
