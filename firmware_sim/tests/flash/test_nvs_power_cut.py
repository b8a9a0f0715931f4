"""What power cuts do to NVS: the known defects are found, and a lock's settings have none."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from firmware_sim.flash.nor import FlashGeometry
from firmware_sim.flash.nvs_promise import NvsWrite
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, Generation, NvsSettings, Recovery
from firmware_sim.flash.power_cut import SweepReport, ViolationKind
from firmware_sim.flash.torn import ALL_MODELS, TornModel
from firmware_sim.tests.flash.workloads import TWO_SMALL, drawn_writes, sweep, writes

pytestmark = pytest.mark.sweep

# The sweeps must not depend on the day's luck: a CRC of eight bits lets one in some tens of
# thousands of randomly torn entries pass.
SEARCH = settings(
    max_examples=2000,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
STABLE = tuple(model for model in ALL_MODELS if model is not TornModel.UNSTABLE_BITS)


def kinds(report: SweepReport) -> set[ViolationKind]:
    return {finding.violation.kind for finding in report.findings}


@settings(max_examples=20, deadline=None, derandomize=True)
@given(writes())
def test_lock_settings_when_cut_anywhere_keep_every_promise(workload: list[NvsWrite]) -> None:
    assert not sweep(workload).findings


def test_lock_settings_hold_in_a_full_area_under_every_model() -> None:
    report = sweep(drawn_writes(0, steps=30, ids=12, length_max=24))
    assert not report.findings
    assert set(report.images) == set(ALL_MODELS)
    assert report.image_count > 5000


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    workload=writes(ids=14, length_max=24, size_max=60),
    block=st.sampled_from((1, 4, 8, 16)),
    data_crc=st.booleans(),
)
def test_lock_settings_hold_for_other_blocks_and_without_data_crc(
    *, workload: list[NvsWrite], block: int, data_crc: bool
) -> None:
    geometry = FlashGeometry(sector_size=256, sector_count=4, write_block=block)
    report = sweep(workload, NvsSettings(data_crc=data_crc), geometry=geometry)
    assert not report.findings


def test_lock_settings_hold_when_the_recovery_is_cut_too() -> None:
    report = sweep(drawn_writes(4, steps=24, ids=6, length_max=16), depth=2, models=STABLE)
    assert not report.findings
    assert report.image_count > 10_000


def test_lock_settings_hold_when_the_device_writes_on() -> None:
    for seed in range(3):
        workload = drawn_writes(seed, steps=30, ids=4, length_max=12)
        assert not sweep(workload, models=STABLE, writes_on=True).findings


@pytest.mark.real_servers  # A search that shrinks; the verb finds both in every run.
def test_strict_recovery_brings_a_revoked_entry_back() -> None:
    """The first finding: a delete in the reserved slot, then a torn close entry."""
    strict = NvsSettings(recovery=Recovery.STRICT)

    def returns(workload: list[NvsWrite]) -> bool:
        report = sweep(workload, strict, models=(TornModel.NOTHING,))
        return ViolationKind.RETURNED in kinds(report)

    workload = find(writes(), returns, settings=SEARCH)
    assert kinds(sweep(workload, strict, models=(TornModel.NOTHING,))) == {ViolationKind.RETURNED}
    assert not sweep(workload, NvsSettings(recovery=Recovery.FIXED), models=STABLE).findings
    assert not sweep(workload).findings


@pytest.mark.real_servers  # A search that shrinks; the verb finds both in every run.
def test_packed_collector_loses_entries_to_a_half_erased_sector() -> None:
    """The second finding: no room for the GC-done entry, then an erase that is interrupted."""
    packed = NvsSettings(generation=Generation.PACKED)
    half = (TornModel.HALF_ERASED,)

    def loses(workload: list[NvsWrite]) -> bool:
        report = sweep(workload, packed, models=half, drawings=0)
        return ViolationKind.LOST in kinds(report)

    workload = find(writes(ids=12, length_max=24, size_max=60), loses, settings=SEARCH)
    between = (TornModel.NOTHING, TornModel.FIRST_BYTES)
    assert not sweep(workload, packed, models=between).findings
    assert not sweep(workload).findings


@pytest.mark.parametrize("generation", Generation)
def test_close_entry_that_reads_as_erased_later_loses_what_was_copied(
    generation: Generation,
) -> None:
    """The third finding, in every released Zephyr; only settling the close entry helps."""
    unstable = (TornModel.UNSTABLE_BITS,)
    workload = drawn_writes(1, steps=40, ids=6, length_max=16)
    fixed = NvsSettings(generation=generation, recovery=Recovery.FIXED)
    report = sweep(workload, fixed, models=unstable)
    assert ViolationKind.LOST in kinds(report)
    assert {finding.mount for finding in report.findings} == {2}
    settled = NvsSettings(generation=generation, recovery=Recovery.SETTLED)
    assert not sweep(workload, settled, models=unstable).findings


def test_two_sectors_are_too_few_for_an_erase_that_ends_inside_the_first_entry() -> None:
    """The fourth: with no closed sector left, the one being erased is taken for the open one."""
    half = (TornModel.HALF_ERASED,)
    lost = 0
    for seed in range(12):
        workload = drawn_writes(seed, steps=30, ids=4, length_max=16)
        for finding in sweep(workload, geometry=TWO_SMALL, models=half, drawings=40).findings:
            assert finding.violation.kind is ViolationKind.LOST
            assert finding.cut.torn.variant > 1
            lost += 1
        assert not sweep(workload, models=half, drawings=40).findings
    assert lost > 0


@pytest.mark.parametrize(
    ("data_crc", "kind"), [(True, ViolationKind.DAMAGED), (False, ViolationKind.CHANGED)]
)
def test_writing_on_over_unstable_cells_shows_as_damage_only_with_data_crc(
    *, data_crc: bool, kind: ViolationKind
) -> None:
    """The limit of the format: cells that read as erased are written, and read otherwise later."""
    workload = drawn_writes(1, steps=6, ids=4, length_max=12)
    settings_ = NvsSettings(data_crc=data_crc)
    report = sweep(workload, settings_, models=(TornModel.UNSTABLE_BITS,), writes_on=True)
    assert kind in kinds(report)
    other = ViolationKind.CHANGED if data_crc else ViolationKind.DAMAGED
    assert other not in kinds(report)


def test_default_settings_are_those_of_a_lock() -> None:
    assert NvsSettings() == LOCK_SETTINGS
    assert LOCK_SETTINGS.generation is Generation.ALIGNED
    assert LOCK_SETTINGS.recovery is Recovery.SETTLED
    assert LOCK_SETTINGS.data_crc
