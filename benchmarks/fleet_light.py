"""Fleet benchmark of the light link: many locks in one process, a grant each and day.

Real are the firmware, its memory and clock, the radio at the level of the attribute protocol,
bleak, and the gateway's own link and driver; the gateway's store and planner are left out, since
`fleet.py --radio light` measures them (and there they take nine tenths of the time). Time is
virtual. Each size runs in a process of its own.

A day of a lock: somewhere in it a session (status, clock, clear yesterday's code, write user,
schedule and code), then the code is tried at the keypad before its window, inside, and after its
end. With `--faults` radios are bad, processors reset and hang, and clocks drift: a session that
fails is tried again a minute later, and a lock that is down opens to nobody. What must hold: a
code opens in its window only, it does open there where nothing is wrong, and every grant is
programmed.

The peer is a store in RAM that no power cut can tear (`plain_memory.py`), under the very same
locks, its runs between those on flash.

Bounds, of which a missed one makes the exit code 1: on flash at least half the speed of the peer;
at most 12 KiB a lock on flash and 2 KiB with the peer, counted by tracemalloc when every lock has
had its grant; nothing of what must hold is broken, in any run.

Run: ``python benchmarks/fleet_light.py``; some minutes. With ``--large`` 100,000 locks for a day
and nothing else, most of an hour. With ``--only --locks N --days D [--memory plain] [--faults]``
one run alone; ``--profile FILE`` writes what cProfile saw of its days; ``--traced`` counts bytes
instead of time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import dataclasses
import gc
import json
import logging
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from plain_memory import PlainMemory

from firmware_sim.device import Device, DeviceSpec
from firmware_sim.faults.plan import FaultPlan
from firmware_sim.kernel.run import Simulation, run_sim
from firmware_sim.memory.flash_file import new_memory
from firmware_sim.memory.meta import FactoryRecord
from firmware_sim.memory.records import DeviceState
from firmware_sim.radio.backend import bleak_backend
from firmware_sim.radio.open_radio import RadioKind
from firmware_sim.world import MemoryMaker, World
from gateway.drivers.strike import StrikeDriver
from gateway.errors import DeviceTimeout, LinkError, RequestRefused
from gateway.links.ble import BleCentral
from gateway.plan.operations import (
    ClearCredential,
    Operation,
    WriteCredential,
    WriteUser,
    WriteYearDay,
)
from gateway.profiles import load_profiles
from protocols.doorlock.vocabulary import UserType


def _plain_memory(factory: FactoryRecord, fresh: DeviceState) -> PlainMemory:
    return PlainMemory(fresh, log_capacity=factory.log_capacity)


# How a world keeps what its devices remember.
MEMORIES: Final[Mapping[str, MemoryMaker]] = {"flash": new_memory, "plain": _plain_memory}
# Bounds of the issue that this benchmark answers, bytes a lock.
BYTES_MAX: Final = {"plain": 2 * 1024, "flash": 12 * 1024}

PEER_LOCKS: Final = 1_000
PEER_ROUNDS: Final = 2
# Share of the peer's speed that flash has to reach.
SPEED_SHARE_MIN: Final = 0.5
MANY_LOCKS: Final = 10_000
LARGE_LOCKS: Final = 100_000
TRACED_LOCKS: Final = 2_500
# Locks that live a day before bytes are counted: they fill what all locks share.
WARM_UP_LOCKS: Final = 300
HOUR_S: Final = 3_600
DAY_S: Final = 24 * HOUR_S
RETRY_S: Final = 60.0
EPOCH_MS: Final = 1_783_684_800_000  # 2026-07-10T12:00:00Z
EPOCH_2000_MS: Final = 946_684_800_000
# A window begins so long after the session that sets it, and is so long.
LEAD_S: Final = 2 * HOUR_S
WINDOW_S: Final = 4 * HOUR_S
# Farther than any clock is off between two sessions: 300 ppm are 26 s a day.
MARGIN_S: Final = 120
SLOT: Final = 1
# What a revision is above the one of the day before: a write and a clear.
REVISIONS_A_DAY: Final = 2
FAULTS: Final = FaultPlan(
    ble_connection_interval_s=0.03,
    ble_loss=0.1,
    ble_drop=0.005,
    ble_disconnect=0.01,
    ble_notification_loss=0.01,
    ble_notification_duplicate=0.05,
    ble_advertisement_loss=0.3,
    device_reset=0.005,
    device_hang=0.002,
)


@dataclasses.dataclass(slots=True, kw_only=True)
class Figures:
    """What one run showed.

    Attributes:
        locks: How many locks.
        days: How many virtual days.
        wall_s: Wall time of these days, seconds.
        cpu_s: Processor time of these days, seconds.
        sessions: Connections that the locks had.
        failures: Sessions that failed and were tried again.
        has_faults: Whether things went wrong on purpose.
        programmed: Grants that were programmed, of one a lock and day.
        violations: Codes that opened outside their window.
        refusals: Codes that did not open inside; where locks go down, that happens.
        idle_bytes: Bytes a lock, before its first session.
        bytes: The same at the end of the days.
    """

    locks: int
    days: int
    wall_s: float = 0.0
    cpu_s: float = 0.0
    sessions: int = 0
    failures: int = 0
    programmed: int = 0
    violations: int = 0
    refusals: int = 0
    has_faults: bool = False
    idle_bytes: int = 0
    bytes: int = 0

    @property
    def is_right(self) -> bool:
        """Whether all that must hold does."""
        is_open_to_guests = self.has_faults or not self.refusals
        is_whole = self.programmed == self.locks * self.days
        return is_whole and is_open_to_guests and not self.violations

    def __str__(self) -> str:
        """One line of the report."""
        virtual_s = self.days * DAY_S
        return (
            f"{self.locks:6d} locks, {self.days} d: {self.wall_s:6.1f} s wall, "
            f"{self.cpu_s:6.1f} s CPU, {virtual_s / self.wall_s:8.0f} virtual s a wall s, "
            f"{self.sessions:6d} sessions ({self.failures} failed), "
            f"{1000 * self.cpu_s / self.sessions:5.2f} ms CPU each, "
            f"{self.bytes:5d} bytes a lock at the end, "
            f"{self.violations} violations, {self.refusals} refusals"
        )


class Fleet:
    """Locks on the light link, and one adapter that visits them.

    Args:
        simulation: The run.
        world: The locks.
        figures: What is counted.
    """

    def __init__(self, simulation: Simulation, world: World, figures: Figures) -> None:
        self._simulation = simulation
        self._world = world
        self._figures = figures
        self._central = BleCentral(bleak_backend(world.air.adapter(1)))

    async def live(self, days: int) -> None:
        """Visit every lock once a day, and try its code three times."""
        locks = self._world.devices
        started_s = self._simulation.loop.time()
        async with asyncio.TaskGroup() as tasks:
            for day in range(days):
                for number, lock in enumerate(locks):
                    target_s = started_s + (day + (number + 1) / (len(locks) + 1)) * DAY_S
                    await self._until(target_s)
                    tasks.create_task(self._day(lock, number, day), name=lock.spec.name)
            await self._until(started_s + days * DAY_S)

    async def _day(self, lock: Device, number: int, day: int) -> None:
        """One grant of one lock, from its session to the end of its window."""
        starts_at_s = self._simulation.loop.time() + LEAD_S
        pin = f"{(number * 7919 + day * 104_729) % 1_000_000:06d}"
        while not await self._visit(lock, pin, day, starts_at_s):
            self._figures.failures += 1
            await asyncio.sleep(RETRY_S)
        self._figures.programmed += 1
        name = lock.spec.name
        for at_s, opens in (
            (starts_at_s - MARGIN_S, False),
            (starts_at_s + MARGIN_S, True),
            (starts_at_s + WINDOW_S + MARGIN_S, False),
        ):
            await self._until(at_s)
            is_opened = self._world.enter_code(name, pin).opened
            self._figures.violations += is_opened and not opens
            self._figures.refusals += opens and not is_opened

    async def _visit(self, lock: Device, pin: str, day: int, starts_at_s: float) -> bool:
        """A session; False when it failed."""
        try:
            async with self._central.connect(lock.spec.address) as link:
                driver = StrikeDriver(
                    link, clock=self._simulation.clock, on_event=lambda _event: None
                )
                await driver.status()
                await driver.set_time(utc_offset_min=0)
                if day:
                    # The same again is refused when a session got farther before it failed.
                    with contextlib.suppress(RequestRefused):
                        await driver.apply(
                            ClearCredential(slot=SLOT, revision=clear_revision(day))
                        )
                for write in _writes(pin, day, starts_at_s):
                    await driver.apply(write)
        except (LinkError, DeviceTimeout):
            return False
        return True

    async def _until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - self._simulation.loop.time()))


def clear_revision(day: int) -> int:
    """Revision of the clear that makes room for a day's grant."""
    return day * REVISIONS_A_DAY


