"""What a bench costs while nobody does anything: callbacks of its loop an idle bench hour."""

from __future__ import annotations

from typing import Final

from firmware_sim.kernel.loop import SimLoop
from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import create_code

DAY_S: Final = 86_400
# One session with a healthy lock in which nothing is due: connect, status, report, disconnect.
CALLBACKS_PER_CONTACT: Final = 130
# What the gateway does by itself once an hour: a look at all devices, and at rows to delete.
CALLBACKS_PER_HOUR: Final = 20


def loop_of(bench: SimBench) -> SimLoop:
    return bench.bench._setting.loop


async def spent(bench: SimBench, seconds: float) -> int:
    """Callbacks of a span, without those of waiting for its end."""
    loop = loop_of(bench)
    counts = []
    # What was asked for before has come to rest after the first second; the second one shows what
    # waiting costs.
    for span_s in (1.0, 1.0, seconds):
        before = loop.callbacks_run
        await loop.run_to(loop.time() + span_s)
        counts.append(loop.callbacks_run - before)
    return counts[-1] - counts[-2]


async def test_idle_bench_costs_its_contacts_and_next_to_nothing_else(bench: SimBench) -> None:
    """A healthy lock is contacted every six hours; nothing else is due, and nothing polls."""
    for device in ("front-door", "gym", "bike-room"):
        await create_code(bench, device)
    await bench.advance(seconds=DAY_S, settle=True)
    callbacks = await spent(bench, 2 * DAY_S)
    contacts_per_hour = len(bench.bench.world.devices) / 6
    bound = CALLBACKS_PER_HOUR + contacts_per_hour * CALLBACKS_PER_CONTACT
    print(f"{callbacks / (2 * 24):.1f} callbacks an idle bench hour; the bound is {bound:.0f}")
    assert callbacks / (2 * 24) <= bound


async def test_hour_without_a_contact_costs_next_to_nothing(bench: SimBench) -> None:
    # The first contacts were at noon, the next ones are at six.
    callbacks = await spent(bench, 5 * 3600)
    print(f"{callbacks / 5:.1f} callbacks an hour without a contact")
    assert callbacks / 5 <= CALLBACKS_PER_HOUR


async def test_devices_alone_cost_nothing(bench: SimBench) -> None:
    """Advertising, clocks and keypads keep no timer."""
    await bench.call("/bench/gateway", on=False)
    assert await spent(bench, 30 * DAY_S) == 0
