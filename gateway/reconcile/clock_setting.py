"""The clock of a device within a session: set where it is off, and its local time looked at."""

from __future__ import annotations

import dataclasses

from gateway.access.door_time import expected_offset_min
from gateway.drivers.interface import Driver
from gateway.errors import RequestRefused
from gateway.ports import Clock
from gateway.reconcile.reported import clock_error_ms
from protocols.doorlock.vocabulary import ClockQuality
from protocols.profiles.local_time import stores_local_bounds
from protocols.profiles.parser import Profile, ZoneAwareness
from protocols.strike.messages import DeviceStatus


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DoorClock:
    """What is known of the clock at a device's door.

    Attributes:
        profile: The facts of the device.
        time_zone: Zone of its door; None when nobody knows it.
        tolerance_ms: Distance from our clock that is not corrected.
    """

    profile: Profile
    time_zone: str | None
    tolerance_ms: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """A clock that was seen to.

    Attributes:
        status: The device's state after that.
        is_local_time_right: False when the device shows another local time than its door's zone
            has, and could not be told the right one.
        moves_windows: True when its distance from UTC is another one than before, and windows that
            it stores go by that.
    """

    status: DeviceStatus
    is_local_time_right: bool
    moves_windows: bool


async def see_to_clock(
    driver: Driver, status: DeviceStatus, door: DoorClock, clock: Clock
) -> ClockState:
    """Set a device's clock where it is off, not trusted, or told another distance from UTC.

    Args:
        driver: The conversation.
        status: The device's state, just asked for.
        door: What is known of its clock.
        clock: Tells UTC.

    Raises:
        RequestRefused: When the device lets nobody set its clock.
    """
    wanted_min = _expected_min(door, status, clock)
    is_told = door.profile.clock.zone is ZoneAwareness.OFFSET and wanted_min is not None
    offset_min = wanted_min if is_told and wanted_min is not None else status.utc_offset_min
    is_off = (
        abs(clock_error_ms(status, now_ms=clock.now_ms())) > door.tolerance_ms
        or status.clock_quality is not ClockQuality.TRUSTED
    )
    after = status
    if is_off or offset_min != status.utc_offset_min:
        await _set_time(driver, offset_min, status, is_off=is_off)
        after = await driver.status()
    if not is_told:
        # A lock that follows its zone goes by what its clock shows.
        wanted_min = _expected_min(door, after, clock)
    is_other = after.utc_offset_min != status.utc_offset_min
    return ClockState(
        status=after,
        is_local_time_right=wanted_min is None or after.utc_offset_min == wanted_min,
        moves_windows=is_other and stores_local_bounds(door.profile),
    )


def _expected_min(door: DoorClock, status: DeviceStatus, clock: Clock) -> int | None:
    return expected_offset_min(
        door.profile, door.time_zone, now_ms=clock.now_ms(), shown_s=status.utc_s
    )


async def _set_time(
    driver: Driver, offset_min: int, status: DeviceStatus, *, is_off: bool
) -> None:
    try:
        await driver.set_time(utc_offset_min=offset_min)
    except RequestRefused:
        if offset_min == status.utc_offset_min:
            raise
        # It takes no other distance from UTC, whatever its profile says: the device wins (DESIGN
        # D1). Its clock is set all the same.
        if is_off:
            await driver.set_time(utc_offset_min=status.utc_offset_min)
