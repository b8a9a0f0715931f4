"""One workload, one blow, and what can be seen of it at the end."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from firmware_sim.kernel.loop import SimLoop
from firmware_sim.kernel.run import Simulation, run_sim
from firmware_sim.memory.interface import Change
from firmware_sim.memory.plain import PlainMemory
from firmware_sim.memory.records import DeviceState
from firmware_sim.world import DeviceSpec, World
from gateway.plan.policy import HOUR_S
from hil_tests.bench_file import BenchFile
from hil_tests.sim_bench import SimBench, SimOptions, sim_bench
from hil_tests.suites.crash_person import Diary, Person
from hil_tests.suites.crash_points import Blow, Point, Tap, Victim
from hil_tests.suites.crash_workloads import JIT, NATIVE, Workload, prepare

DOORS: Final = (NATIVE, JIT)
# Seconds until what ended is there again. The steps of a workload lie further apart.
OUTAGE_S: Final = 30.0
# What is told about trouble on the way. An outage may add it; all else is told once, whatever
# happens.
TROUBLE_EVENTS: Final = frozenset(
    {
        "access_code.delay_in_removing_from_device",
        "access_code.delay_in_setting_on_device",
        "access_code.failed_to_remove_from_device",
        "access_code.failed_to_set_on_device",
        "access_method.delay_in_issuing",
        "access_method.failed_to_issue",
        "device.connected",
        "device.disconnected",
    }
)
_SEED: Final = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What can be seen at the end of a trial; equal for equal effects.

    Attributes:
        doors: What each door did for each person at its keypad, in order.
        slots: Door to slot to what it holds: PIN, revision, user and schedules.
        tombstones: Door to the records that were cleared, with their revisions.
        writes: Door to every record that its memory took, in order: key, revision, digest.
        codes: What the API shows of the codes of each door.
        events: Object, in order of appearance, to what was told about it, in order.
        attempts: What was told about unlocks, and how often a bolt moved from afar.
        promises_kept: Whether every id that was told is still good, or was used up.
    """

    doors: dict[str, str]
    slots: dict[str, Any]
    tombstones: dict[str, Any]
    writes: dict[str, list[str]]
    codes: dict[str, Any]
    events: dict[str, list[str]]


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """What came of a workload.

    Attributes:
        finding: What can be seen at the end.
        counts: How many points of each kind there were.
        has_fallen: Whether the blow fell.
        diary: What the person remembers.
        bolt_moves: Door to how often it was unlocked from afar, by its own log.
        unlock_events: Door to how often that was told.
        trouble: How often trouble of each kind was told.
    """

    finding: Finding
    counts: Counter[Point]
    has_fallen: bool
    diary: Diary
    bolt_moves: dict[str, int]
    unlock_events: dict[str, int]
    trouble: Counter[str]