def _writes(pin: str, day: int, starts_at_s: float) -> tuple[Operation, ...]:
    """A day's grant."""
    first_s = (EPOCH_MS - EPOCH_2000_MS) // 1000 + int(starts_at_s)
    revision = clear_revision(day) + 1
    kind = UserType.YEAR_DAY_SCHEDULE_USER
    return (
        WriteUser(
            slot=SLOT, revision=revision, user_type=kind, is_enabled=True, user_name="Guest"
        ),
        WriteYearDay(slot=SLOT, revision=revision, start_s=first_s, end_s=first_s + WINDOW_S),
        WriteCredential(slot=SLOT, revision=revision, code=pin),
    )


def main() -> int:
    """Run the sizes and judge."""
    arguments = _arguments()
    if arguments.only:
        figures = _measure(arguments)
        print(json.dumps(dataclasses.asdict(figures)) if arguments.as_json else figures)
        return int(not figures.is_right)
    if arguments.large:
        figures = _child("flash", f"--locks={LARGE_LOCKS}")
        print(f"a day on flash:\n{figures}")
        is_small = figures.bytes <= BYTES_MAX["flash"]
        print(f"bytes are resident ones, at most {BYTES_MAX['flash']}: {_said(is_small)}")
        print(
            f"all grants programmed, no code opened out of its window: {_said(figures.is_right)}"
        )
        return int(not (figures.is_right and is_small))
    is_fast = _compare_speed()
    runs = [("a day on flash:", _child("flash", f"--locks={MANY_LOCKS}"))]
    week = _child("flash", f"--locks={PEER_LOCKS}", "--days=7", "--faults")
    runs.append(("a week on flash, with faults and drifting clocks:", week))
    for what, figures in runs:
        print(f"{what}\n{figures}", flush=True)
    is_small = _count_bytes()
    is_right = all(figures.is_right for _, figures in runs)
    print(f"all grants programmed, no code opened out of its window: {_said(is_right)}")
    return int(not (is_fast and is_small and is_right))


