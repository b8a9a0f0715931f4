"""A device of the world: what it is, and its firmware, memory and radio joined."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Final

from firmware_sim.faults.actor import FaultActor
from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.hardware.rtc import Rtc
from firmware_sim.kernel.alarm import Alarms
from firmware_sim.kernel.trace import Trace
from firmware_sim.locks.endpoint import StrikeEndpoint
from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.memory.interface import LockMemory
from firmware_sim.radio.interface import PeripheralSettings, Radio
from firmware_sim.radio.peripheral import ATT_MTU_MAX
from protocols.doorlock.zone import LocalZone, parse_dst_rule
from protocols.profiles.local_time import zone_kept
from protocols.profiles.parser import Profile
from protocols.profiles.vocabulary import ClockOnPowerLoss, ZoneAwareness
from protocols.strike.gatt import Advertisement, profile_hint

# Milliseconds. A phone or gateway that wants this lock has it within a fifth of a second, so what
# settles at a standing clock moves it by less than a second. Source: one of the intervals that
# Apple's accessory design guidelines recommend.
ADVERTISING_INTERVAL_MS: Final = 211.25
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
        return zone_kept(facts, zone) if facts.zone is ZoneAwareness.ZONE else None

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
