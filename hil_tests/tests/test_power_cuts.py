"""The `power_cut_sweep` fixture, here and in a project of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from firmware_sim.flash.nor import FlashGeometry, NorFlash, Operation
from firmware_sim.flash.power_cut import Cut, Violation, ViolationKind, image_after
from firmware_sim.hardware.rtc import Rtc
from firmware_sim.memory.flash_map import FlashMap
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.interface import Change
from firmware_sim.memory.lock_promise import Step
from firmware_sim.memory.records import DeviceState, Record
from hil_tests.power_cuts import PowerCutBroke, PowerCutSweep
from protocols.doorlock.digest import RecordKey, UserContent
from protocols.doorlock.vocabulary import RecordKind, UserStatus, UserType

pytest_plugins = ["pytester"]

PART = FlashGeometry(sector_size=64, sector_count=2)


class Cells:
    """A format without any safety: value n lies in block n, written in place."""

    def __init__(self, flash: NorFlash) -> None:
        self.flash = flash

    def write(self, number: int) -> None:
        self.flash.program(4 * number, bytes([number + 1]) * 4)

    def values(self) -> list[bytes]:
        return [self.flash.read(4 * number, 4) for number in range(4)]


def check(cells: Cells, cut: Cut) -> Iterator[Violation]:
    for number, value in enumerate(cells.values()):
        if number < cut.answered and value != bytes([number + 1]) * 4:
            yield Violation(ViolationKind.LOST, f"cell {number}")
        if value not in {bytes([number + 1]) * 4, b"\xff" * 4}:
            yield Violation(ViolationKind.CHANGED, f"cell {number}")


def test_a_format_that_tears_fails_the_test_and_says_how_to_repeat_it(
    power_cut_sweep: PowerCutSweep,
) -> None:
    cells = Cells(NorFlash(PART))
    steps = [lambda number=number: cells.write(number) for number in range(4)]
    with pytest.raises(PowerCutBroke) as caught:
        power_cut_sweep(cells.flash, steps, Cells, check)
    broke = caught.value
    assert {each.violation.kind for each in broke.report.findings} == {ViolationKind.CHANGED}
    lines = str(broke).splitlines()
    assert lines[0].endswith("power cuts undid what had been answered:")
    assert lines[1].startswith("  changed cell 0: cut 0:first_bytes/1, power-up 1")
    assert lines[-1].startswith("repeat: python -m pytest --bench-seed ")
    assert "test_a_format_that_tears_fails_the_test" in lines[-1]
    cut = broke.report.findings[0].cut
    image = image_after(broke.recording, cut, seed=broke.seed)
    assert list(check(Cells(image), cut)) == [broke.report.findings[0].violation]


def test_a_format_that_holds_gives_its_report(power_cut_sweep: PowerCutSweep) -> None:
    cells = Cells(NorFlash(PART))
    report = power_cut_sweep(cells.flash, [lambda: cells.write(0)], Cells, lambda *_: ())
    assert not report.findings
    assert report.image_count > 4


class AnswersFromRam(FlashMemory):
    """A memory of one's own: a change is in RAM at once, and in flash with the next one."""

    __slots__ = ("_late",)

    def commit(self, change: Change) -> None:
        late, self._late = getattr(self, "_late", Change()), change
        witness, self.witness = self.witness, None
        super().commit(late)
        self.witness = witness
        for record in change.records:
            self._table.put(record)
        if witness is not None:
            witness()


def user(revision: int) -> Record:
    content = UserContent(
        user_status=UserStatus.OCCUPIED_ENABLED,
        user_type=UserType.UNRESTRICTED_USER,
        user_name="Ann",
    )
    return Record.of(RecordKey(RecordKind.USER, 1, 0), revision, content)


def wrote(revision: int) -> Step:
    return lambda memory: memory.commit(Change(records=(user(revision),)))


def blank(kind: type[FlashMemory]) -> FlashMemory:
    flash_map = FlashMap(nvs_bytes=1536, audit_bytes=1024, meta_bytes=512, sector_bytes=512)
    clock = Rtc.fresh(world_epoch_us=0, now=0.0)
    return kind(NorFlash(flash_map.geometry), flash_map, DeviceState(clock=clock), log_capacity=10)


def test_the_memory_of_a_lock_keeps_its_promise_and_one_that_lies_does_not(
    power_cut_sweep: PowerCutSweep,
) -> None:
    steps = [wrote(1), wrote(2), wrote(3)]
    report = power_cut_sweep.lock(blank(FlashMemory), steps)
    assert report.image_count > 100
    with pytest.raises(PowerCutBroke) as caught:
        power_cut_sweep.lock(blank(AnswersFromRam), steps)
    assert {finding.violation for finding in caught.value.report.findings} == {
        Violation(ViolationKind.LOST, "user 1"),
        Violation(ViolationKind.CHANGED, "user 1"),
    }


def test_a_firmware_on_a_lock_is_swept_too_whoever_keeps_its_flash(
    power_cut_sweep: PowerCutSweep,
) -> None:
    class Keeper:
        """Keeps nothing; but a memory that has one notes its operations for it."""

        def keep_change(self, operations: Sequence[Operation], state: DeviceState) -> None:
            del operations, state

        def keep_all(self, flash: NorFlash, state: DeviceState) -> None:
            del flash, state

    memory = blank(FlashMemory)
    memory.keeper = Keeper()

    def comes_up_again(memory: FlashMemory) -> None:
        memory.power_cycle()
        wrote(2)(memory)

    report = power_cut_sweep.lock(memory, [wrote(1), comes_up_again, wrote(3)])
    assert report.image_count > 150


PROJECT = """
from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.nvs_promise import NvsWrite
from firmware_sim.flash.nvs_settings import Generation, NvsSettings
from hypothesis import given, settings
from hil_tests.fuzz.slot_strategies import slot_writes

PART = FlashGeometry(sector_size=128, sector_count=3)

@settings(max_examples=3, deadline=None, database=None)
@given(slot_writes(steps_max=10))
def test_mine(power_cut_sweep, workload):
    power_cut_sweep.nvs(NorFlash(PART), workload)
"""


def test_a_project_of_ones_own_has_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["hil_tests.plugin", "hil_tests.fixtures"]')
    pytester.makepyfile(PROJECT)
    options = ("-p", "no:randomly", "-p", "no:cacheprovider")
    loop_scope = "asyncio_default_fixture_loop_scope=function"
    result = pytester.runpytest_inprocess(*options, "-o", loop_scope)
    result.assert_outcomes(passed=1)
