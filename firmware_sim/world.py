"""The simulated world: devices on one air, each with its own memory, clock, power and radio.

A `World` is built on a running loop and owns no task and no timer: devices act when the radio, a
finger or the bench acts on them. Every device goes by three names (bench name, display name,
device id), all in one name space.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self
from urllib.parse import quote

from firmware_sim.errors import DeviceConflict, UnknownDevice
from firmware_sim.faults.actor import FaultActor
from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.hardware.rtc import ClockOnPowerLoss, Rtc
from firmware_sim.kernel.clock import EPOCH_2000_MS, WorldClock
from firmware_sim.kernel.streams import Streams
from firmware_sim.kernel.trace import Trace
from firmware_sim.locks.endpoint import StrikeEndpoint
from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.locks.outcome import KeypadOutcome
from firmware_sim.memory.plain import PlainMemory, open_memory
from firmware_sim.memory.records import DeviceState
from firmware_sim.memory.state_file import StateFile, latest_instant_ms
from firmware_sim.memory.view import MemoryView
from firmware_sim.radio.link import SimLink
from firmware_sim.radio.peripheral import LockPeripheral
from firmware_sim.troubles import Troubles
from protocols.profiles.parser import Profile
from protocols.strike.gatt import Advertisement, profile_hint

_US_PER_MS: Final = 1_000
# Milliseconds. A phone or gateway that wants this lock has it within a fifth of a second, so what
# settles at a standing clock moves it by less than a second. Source: one of the intervals that
# Apple's accessory design guidelines recommend.
ADVERTISING_INTERVAL_MS: Final = 211.25
_MEMORY_SUFFIX: Final = ".memory"


class LoopTime(Protocol):
    """The part of an event loop that the world needs."""

    def time(self) -> float:
        """Seconds since the loop's zero."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> asyncio.TimerHandle:
        """Call back after a delay in seconds; for devices with a fault plan."""


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
        clock_on_power_loss: What a power cut does to its clock.
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
    clock_on_power_loss: ClockOnPowerLoss = ClockOnPowerLoss.KEEPS
    is_public_address: bool = False
    faults: FaultPlan = NO_FAULTS

    @property
    def serial_number(self) -> str:
        """Its serial number: the digits of its address, as many makers have it."""
        return self.address.replace(":", "").upper()


class BoundTrace:
    """The trace as one device sees it.

    Args:
        trace: The trace of the run.
        device: The device's bench name.
    """

    __slots__ = ("_device", "_trace")

    def __init__(self, trace: Trace, device: str) -> None:
        self._trace = trace
        self._device = device

    def record(self, kind: str, **data: Any) -> None:
        """Note an event of this device."""
        self._trace.record(self._device, kind, **data)

    def pin_tag(self, code: str) -> str:
        """What stands for a PIN in the trace."""
        return self._trace.pin_tag(code)


class Device:
    """A lock of the world.

    Attributes:
        spec: What it is.
        firmware: What it does.
        endpoint: What is behind its GATT service.
        peripheral: Its radio.
        actor: What goes wrong with it; None until it has its first fault plan.
    """

    __slots__ = ("_advertised", "actor", "endpoint", "firmware", "peripheral", "spec")

    def __init__(
        self,
        spec: DeviceSpec,
        firmware: LockFirmware,
        endpoint: StrikeEndpoint,
        link: SimLink,
    ) -> None:
        self.spec = spec
        self.firmware = firmware
        self.endpoint = endpoint
        self.actor: FaultActor | None = None
        self._advertised = self._advertisement()
        self.peripheral = LockPeripheral(
            link,
            address=spec.address,
            name=spec.display_name,
            endpoint=endpoint,
            is_public=spec.is_public_address,
            manufacturer_data=self._advertised,
            advertising_interval_ms=ADVERTISING_INTERVAL_MS,
        )
        firmware.on_log_change(self._advertise)

    def _advertisement(self) -> bytes:
        return Advertisement(
            has_news=self.firmware.has_news,
            profile_hint=profile_hint(self.spec.profile.profile_id),
            log_next_low=self.firmware.log_next_index & 0xFFFF,
        ).encode()

    def _advertise(self) -> None:
        """Advertise the present state, when it differs from what is advertised."""
        data = self._advertisement()
        if data != self._advertised:
            self._advertised = data
            self.peripheral.set_advertisement(data)


