"""The power-cut sweep as tests call it: a broken promise fails the test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from firmware_sim.flash.cut_token import cut_token
from firmware_sim.flash.nor import NorFlash
from firmware_sim.flash.nvs_promise import NvsWrite, record_nvs
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, NvsSettings
from firmware_sim.flash.power_cut import (
    Cut,
    Recording,
    SweepReport,
    Violation,
    power_cut_sweep,
    record,
)
from firmware_sim.flash.torn import ALL_MODELS, TornModel
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.lock_promise import Step, record_lock

M = TypeVar("M")

# Findings that a failing test tells of; `report` has all of them.
_TOLD_MAX: Final = 5


class PowerCutBroke(AssertionError):  # noqa: N818 - it fails a test with what was broken.
    """A power cut undid what had been answered "done".

    Attributes:
        report: All that the sweep saw.
        recording: The workload; `image_after` makes the image of one of the findings from it.
        seed: What `image_after` needs beside the cut.
    """

    def __init__(self, report: SweepReport, recording: Recording, seed: int) -> None:
        self.report = report
        self.recording = recording
        self.seed = seed
        found = report.findings
        lines = [f"{len(found)} of {report.image_count} power cuts undid what had been answered:"]
        lines += [
            f"  {each.violation.kind.value} {each.violation.what}: "
            f"cut {cut_token(each.cut)}, power-up {each.mount}"
            for each in found[:_TOLD_MAX]
        ]
        # pytest says itself which test runs; a drawn workload comes back from its database.
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" (")[0]
        lines.append(f"repeat: python -m pytest --bench-seed {seed} {test!r}")
        super().__init__("\n".join(lines))


class PowerCutSweep:
    """Sweeps of one test run.

    Args:
        seed: What random models of a torn write are drawn from.
    """

    def __init__(self, *, seed: int) -> None:
        self.seed = seed

    def __call__(
        self,
        flash: NorFlash,
        steps: Iterable[Callable[[], object]],
        mount: Callable[[NorFlash], M],
        check: Callable[[M, Cut], Iterable[Violation]],
        *,
        models: Sequence[TornModel] = ALL_MODELS,
        drawings: int = 1,
        depth: int = 1,
    ) -> SweepReport:
        """Run a workload once, then mount and check every image that a power cut can leave.

        Args:
            flash: The part that the workload writes to.
            steps: Each does one thing, and returns when the device would answer "done".
            mount: What the device does at power-up; an error of the simulation is a finding.
            check: What of the promise is broken in what was mounted. `Cut.answered` says how
                many steps had returned; the next one may count or not.
            models: What may become of the operation in progress.
            drawings: Variants of each random model, for every operation.
            depth: How often the power goes.

        Raises:
            PowerCutBroke: When a promise was broken.
        """
        recording = record(flash, steps)
        return self._swept(recording, mount, check, models, drawings, depth)

    def nvs(
        self,
        flash: NorFlash,
        writes: Iterable[NvsWrite],
        settings: NvsSettings = LOCK_SETTINGS,
        *,
        models: Sequence[TornModel] = ALL_MODELS,
        drawings: int = 1,
        depth: int = 1,
    ) -> SweepReport:
        """The same for writes and deletes on an NVS: all that was answered stays as it was.

        Args:
            flash: The part, blank or with an NVS on it.
            writes: The workload.
            settings: How the area is kept.
            models: See `__call__`.
            drawings: See `__call__`.
            depth: See `__call__`.

        Raises:
            PowerCutBroke: When a promise was broken.
        """
        recording, promise = record_nvs(flash, writes, settings)
        return self._swept(recording, promise.mount, promise.check, models, drawings, depth)

    def lock(
        self,
        memory: FlashMemory,
        steps: Iterable[Step],
        settings: NvsSettings = LOCK_SETTINGS,
        *,
        models: Sequence[TornModel] = ALL_MODELS,
        drawings: int = 1,
        depth: int = 1,
    ) -> SweepReport:
        """The same for the memory of a lock: records, batches, device state and log together.

        Args:
            memory: The lock, or a kind of memory of your own that derives from it.
            steps: Each does something to it: commits a change, or asks a firmware that has it.
            settings: How its NVS is kept: as the memory was made.
            models: See `__call__`.
            drawings: See `__call__`.
            depth: See `__call__`.

        Raises:
            PowerCutBroke: When a promise was broken.
        """
        recording, promise = record_lock(memory, steps, settings=settings)
        return self._swept(recording, promise.mount, promise.check, models, drawings, depth)

    def _swept(
        self,
        recording: Recording,
        mount: Callable[[NorFlash], M],
        check: Callable[[M, Cut], Iterable[Violation]],
        models: Sequence[TornModel],
        drawings: int,
        depth: int,
    ) -> SweepReport:
        report = power_cut_sweep(
            recording,
            mount,
            check,
            models=models,
            drawings=drawings,
            seed=self.seed,
            depth=depth,
        )
        if report.findings:
            raise PowerCutBroke(report, recording, self.seed)
        return report
