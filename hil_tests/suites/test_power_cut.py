"""Power cuts on a lock's NVS: its settings keep every promise, and others break them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from firmware_sim.flash.nor import FlashGeometry, NorFlash
from firmware_sim.flash.nvs_promise import NvsWrite
from firmware_sim.flash.nvs_settings import Generation, NvsSettings, Recovery
from firmware_sim.flash.power_cut import ViolationKind
from firmware_sim.flash.torn import TornModel
from hil_tests.fuzz.slot_strategies import slot_writes
from hil_tests.power_cuts import PowerCutBroke, PowerCutSweep

# Small sectors are full after a few writes, so that every workload closes and collects some.
SMALL = FlashGeometry(sector_size=128, sector_count=3)
STRICT = NvsSettings(recovery=Recovery.STRICT)
PACKED = NvsSettings(generation=Generation.PACKED)
SEARCH = settings(
    max_examples=1000,
    deadline=None,
    derandomize=True,
    database=None,
    # The first one will do: that it shrinks is shown beside the format.
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@settings(max_examples=5, deadline=None, derandomize=True)
@given(slot_writes())
def test_lock_settings_keep_every_promise(
    power_cut_sweep: PowerCutSweep, workload: list[NvsWrite]
) -> None:
    assert not power_cut_sweep.nvs(NorFlash(SMALL), workload).findings


def broken(
    sweep: PowerCutSweep, workload: list[NvsWrite], kept: NvsSettings, model: TornModel
) -> set[ViolationKind]:
    """What cuts of one model break under these settings."""
    try:
        sweep.nvs(NorFlash(SMALL), workload, kept, models=(model,), drawings=0)
    except PowerCutBroke as broke:
        return {finding.violation.kind for finding in broke.report.findings}
    return set()


@pytest.mark.real_servers  # A search by drawing takes minutes; the unit tests know where to look.
@pytest.mark.parametrize(
    ("kept", "model", "kind"),
    [
        (STRICT, TornModel.NOTHING, ViolationKind.RETURNED),
        (PACKED, TornModel.HALF_ERASED, ViolationKind.LOST),
    ],
)
def test_both_findings_come_out_of_drawn_workloads(
    power_cut_sweep: PowerCutSweep, kept: NvsSettings, model: TornModel, kind: ViolationKind
) -> None:
    workload = find(
        slot_writes(slots=12, steps_max=60),
        lambda drawn: kind in broken(power_cut_sweep, drawn, kept, model),
        settings=SEARCH,
    )
    assert kind in broken(power_cut_sweep, workload, kept, model)
    assert power_cut_sweep.nvs(NorFlash(SMALL), workload).findings == ()
