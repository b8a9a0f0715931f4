"""Every rule of the oracle catches a bench that is broken on purpose."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from firmware_sim.faults.points import FaultPoint
from firmware_sim.locks import access_log, admission, core, requests
from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.memory import audit_ring
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.interface import Change
from firmware_sim.radio.peripheral import LockPeripheral
from gateway.plan import operations
from gateway.reconcile import memory as gateway_memory
from gateway.reconcile.session import DeviceSession
from hil_tests.bench_file import BenchFile
from hil_tests.errors import LivenessViolated, SafetyViolated
from hil_tests.fixtures import BenchFactory
from hil_tests.oracles.safety import SafetyOracle
from hil_tests.sim_bench import SimBench
from hil_tests.suites.local_door import DOOR, door_file, local_profile
from hil_tests.suites.steps import create_code, device_id
from protocols.doorlock.vocabulary import Status, UserType
from protocols.profiles.parser import ZoneAwareness
from protocols.strike import messages as m

SOON = {"starts_at": "2025-07-10T12:10:00Z", "ends_at": "2025-07-10T12:20:00Z"}


@pytest.fixture
def oracle(bench: SimBench) -> SafetyOracle:
    return SafetyOracle(bench)


def admits_for_ever(*_: Any, **__: Any) -> bool:
    return True


async def test_healthy_bench_breaks_no_rule(bench: SimBench, oracle: SafetyOracle) -> None:
    await create_code(bench, "gym", code="482915", **SOON)
    await create_code(bench, "bike-room", code="271828")
    assert not (await oracle.enter("gym", "482915")).outcome["opened"]
    await bench.advance(to="2025-07-10T12:15:00Z", settle=True)
    assert (await oracle.enter("gym", "482915")).outcome["opened"]
    for _ in range(7):
        await oracle.enter("bike-room", "999999")
    await oracle.look()
    await oracle.heal_and_judge()
    assert await oracle.try_all_codes() == 1


async def test_window_in_local_time_is_judged_by_the_wall_clock(open_bench: BenchFactory) -> None:
    file = door_file(local_profile(ZoneAwareness.ZONE), time_zone="Asia/Kolkata")
    async with open_bench(file=file) as bench:
        oracle = SafetyOracle(bench)
        await create_code(bench, DOOR, code="482915", **SOON)
        await create_code(bench, DOOR, code="739204", starts_at=SOON["ends_at"])
        await oracle.look()
        assert not (await oracle.enter(DOOR, "482915")).outcome["opened"]
        await bench.advance(to="2025-07-10T12:15:00Z", settle=True)
        assert (await oracle.enter(DOOR, "482915")).outcome["opened"]
        firmware, now = bench.bench.device(DOOR).firmware, asyncio.get_running_loop().time()
        window = firmware.handle(m.GetYearDaySchedule(year_day_index=1, user_index=1), now)
        wider = m.SetYearDaySchedule(
            year_day_index=1,
            user_index=1,
            revision=window.revision + 1,
            start_s=window.start_s,
            end_s=window.end_s + 1,
        )
        assert firmware.handle(wider, now).status is Status.SUCCESS
        with pytest.raises(SafetyViolated, match="slot 1 is open for longer than its code says"):
            await oracle.look()


async def test_lock_that_ignores_the_end_of_windows_is_caught(
    bench: SimBench, oracle: SafetyOracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_code(bench, "gym", code="482915", **SOON)
    monkeypatch.setattr(admission, "is_in_schedule", admits_for_ever)
    await bench.advance(to="2025-07-10T12:30:00Z")
    with pytest.raises(
        SafetyViolated, match="keypad at gym: a code of slot 1 opened although it is"
    ):
        await oracle.enter("gym", "482915")


async def test_lock_that_keeps_a_good_code_out_is_caught(
    bench: SimBench, oracle: SafetyOracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_code(bench, "gym", code="482915", **SOON)
    monkeypatch.setattr(admission, "is_in_schedule", lambda *_, **__: False)
    await bench.advance(to="2025-07-10T12:15:00Z")
    with pytest.raises(SafetyViolated, match="was answered outside_schedule although it is in"):
        await oracle.enter("gym", "482915")


async def test_lock_that_forgets_its_lockout_without_power_is_caught(
    bench: SimBench, oracle: SafetyOracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_code(bench, "gym", code="482915")
    power = LockFirmware.power

    def forgetful(firmware: LockFirmware, on: bool, now: float) -> None:  # noqa: FBT001 - as the original.
        state = dataclasses.replace(firmware._core.state, lockout_until_us=0)
        firmware._core.memory.commit(Change(state=state))
        power(firmware, on, now)

    monkeypatch.setattr(LockFirmware, "power", forgetful)
    for _ in range(5):
        await oracle.enter("gym", "999999")
    assert (await oracle.enter("gym", "482915")).outcome["reason"] == "locked_out"
    await bench.call("/bench/devices/gym/power", on=False)
    await bench.call("/bench/devices/gym/power", on=True)
    with pytest.raises(SafetyViolated, match="lockout at gym: an entry was answered opened"):
        await oracle.enter("gym", "482915")


async def test_two_slots_with_one_pin_are_caught(bench: SimBench, oracle: SafetyOracle) -> None:
    for slot in (1, 2):
        await create_code(bench, "gym", code=f"48291{slot}")
    memory = bench.bench.device("gym").firmware._core.memory
    first, second = [each for each in memory.records() if each.key.kind.name == "CREDENTIAL"]
    twin = dataclasses.replace(first, key=second.key, revision=second.revision + 1)
    memory.commit(Change(records=(twin,)))
    with pytest.raises(SafetyViolated, match="pins at gym: slots 1 and 2 share one"):
        oracle.look_at_memory("gym")


async def test_log_whose_chain_does_not_hold_is_caught(
    oracle: SafetyOracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    await oracle.enter("gym", "999999")
    oracle.look_at_memory("gym")
    monkeypatch.setattr(access_log, "chain_value", lambda *_: b"ruin")
    # A lock that checked its own chain would not show the record at all.
    monkeypatch.setattr(audit_ring, "chain_value", lambda _, data: data[-4:])
    await oracle.enter("gym", "999999")
    with pytest.raises(SafetyViolated, match="log at gym: the chain breaks at record"):
        oracle.look_at_memory("gym")


async def test_log_that_is_begun_anew_is_caught(
    oracle: SafetyOracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await oracle.enter("gym", "999999")
    oracle.look_at_memory("gym")
    monkeypatch.setattr(LockFirmware, "log_next_index", property(lambda _: 1))
    monkeypatch.setattr(LockFirmware, "log_records", lambda *_: [])
    with pytest.raises(SafetyViolated, match="log at gym: it had record 2, and says that 1"):
        oracle.look_at_memory("gym")


async def test_entry_that_leaves_no_record_is_caught(
    oracle: SafetyOracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "chained", lambda *_, **__: ())
    with pytest.raises(SafetyViolated, match="log at gym: an entry that was answered unknown_c"):
        await oracle.enter("gym", "999999")


async def hasty(session: DeviceSession, driver: Any, step: Any) -> bool:
    """Say of each step that it is done, and do nothing."""
    del driver
    session._findings.confirm(step)
    return False


@pytest.mark.parametrize("profile", ["generic-native", "generic-hashed"])
async def test_gateway_that_reports_set_too_early_is_caught(
    open_bench: BenchFactory, bench_file: BenchFile, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    monkeypatch.setattr(DeviceSession, "_take", hasty)
    monkeypatch.setattr(gateway_memory, "not_held", lambda *_: [])
    gym = next(device for device in bench_file.devices if device.name == "gym")
    file = dataclasses.replace(bench_file, devices=(dataclasses.replace(gym, profile=profile),))
    async with open_bench(file=file) as bench:
        oracle = SafetyOracle(bench)
        await create_code(bench, "gym", code="482915")
        with pytest.raises(SafetyViolated, match="claims at gym: a code shows as set, and no"):
            await oracle.look()


async def test_gateway_that_stores_a_window_as_no_limit_is_caught_when_the_code_opens(
    bench: SimBench, oracle: SafetyOracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "_user_type", lambda *_: UserType.UNRESTRICTED_USER)
    await create_code(bench, "gym", code="482915", **SOON)
    await oracle.look()
    with pytest.raises(SafetyViolated, match="window at gym: the code of slot 1 opened outside"):
        await oracle.enter("gym", "482915")


async def test_gateway_that_believes_a_lock_that_lies_is_caught_after_healing(
    bench: SimBench, oracle: SafetyOracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_memory, "not_held", lambda *_: [])
    monkeypatch.setattr(gateway_memory, "compare", lambda *_: None)
    await bench.set_faults("gym", device_no_effect=1.0)
    await create_code(bench, "gym", code="482915")
    # The lock lied, so nobody can blame the gateway yet.
    await oracle.look()
    with pytest.raises(LivenessViolated, match="claims at gym"):
        await oracle.heal_and_judge()


async def test_lock_that_only_says_it_cleared_a_code_is_caught_when_the_code_opens(
    bench: SimBench, oracle: SafetyOracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await create_code(bench, "gym", code="482915")
    await oracle.look()
    handlers = dict(requests.HANDLERS)
    handlers[m.ClearCredential] = lambda _core, message, _now: m.StatusReply(
        status=Status.SUCCESS, revision=message.revision
    )
    monkeypatch.setattr(requests, "HANDLERS", handlers)
    monkeypatch.setattr(gateway_memory, "not_held", lambda *_: [])
    await bench.call("/access_codes/delete", access_code_id=code["access_code_id"])
    with pytest.raises(SafetyViolated, match="revocation at gym: the code of slot 1 opened"):
        await oracle.enter("gym", "482915")


async def test_code_that_nobody_programs_is_caught_after_healing(
    bench: SimBench, oracle: SafetyOracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    peripheral = bench.bench.device("gym").peripheral
    peripheral.set_in_range(False)
    monkeypatch.setattr(LockPeripheral, "set_in_range", lambda *_: None)
    await bench.call("/access_codes/create", device_id=device_id(bench, "gym"), code="482915")
    with pytest.raises(LivenessViolated, match="unfinished: 1 entries, for connect_failed"):
        await oracle.heal_and_judge()


async def test_fault_that_is_a_lie_excuses_a_difference_until_things_agree_again(
    bench: SimBench, oracle: SafetyOracle
) -> None:
    code = await create_code(bench, "gym", code="482915")
    subject = bench.bench.device("gym")
    await bench.set_faults("gym", device_event_loss=0.1)
    memory = subject.firmware._core.memory
    assert isinstance(memory, FlashMemory)
    [credential] = [each for each in memory.records() if each.key.kind.name == "CREDENTIAL"]
    gone = dataclasses.replace(credential, content=None, digest=bytes(8), revision=9)
    memory.commit(Change(records=(gone,)))
    with pytest.raises(SafetyViolated, match="claims at gym"):
        await oracle.look()
    subject.firmware.faults.note(FaultPoint.OUTSIDE_CHANGE, what="deleted", slot=1)
    await oracle.look()
    assert code["status"] == "set"