def _compare_speed() -> bool:
    """Run both memories by turns; True when flash is fast enough.

    By processor time, since other processes take wall time from one run and not from the other.
    """
    best: dict[str, Figures] = {}
    is_right = True
    for _ in range(PEER_ROUNDS):
        for memory in MEMORIES:
            figures = _child(memory, f"--locks={PEER_LOCKS}")
            is_right = is_right and figures.is_right
            if memory not in best or figures.cpu_s < best[memory].cpu_s:
                best[memory] = figures
    for memory, figures in best.items():
        print(f"a day, best of {PEER_ROUNDS}, {memory} memory:\n{figures}", flush=True)
    share = best["plain"].cpu_s / best["flash"].cpu_s
    print(f"speed on flash: {share:.2f} of the plain store's (at least {SPEED_SHARE_MIN})")
    return is_right and share >= SPEED_SHARE_MIN


def _count_bytes() -> bool:
    """Count what a lock takes with either memory; True when neither is too much."""
    is_small = True
    for memory, bound in BYTES_MAX.items():
        traced = _child(memory, f"--locks={TRACED_LOCKS}", "--traced")
        print(
            f"bytes a lock, {memory} memory: {traced.idle_bytes} new, "
            f"{traced.bytes} with a grant (at most {bound})",
            flush=True,
        )
        is_small = is_small and traced.is_right and traced.bytes <= bound
    return is_small


