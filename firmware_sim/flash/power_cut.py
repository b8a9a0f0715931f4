"""Cuts the power at every write block and every erase of a workload, and looks what is left.

The workload runs once; its programs and erases are recorded. Every image in which the power could
have left the flash is rebuilt from the recording, mounted fresh and handed to a check. So the
code under test needs no error paths for it, any format can be tested, and one recording serves
all models of a torn write.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
import enum
import random
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Final, Self, TypeVar

from firmware_sim.errors import SimulationError
from firmware_sim.flash.nor import (
    Erase,
    FlashGeometry,
    FlashLimits,
    NorFlash,
    Operation,
    Program,
    Snapshot,
)
from firmware_sim.flash.torn import (
    ALL_MODELS,
    TornModel,
    TornWrite,
    leanings,
    leave_torn,
    torn_writes,
)
from firmware_sim.kernel.streams import derive_seed

M = TypeVar("M")


@dataclasses.dataclass(frozen=True, slots=True)
class Recording:
    """What a workload did to a flash.

    Attributes:
        geometry: The part's shape.
        limits: What the part puts up with.
        start: The content before the workload.
        operations: Programs, one a write block, and erases, in order.
        answered: For each step of the workload, how many operations were done when it returned.
    """

    geometry: FlashGeometry
    limits: FlashLimits
    start: Snapshot
    operations: tuple[Operation, ...]
    answered: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """When the power went, and what became of the operation in progress.

    Attributes:
        operation: How many operations had been done.
        torn: What became of the next one.
        answered: How many steps had returned ("done" was said); the next one may count or not.
        before: The cut from which the device was recovering when the power went again.
    """

    operation: int
    torn: TornWrite
    answered: int
    before: Cut | None = None

    def __str__(self) -> str:
        here = f"operation {self.operation} {self.torn}"
        return here if self.before is None else f"{self.before}, then {here}"


class ViolationKind(enum.Enum):
    """What a power cut must never do."""

    LOST = "lost"  # An entry that was answered "done" is gone.
    RETURNED = "returned"  # An entry whose removal was answered "done" is back.
    CHANGED = "changed"  # An entry has a content that it never had, or had before.
    DAMAGED = "damaged"  # An entry can't be read any more.
    UNMOUNTABLE = "unmountable"  # Mounting raised.


@dataclasses.dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken.

    Attributes:
        kind: Which.
        what: The entry, by its id; or the error of mounting.
    """

    kind: ViolationKind
    what: str


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """A cut after which a promise was broken.

    Attributes:
        cut: The cut; with the recording and the seed it is all that a replay needs.
        violation: What was broken.
        mount: At which power-up: 1, or 2 where unstable bits read anew.
    """

    cut: Cut
    violation: Violation
    mount: int = 1

    def __str__(self) -> str:
        return f"{self.violation.kind.value} {self.violation.what}: {self.cut}, mount {self.mount}"