class World:
    """All devices of one bench; an async context manager, single-use.

    Args:
        loop: Whose time runs.
        streams: Named random streams; the radio draws from them.
        trace: The trace of the run.
        clock: The true time; its epoch belongs to the loop's zero.
        link: The air; None makes one.
        state_dir: Where device memories are kept; None keeps them in this process only.
    """

    def __init__(
        self,
        loop: LoopTime,
        streams: Streams,
        trace: Trace,
        clock: WorldClock,
        *,
        link: SimLink | None = None,
        state_dir: Path | None = None,
    ) -> None:
        self.link = SimLink(streams) if link is None else link
        self._now = loop.time
        self._loop = loop
        self._troubles = Troubles(loop, streams)
        self._trace = trace
        self._clock = clock
        self._state_dir = state_dir
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
            await device.peripheral.power_off()

    def add(self, spec: DeviceSpec) -> Device:
        """Build a device; `async with` switches its radio on.

        Raises:
            DeviceConflict: When another device has one of its names, its id or its address.
            StateFileError: When its state file can't be used.
        """
        names = self._free_names(spec)
        fresh = Rtc.fresh(
            world_epoch_us=self._world_epoch_us,
            now=self._now(),
            utc_offset_min=spec.utc_offset_min,
            error_s=spec.clock_error_s,
        )
        memory = self._memory(spec, DeviceState(clock=fresh))
        rtc = Rtc(
            memory.state.clock,
            world_epoch_us=self._world_epoch_us,
            drift_ppm=spec.drift_ppm,
            on_power_loss=spec.clock_on_power_loss,
        )
        trace = BoundTrace(self._trace, spec.name)
        firmware = LockFirmware(spec.profile, spec.serial_number, memory, rtc, trace)
        endpoint = StrikeEndpoint(
            firmware, now=self._now, later=self._loop.call_later, trace=trace
        )
        device = Device(spec, firmware, endpoint, self.link)
        self._devices.append(device)
        for name in names:
            self._by_name[name] = device
        if spec.faults != NO_FAULTS:
            self.set_faults(spec.name, spec.faults)
        return device

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
        if on:
            device.firmware.power(True, self._now())
            await self._boot(device)
        else:
            device.firmware.power(False, self._now())
            await device.peripheral.power_off()

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
        trace = BoundTrace(self._trace, device.spec.name)
        self._troubles.set_plan(device, device.spec.name, plan, trace)

    def _free_names(self, spec: DeviceSpec) -> dict[str, None]:
        """The names of a new device; checked before its state file is touched.

        Raises:
            DeviceConflict: When a name or the address is taken.
        """
        names = dict.fromkeys((spec.name, spec.device_id, spec.display_name))
        for name in names:
            if name in self._by_name:
                raise DeviceConflict(f"two devices are named {name!r}")
        if any(device.spec.serial_number == spec.serial_number for device in self._devices):
            raise DeviceConflict(f"two devices have the radio address {spec.address}")
        return names

    async def _boot(self, device: Device) -> None:
        if device.firmware.is_running:
            await device.peripheral.power_on()

    def _memory(self, spec: DeviceSpec, fresh: DeviceState) -> PlainMemory:
        log_capacity = spec.profile.log_capacity
        if self._state_dir is None:
            return PlainMemory(fresh, log_capacity=log_capacity)
        # Any string is an id, so it is escaped.
        path = self._state_dir / (quote(spec.device_id, safe="") + _MEMORY_SUFFIX)
        file = StateFile(path, device_id=spec.device_id, instant_ms=self._clock.now_ms)
        return open_memory(file, fresh, log_capacity=log_capacity)


def latest_instant_in(state_dir: Path) -> int | None:
    """The highest bench instant that any device memory of a folder carries, ms since 1970.

    Bench time never goes back, so a start takes at least this instant (DESIGN section 5).

    Raises:
        StateFileError: When a file can't be read, is no device memory, or is damaged.
    """
    return latest_instant_ms(sorted(state_dir.glob(f"*{_MEMORY_SUFFIX}")))
