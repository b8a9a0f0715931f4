from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import itertools
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from firmware_sim.errors import SimDeadlock, SimulationError
from firmware_sim.kernel.loop import SimLoop


def simulate(main: Any, loop: SimLoop | None = None) -> Any:
    with asyncio.Runner(loop_factory=lambda: loop or SimLoop()) as runner:
        return runner.run(main())


async def test_sleep_on_the_virtual_loop_passes_at_once_and_to_the_instant() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    assert loop.time() == 0.0
    await asyncio.sleep(365 * 86_400.0)
    assert loop.time() == 365 * 86_400.0


@pytest.mark.real_loop
async def test_marker_real_loop_when_set_gives_the_platform_loop() -> None:
    assert not isinstance(asyncio.get_running_loop(), SimLoop)


async def test_timers_when_equal_fire_in_the_order_they_were_set() -> None:
    loop = asyncio.get_running_loop()
    fired: list[int] = []
    for number in range(200):
        # Different deadlines in between, so that a plain heap would shuffle the equal ones.
        loop.call_at(5.0 + number % 3, lambda: None)
        loop.call_at(5.0, fired.append, number)
    await asyncio.sleep(5.0)
    assert fired == list(range(200))


async def test_timers_when_different_fire_in_order_of_time_at_their_own_instant() -> None:
    loop = asyncio.get_running_loop()
    fired: list[tuple[float, float]] = []

    def fire(delay_s: float) -> None:
        fired.append((delay_s, loop.time()))

    for delay_s in (3.0, 1.0, 2.0, -1.0, 0.0):
        loop.call_later(delay_s, fire, delay_s)
    await asyncio.sleep(4.0)
    assert fired == [(-1.0, 0.0), (0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]


async def test_timer_when_cancelled_never_fires() -> None:
    loop = asyncio.get_running_loop()
    fired: list[str] = []
    loop.call_later(1.0, fired.append, "cancelled").cancel()
    later = loop.call_later(2.0, fired.append, "cancelled at its own instant")
    loop.call_at(2.0 - 1e-9, later.cancel)
    ties: list[asyncio.TimerHandle] = []

    def cancel_next() -> None:
        ties[0].cancel()

    loop.call_later(3.0, cancel_next)
    ties.append(loop.call_later(3.0, fired.append, "cancelled by the timer before it"))
    await asyncio.sleep(10.0)
    assert fired == []


async def test_timer_when_cancelled_after_it_fired_is_not_counted_as_dead() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    handles = [loop.call_later(1.0, lambda: None) for _ in range(500)]
    await asyncio.sleep(1.0)
    for handle in handles:
        handle.cancel()
        handle.cancel()
    assert loop._dead_timers == 0


async def test_timeouts_when_they_rarely_fire_leave_a_small_heap() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    largest = 0
    for _ in range(2_000):
        async with asyncio.timeout(3600.0):
            await asyncio.sleep(0)
        largest = max(largest, len(loop._timers))
    assert largest < 250


async def test_call_at_when_never_or_not_a_number_sets_no_timer() -> None:
    loop = asyncio.get_running_loop()
    fired: list[int] = []
    never = loop.call_later(math.inf, fired.append, 1)
    with pytest.raises(ValueError, match="NaN"):
        loop.call_later(math.nan, fired.append, 2)
    await asyncio.sleep(1e9)
    never.cancel()
    assert fired == []


async def test_timeout_when_it_passes_raises_at_its_instant() -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(7.5):
            await asyncio.Event().wait()
    assert loop.time() == 7.5


async def test_task_group_queue_and_event_work_as_on_any_loop() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(maxsize=2)
    done = asyncio.Event()
    received: list[int] = []

    async def produce() -> None:
        for number in range(10):
            await queue.put(number)
        done.set()

    async def consume() -> None:
        while len(received) < 10:
            received.append(await queue.get())
            await asyncio.sleep(1.0)

    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        consumer = group.create_task(consume(), name="consumer")
        await done.wait()
    assert received == list(range(10))
    assert consumer.get_name() == "consumer"
    assert asyncio.get_running_loop().time() == 10.0


async def test_task_group_when_one_task_fails_cancels_the_others_in_order() -> None:
    cancelled: list[int] = []

    async def wait_long(number: int) -> None:
        try:
            await asyncio.sleep(100.0)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    async def fail() -> None:
        await asyncio.sleep(1.0)
        raise ValueError

    async def run_all() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(wait_long(number))
            group.create_task(fail())

    with pytest.raises(ExceptionGroup):
        await run_all()
    assert cancelled == list(range(50))


async def test_tasks_and_futures_hash_by_their_creation_number() -> None:
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(3)]
    first = hash(futures[0])
    assert [hash(future) for future in futures] == [first, first + 1, first + 2]
    assert futures[0] != futures[1]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(asyncio.sleep(0))
        assert hash(task) == first + 3
        assert task.get_name() == f"sim-{first + 3}"


async def test_tasks_never_start_eagerly() -> None:
    loop = asyncio.get_running_loop()
    started: list[int] = []

    async def start() -> None:
        started.append(1)

    def make_task(loop: Any, coro: Any) -> asyncio.Future[Any]:
        raise AssertionError(loop, coro)

    task = loop.create_task(start(), eager_start=True)  # type: ignore[call-arg] # newer Pythons pass it
    assert started == []
    await task
    assert started == [1]
    with pytest.raises(SimulationError, match="no task factory"):
        loop.set_task_factory(make_task)
    loop.set_task_factory(None)


