"""One workload, one blow, over all lives of a bench."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from firmware_sim.device import DeviceSpec
from firmware_sim.kernel.loop import SimLoop
from firmware_sim.kernel.run import Simulation, run_sim
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.interface import Change, LockMemory
from firmware_sim.memory.records import DeviceState
from firmware_sim.world import World
from gateway.plan.policy import HOUR_S
from hil_tests.bench_file import BenchFile
from hil_tests.errors import GatewayUnusable
from hil_tests.sim_bench import SimBench, SimOptions, sim_bench
from hil_tests.suites.crash_finding import DOORS, Finding, look
from hil_tests.suites.crash_person import Diary, Person
from hil_tests.suites.crash_points import Blow, Point, Tap, Victim
from hil_tests.suites.crash_workloads import Workload, prepare

# Seconds until what ended is there again. The steps of a workload lie further apart.
OUTAGE_S: Final = 30.0
_SEED: Final = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """What came of a workload.

    Attributes:
        finding: What can be seen at the end.
        counts: How many points of each kind there were.
        remains: Those at which a killed gateway leaves something else behind than at the one
            before, or does so later.
        falls: How often the blow fell.
    """

    finding: Finding
    counts: Counter[Point]
    remains: tuple[tuple[Point, int], ...]
    falls: int


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
        self._diary = Diary()
        self._tap = Tap(blow, lambda: self._diary.answer_count)
        self._writes: dict[str, list[str]] = {door: [] for door in DOORS}
        self._door_of: dict[int, str] = {}

    def run(self) -> Trial:
        with self._tap.fitted(), self._recording():
            while True:
                # A loop of its own for each life, so that the points of a run are always the same.
                trial = run_sim(self._live, seed=_SEED).value
                if trial is not None:
                    return trial
                self._tap.is_down = False

    async def _live(self, simulation: Simulation) -> Trial | None:
        """One life of the bench; None when the blow ended it."""
        try:
            async with sim_bench(self._file, SimOptions(seed=_SEED, state=self._state)) as bench:
                while self._tap.is_down or not await self._work(simulation.loop, bench):
                    if self._victim is Victim.BENCH:
                        # What it leaves behind is what a killed process leaves: see `Tap`.
                        return None
                    await self._revive(simulation.loop, bench)
                finding = await look(bench, self._diary, self._writes)
                tap = self._tap
                return Trial(finding, tap.counts, tuple(tap.remains), tap.falls)
        except GatewayUnusable:
            # It fell while the gateway was being started with its bench.
            if not self._tap.is_down:
                raise
            return None

    async def _revive(self, loop: SimLoop, bench: SimBench) -> None:
        """Bury the gateway, and start another one after a while."""
        await bench.bench.crash_gateway()
        await loop.run_to(loop.time() + OUTAGE_S)
        self._tap.is_down = False
        try:
            await bench.bench.start_gateway()
        except GatewayUnusable:
            if not self._tap.is_down:
                raise

    async def _work(self, loop: SimLoop, bench: SimBench) -> bool:
        """Go on with the workload; False when the gateway was killed meanwhile."""
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(self._workload(Person(bench, self._diary)), name="workload")

            def on_blow(address: str | None) -> None:
                if self._tap.is_down:
                    work.cancel()
                else:
                    tasks.create_task(self._outage(loop, bench, str(address)), name="outage")

            self._tap.on_blow = on_blow
            await asyncio.wait([work])
            self._tap.on_blow = lambda _: None
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
        make_memory, commit = World._memory, FlashMemory.commit

        def made(world: World, spec: DeviceSpec, fresh: DeviceState) -> LockMemory:
            memory = make_memory(world, spec, fresh)
            self._door_of[id(memory)] = spec.name
            return memory

        def noted(memory: FlashMemory, change: Change) -> None:
            commit(memory, change)
            taken = self._writes[self._door_of[id(memory)]]
            taken.extend(
                f"{record.key.kind.name} {record.key.index}.{record.key.sub_index}"
                f" r{record.revision} {record.digest.hex()}"
                for record in change.records
            )

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(World, "_memory", made)
            patch.setattr(FlashMemory, "commit", noted)
            # A process ends here, not the machine: what was written stays in its files.
            patch.setattr(os, "fsync", lambda _: None)
            yield
