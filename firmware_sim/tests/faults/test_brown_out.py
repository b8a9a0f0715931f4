"""Power that goes in the middle of a flash operation: torn cells, and no promise broken."""

from __future__ import annotations

import random

import pytest

from firmware_sim.errors import ProcessorDown
from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.faults.points import DeviceFaults
from firmware_sim.locks.outcome import EntryReason
from firmware_sim.memory.lock_promise import is_chain
from firmware_sim.tests.locks.rig import Rig
from protocols.doorlock.vocabulary import UserStatus, UserType
from protocols.strike import messages as m


@pytest.mark.parametrize("seed", range(20))
def test_brown_outs_in_every_write_lose_nothing_that_was_answered(seed: int) -> None:
    rig = Rig()
    faults = DeviceFaults(NO_FAULTS, random.Random(seed), None)
    faults.on_breakdown = lambda _down_s, is_cold: rig.firmware.power(not is_cold, 0.0)
    rig.firmware.obey(faults, FaultPlan(power_brown_out=0.2), 0.0)
    revision, held, down = 0, 0, 0
    while revision < 60:
        revision += 1
        wanted = m.SetUser(
            user_index=1,
            revision=revision,
            user_status=UserStatus.OCCUPIED_ENABLED,
            user_type=UserType.UNRESTRICTED_USER,
            user_name="Jane",
        )
        try:
            rig.ask(wanted)
            held = revision
        except ProcessorDown:
            down += 1
            faults.is_down = False
            rig.firmware.power(True, 0.0)
        (record,) = rig.memory.records() if revision > 1 or held else [None]
        assert record is None or record.revision in (held, revision)
        held = record.revision if record is not None else 0
        outcome = rig.firmware.enter("999999#", 0.0)
        if outcome.reason is EntryReason.NO_POWER:
            rig.firmware.power(True, 0.0)
    assert down > 3
    log = rig.memory.log_records(0, 10_000)
    assert [record.index for record in log] == list(range(len(log)))
    assert is_chain(log)