async def test_create_task_with_a_context_runs_in_it() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="outer")
    context = contextvars.copy_context()
    context.run(variable.set, "inner")

    async def read() -> str:
        return variable.get()

    assert await asyncio.get_running_loop().create_task(read(), context=context) == "inner"
    assert variable.get() == "outer"


def test_standstill_when_nothing_is_scheduled_names_who_waits_on_what() -> None:
    async def wait_for_key(arrived: asyncio.Event) -> None:
        await arrived.wait()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait_for_key(asyncio.Event()), name="keypad")
            await asyncio.sleep(2.5)
            group.create_task(asyncio.sleep(math.inf), name="nap")

    with pytest.raises(SimDeadlock) as caught:
        simulate(main)
    assert caught.value.at_s == 2.5
    text = str(caught.value)
    assert "keypad waits on a future that nobody resolves at" in text
    assert "wait_for_key (test_loop.py:" in text
    assert "Event.wait (locks.py:" in text
    assert text.index("main") < text.index("keypad") < text.index("nap")


def test_standstill_when_tasks_wait_on_tasks_names_them() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        inner = loop.create_task(asyncio.Event().wait(), name="inner")
        await loop.create_task(waits_on(inner), name="outer")

    async def waits_on(task: asyncio.Task[Any]) -> None:
        await task

    with pytest.raises(SimDeadlock, match="outer waits on task inner at"):
        simulate(main)


def test_runs_when_stopped_and_started_again_go_on() -> None:
    loop = SimLoop()
    loop.call_later(1.0, loop.stop)
    loop.call_later(2.0, loop.stop)
    loop.run_forever()
    assert loop.time() == 1.0
    loop.run_forever()
    assert loop.time() == 2.0
    loop.stop()
    loop.run_forever()
    assert loop.time() == 2.0
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_later(1.0, print)
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon(print)


async def test_callback_when_it_fails_is_reported_by_name_and_the_loop_goes_on() -> None:
    loop = asyncio.get_running_loop()
    reports: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: reports.append(context))

    def fail(pin: str) -> None:
        raise asyncio.CancelledError(len(pin))

    loop.call_soon(fail, "1234567")
    loop.call_soon(functools.partial(fail, "1234567"))
    await asyncio.sleep(1.0)
    assert [type(report["exception"]) for report in reports] == [asyncio.CancelledError] * 2
    assert "fail failed" in reports[0]["message"]
    assert reports[1]["message"] == "callback partial failed"
    assert "1234567" not in str(reports)


def test_callback_that_leaves_ends_the_run() -> None:
    loop = SimLoop()

    def leave() -> None:
        raise SystemExit(3)

    loop.call_soon(leave)
    with pytest.raises(SystemExit):
        loop.run_forever()
    loop.close()


async def test_callbacks_run_counts_what_ran() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    before = loop.callbacks_run
    for _ in range(10):
        loop.call_later(1.0, lambda: None)
    loop.call_later(1.0, lambda: None).cancel()
    await asyncio.sleep(2.0)
    # Ten timers, the end of the sleep, and this task's next step.
    assert loop.callbacks_run - before == 12


async def test_async_generators_when_abandoned_close_in_order_of_their_start() -> None:
    closed: list[int] = []

    async def generate(number: int) -> AsyncIterator[int]:
        try:
            yield number
        finally:
            closed.append(number)

    loop = asyncio.get_running_loop()
    generators = [generate(number) for number in range(40)]
    for generator in generators:
        await anext(generator)
    registry: Any = getattr(loop, "_asyncgens")  # noqa: B009 - typed nowhere
    assert len(registry) == 40
    await loop.shutdown_asyncgens()
    assert closed == list(range(40))
    assert len(registry) == 0


async def test_async_generator_when_collected_is_closed_on_the_loop() -> None:
    closed: list[str] = []

    async def generate() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            closed.append("closed")

    generator = generate()
    await anext(generator)
    del generator
    gc.collect()
    await asyncio.sleep(0.1)
    assert closed == ["closed"]


def interleaving(*, seed: int, explore: bool) -> list[int]:
    order: list[int] = []

    async def step(number: int) -> None:
        for _ in range(3):
            order.append(number)
            await asyncio.sleep(0)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(8):
                group.create_task(step(number))

    simulate(main, SimLoop(seed=seed, explore=explore))
    return order


def test_explore_gives_other_interleavings_that_repeat_from_the_seed() -> None:
    plain = interleaving(seed=1, explore=False)
    assert plain == list(range(8)) * 3
    explored = interleaving(seed=1, explore=True)
    assert sorted(explored) == sorted(plain)
    assert explored not in (plain, interleaving(seed=2, explore=True))
    assert explored == interleaving(seed=1, explore=True)


def test_collect_every_when_the_count_is_reached_collects_once_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = SimLoop()
    loop.collect_every(10)
    collections: list[int] = []

    def collect() -> None:
        collections.append(loop.callbacks_run)
        # A finalizer may make work.
        loop.call_soon(lambda: None)

    monkeypatch.setattr("firmware_sim.kernel.loop.gc.collect", collect)

    async def main() -> None:
        for _ in range(20):
            await asyncio.sleep(1.0)

    simulate(main, loop)
    assert 3 <= len(collections) <= 4
    assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(collections))
