"""One busy simulation whose order would differ from process to process on a plain loop.

Run as a script with the standard library alone; prints the digest of its trace and of each
ordering, and the number of callbacks it took.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator

from firmware_sim.kernel.run import Simulation, run_sim
from firmware_sim.kernel.streams import uuid_source


class Orders:
    """What happened in which order, by topic."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.topics: dict[str, list[object]] = {}

    def note(self, topic: str, item: object) -> None:
        """Write it down, and into the trace."""
        self.topics.setdefault(topic, []).append(item)
        self.simulation.trace.record("scenario", topic, item=str(item))


async def abort_group(orders: Orders) -> None:
    """Order of cancellation when a TaskGroup aborts."""

    async def member(number: int) -> None:
        try:
            await asyncio.sleep(10.0 + number)
        finally:
            orders.note("abort", number)

    async def fail() -> None:
        await asyncio.sleep(1.0)
        raise ValueError

    kept: list[bytearray] = []
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(200):
                # Uneven allocations, so that addresses differ from process to process.
                kept.append(bytearray(number * 37 % 991 + id(kept) % 97))
                group.create_task(member(number))
            group.create_task(fail())
    except* ValueError:
        orders.note("abort", "failed")


async def wait_for_sets(orders: Orders) -> None:
    """Order of what `asyncio.wait` and `as_completed` give back."""
    events = [asyncio.Event() for _ in range(50)]
    loop = orders.simulation.loop
    tasks = {
        loop.create_task(events[number].wait(), name=f"waiter-{number}") for number in range(50)
    }
    for event in reversed(events):
        event.set()
    done, _pending = await asyncio.wait(tasks)
    for task in done:
        orders.note("wait", task.get_name())
    naps = [loop.create_task(nap(orders, number), name=f"nap-{number}") for number in range(50)]
    for finished in asyncio.as_completed(naps):
        orders.note("as_completed", await finished)
    futures = {loop.create_future() for _ in range(50)}
    for future in futures:
        orders.note("futures", hash(future) - min(hash(other) for other in futures))


async def nap(orders: Orders, number: int) -> int:
    """Sleep for a time that many others sleep as well."""
    lots = orders.simulation.streams.stream(f"nap-{number}")
    await asyncio.sleep(lots.randrange(5))
    return number


async def gather_all(orders: Orders) -> None:
    """Results and errors of gather, and of cancelling it."""
    outcomes = await asyncio.gather(*(nap(orders, number) for number in range(30)))
    orders.note("gather", sum(outcomes))
    gathered = asyncio.gather(*(stubborn(orders, number) for number in range(30)))
    await asyncio.sleep(1.0)
    gathered.cancel()
    try:
        await gathered
    except asyncio.CancelledError:
        orders.note("gather", "cancelled")


async def stubborn(orders: Orders, number: int) -> None:
    """Note the cancellation."""
    try:
        await asyncio.Event().wait()
    finally:
        orders.note("gather", number)


async def numbers(orders: Orders, number: int) -> AsyncIterator[int]:
    """An async generator that notes its end."""
    try:
        while True:
            yield number
    finally:
        orders.note("generators", number)


async def main(simulation: Simulation) -> dict[str, str]:
    """Run all of it; digest each topic."""
    orders = Orders(simulation)
    make_id = uuid_source(simulation.streams.stream("ids"))
    async with asyncio.TaskGroup() as group:
        group.create_task(abort_group(orders))
        group.create_task(wait_for_sets(orders))
        group.create_task(gather_all(orders))
    # Left running, and left open: ended by the run, in order.
    for number in range(60):
        simulation.loop.create_task(stubborn(orders, number))
        generator = numbers(orders, number)
        await anext(generator)
        orders.topics.setdefault("kept", []).append(generator)
    orders.note("ids", make_id())
    orders.note("tags", simulation.trace.pin_tag("1234567"))
    kept = orders.topics.pop("kept")
    await simulation.loop.shutdown_asyncgens()
    assert len(kept) == 60
    return {
        topic: hashlib.blake2b(repr(items).encode(), digest_size=4).hexdigest()
        for topic, items in orders.topics.items()
    }


if __name__ == "__main__":
    run = run_sim(main, seed=int(sys.argv[1]))
    print(json.dumps({"digest": run.trace_digest, "orders": run.value, "at": run.ended_at_s}))  # noqa: T201 - a script
