"""The access log: its chain, its news and its events."""

from __future__ import annotations

import hashlib
import itertools
import struct

import pytest

from firmware_sim.errors import StateFileError
from firmware_sim.hardware.rtc import ClockOnPowerLoss
from firmware_sim.locks.access_log import event_of
from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.tests.locks.rig import T0_S, Rig
from protocols.doorlock.vocabulary import (
    ClockQuality,
    LockOperationType,
    LockState,
    LogEvent,
    OperationSource,
    Status,
)
from protocols.strike import messages as m


def raw(record: m.LogRecord) -> bytes:
    """The 20 bytes of a record, written out by hand."""
    return (
        struct.pack(
            "<IIBBBBHH",
            record.index,
            record.utc_s,
            record.event,
            record.source,
            record.detail,
            record.clock_quality,
            record.user_index,
            record.credential_index,
        )
        + record.chain
    )


def has_news(rig: Rig) -> bool:
    """A call, so that the type checker does not take an earlier answer for the present one."""
    return rig.firmware.has_news


def test_chain_holds_from_the_first_record_to_the_last() -> None:
    rig = Rig()
    rig.program(1, "4711")
    for at in range(40):
        rig.enter("4711" if at % 10 < 2 else "0000", float(at * 1000))
    records = rig.log()
    chain = bytes(4)
    for record in records:
        body = raw(record)
        assert len(body) == 20
        chain = hashlib.sha256(chain + body[:16]).digest()[:4]
        assert record.chain == chain
    assert len(records) > 40  # alarms among them


@pytest.mark.parametrize("field", ["utc_s", "detail", "user_index"])
def test_changed_record_breaks_the_chain_behind_it(field: str) -> None:
    rig = Rig()
    rig.enter("0000")
    (record,) = rig.log()
    values = {name: getattr(record, name) for name in m.LogRecord.__dataclass_fields__}
    values[field] += 1
    forged = m.LogRecord(**values)
    assert hashlib.sha256(bytes(4) + raw(forged)[:16]).digest()[:4] != record.chain


def test_chain_goes_on_after_a_crash_and_over_the_end_of_the_ring() -> None:
    rig = Rig("generic-jit")
    for _ in range(150):
        rig.enter("12")
    rig.crash()
    rig.enter("12")
    records = rig.log()
    assert [record.index for record in records] == list(range(51, 151))
    for before, after in itertools.pairwise(records):
        assert after.chain == hashlib.sha256(before.chain + raw(after)[:16]).digest()[:4]


def test_news_are_records_that_nobody_has_read_to_the_end() -> None:
    rig = Rig("generic-jit")
    assert not has_news(rig)
    for _ in range(60):
        rig.enter("12")
    assert has_news(rig)
    assert rig.log_changes == 60
    rig.ask(m.ReadLog(from_index=0))
    assert rig.log_changes == 60
    rig.ask(m.ReadLog(from_index=48))
    assert rig.log_changes == 61
    assert not has_news(rig)
    rig.ask(m.ReadLog(from_index=60))
    assert rig.log_changes == 61
    assert rig.firmware.log_next_index == 60


def test_news_read_before_a_crash_are_none_after_it() -> None:
    rig = Rig("generic-jit")
    rig.enter("12")
    rig.log()
    rig.crash()
    assert not has_news(rig)
    rig.enter("12")
    rig.crash()
    assert has_news(rig)


def test_clock_set_is_logged_at_its_new_time_and_is_no_news() -> None:
    rig = Rig()
    assert rig.status(m.SetTime(utc_s=T0_S + 500, utc_offset_min=60), 3.0) is Status.SUCCESS
    assert not has_news(rig)
    (record,) = rig.log()
    assert (record.event, record.utc_s) == (LogEvent.CLOCK_SET, T0_S + 500)
    assert event_of(record) is None
    assert rig.events == []
    assert rig.trace.noted[0] == (
        "clock_set",
        {
            "utc_s": T0_S + 500,
            "utc_offset_min": 60,
            "shift_us": 497_000_000,
            "quality_before": "TRUSTED",
        },
    )


