"""Power that goes in the middle of a flash operation: torn cells, and no promise broken."""

from __future__ import annotations

import random

import pytest

from firmware_sim.errors import DevicePoweredOff, ProcessorDown
from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.faults.points import DeviceFaults
from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.locks.outcome import EntryReason
from firmware_sim.memory.lock_promise import is_chain
from firmware_sim.tests.locks.rig import Rig
from protocols.doorlock.vocabulary import AccessDeniedReason, UserStatus, UserType
from protocols.strike import messages as m


class Supply:
    """Cuts the power of a lock where a fault says so."""

    def __init__(self, firmware: LockFirmware) -> None:
        self._firmware = firmware

    def cut(self, _down_s: float, is_cold: bool) -> None:  # noqa: FBT001 - `on_breakdown`.
        self._firmware.power(not is_cold, 0.0)


@pytest.mark.parametrize("seed", range(20))
def test_brown_outs_in_every_write_lose_nothing_that_was_answered(seed: int) -> None:
    rig = Rig()
    faults = DeviceFaults(NO_FAULTS, random.Random(seed), None)
    faults.on_breakdown = Supply(rig.firmware).cut
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


def test_keys_that_come_after_the_power_went_are_not_looked_at() -> None:
    """A lock with codes of one length takes an entry as soon as it is whole; digits follow it."""
    rig = Rig("latch-m")
    faults = DeviceFaults(NO_FAULTS, random.Random(1), None)
    faults.on_breakdown = Supply(rig.firmware).cut
    rig.firmware.obey(faults, FaultPlan(power_brown_out=1.0), 0.0)
    before = rig.memory.log_next_index
    outcome = rig.firmware.enter("12345678", 0.0)
    assert not rig.firmware.is_running
    assert outcome.reason is EntryReason.NO_POWER
    rig.firmware.obey(faults, NO_FAULTS, 0.0)
    faults.is_down = False
    rig.firmware.power(True, 0.0)
    details = [record.detail for record in rig.memory.log_records(before, 99)]
    assert AccessDeniedReason.INCOMPLETE not in details


@pytest.mark.parametrize("is_remote", [False, True])
def test_weak_lock_that_its_motor_resets_may_lose_power_again_while_it_boots(
    is_remote: bool,  # noqa: FBT001 - of the table.
) -> None:
    seen = set()
    for seed in range(20):
        rig = Rig()
        rig.program(1, "4711")
        rig.firmware.hardware.set_battery_mv(4000, 0.0)
        rig.firmware.hardware.jam(True, 0.0)
        faults = DeviceFaults(NO_FAULTS, random.Random(seed), None)
        faults.on_breakdown = Supply(rig.firmware).cut
        rig.firmware.obey(faults, FaultPlan(power_brown_out=0.5), 0.0)
        if is_remote:
            with pytest.raises((DevicePoweredOff, ProcessorDown)):
                rig.ask(m.UnlockDoor())
        else:
            assert rig.firmware.enter("4711#", 0.0).reason is EntryReason.NO_POWER
            keypad = [data for kind, data in rig.trace.noted if kind == "keypad"]
            assert [data["reason"] for data in keypad] == ["no_power"]
        seen.add(rig.firmware.is_running)
    assert seen == {False, True}
