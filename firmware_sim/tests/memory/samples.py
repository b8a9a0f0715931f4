"""Records, log records and states to fill memories with."""

from __future__ import annotations

from firmware_sim.hardware.bolt import Bolt
from firmware_sim.hardware.rtc import RtcState
from firmware_sim.memory.audit_ring import chain_value
from firmware_sim.memory.flash_map import FlashMap
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.interface import Change
from firmware_sim.memory.meta import FactoryRecord
from firmware_sim.memory.records import DeviceState, Record
from protocols.doorlock.digest import CredentialContent, RecordKey, UserContent
from protocols.doorlock.vocabulary import (
    ClockQuality,
    LockState,
    LogEvent,
    OperationSource,
    RecordKind,
    UserStatus,
    UserType,
)
from protocols.strike.messages import LogRecord
from protocols.wire.layout import codec

CLOCK = RtcState(
    true_us=805_464_000_000_001,
    device_us=805_464_000_000_007,
    utc_offset_min=-300,
    quality=ClockQuality.HOLDOVER,
    is_running=False,
)
FRESH = DeviceState(clock=CLOCK)
FULL = DeviceState(
    clock=CLOCK,
    bolt=Bolt(position=LockState.UNLOCKED, operations=70_000),
    is_powered=False,
    wrong_codes=4,
    lockouts=3,
    lockout_until_us=805_464_000_000_000,
    log_read_index=9,
)
# Small, so that sectors are collected and the ring turns after a few records.
SMALL = FlashMap(nvs_bytes=8_192, audit_bytes=2_048, meta_bytes=1_024, sector_bytes=1_024)


def factory(flash_map: FlashMap = SMALL, log_capacity: int = 40) -> FactoryRecord:
    return FactoryRecord(
        nvs_bytes=flash_map.nvs_bytes,
        audit_bytes=flash_map.audit_bytes,
        meta_bytes=flash_map.meta_bytes,
        sector_bytes=flash_map.sector_bytes,
        write_block=flash_map.write_block,
        log_capacity=log_capacity,
        profile_id="latch-m",
        serial_number="C00000000001",
        salt=bytes(range(16)),
    )


def user(index: int, revision: int = 1, name: str = "Jane") -> Record:
    content = UserContent(
        user_status=UserStatus.OCCUPIED_ENABLED,
        user_type=UserType.UNRESTRICTED_USER,
        user_name=name,
    )
    return Record.of(RecordKey(RecordKind.USER, index, 0), revision, content)


def pin(index: int, code: bytes = b"1234", revision: int = 1) -> Record:
    content = CredentialContent(user_index=index, credential_data=code)
    return Record.of(RecordKey(RecordKind.CREDENTIAL, index, 1), revision, content)


def entries(memory: FlashMemory, count: int = 1) -> tuple[LogRecord, ...]:
    """The next log records of a memory, in its chain."""
    return chain_of(memory.log_next_index, count, memory.log_chain)


def chain_of(first: int, count: int, chain: bytes = bytes(4)) -> tuple[LogRecord, ...]:
    found = []
    for index in range(first, first + count):
        record = LogRecord(
            index=index,
            utc_s=index * 60,
            event=LogEvent.ACCESS_DENIED,
            source=OperationSource.KEYPAD,
            detail=0,
            clock_quality=ClockQuality.TRUSTED,
            user_index=0,
            credential_index=0,
            chain=bytes(4),
        )
        data = codec(LogRecord).encode(record)
        chain = chain_value(chain, data)
        found.append(codec(LogRecord).decode(data[:-4] + chain))
    return tuple(found)


def content_of(memory: FlashMemory) -> tuple[object, ...]:
    return (
        list(memory.records()),
        memory.log_oldest_index,
        list(memory.log_records(0, 10_000)),
        memory.state,
        memory.digest(),
    )


def write(memory: FlashMemory, *records: Record) -> None:
    memory.commit(Change(records=records))


def log(memory: FlashMemory, count: int = 1) -> None:
    memory.commit(Change(log=entries(memory, count)))