def _said(is_so: bool) -> str:  # noqa: FBT001 - one word for one.
    return "yes" if is_so else "NO"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Simulate a fleet on the light link.")
    parser.add_argument("--large", action="store_true", help="100,000 locks, nothing else")
    parser.add_argument("--memory", choices=tuple(MEMORIES), default="flash")
    parser.add_argument("--only", action="store_true", help="one size alone, nothing judged")
    parser.add_argument("--locks", type=int, default=1000)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--faults", action="store_true", help="bad radios and drifting clocks")
    parser.add_argument("--traced", action="store_true", help="count bytes by tracemalloc")
    parser.add_argument("--as-json", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--profile", type=Path, metavar="FILE", help="with --only: cProfile")
    return parser.parse_args()


def _child(memory: str, *options: str) -> Figures:
    """One run in a process of its own."""
    result = subprocess.run(  # noqa: S603 - this script.
        [sys.executable, __file__, "--only", "--as-json", f"--memory={memory}", *options],
        check=False,  # It says by its exit code what its figures say too.
        stdout=subprocess.PIPE,
        text=True,
    )
    return Figures(**json.loads(result.stdout))


def _measure(arguments: argparse.Namespace) -> Figures:
    logging.disable()  # Plaintext sessions and lost frames are what is measured.

    async def fleet(simulation: Simulation) -> Figures:
        return await _fleet(arguments, simulation)

    figures = run_sim(fleet, seed=1, epoch_ms=EPOCH_MS).value
    assert figures is not None
    return figures


async def _fleet(arguments: argparse.Namespace, simulation: Simulation) -> Figures:
    """Build the world, live through the days, count."""
    figures = Figures(locks=arguments.locks, days=arguments.days, has_faults=arguments.faults)
    if arguments.traced:
        warm_up = _world(simulation, arguments, WARM_UP_LOCKS)
        async with warm_up:
            warm_figures = Figures(locks=WARM_UP_LOCKS, days=1)
            await Fleet(simulation, warm_up, warm_figures).live(1)
        del warm_up
        tracemalloc.start()
    before = _bytes(traced=arguments.traced)
    world = _world(simulation, arguments, arguments.locks)
    async with world:
        if arguments.faults:
            for lock in world.devices:
                world.set_faults(lock.spec.name, FAULTS)
        figures.idle_bytes = (_bytes(traced=arguments.traced) - before) // arguments.locks
        fleet = Fleet(simulation, world, figures)
        profile = cProfile.Profile() if arguments.profile else None
        if profile is not None:
            profile.enable()
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        await fleet.live(arguments.days)
        figures.wall_s = time.perf_counter() - wall_s
        figures.cpu_s = time.process_time() - cpu_s
        if profile is not None:
            profile.disable()
            profile.dump_stats(arguments.profile)
        figures.sessions = sum(lock.endpoint.connection_count for lock in world.devices)
        figures.bytes = (_bytes(traced=arguments.traced) - before) // arguments.locks
    return figures


def _world(simulation: Simulation, arguments: argparse.Namespace, locks: int) -> World:
    world = World(
        simulation.loop,
        simulation.streams,
        simulation.trace,
        simulation.clock,
        radio=RadioKind.LIGHT,
        make_memory=MEMORIES[arguments.memory],
    )
    for number in range(locks):
        world.add(_spec(number, drifts=arguments.faults))
    return world


def _spec(number: int, *, drifts: bool) -> DeviceSpec:
    name = f"lock-{number:06d}"
    return DeviceSpec(
        name=name,
        device_id=name,
        display_name=name,
        address=f"C0:00:00:{number >> 16:02X}:{number >> 8 & 255:02X}:{number & 255:02X}",
        profile=load_profiles()["generic-native"],
        # A crystal is within 200 ppm; a bad one half as much again.
        drift_ppm=float(number % 601 - 300) if drifts else 0.0,
    )


def _bytes(*, traced: bool) -> int:
    """Memory that this process holds now, garbage apart: by tracemalloc, or resident."""
    gc.collect()
    if traced:
        return tracemalloc.get_traced_memory()[0]
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