def test_clock_that_can_not_be_persisted_is_not_set() -> None:
    rig = Rig()
    rig.is_disk_full = True
    with pytest.raises(StateFileError):
        rig.ask(m.SetTime(utc_s=77, utc_offset_min=60), 3.0)
    assert rig.ask(m.GetStatus(), 3.0).utc_s == T0_S + 3


@pytest.mark.parametrize("offset_min", [-840, 0, 840])
def test_clock_that_was_right_already_is_set_without_a_record(offset_min: int) -> None:
    rig = Rig(utc_offset_min=offset_min)
    rig.ask(m.SetTime(utc_s=T0_S + 3, utc_offset_min=offset_min), 3.4)
    assert rig.log() == []
    # It is set all the same: the fraction is gone.
    assert rig.rtc.read_us(3.4) == (T0_S + 3) * 1_000_000


def test_power_on_is_logged_and_is_news() -> None:
    rig = Rig(on_power_loss=ClockOnPowerLoss.KEEPS)
    rig.firmware.power(False, 10.0)
    rig.firmware.power(False, 11.0)
    assert rig.memory.log_next_index == 0
    rig.crash()
    assert not rig.firmware.is_powered
    rig.firmware.power(True, 100.0)
    rig.firmware.power(True, 101.0)
    (record,) = rig.memory.log_records(0, 9)
    assert (record.event, record.utc_s, record.clock_quality) == (
        LogEvent.POWER_ON,
        T0_S + 100,
        ClockQuality.HOLDOVER,
    )
    assert rig.firmware.has_news
    assert rig.events == []
    assert [data for kind, data in rig.trace.noted if kind == "power"] == [
        {"on": False, "clock_quality": "TRUSTED"},
        {"on": True, "clock_quality": "HOLDOVER"},
    ]


def test_remote_operations_move_the_bolt_and_are_logged() -> None:
    rig = Rig("generic-jit")
    assert rig.status(m.UnlockDoor(), 5.0) is Status.SUCCESS
    assert rig.ask(m.GetStatus(), 5.4).lock_state is LockState.NOT_FULLY_LOCKED
    assert rig.ask(m.GetStatus(), 5.5).lock_state is LockState.UNLOCKED
    assert rig.status(m.LockDoor(), 9.0) is Status.SUCCESS
    assert rig.ask(m.GetStatus(), 9.5).lock_state is LockState.LOCKED
    assert rig.events == [
        m.LockOperation(
            log_index=index,
            utc_s=T0_S + at,
            operation=operation,
            source=OperationSource.REMOTE,
            user_index=0,
            credential_index=0,
        )
        for index, at, operation in (
            (0, 5, LockOperationType.UNLOCK),
            (1, 9, LockOperationType.LOCK),
        )
    ]
    assert rig.memory.state.bolt.operations == 2


def test_what_was_told_is_there_after_a_crash() -> None:
    rig = Rig()
    rig.program(1, "4711")
    rig.enter("4711")
    rig.ask(m.SetTime(utc_s=77, utc_offset_min=5), 1.0)
    digest = rig.ask(m.GetStatus(), 1.0).memory_digest
    rig.crash()
    assert rig.ask(m.GetStatus(), 2.0) == m.DeviceStatus(
        lock_state=LockState.UNLOCKED,
        door_state=rig.ask(m.GetStatus()).door_state,
        battery_mv=rig.ask(m.GetStatus()).battery_mv,
        utc_s=78,
        utc_offset_min=5,
        clock_quality=ClockQuality.TRUSTED,
        log_next_index=2,
        memory_digest=digest,
    )


def test_lock_without_listeners_and_trace_works() -> None:
    rig = Rig("latch-m")
    firmware = LockFirmware(rig, rig.memory, rig.rtc)
    assert firmware.enter("1234567", 0.0).reason == "unknown_code"
    assert firmware.has_news
    firmware.power(False, 1.0)
    assert firmware.enter("1234567", 1.0).reason == "no_power"
    assert rig.events == []
