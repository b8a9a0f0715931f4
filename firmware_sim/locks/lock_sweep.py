"""Sweeps power cuts over a whole lock, as its firmware keeps it, and repeats one cut.

All that a finding needs is in the plan and in its cut, so a command line can ask for it again.
"""

from __future__ import annotations

import bisect
import dataclasses
import random
from collections.abc import Callable, Iterator
from typing import Final

from firmware_sim.flash.cut_replay import CutOutcome, CutRepeater, CutReplay
from firmware_sim.flash.cut_token import CutPoint
from firmware_sim.flash.nor import Erase
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, NvsSettings
from firmware_sim.flash.power_cut import (
    Cut,
    SweepReport,
    Violation,
    ViolationKind,
    power_cut_sweep,
)
from firmware_sim.flash.torn import ALL_MODELS, TornModel
from firmware_sim.hardware.battery import new_supply
from firmware_sim.hardware.rtc import Rtc
from firmware_sim.kernel.streams import derive_seed
from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.locks.lock_workload import EPOCH_S, Deed, LockWorkload
from firmware_sim.memory.flash_file import new_memory
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.held_words import LOG, record_name, state_name, state_text
from firmware_sim.memory.lock_promise import Held, Step, record_lock
from firmware_sim.memory.meta import factory_record
from firmware_sim.memory.records import DeviceState, Record
from firmware_sim.memory.state_items import FLASH_NAMES
from firmware_sim.memory.view import log_view_of
from protocols.doorlock.digest import RecordKey
from protocols.profiles.profile import Profile
from protocols.strike.messages import LogRecord

# What such a lock is called, and what its hashes are salted with: it is nobody's.
_SERIAL_NUMBER: Final = "POWERCUT0001"
_SALT_BYTES: Final = 16


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LockSweepPlan:
    """What to sweep; equal plans give equal findings.

    Attributes:
        profile: The facts of the lock, its flash among them.
        settings: How its NVS is kept.
        seed: Of the workload, and of what random models draw.
        steps: What is done to it.
        models: What may become of the operation in progress.
        drawings: Variants of each random model, for every operation.
        depth: How often the power goes.
    """

    profile: Profile
    settings: NvsSettings = LOCK_SETTINGS
    seed: int = 0
    steps: int = 100
    models: tuple[TornModel, ...] = ALL_MODELS
    drawings: int = 1
    depth: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class _Nameplate:
    """What the factory made of the lock."""

    profile: Profile
    serial_number: str = _SERIAL_NUMBER


