"""The simulated world: devices on one air, each with its own memory, clock, power and radio.

A `World` is built on a running loop and owns no task: devices act when the radio, a finger or the
bench acts on them. A device has a timer only while something of its own is due.

Every device goes by three names (bench name, display name, device id), all in one name space.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from firmware_sim.errors import DeviceConflict, FlashMisused, UnknownDevice
from firmware_sim.faults.actor import FaultActor
from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.hardware.battery import FULL_PPM, BatteryPack
from firmware_sim.hardware.rtc import Rtc, RtcState
from firmware_sim.kernel.alarm import Alarms, TimerLoop
from firmware_sim.kernel.clock import EPOCH_2000_MS, WorldClock
from firmware_sim.kernel.streams import Streams, derive_seed
from firmware_sim.kernel.trace import Trace
from firmware_sim.locks.endpoint import StrikeEndpoint
from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.locks.lock_hardware import LockHardware
from firmware_sim.locks.outcome import KeypadOutcome
from firmware_sim.memory.flash_file import new_memory, open_memory
from firmware_sim.memory.flash_map import FlashArea
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.meta import FactoryRecord, factory_record
from firmware_sim.memory.records import DeviceState
from firmware_sim.memory.state_file import StateFile, latest_instant_ms
from firmware_sim.memory.view import MemoryView
from firmware_sim.radio.interface import PeripheralSettings, Radio
from firmware_sim.radio.open_radio import RadioKind, open_radio
from firmware_sim.radio.peripheral import ATT_MTU_MAX
from firmware_sim.troubles import Troubles
from protocols.doorlock.zone import NO_RULE, LocalZone, parse_dst_rule
from protocols.profiles.parser import Profile
from protocols.profiles.vocabulary import ClockOnPowerLoss, ZoneAwareness
from protocols.strike.gatt import Advertisement, profile_hint

_US_PER_MS: Final = 1_000
_US_PER_S: Final = 1_000_000
# Milliseconds. A phone or gateway that wants this lock has it within a fifth of a second, so what
# settles at a standing clock moves it by less than a second. Source: one of the intervals that
# Apple's accessory design guidelines recommend.
ADVERTISING_INTERVAL_MS: Final = 211.25
# Bytes of the salt of a lock's own: as many as its hashes have.
_SALT_BYTES: Final = 16
_MEMORY_SUFFIX: Final = ".memory"
# Makes the memory of a new lock from what the factory writes into it and its first state.
MemoryMaker = Callable[[FactoryRecord, DeviceState], LockMemory]
# What the radios of all locks of a bench have alike, by whether their address is a public one.
_RADIO_SETTINGS: Final = {
    is_public: PeripheralSettings(
        is_public=is_public,
        advertising_interval_ms=ADVERTISING_INTERVAL_MS,
        att_mtu_max=ATT_MTU_MAX,
    )
    for is_public in (False, True)
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """What a lock of the bench is.

    Attributes:
        name: Its name on the bench; also in the trace.
        device_id: Its id in the API; names its state file.
        display_name: Its name for people; also told in its scan response.
        address: Its radio address, "AA:BB:CC:DD:EE:FF", random static.
        profile: The facts of its kind.
        drift_ppm: How much too fast its clock runs, parts per million.
        utc_offset_min: Local time minus UTC at its door when it is new, minutes.
        clock_error_s: How far its clock is ahead of the truth when it is new, seconds.
        clock_on_power_loss: What a power cut does to its clock; None = as its profile says.
        temperature_c: Temperature of its clock's crystal when it is new, degrees Celsius.
        zone: Local time at its door; None = `utc_offset_min`, always. What the lock makes of it
            is a fact of its profile.
        dst_rule: The rule for daylight saving that this very lock goes by, right or wrong, such as
            "M3.2.0,M11.1.0", or "none"; None = what its profile says, which may be its zone's.
        is_public_address: True when the address is a public one.
        faults: What goes wrong with it, from the start.
    """

    name: str
    device_id: str
    display_name: str
    address: str
    profile: Profile
    drift_ppm: float = 0.0
    utc_offset_min: int = 0
    clock_error_s: float = 0.0
    clock_on_power_loss: ClockOnPowerLoss | None = None
    temperature_c: float = 25.0
    zone: LocalZone | None = None
    dst_rule: str | None = None
    is_public_address: bool = False
    faults: FaultPlan = NO_FAULTS

    @property
    def lock_zone(self) -> LocalZone | None:
        """The zone that the lock itself keeps; None for one that is told its distance from UTC."""
        facts = self.profile.clock
        zone = self.zone or LocalZone(self.utc_offset_min)
        if self.dst_rule is not None and facts.zone is not ZoneAwareness.NONE:
            return dataclasses.replace(zone, rule=parse_dst_rule(self.dst_rule))
        if facts.zone is not ZoneAwareness.ZONE:
            return None
        if facts.dst_rule != NO_RULE:
            return dataclasses.replace(zone, rule=parse_dst_rule(facts.dst_rule))
        return zone

    @property
    def serial_number(self) -> str:
        """Its serial number: the digits of its address, as many makers have it."""
        return self.address.replace(":", "").upper()


class Device:
    """A lock of the world; to its parts it is the trace, and who listens to its firmware.

    Args:
        spec: What it is.
        memory: What it remembers.
        rtc: Its clock.
        air: The radio of the world.
        trace: The trace of the run.
        alarms: Wakes it.
        now: Tells loop seconds.
        later: Calls back after so many seconds.

    Attributes:
        spec: As given.
        firmware: What it does.
        endpoint: What is behind its GATT service.
        peripheral: Its radio.
        actor: What goes wrong with it; None until it has its first fault plan.
    """

    __slots__ = ("_alarms", "_trace", "actor", "endpoint", "firmware", "peripheral", "spec")

    def __init__(
        self,
        spec: DeviceSpec,
        memory: LockMemory,
        rtc: Rtc,
        air: Radio,
        trace: Trace,
        alarms: Alarms,
        *,
        now: Callable[[], float],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._trace = trace
        self._alarms = alarms
        self.spec = spec
        self.firmware = LockFirmware(spec, memory, rtc, self)
        self.endpoint = StrikeEndpoint(self.firmware, now=now, later=later)
        self.actor: FaultActor | None = None
        self.peripheral = air.peripheral(
            address=spec.address,
            name=spec.display_name,
            endpoint=self.endpoint,
            manufacturer_data=self._advertisement(),
            settings=_RADIO_SETTINGS[spec.is_public_address],
        )
        self.peripheral.fault_trace = self
        self.firmware.listen(self)

    @property
    def memory(self) -> LockMemory:
        """What it remembers."""
        return self.firmware.memory

    # --- as the trace of its parts ----------------------------------------------------------

    def record(self, kind: str, **data: Any) -> None:
        """Note an event of this device."""
        self._trace.record(self.spec.name, kind, **data)

    def pin_tag(self, code: str) -> str:
        """What stands for a PIN in the trace."""
        return self._trace.pin_tag(code)

    # --- as the listener of its firmware ----------------------------------------------------

    def log_changed(self) -> None:
        """Advertise the present state; it is no news to the radio when it is what it was."""
        self.peripheral.set_advertisement(self._advertisement())

    def changed(self) -> None:
        """See `LockListener.changed`: what is due may be due at another time."""
        self._alarms.set(self.firmware)

    def was_reset(self) -> None:
        """Whoever was connected hears nothing more."""
        self.peripheral.disconnect()

    def _advertisement(self) -> bytes:
        return _advertisement(
            self.firmware.has_news,
            self.spec.profile.profile_id,
            self.firmware.log_next_index & 0xFFFF,
        )


@functools.lru_cache(maxsize=1024)  # Most locks of a fleet say the same: they share the bytes.
def _advertisement(has_news: bool, profile_id: str, log_next_low: int) -> bytes:  # noqa: FBT001 - cached by place.
    return Advertisement(
        has_news=has_news, profile_hint=profile_hint(profile_id), log_next_low=log_next_low
    ).encode()


class World:
    """All devices of one bench; an async context manager, single-use.

    Args:
        loop: Whose time runs.
        streams: Named random streams; the radio draws from them.
        trace: The trace of the run.
        clock: The true time; its epoch belongs to the loop's zero.
        radio: The fidelity of the radio.
        state_dir: Where device memories are kept; None keeps them in this process only.
        make_memory: Makes the memories that are kept in this process only; on flash, unless a
            benchmark wants it otherwise.

    Attributes:
        air: The radio that all devices share; gateways get their adapters from it.
        alarms: Wakes the firmware of a device when something of its own is due.
    """

    def __init__(
        self,
        loop: TimerLoop,
        streams: Streams,
        trace: Trace,
        clock: WorldClock,
        *,
        radio: RadioKind = RadioKind.SIM,
        state_dir: Path | None = None,
        make_memory: MemoryMaker = new_memory,
    ) -> None:
        self._seed = streams.seed
        self.air = open_radio(radio, streams)
        self.alarms = Alarms(loop)
        # Bound once, for all devices.
        self._now = loop.time
        self._later = loop.call_later
        self._troubles = Troubles(loop, streams)
        self._trace = trace
        self._clock = clock
        self._state_dir = state_dir
        self._make_memory = make_memory
        if state_dir is not None:
            # Memories hold PINs: the folder is for its owner (DESIGN D22).
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._world_epoch_us = (clock.epoch_ms - EPOCH_2000_MS) * _US_PER_MS
        self._devices: list[Device] = []
        self._by_name: dict[str, Device] = {}

    # --- life -------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Switch on the radios of all devices that have power."""
        await self._troubles.begin()
        for device in self._devices:
            await self._boot(device)
            device.changed()
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Switch off all radios; the devices themselves keep their state."""
        for device in self._devices:
            if device.actor is not None:
                device.actor.stop()
        await self._troubles.end()
        for device in self._devices:
            self.alarms.cancel(device.firmware)
            await device.peripheral.power_off()

    def add(self, spec: DeviceSpec) -> Device:
        """Build a device; `async with` switches its radio on.

        Raises:
            DeviceConflict: When another device has one of its names, its id or its address.
            StateFileError: When its state file can't be used.
        """
        names = self._free_names(spec)
        fresh = self._fresh_clock(spec)
        battery = BatteryPack(since_us=fresh.true_us)
        memory = self._memory(spec, DeviceState(clock=fresh, battery=battery))
        facts = spec.profile.clock
        rtc = Rtc(
            memory.state.clock,
            world_epoch_us=self._world_epoch_us,
            drift_ppm=spec.drift_ppm,
            holdover_ppm=facts.holdover_ppm,
            on_power_loss=spec.clock_on_power_loss or facts.on_power_loss,
            zone=spec.lock_zone,
        )
        device = Device(
            spec,
            memory,
            rtc,
            self.air,
            self._trace,
            self.alarms,
            now=self._now,
            later=self._later,
        )
        self._devices.append(device)
        for name in names:
            self._by_name[name] = device
        if spec.faults != NO_FAULTS:
            self.set_faults(spec.name, spec.faults)
        return device

    def _fresh_clock(self, spec: DeviceSpec) -> RtcState:
        """The clock of a new device, set at the factory or at the door."""
        now = self._now()
        utc_s = (self._world_epoch_us + round(now * _US_PER_S)) // _US_PER_S
        zone = spec.lock_zone or spec.zone or LocalZone(spec.utc_offset_min)
        knows_local = spec.profile.clock.zone is not ZoneAwareness.NONE
        return Rtc.fresh(
            world_epoch_us=self._world_epoch_us,
            now=now,
            utc_offset_min=zone.offset_min(utc_s) if knows_local else 0,
            error_s=spec.clock_error_s,
            temperature_c=spec.temperature_c,
        )

    # --- what the bench does ----------------------------------------------------------------

    @property
    def devices(self) -> tuple[Device, ...]:
        """All devices, in the order in which they were added."""
        return tuple(self._devices)

    def device(self, name: str) -> Device:
        """The device of a bench name, display name or device id.

        Raises:
            UnknownDevice: When there is none.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownDevice(name) from None

    def keypad(self, name: str, digits: str) -> KeypadOutcome:
        """Type at a device's keypad: 0-9, `*` and `#`, as one attempt.

        Raises:
            UnknownDevice: When there is no such device.
            KeypadKeyUnknown: When there is no such key.
        """
        return self.device(name).firmware.enter(digits, self._now())

    def enter_code(self, name: str, code: str) -> KeypadOutcome:
        """Type a code at a device's keypad and submit it in the way that this lock wants.

        Raises:
            UnknownDevice: When there is no such device.
            KeypadKeyUnknown: When there is no such key.
        """
        has_submit_key = self.device(name).spec.profile.variable_code_length
        return self.keypad(name, code + ("#" if has_submit_key else ""))

    def memory(self, name: str) -> MemoryView:
        """What a device holds, PINs included (DESIGN D22: for the bench only).

        Raises:
            UnknownDevice: When there is no such device.
        """
        return self.device(name).firmware.view(self._now())

    def temperature(self, name: str, temperature_c: float) -> None:
        """Warm or cool a device; its clock's crystal goes slower the farther from 25 degrees.

        Raises:
            UnknownDevice: When there is no such device.
        """
        now = self._now()
        firmware = self.device(name).firmware
        firmware.disturb_clock(lambda rtc: rtc.when_warmed(temperature_c, now), now)

    def flash(self, name: str, area: FlashArea | None = None) -> bytes:
        """An image of a device's flash, or of one area of it.

        Raises:
            UnknownDevice: When there is no such device.
        """
        memory = self._flash_memory(name)
        if area is None:
            return memory.flash.image()
        flash_map = memory.flash_map
        return memory.flash.read(flash_map.offset(area), flash_map.size(area))

    async def load_flash(self, name: str, image: bytes, area: FlashArea | None = None) -> None:
        """Put an image into a device's flash, or into one area of it, while its power is off.

        Cancellation: as `power`.

        Raises:
            UnknownDevice: When there is no such device.
            FlashMisused: When it has another size; nothing changed but that power was cycled.
            NvsUnmountable: When no lock could come up from it; likewise.
            StateFileError: When it could not be kept; likewise.
        """
        memory = self._flash_memory(name)
        size = memory.flash.geometry.size if area is None else memory.flash_map.size(area)
        if len(image) != size:
            raise FlashMisused(0, f"an image of {len(image)} bytes does not fit: it has {size}")
        was_powered = self.device(name).firmware.is_powered
        await self.power(name, on=False)
        try:
            memory.load(0 if area is None else memory.flash_map.offset(area), image)
        finally:
            if was_powered:
                await self.power(name, on=True)
        self._trace.record(self.device(name).spec.name, "flash", area=area or "all")

    def _flash_memory(self, name: str) -> FlashMemory:
        memory = self.device(name).memory
        if not isinstance(memory, FlashMemory):
            raise FlashMisused(0, "this device keeps its memory in no flash")
        return memory

    async def power(self, name: str, on: bool) -> None:  # noqa: FBT001 - as the bench route has it.
        """Cut a device's power or give it back.

        Cancellation: the firmware's state is persisted at once; the radio may be left half
        switched, which the next call mends.

        Raises:
            UnknownDevice: When there is no such device.
        """
        device = self.device(name)
        if device.actor is not None:
            device.actor.end_outage()
        device.firmware.power(on, self._now())
        await self._follow_supply(device)

    @property
    def now(self) -> float:
        """Loop seconds, for `hardware`."""
        return self._now()

    def hardware(self, name: str) -> LockHardware:
        """The parts of a device, as hands reach them; see `jump` and `replace_cells` for cells.

        Raises:
            UnknownDevice: When there is no such device.
        """
        return self.device(name).firmware.hardware

    async def jump(self, name: str, mv: int) -> None:
        """Hold a battery of so many millivolts to a device's jump terminals; 0 = take it away.

        Cancellation: as `power`.

        Raises:
            UnknownDevice: When there is no such device.
        """
        device = self.device(name)
        device.firmware.hardware.jump(mv, self._now())
        await self._follow_supply(device)

    async def replace_cells(self, name: str) -> None:
        """Take a device's cells out and put fresh ones in.

        Cancellation: as `power`; call it again.

        Raises:
            UnknownDevice: When there is no such device.
        """
        await self.power(name, on=False)
        self.hardware(name).set_charge(FULL_PPM, self._now())
        await self.power(name, on=True)

    def radio(self, name: str, in_range: bool) -> None:  # noqa: FBT001 - as the bench route has it.
        """Put a device into radio range or out of it.

        Raises:
            UnknownDevice: When there is no such device.
        """
        device = self.device(name)
        device.peripheral.set_in_range(in_range)
        self._trace.record(device.spec.name, "radio", in_range=in_range)

    def faults(self, name: str) -> FaultPlan:
        """The fault plan of a device.

        Raises:
            UnknownDevice: When there is no such device.
        """
        return self.device(name).firmware.faults.plan

    def set_faults(self, name: str, plan: FaultPlan) -> None:
        """Have a device go wrong by a plan from now on; it replaces the one before whole.

        An outage that has begun takes its time; to end it, switch the device on.

        Raises:
            UnknownDevice: When there is no such device.
            StateFileError: When the clock's new anchor could not be persisted.
        """
        device = self.device(name)
        self._troubles.set_plan(device, device.spec.name, plan, device)

    def _free_names(self, spec: DeviceSpec) -> dict[str, None]:
        """The names of a new device; checked before its state file is touched.

        Raises:
            DeviceConflict: When a name or the address is taken.
        """
        names = dict.fromkeys((spec.name, spec.device_id, spec.display_name))
        for name in names:
            if name in self._by_name:
                raise DeviceConflict(f"two devices are named {name!r}")
        if self.air.is_taken(spec.address):
            raise DeviceConflict(f"two devices have the radio address {spec.address}")
        return names

    async def _follow_supply(self, device: Device) -> None:
        """Switch a device's radio as its processor has power or not."""
        if device.firmware.is_running:
            await device.peripheral.power_on()
        else:
            await device.peripheral.power_off()

    async def _boot(self, device: Device) -> None:
        if device.firmware.is_running:
            await device.peripheral.power_on()

    def _memory(self, spec: DeviceSpec, fresh: DeviceState) -> LockMemory:
        factory = self._factory_record(spec)
        if self._state_dir is None:
            return self._make_memory(factory, fresh)
        # Any string is an id, so it is escaped.
        path = self._state_dir / (quote(spec.device_id, safe="") + _MEMORY_SUFFIX)
        file = StateFile(path, device_id=spec.device_id, instant_ms=self._clock.now_ms)
        return open_memory(file, factory, fresh)

    def _factory_record(self, spec: DeviceSpec) -> FactoryRecord:
        salt = derive_seed(self._seed, f"{spec.device_id}/salt").to_bytes(32)[:_SALT_BYTES]
        return factory_record(spec.profile, serial_number=spec.serial_number, salt=salt)


def latest_instant_in(state_dir: Path) -> int | None:
    """The highest bench instant that any device memory of a folder carries, ms since 1970.

    Bench time never goes back, so a start takes at least this instant (DESIGN section 5).

    Raises:
        StateFileError: When a file can't be read, is no device memory, or is damaged.
    """
    return latest_instant_ms(sorted(state_dir.glob(f"*{_MEMORY_SUFFIX}")))