@dataclasses.dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep saw.

    Attributes:
        images: How many images were mounted, by model.
        findings: Every promise that was broken.
    """

    images: dict[TornModel, int]
    findings: tuple[Finding, ...]

    @property
    def image_count(self) -> int:
        """Images of all models."""
        return sum(self.images.values())


class Recorder:
    """Notes what a flash programs and erases, while it is entered.

    Args:
        flash: The part, whose log is used.

    Attributes:
        answered: For each time that "done" was said, how many operations the flash had done.
    """

    def __init__(self, flash: NorFlash) -> None:
        self.answered: list[int] = []
        self._flash = flash
        self._start = flash.snapshot()
        self._log: list[Operation] = []

    def __enter__(self) -> Self:
        self._flash.log = self._log
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._flash.log = None

    def answer(self) -> None:
        """The device says "done"."""
        self.answered.append(len(self._log))

    def recording(self) -> Recording:
        """What was noted."""
        geometry = self._flash.geometry
        blocks = [list(_write_blocks(operation, geometry)) for operation in self._log]
        ends = [0]
        for parts in blocks:
            ends.append(ends[-1] + len(parts))
        return Recording(
            geometry,
            self._flash.limits,
            self._start,
            tuple(part for parts in blocks for part in parts),
            tuple(ends[count] for count in self.answered),
        )


def record(flash: NorFlash, steps: Iterable[Callable[[], object]]) -> Recording:
    """Run a workload on a flash, and note what it programs and erases.

    Args:
        flash: The part, whose log is used.
        steps: Each does one thing and returns when it would say "done".
    """
    with Recorder(flash) as recorder:
        for step in steps:
            step()
            recorder.answer()
    return recorder.recording()


def _write_blocks(operation: Operation, geometry: FlashGeometry) -> Iterator[Operation]:
    """An operation as the part does it: a block at a time."""
    if isinstance(operation, Erase):
        yield operation
        return
    block = geometry.write_block
    for start in range(0, len(operation.data), block):
        yield Program(operation.offset + start, operation.data[start : start + block])


def answered_before(recording: Recording, operation: int) -> int:
    """How many steps had returned when that many operations were done."""
    return bisect.bisect_right(recording.answered, operation)


def cut_images(
    recording: Recording, models: Iterable[TornModel], *, drawings: int, seed: int
) -> Iterator[tuple[Cut, NorFlash]]:
    """Every image in which a power cut can leave the flash, with its cut.

    Args:
        recording: The workload.
        models: What may become of the operation in progress.
        drawings: How many variants to draw of each random model.
        seed: Where they are drawn from.
    """
    models = tuple(models)
    flash = _flash_before(recording, seed)
    for number in range(len(recording.operations) + 1):
        last = number == len(recording.operations)
        operation = None if last else recording.operations[number]
        answered = answered_before(recording, number)
        for torn in torn_writes(operation, models, drawings=drawings):
            yield (
                Cut(number, torn, answered),
                _torn_image(flash, number, operation, torn, seed),
            )
        if operation is not None:
            _do(flash, operation)


def image_after(recording: Recording, cut: Cut, *, seed: int) -> NorFlash:
    """The image that one cut of the workload leaves; the same as in the sweep.

    A cut during a recovery needs the recording of that recovery.
    """
    flash = _flash_before(recording, seed)
    for operation in recording.operations[: cut.operation]:
        _do(flash, operation)
    rest = recording.operations[cut.operation :]
    return _torn_image(flash, cut.operation, rest[0] if rest else None, cut.torn, seed)


def _flash_before(recording: Recording, seed: int) -> NorFlash:
    stream = random.Random(derive_seed(seed, "wear"))  # noqa: S311 - not for secrets.
    flash = NorFlash(recording.geometry, limits=recording.limits, stream=stream)
    flash.restore(recording.start)
    return flash


def _torn_image(
    flash: NorFlash, number: int, operation: Operation | None, torn: TornWrite, seed: int
) -> NorFlash:
    if operation is None or torn.model in {TornModel.NOTHING, TornModel.FIRST_BYTES}:
        stream = _NO_DRAWINGS
    else:
        stream = random.Random(derive_seed(seed, f"{number}/{torn}"))  # noqa: S311 - see above.
    image = flash.clone(stream)
    if operation is not None:
        leave_torn(image, operation, torn, stream)
    return image


# For images in which nothing is drawn; making a stream takes longer than mounting.
_NO_DRAWINGS: Final = random.Random(0)  # noqa: S311 - see above.


def _do(flash: NorFlash, operation: Operation) -> None:
    if isinstance(operation, Program):
        flash.program(operation.offset, operation.data)
    else:
        flash.erase(operation.sector)


def power_cut_sweep(
    recording: Recording,
    mount: Callable[[NorFlash], M],
    check: Callable[[M, Cut], Iterable[Violation]],
    *,
    models: Iterable[TornModel] = ALL_MODELS,
    drawings: int = 1,
    seed: int = 0,
    depth: int = 1,
    watch: Callable[[int], None] | None = None,
) -> SweepReport:
    """Mount every image that a power cut can leave, and check what is in it.

    Args:
        recording: The workload, from `record`.
        mount: What the device does at power-up. It may finish what was interrupted; an error of
            the simulation's tree is a finding, any other one is raised.
        check: Compares what was mounted with what had been promised by then.
        models: What may become of the operation in progress.
        drawings: How many variants to draw of each random model, for every operation.
        seed: Where they are drawn from; the same seed gives the same images.
        depth: How often the power goes: with 2, once more at every operation of the recovery.
        watch: Told of every image, with how many operations of the recording had been done.
    """
    sweep = _Sweep(mount, check, tuple(models), drawings, seed)
    sweep.run(recording, depth, None, watch)
    return SweepReport(dict(sweep.images), tuple(sweep.findings))


class _Sweep:
    """One call of `power_cut_sweep`."""

    def __init__(
        self,
        mount: Callable[[NorFlash], M],
        check: Callable[[M, Cut], Iterable[Violation]],
        models: tuple[TornModel, ...],
        drawings: int,
        seed: int,
    ) -> None:
        self._examine: Callable[[NorFlash, Cut], Iterable[Violation]] = lambda flash, cut: check(
            mount(flash), cut
        )
        self._models = models
        self._drawings = drawings
        self._seed = seed
        self.images: collections.Counter[TornModel] = collections.Counter()
        self.findings: list[Finding] = []

    def run(
        self,
        recording: Recording,
        depth: int,
        before: Cut | None,
        watch: Callable[[int], None] | None = None,
    ) -> None:
        """Examine every image of a recording."""
        images = cut_images(recording, self._models, drawings=self._drawings, seed=self._seed)
        for found, flash in images:
            cut = found
            if before is not None:
                cut = dataclasses.replace(found, answered=before.answered, before=before)
            self.images[cut.torn.model] += 1
            if watch is not None:
                watch(cut.operation)
            if depth > 1 and cut.torn.model is not TornModel.UNSTABLE_BITS:
                recovery = self._recover(flash, cut)
                if recovery.operations:
                    self.run(recovery, depth - 1, cut)
                continue
            self._power_up(flash, cut)

    def _recover(self, flash: NorFlash, cut: Cut) -> Recording:
        return record(flash, [lambda: self._power_up(flash, cut)])

    def _power_up(self, flash: NorFlash, cut: Cut) -> None:
        for number, lean in enumerate(leanings(cut.torn), 1):
            if number > 1:
                flash.power_cycle(lean=lean)
            try:
                broken = list(self._examine(flash, cut))
            except SimulationError as error:
                what = f"{type(error).__name__}: {error}"
                broken = [Violation(ViolationKind.UNMOUNTABLE, what)]
            self.findings += [Finding(cut, violation, number) for violation in broken]