class LockSweep:
    """A recorded workload, to sweep or to cut once.

    Args:
        plan: What to sweep.

    Attributes:
        plan: The plan.
        recording: What the workload programs and erases.
    """

    def __init__(self, plan: LockSweepPlan) -> None:
        self.plan = plan
        # A workload, no secrets: what is in it, its command repeats.
        stream = random.Random(derive_seed(plan.seed, "lock"))  # noqa: S311
        memory = _new_lock(plan, stream.randbytes(_SALT_BYTES))
        firmware = _firmware(plan.profile, memory)
        workload = LockWorkload(plan.profile, firmware, memory, stream)
        workload.begin()
        self._deeds: list[Deed] = []
        self._logged: list[LogRecord] = list(memory.log_records(memory.log_next_index - 1, 1))
        self.recording, self._promise = record_lock(
            memory, self._steps(workload), settings=plan.settings
        )

    def run(self, watch: Callable[[int], None] | None = None) -> SweepReport:
        """Mount every image, and check it.

        Args:
            watch: Told of every image, with the number of the operation that was cut.
        """
        plan = self.plan
        return power_cut_sweep(
            self.recording,
            self._promise.mount,
            self._check,
            models=plan.models,
            drawings=plan.drawings,
            seed=plan.seed,
            depth=plan.depth,
            watch=watch,
        )

    def replay(self, points: tuple[CutPoint, ...]) -> CutReplay:
        """Repeat one cut.

        Raises:
            CutUnknown: When the workload, or a recovery, has no such operation or variant.
        """
        plan, promise = self.plan, self._promise
        repeater = CutRepeater(
            self.recording, promise.mount, self._check, plan.seed, plan.drawings
        )
        found = repeater.power_up(points)
        changes = found.cut.answered
        # A step counts when its last change does.
        answered = bisect.bisect_right(promise.step_ends, changes)
        outcomes: tuple[CutOutcome, ...] = ()
        if found.mounted is not None:
            outcomes = tuple(self._outcomes(changes, found.mounted, found.violations))
        told = {outcome.what for outcome in outcomes}
        return CutReplay(
            answered=answered,
            step_in_progress=self._step(answered),
            operation=found.operation,
            mount=found.mount,
            outcomes=outcomes,
            others=tuple(each for each in found.violations if each.what not in told),
        )

    def _check(self, memory: FlashMemory, cut: Cut) -> Iterator[Violation]:
        """What is broken; after an interrupted erase the lock writes on, which shows more."""
        operations = self.recording.operations[cut.operation : cut.operation + 1]
        # What is written on would be cut too, if a recovery is.
        if self.plan.depth == 1 and any(isinstance(each, Erase) for each in operations):
            return self._promise.check_and_write_on(memory, cut)
        return self._promise.check(memory, cut)

    def _steps(self, workload: LockWorkload) -> Iterator[Step]:
        for deed in workload.steps(self.plan.steps):
            self._deeds.append(deed)

            def step(memory: FlashMemory, deed: Deed = deed) -> None:
                first = memory.log_next_index
                try:
                    deed.do()
                finally:
                    self._logged += memory.log_records(first, memory.log_next_index - first)

            yield step

    def _step(self, answered: int) -> str | None:
        if answered >= len(self._deeds):
            return None
        return f"step {answered + 1} ({self._deeds[answered].what})"

    # --- one cut ----------------------------------------------------------------------------

    def _outcomes(
        self, changes: int, memory: FlashMemory, violations: tuple[Violation, ...]
    ) -> Iterator[CutOutcome]:
        """Everything that is held: records, then the state, then the log."""
        broken = {violation.what: violation.kind for violation in violations}
        before, after = self._promise.around(changes)
        held = Held.by(memory)
        tables = (before.records, after.records, held.records)
        for key in sorted({key for table in tables for key in table}):
            old, new, now = (table.get(key) for table in tables)
            yield _outcome(
                record_name(key),
                (
                    self._record_text(key, old, changes),
                    None if old == new else self._record_text(key, new, changes + 1),
                    self._record_text(key, now, changes + 1),
                ),
                broken,
            )
        states = zip(FLASH_NAMES, before.state, after.state, held.state, strict=True)
        for name, old, new, now in states:
            texts = (
                state_text(name, old),
                None if old == new else state_text(name, new),
                state_text(name, now),
            )
            yield _outcome(state_name(name), texts, broken)
        ends = (before.log_next_index, after.log_next_index, held.log_next_index)
        yield _outcome(LOG, self._log_texts(*ends, memory), broken)

    def _record_text(self, key: RecordKey, record: Record | None, changes: int) -> str:
        """A record by the step that wrote it: what it says is nobody's business."""
        if record is None:
            return "empty"
        word = "cleared" if record.content is None else "set"
        tables = [each.records for each in self._promise.states[: changes + 1]]
        while tables and tables[-1].get(key) != record:
            tables.pop()
        if not tables:
            return "never written so"
        while len(tables) > 1 and tables[-2].get(key) == record:
            tables.pop()
        number = len(tables) - 1
        if not number:
            return f"{word} before the workload"
        return f"{word} in step {bisect.bisect_left(self._promise.step_ends, number) + 1}"

    def _log_texts(
        self, before: int, after: int, now: int, memory: FlashMemory
    ) -> tuple[str, str | None, str]:
        known = {record.index: record for record in self._logged}
        found = {record.index: record for record in memory.log_records(now - 1, 1)}
        doing = None
        if after > before:
            doing = ", ".join(_log_text(known.get(index)) for index in range(before, after))
        return (
            f"ends with {before - 1}: {_log_text(known.get(before - 1))}",
            doing and f"+ {doing}",
            f"ends with {now - 1}: {_log_text(found.get(now - 1))}",
        )


def _outcome(
    what: str, texts: tuple[str, str | None, str], broken: dict[str, ViolationKind]
) -> CutOutcome:
    answered, in_progress, found = texts
    return CutOutcome(
        what=what,
        answered=answered,
        in_progress=in_progress,
        found=found,
        violation=broken.get(what),
    )


def _log_text(record: LogRecord | None) -> str:
    if record is None:
        return "gone"
    view = log_view_of(record)
    return view.event if view.detail is None else f"{view.event} {view.detail}"


def _new_lock(plan: LockSweepPlan, salt: bytes) -> FlashMemory:
    clock = Rtc.fresh(world_epoch_us=EPOCH_S * 1_000_000, now=0.0)
    supply = new_supply(clock.true_us, is_wired=plan.profile.has_direct_power)
    fresh = DeviceState(clock=clock, battery=supply)
    factory = factory_record(plan.profile, serial_number=_SERIAL_NUMBER, salt=salt)
    return new_memory(factory, fresh, settings=plan.settings)


def _firmware(profile: Profile, memory: FlashMemory) -> LockFirmware:
    rtc = Rtc(
        memory.state.clock,
        world_epoch_us=EPOCH_S * 1_000_000,
        drift_ppm=0.0,
        on_power_loss=profile.clock.on_power_loss,
    )
    return LockFirmware(_Nameplate(profile), memory, rtc)
