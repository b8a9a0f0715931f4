"""The simulated world: devices on one air, each with its own memory, clock, power and radio.

A `World` is built on a running loop and owns no task: devices act when the radio, a finger or the
bench acts on them. A device has a timer only while something of its own is due.

Every device goes by three names (bench name, display name, device id), all in one name space.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from firmware_sim.device import Device, DeviceSpec
from firmware_sim.errors import DeviceConflict, SimulationError, UnknownDevice
from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.flash.errors import FlashMisused
from firmware_sim.hardware.battery import FULL_PPM, new_supply
from firmware_sim.hardware.rtc import Rtc, RtcState
from firmware_sim.kernel.alarm import Alarms, TimerLoop
from firmware_sim.kernel.clock import EPOCH_2000_MS, WorldClock
from firmware_sim.kernel.streams import Streams, derive_seed
from firmware_sim.kernel.trace import Trace
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
from firmware_sim.radio.open_radio import RadioKind, open_radio
from firmware_sim.troubles import Troubles
from protocols.doorlock.zone import LocalZone
from protocols.profiles.vocabulary import ZoneAwareness

_US_PER_MS: Final = 1_000
_US_PER_S: Final = 1_000_000
# Bytes of the salt of a lock's own: as many as its hashes have.
_SALT_BYTES: Final = 16
_MEMORY_SUFFIX: Final = ".memory"
# Makes the memory of a new lock from what the factory writes into it and its first state.
MemoryMaker = Callable[[FactoryRecord, DeviceState], LockMemory]


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
        battery = new_supply(fresh.true_us, is_wired=spec.profile.has_direct_power)
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

    def warm(self, name: str, temperature_c: float) -> None:
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
        return self._flash_memory(name).image(area)

    async def load_flash(self, name: str, image: bytes, area: FlashArea | None = None) -> None:
        """Put an image into a device's flash, or into one area of it, while its power is off.

        Cancellation: as `power`.

        Raises:
            UnknownDevice: When there is no such device.
            FlashMisused: When it has another size; nothing changed.
            SimulationError: When no lock comes up from it, or it can't be kept; nothing changed.
        """
        memory = self._flash_memory(name)
        size = memory.flash.geometry.size if area is None else memory.flash_map.size(area)
        if len(image) != size:
            raise FlashMisused(0, f"an image of {len(image)} bytes does not fit: it has {size}")
        before, on = memory.flash.image(), memory.state.battery.is_inserted
        await self.power(name, on=False)
        try:
            memory.load(0 if area is None else memory.flash_map.offset(area), image)
            await self.power(name, on)
        except SimulationError:
            memory.load(0, before)
            await self.power(name, on)
            raise
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
            HardwareMissing: When it is wired.
        """
        device = self.device(name)
        device.firmware.hardware.jump(mv, self._now())
        await self._follow_supply(device)

    async def replace_cells(self, name: str) -> None:
        """Take a device's cells out and put fresh ones in.

        Cancellation: as `power`; call it again.

        Raises:
            UnknownDevice: When there is no such device.
            HardwareMissing: When it is wired.
        """
        self.hardware(name).check_cells()
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
