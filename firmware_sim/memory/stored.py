"""How a change of the memory is written to a state file: layouts of our own, bound to dataclasses.

One frame of a state file holds one `StoredChange`. Contents are stored in their canonical bytes
(`protocols.doorlock.digest`), log records as on the wire, so both have one description.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final

from firmware_sim.hardware.battery import BatteryPack
from firmware_sim.hardware.bolt import Bolt
from firmware_sim.hardware.door import Door
from firmware_sim.hardware.rtc import RtcState
from firmware_sim.memory.interface import Change
from firmware_sim.memory.records import DeviceState, FirstUse, Record
from protocols.doorlock.digest import RecordKey
from protocols.doorlock.vocabulary import (
    BatteryLevel,
    ClockQuality,
    DoorState,
    LockState,
    RecordKind,
)
from protocols.strike.messages import LogRecord
from protocols.wire.layout import (
    COUNTED,
    ENUM8,
    S16,
    TO_END,
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
class StoredFirstUse:
    """When the code of an expiring user opened for the first time."""

    user_index: U16
    credential_revision: U32
    used_s: U32


@message
class StoredHardware:
    """What is no memory: the things around the processor."""

    lock_state: Annotated[LockState, ENUM8]
    bolt_operations: U32
    bolt_rests_at_us: Bytes8
    bolt_is_blocked: U8
    door_opened_at_us: Bytes8
    battery_used_uah: U32
    battery_since_us: Bytes8
    battery_is_inserted: U8
    jump_mv: U16
    is_escutcheon_off: U8
    is_privacy_thrown: U8
    relock_at_us: Bytes8


@message
class StoredState:
    """The device state; instants are s64 microseconds, little-endian."""

    clock_true_us: Bytes8
    clock_device_us: Bytes8
    utc_offset_min: S16
    clock_quality: Annotated[ClockQuality, ENUM8]
    clock_is_running: U8
    is_powered: U8
    wrong_codes: U8
    lockouts: U8
    lockout_until_us: Bytes8
    forgiven_codes: U16
    strict_until_us: Bytes8
    log_read_index: U32
    news_index: U32
    told_door: Annotated[DoorState, ENUM8]
    told_battery: Annotated[BatteryLevel, ENUM8]
    is_tamper_told: U8
    is_privacy_told: U8
    hardware: Annotated[tuple[StoredHardware, ...], COUNTED]  # always one


@message
class StoredChange:
    """One change."""

    records: Annotated[tuple[StoredRecord, ...], COUNTED]
    log: Annotated[tuple[LogRecord, ...], COUNTED]
    state: Annotated[tuple[StoredState, ...], COUNTED]  # one, or none when it did not change
    # Part of the state, here since there may be more than a count byte tells.
    first_uses: Annotated[tuple[StoredFirstUse, ...], TO_END]


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
            first_uses=() if change.state is None else _stored_first_uses(change.state),
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
        state=_state(stored.state[0], stored.first_uses) if stored.state else None,
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
        is_powered=int(state.is_powered),
        wrong_codes=state.wrong_codes,
        lockouts=state.lockouts,
        lockout_until_us=_s64(state.lockout_until_us),
        forgiven_codes=state.forgiven_codes,
        strict_until_us=_s64(state.strict_until_us),
        log_read_index=state.log_read_index,
        news_index=state.news_index,
        told_door=state.told_door,
        told_battery=state.told_battery,
        is_tamper_told=int(state.is_tamper_told),
        is_privacy_told=int(state.is_privacy_told),
        hardware=(_stored_hardware(state),),
    )


def _stored_first_uses(state: DeviceState) -> tuple[StoredFirstUse, ...]:
    return tuple(
        StoredFirstUse(
            user_index=use.user_index,
            credential_revision=use.credential_revision,
            used_s=use.used_s,
        )
        for use in state.first_uses
    )


def _stored_hardware(state: DeviceState) -> StoredHardware:
    bolt, battery = state.bolt, state.battery
    return StoredHardware(
        lock_state=bolt.position,
        bolt_operations=bolt.operations,
        bolt_rests_at_us=_s64(bolt.rests_at_us),
        bolt_is_blocked=int(bolt.is_blocked),
        door_opened_at_us=_s64(state.door.opened_at_us),
        battery_used_uah=battery.used_uah,
        battery_since_us=_s64(battery.since_us),
        battery_is_inserted=int(battery.is_inserted),
        jump_mv=battery.jump_mv,
        is_escutcheon_off=int(state.is_escutcheon_off),
        is_privacy_thrown=int(state.is_privacy_thrown),
        relock_at_us=_s64(state.relock_at_us),
    )


def _state(stored: StoredState, first_uses: tuple[StoredFirstUse, ...]) -> DeviceState:
    (hardware,) = stored.hardware
    return DeviceState(
        clock=RtcState(
            true_us=_from_s64(stored.clock_true_us),
            device_us=_from_s64(stored.clock_device_us),
            utc_offset_min=stored.utc_offset_min,
            quality=stored.clock_quality,
            is_running=bool(stored.clock_is_running),
        ),
        bolt=Bolt(
            position=hardware.lock_state,
            operations=hardware.bolt_operations,
            rests_at_us=_from_s64(hardware.bolt_rests_at_us),
            is_blocked=bool(hardware.bolt_is_blocked),
        ),
        is_powered=bool(stored.is_powered),
        wrong_codes=stored.wrong_codes,
        lockouts=stored.lockouts,
        lockout_until_us=_from_s64(stored.lockout_until_us),
        forgiven_codes=stored.forgiven_codes,
        strict_until_us=_from_s64(stored.strict_until_us),
        log_read_index=stored.log_read_index,
        news_index=stored.news_index,
        told_door=stored.told_door,
        told_battery=stored.told_battery,
        is_tamper_told=bool(stored.is_tamper_told),
        is_privacy_told=bool(stored.is_privacy_told),
        first_uses=tuple(
            FirstUse(
                user_index=use.user_index,
                credential_revision=use.credential_revision,
                used_s=use.used_s,
            )
            for use in first_uses
        ),
        door=Door(_from_s64(hardware.door_opened_at_us)),
        battery=BatteryPack(
            used_uah=hardware.battery_used_uah,
            since_us=_from_s64(hardware.battery_since_us),
            jump_mv=hardware.jump_mv,
            is_inserted=bool(hardware.battery_is_inserted),
        ),
        is_escutcheon_off=bool(hardware.is_escutcheon_off),
        is_privacy_thrown=bool(hardware.is_privacy_thrown),
        relock_at_us=_from_s64(hardware.relock_at_us),
    )


def _s64(value: int) -> bytes:
    return value.to_bytes(8, "little", signed=True)


def _from_s64(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)
