"""Sweeps power cuts over a lock's PIN slots, and repeats one cut to show what became of them.

All that a finding needs is in the plan and in its cut, so a command line can ask for it again.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Final

from firmware_sim.flash.cut_replay import CutOutcome, CutRepeater, CutReplay
from firmware_sim.flash.cut_token import CutPoint
from firmware_sim.flash.errors import NvsFull
from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.nvs import Nvs
from firmware_sim.flash.nvs_promise import (
    Contents,
    NvsWrite,
    item_name,
    record_nvs,
)
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, NvsSettings
from firmware_sim.flash.power_cut import Recording, SweepReport, power_cut_sweep
from firmware_sim.flash.slot_workload import SlotWorkload, slot_workload
from firmware_sim.flash.torn import ALL_MODELS, TornModel


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SlotSweepPlan:
    """What to sweep; equal plans give equal findings.

    Attributes:
        geometry: The NVS area.
        settings: How it is kept.
        seed: Of the workload, and of what random models draw.
        steps: Slots that are set or revoked.
        slots_max: The most slots that the lock has.
        models: What may become of the operation in progress.
        drawings: Variants of each random model, for every operation.
        depth: How often the power goes.
    """

    geometry: FlashGeometry
    settings: NvsSettings = LOCK_SETTINGS
    seed: int = 0
    steps: int = 200
    slots_max: int = 500
    models: tuple[TornModel, ...] = ALL_MODELS
    drawings: int = 1
    depth: int = 1


_EMPTY: Final = "empty"
_REVOKED: Final = "revoked in step {}"
_SET: Final = "set in step {}"
_FILLED: Final = "set before the workload"


class SlotSweep:
    """A recorded workload, to sweep or to cut once.

    Args:
        plan: What to sweep.

    Attributes:
        plan: The plan.
        recording: What the workload programs and erases.
    """

    def __init__(self, plan: SlotSweepPlan) -> None:
        self.plan = plan
        self.recording: Recording
        self._workload: SlotWorkload = slot_workload(
            plan.seed, plan.geometry, steps=plan.steps, slots_max=plan.slots_max
        )
        flash = NorFlash(plan.geometry)
        nvs = Nvs(flash, plan.settings)
        # An area that is full before all slots are set has as many as fit.
        with contextlib.suppress(NvsFull):
            for write in self._workload.filled:
                nvs.write(write.item_id, write.data)
        self.recording, self._promise = record_nvs(flash, self._workload.steps, plan.settings)

    def run(self, watch: Callable[[int], None] | None = None) -> SweepReport:
        """Mount every image, and check it.

        Args:
            watch: Told of every image, with the number of the operation that was cut.
        """
        plan, promise = self.plan, self._promise
        return power_cut_sweep(
            self.recording,
            promise.mount,
            promise.check,
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
            self.recording, promise.mount, promise.check, plan.seed, plan.drawings
        )
        found = repeater.power_up(points)
        answered = found.cut.answered
        outcomes: tuple[CutOutcome, ...] = ()
        if found.mounted is not None:
            outcomes = tuple(self._outcomes(answered, found.mounted.contents()))
        return CutReplay(
            answered=answered,
            step_in_progress=self._step(answered),
            operation=found.operation,
            mount=found.mount,
            outcomes=outcomes,
            others=found.violations if found.mounted is None else (),
        )

    def _step(self, answered: int) -> str | None:
        if answered >= len(self._workload.steps):
            return None
        write = self._workload.steps[answered]
        return f"step {answered + 1} ({'set' if write.data else 'revoke'} slot {write.item_id})"

    def _outcomes(self, answered: int, held: Contents) -> Iterator[CutOutcome]:
        states = self._promise.states
        before, after = states[answered], states[min(answered + 1, len(states) - 1)]
        broken = {
            violation.what: violation.kind
            for violation in self._promise.violations(held, answered)
        }
        for slot in sorted(before.keys() | after.keys() | held.keys()):
            doing = None
            if before.get(slot) != after.get(slot):
                doing = self._told(slot, after, answered + 1) if slot in after else "revoked"
            yield CutOutcome(
                what=f"slot {slot}",
                answered=self._answered(slot, answered),
                in_progress=doing,
                found=self._told(slot, held, answered),
                violation=broken.get(item_name(slot)),
            )

    def _answered(self, slot: int, answered: int) -> str:
        for number in range(answered, 0, -1):
            write = self._workload.steps[number - 1]
            if write.item_id == slot and not write.data:
                return _REVOKED.format(number)
            if write.item_id == slot and self._promise.states[number].get(slot) == write.data:
                return _SET.format(number)
        return _FILLED if slot in self._promise.states[0] else _EMPTY

    def _told(self, slot: int, contents: Contents, answered: int) -> str:
        """A slot's content by the step that wrote it: what it says is nobody's business."""
        if slot not in contents:
            return _EMPTY
        data = contents[slot]
        if data is None:
            return "unreadable"
        steps = self._workload.steps
        for number in range(min(answered + 1, len(steps)), 0, -1):
            if steps[number - 1] == NvsWrite(slot, data):
                return _SET.format(number)
        return _FILLED if self._promise.states[0].get(slot) == data else "never written so"
