"""What a lock is in, beside its flash: RTC registers, bolt, power. No flash image holds these."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Final

from firmware_sim.hardware.battery import BatteryPack
from firmware_sim.hardware.bolt import Bolt
from firmware_sim.hardware.door import Door
from firmware_sim.hardware.rtc import RtcState
from firmware_sim.memory.records import DeviceState
from protocols.doorlock.vocabulary import ClockQuality, LockState
from protocols.wire.layout import ENUM8, S16, S64, U8, U16, U32, codec, message


@message
class HardwareState:
    """The hardware part of a device state, as a state file keeps it."""

    clock_true_us: S64
    clock_device_us: S64
    utc_offset_min: S16
    clock_quality: Annotated[ClockQuality, ENUM8]
    clock_is_running: U8
    clock_error_us: S64
    clock_extra_ppb: S64
    temperature_centi_c: S16
    clock_set_number: U8
    lock_state: Annotated[LockState, ENUM8]
    bolt_operations: U32
    bolt_rests_at_us: S64
    bolt_is_blocked: U8
    door_opened_at_us: S64
    battery_used_uah: U32
    battery_since_us: S64
    battery_is_inserted: U8
    jump_mv: U16
    is_escutcheon_off: U8
    is_privacy_thrown: U8
    relock_at_us: S64
    is_powered: U8


_HARDWARE: Final = codec(HardwareState)


def encode_hardware(state: DeviceState) -> bytes:
    """Bytes of the hardware part.

    Raises:
        LocalProtocolError: When a value does not fit its word.
    """
    clock, bolt, battery = state.clock, state.bolt, state.battery
    return _HARDWARE.encode(
        HardwareState(
            clock_true_us=clock.true_us,
            clock_device_us=clock.device_us,
            utc_offset_min=clock.utc_offset_min,
            clock_quality=clock.quality,
            clock_is_running=int(clock.is_running),
            clock_error_us=clock.error_us,
            clock_extra_ppb=clock.extra_ppb,
            temperature_centi_c=clock.temperature_centi_c,
            clock_set_number=clock.set_number,
            lock_state=bolt.position,
            bolt_operations=bolt.operations,
            bolt_rests_at_us=bolt.rests_at_us,
            bolt_is_blocked=int(bolt.is_blocked),
            door_opened_at_us=state.door.opened_at_us,
            battery_used_uah=battery.used_uah,
            battery_since_us=battery.since_us,
            battery_is_inserted=int(battery.is_inserted),
            jump_mv=battery.jump_mv,
            is_escutcheon_off=int(state.is_escutcheon_off),
            is_privacy_thrown=int(state.is_privacy_thrown),
            relock_at_us=state.relock_at_us,
            is_powered=int(state.is_powered),
        )
    )


def with_hardware(state: DeviceState, data: bytes) -> DeviceState:
    """A state with its hardware part replaced.

    Raises:
        MalformedFrame: When these bytes are no hardware state.
    """
    stored = _HARDWARE.decode(data)
    return dataclasses.replace(
        state,
        clock=RtcState(
            true_us=stored.clock_true_us,
            device_us=stored.clock_device_us,
            utc_offset_min=stored.utc_offset_min,
            quality=stored.clock_quality,
            is_running=bool(stored.clock_is_running),
            error_us=stored.clock_error_us,
            extra_ppb=stored.clock_extra_ppb,
            temperature_centi_c=stored.temperature_centi_c,
            set_number=stored.clock_set_number,
        ),
        bolt=Bolt(
            position=stored.lock_state,
            operations=stored.bolt_operations,
            rests_at_us=stored.bolt_rests_at_us,
            is_blocked=bool(stored.bolt_is_blocked),
        ),
        door=Door(stored.door_opened_at_us),
        battery=BatteryPack(
            used_uah=stored.battery_used_uah,
            since_us=stored.battery_since_us,
            jump_mv=stored.jump_mv,
            is_inserted=bool(stored.battery_is_inserted),
        ),
        is_escutcheon_off=bool(stored.is_escutcheon_off),
        is_privacy_thrown=bool(stored.is_privacy_thrown),
        relock_at_us=stored.relock_at_us,
        is_powered=bool(stored.is_powered),
    )