class Stage:
    """A bench's state as the workloads find it, made once and copied for each trial.

    Args:
        file: The bench; its two doors are used.
        folder: Where states are kept.
    """

    def __init__(self, file: BenchFile, folder: Path) -> None:
        devices = tuple(device for device in file.devices if device.name in DOORS)
        # An hour of lead instead of three days: the same steps, without the idle days before.
        policy = dataclasses.replace(file.policy, native_lead_s=HOUR_S)
        self._file = dataclasses.replace(file, devices=devices, policy=policy)
        self._folder = folder
        self._prepared: Path | None = None

    def perform(self, workload: Workload, blow: Blow | None = None) -> Trial:
        """Run a workload on a fresh copy of the stage, to its end."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            state = Path(folder) / "state"
            shutil.copytree(self._stage(), state)
            return _Performance(self._file, state, workload, blow).run()

    def _stage(self) -> Path:
        if self._prepared is None:
            state = self._folder / "prepared"

            async def main(_: Simulation) -> None:
                async with sim_bench(self._file, SimOptions(seed=_SEED, state=state)) as bench:
                    await prepare(Person(bench, Diary()))

            run_sim(main, seed=_SEED)
            self._prepared = state
        return self._prepared


class _Performance:
    """A workload on one state, over all lives of its bench; single-use."""

    def __init__(
        self, file: BenchFile, state: Path, workload: Workload, blow: Blow | None
    ) -> None:
        self._file = file
        self._state = state
        self._workload = workload
        self._victim = None if blow is None else blow.victim
        self._tap = Tap(blow)
        self._diary = Diary()
        self._writes: dict[str, list[str]] = {door: [] for door in DOORS}
        self._door_of: dict[int, str] = {}

    def run(self) -> Trial:
        with self._tap.fitted(), self._recording():
            while True:
                # A loop of its own for each life, so that the points of a run are always the same.
                trial = run_sim(self._live, seed=_SEED).value
                if trial is not None:
                    return trial

    async def _live(self, simulation: Simulation) -> Trial | None:
        """One life of the bench; None when it was ended by the blow."""
        options = SimOptions(seed=_SEED, state=self._state)
        async with sim_bench(self._file, options) as bench:
            while not await self._work(simulation.loop, bench):
                if self._victim is Victim.BENCH:
                    # What it leaves behind is what a killed process leaves: see `Tap`.
                    break
                await bench.bench.crash_gateway()
                await simulation.loop.run_to(simulation.loop.time() + OUTAGE_S)
                self._tap.is_down = False
                await bench.bench.start_gateway()
            else:
                return await self._look(bench)
        self._tap.is_down = False
        return None

    async def _work(self, loop: SimLoop, bench: SimBench) -> bool:
        """Go on with the workload; False when the gateway was killed meanwhile."""
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(_run(self._workload, bench, self._diary), name="workload")

            def on_blow(address: str | None) -> None:
                if self._tap.is_lethal:
                    work.cancel()
                else:
                    tasks.create_task(self._outage(loop, bench, str(address)), name="outage")

            self._tap.start(on_blow)
        self._tap.stop()
        return not work.cancelled()

    async def _outage(self, loop: SimLoop, bench: SimBench, address: str) -> None:
        """Cut a lock off, and bring it back."""
        world = bench.bench.world
        [name] = [each.spec.name for each in world.devices if each.spec.address == address]
        if self._victim is Victim.LOCK:
            await world.power(name, False)
        else:
            world.radio(name, False)
        await loop.run_to(loop.time() + OUTAGE_S)
        if self._victim is Victim.LOCK:
            await world.power(name, True)
        else:
            world.radio(name, True)

    @contextlib.contextmanager
    def _recording(self) -> Iterator[None]:
        """Note every record that a lock's memory takes."""
        make_memory, commit = World._memory, PlainMemory.commit

        def made(world: World, spec: DeviceSpec, fresh: DeviceState) -> PlainMemory:
            memory = make_memory(world, spec, fresh)
            self._door_of[id(memory)] = spec.name
            return memory

        def noted(memory: PlainMemory, change: Change) -> None:
            commit(memory, change)
            taken = self._writes[self._door_of[id(memory)]]
            taken.extend(
                f"{record.key.kind.name} {record.key.index}.{record.key.sub_index}"
                f" r{record.revision} {record.digest.hex()}"
                for record in change.records
            )

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(World, "_memory", made)
            patch.setattr(PlainMemory, "commit", noted)
            # A process ends here, not the machine: what was written stays in its files.
            patch.setattr(os, "fsync", lambda _: None)
            yield

    # --- what can be seen ---------------------------------------------------------------------

    async def _look(self, bench: SimBench) -> Trial:
        views = {door: bench.bench.memory_view(door) for door in DOORS}
        events = await bench.events()
        names = {bench.bench.device(door).spec.device_id: door for door in DOORS}
        remote = [one for one in events if one.get("method") == "remote"]
        return Trial(
            finding=Finding(
                doors={key: it for key, it in self._diary.done.items() if _is_reason(it)},
                slots={door: view["slots"] for door, view in views.items()},
                tombstones={door: view["tombstones"] for door, view in views.items()},
                writes=self._writes,
                codes={door: await _codes(bench, door) for door in DOORS},
                events=_told(events, dict(names)),
            ),
            counts=self._tap.counts,
            has_fallen=self._tap.has_fallen,
            diary=self._diary,
            bolt_moves={
                door: sum(
                    (one["event"], one["source"]) == ("lock_operation", "remote")
                    for one in view["log"]
                )
                for door, view in views.items()
            },
            unlock_events={
                door: sum(one["device_id"] == device_id for one in remote)
                for device_id, door in names.items()
            },
            trouble=Counter(
                one["event_type"] for one in events if one["event_type"] in TROUBLE_EVENTS
            ),
        )


async def _run(workload: Workload, bench: SimBench, diary: Diary) -> None:
    await workload(Person(bench, diary))


def _is_reason(outcome: object) -> bool:
    return outcome in {"opened", "unknown_code", "outside_schedule", "disabled", "locked_out"}


async def _codes(bench: SimBench, door: str) -> list[dict[str, Any]]:
    """What the API shows of the codes of a door, but for what a crash may change: ids, times."""
    device_id = bench.bench.device(door).spec.device_id
    listed = (await bench.call("/access_codes/list", device_id=device_id))["access_codes"]
    shown = (
        *("name", "code", "status", "type", "starts_at", "ends_at", "errors", "warnings"),
        *("pending_mutations", "is_scheduled_on_device"),
    )
    return sorted(
        ({name: code.get(name) for name in shown} for code in listed),
        key=lambda code: str(code["code"]),
    )


def _told(events: list[dict[str, Any]], names: dict[str, str]) -> dict[str, list[str]]:
    """Object to what was told about it; objects are named by door and order of appearance."""
    told: dict[str, list[str]] = {}
    for event in events:
        kind = event["event_type"]
        if kind in TROUBLE_EVENTS or kind.startswith("action_attempt."):
            continue
        if event.get("method") == "remote":
            continue  # Compared with the bolt instead: an unlock is tried once.
        owner = event.get("access_code_id") if kind.startswith("access_code.") else None
        owner = owner or (event["access_method_id"] if kind.startswith("access_method.") else None)
        owner = owner or (event["access_grant_id"] if kind.startswith("access_grant.") else None)
        if owner is None:
            owner = event["device_id"]
        if owner not in names:
            family = kind.partition(".")[0]
            names[owner] = f"{family} {sum(family in name for name in names.values())}"
        told.setdefault(names[owner], []).append(kind)
    return told


Perform = Callable[[Workload, Blow | None], Coroutine[Any, Any, Trial]]
