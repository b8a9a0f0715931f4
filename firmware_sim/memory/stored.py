"""How a change of the memory is written to a state file: layouts of our own, bound to dataclasses.

One frame of a state file holds one `StoredChange`. Contents are stored in their canonical bytes
(`protocols.doorlock.digest`), log records as on the wire, so both have one description.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final

from firmware_sim.hardware.bolt import Bolt
from firmware_sim.hardware.rtc import RtcState
from firmware_sim.memory.interface import Change
from firmware_sim.memory.records import DeviceState, Record
from protocols.doorlock.digest import RecordKey
from protocols.doorlock.vocabulary import ClockQuality, LockState, RecordKind
from protocols.strike.messages import LogRecord
from protocols.wire.layout import (
    COUNTED,
    ENUM8,
    S16,
    U8,
    U16,
    U32,
    Bytes8,
    ShortBytes,
    codec,
    message,
)

# Records of each kind in one change: the count is a byte.
RECORDS_PER_CHANGE: Final = 255


@message
class StoredRecord:
    """A record, or a tombstone when its content is empty."""

    kind: Annotated[RecordKind, ENUM8]
    index: U16
    sub_index: U8
    revision: U32
    content: ShortBytes = dataclasses.field(repr=False)


@message
class StoredState:
    """The device state; instants are s64 microseconds, little-endian."""

    clock_true_us: Bytes8
    clock_device_us: Bytes8
    utc_offset_min: S16
    clock_quality: Annotated[ClockQuality, ENUM8]
    clock_is_running: U8
    lock_state: Annotated[LockState, ENUM8]
    bolt_operations: U32
    is_powered: U8
    wrong_codes: U8
    lockouts: U8
    lockout_until_us: Bytes8
    log_read_index: U32
    news_index: U32
    highest_s: U32
    statement_s: U32
    clock_error_us: Bytes8
    clock_extra_ppb: Bytes8
    temperature_centi_c: S16


@message
class StoredChange:
    """One change."""

    records: Annotated[tuple[StoredRecord, ...], COUNTED]
    log: Annotated[tuple[LogRecord, ...], COUNTED]
    state: Annotated[tuple[StoredState, ...], COUNTED]  # one, or none when it did not change


_CHANGE: Final = codec(StoredChange)


def encode_change(change: Change) -> bytes:
    """Bytes of a change, at most `RECORDS_PER_CHANGE` records and log records.

    Raises:
        LocalProtocolError: When a value does not fit its word.
    """
    return _CHANGE.encode(
        StoredChange(
            records=tuple(_stored_record(record) for record in change.records),
            log=change.log,
            state=() if change.state is None else (_stored_state(change.state),),
        )
    )


def decode_change(data: bytes) -> Change:
    """A change from its bytes.

    Raises:
        MalformedFrame: When these bytes are no change.
    """
    stored = _CHANGE.decode(data)
    return Change(
        records=tuple(
            Record.stored(
                RecordKey(item.kind, item.index, item.sub_index), item.revision, item.content
            )
            for item in stored.records
        ),
        log=stored.log,
        state=_state(stored.state[0]) if stored.state else None,
    )


def _stored_record(record: Record) -> StoredRecord:
    return StoredRecord(
        kind=record.key.kind,
        index=record.key.index,
        sub_index=record.key.sub_index,
        revision=record.revision,
        content=record.stored_content,
    )


def _stored_state(state: DeviceState) -> StoredState:
    clock = state.clock
    return StoredState(
        clock_true_us=_s64(clock.true_us),
        clock_device_us=_s64(clock.device_us),
        utc_offset_min=clock.utc_offset_min,
        clock_quality=clock.quality,
        clock_is_running=int(clock.is_running),
        lock_state=state.bolt.position,
        bolt_operations=state.bolt.operations,
        is_powered=int(state.is_powered),
        wrong_codes=state.wrong_codes,
        lockouts=state.lockouts,
        lockout_until_us=_s64(state.lockout_until_us),
        log_read_index=state.log_read_index,
        news_index=state.news_index,
        highest_s=state.highest_s,
        statement_s=state.statement_s,
        clock_error_us=_s64(clock.error_us),
        clock_extra_ppb=_s64(clock.extra_ppb),
        temperature_centi_c=clock.temperature_centi_c,
    )


def _state(stored: StoredState) -> DeviceState:
    return DeviceState(
        clock=RtcState(
            true_us=_from_s64(stored.clock_true_us),
            device_us=_from_s64(stored.clock_device_us),
            utc_offset_min=stored.utc_offset_min,
            quality=stored.clock_quality,
            is_running=bool(stored.clock_is_running),
            error_us=_from_s64(stored.clock_error_us),
            extra_ppb=_from_s64(stored.clock_extra_ppb),
            temperature_centi_c=stored.temperature_centi_c,
        ),
        bolt=Bolt(position=stored.lock_state, operations=stored.bolt_operations),
        is_powered=bool(stored.is_powered),
        wrong_codes=stored.wrong_codes,
        lockouts=stored.lockouts,
        lockout_until_us=_from_s64(stored.lockout_until_us),
        log_read_index=stored.log_read_index,
        news_index=stored.news_index,
        highest_s=stored.highest_s,
        statement_s=stored.statement_s,
    )


def _s64(value: int) -> bytes:
    return value.to_bytes(8, "little", signed=True)


def _from_s64(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)
