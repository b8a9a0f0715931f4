"""The `power_cut_sweep` fixture, here and in a project of one's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.power_cut import Cut, Violation, ViolationKind, image_after
from hil_tests.power_cuts import PowerCutBroke, PowerCutSweep

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
