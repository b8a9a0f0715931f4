"""Repeats one power cut of a recorded workload, and tells what it left."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from firmware_sim.errors import SimulationError
from firmware_sim.flash.cut_token import CutPoint
from firmware_sim.flash.errors import CutUnknown
from firmware_sim.flash.nor import Erase, FlashGeometry, NorFlash, Operation
from firmware_sim.flash.power_cut import (
    Cut,
    Recording,
    Violation,
    ViolationKind,
    answered_before,
    image_after,
    record,
)
from firmware_sim.flash.torn import ALL_MODELS, leanings, torn_writes

M = TypeVar("M")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CutOutcome:
    """One thing that a device holds, after a cut.

    Attributes:
        what: Which, in plain words: "slot 8".
        answered: What had been answered "done" before the cut.
        in_progress: What the step in progress was making of it, or None.
        found: What the device holds after the cut.
        violation: What of the promise is broken, or None.
    """

    what: str
    answered: str
    in_progress: str | None
    found: str
    violation: ViolationKind | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CutReplay:
    """One cut, repeated.

    Attributes:
        answered: Steps that had been answered "done".
        step_in_progress: What the next one was doing; None after the last.
        operation: What the flash was doing when the power went.
        mount: The power-up that is shown: the first one with a violation, else the last.
        outcomes: Everything that the device holds, in order; nothing when it could not mount.
        others: What is broken beside single things that it holds, such as the error of mounting.
    """

    answered: int
    step_in_progress: str | None
    operation: str
    mount: int
    outcomes: tuple[CutOutcome, ...]
    others: tuple[Violation, ...] = ()

    @property
    def is_broken(self) -> bool:
        """Whether a promise is."""
        return bool(self.others) or any(each.violation for each in self.outcomes)


@dataclasses.dataclass(frozen=True, slots=True)
class PoweredUp(Generic[M]):
    """What came up after a cut.

    Attributes:
        cut: The cut.
        operation: What the flash was doing when the power went.
        mount: Which power-up this is, from 1.
        mounted: What came up; None when nothing could.
        violations: What of the promise is broken.
    """

    cut: Cut
    operation: str
    mount: int
    mounted: M | None
    violations: tuple[Violation, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class CutRepeater(Generic[M]):
    """A recorded workload, of which single cuts are repeated as a sweep makes them.

    Attributes:
        recording: The workload.
        mount: What the device does at power-up.
        check: What of the promise is broken in what was mounted.
        seed: As in the sweep.
        drawings: As in the sweep.
    """

    recording: Recording
    mount: Callable[[NorFlash], M]
    check: Callable[[M, Cut], Iterable[Violation]]
    seed: int
    drawings: int

    def power_up(self, points: tuple[CutPoint, ...]) -> PoweredUp[M]:
        """Cut the power at these points, and come up: to the first violation, else the last time.

        Raises:
            CutUnknown: When the workload, or a recovery, has no such operation or variant.
        """
        recording, flash = self.recording, NorFlash(self.recording.geometry)
        doing = ""
        answered = answered_before(recording, points[0].operation)
        for number, point in enumerate(points):
            if number:
                recording = record(flash, [functools.partial(self._mount_if_it_can_be, flash)])
            doing = self._doing(recording, point)
            cut = Cut(point.operation, point.torn, answered)
            flash = image_after(recording, cut, seed=self.seed)
        number, mounted = 0, None
        broken: tuple[Violation, ...] = ()
        for number, lean in enumerate(leanings(cut.torn), 1):
            if number > 1:
                flash.power_cycle(lean=lean)
            try:
                mounted = self.mount(flash)
                broken = tuple(self.check(mounted, cut))
            except SimulationError as error:
                what = f"{type(error).__name__}: {error}"
                mounted, broken = None, (Violation(ViolationKind.UNMOUNTABLE, what),)
            if broken:
                break
        return PoweredUp(cut, doing, number, mounted, broken)

    def _mount_if_it_can_be(self, flash: NorFlash) -> None:
        with contextlib.suppress(SimulationError):
            self.mount(flash)

    def _doing(self, recording: Recording, point: CutPoint) -> str:
        """What the flash is doing at a cut; see `power_up` for what it raises."""
        count = len(recording.operations)
        if point.operation > count:
            raise CutUnknown(f"there are {count} operations, and none of number {point.operation}")
        operation = None
        if point.operation < count:
            operation = recording.operations[point.operation]
        known = torn_writes(operation, ALL_MODELS, drawings=self.drawings)
        if point.torn not in known:
            raise CutUnknown(f"operation {point.operation} can't be cut as {point.torn}")
        return _described(operation, recording.geometry)


def _described(operation: Operation | None, geometry: FlashGeometry) -> str:
    if operation is None:
        return "nothing: all was done"
    if isinstance(operation, Erase):
        return f"erasing sector {operation.sector}"
    sector, offset = divmod(operation.offset, geometry.sector_size)
    return f"programming {len(operation.data)} bytes at {offset:#06x} of sector {sector}"
