"""A lock on a table whose time is a number: thousands of probes in a second, without a bench."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from typing import Any, Final

from firmware_sim.hardware.battery import FULL_PPM
from firmware_sim.hardware.rtc import Rtc, RtcState
from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.memory.flash_file import new_memory
from firmware_sim.memory.meta import factory_record
from firmware_sim.memory.records import DeviceState
from gateway.profiles import load_profiles
from hil_tests.oracles.time import Access, Holiday
from protocols.doorlock.vocabulary import (
    ClockQuality,
    CredentialType,
    OperatingMode,
    Status,
    UserStatus,
    UserType,
)
from protocols.doorlock.zone import LocalZone
from protocols.profiles.parser import Profile
from protocols.profiles.vocabulary import ClockOnPowerLoss
from protocols.strike import messages as m

_US_PER_S: Final = 1_000_000
# Seconds after which somebody looks after the cells, where a test lets years go by.
_CELLS_S: Final = 60 * 86_400
_TYPES: Final = {
    frozenset(): UserType.UNRESTRICTED_USER,
    frozenset({"year"}): UserType.YEAR_DAY_SCHEDULE_USER,
    frozenset({"week"}): UserType.WEEK_DAY_SCHEDULE_USER,
    frozenset({"year", "week"}): UserType.SCHEDULE_RESTRICTED_USER,
}


def roomy_profile(*, local_year_day: bool = False, **clock: Any) -> Profile:
    """A lock with room for several schedules a user, and a clock of that kind."""
    facts = load_profiles()["generic-native"]
    return dataclasses.replace(
        facts,
        pin_slot_count=40,
        year_day_per_user=4,
        week_day_per_user=7,
        holiday_count=10,
        local_year_day=local_year_day,
        clock=dataclasses.replace(facts.clock, **clock),
    )


class TimedLock:
    """One lock; instants are true seconds since 2000.

    Args:
        at_s: When it is made, its clock set right.
        zone: The zone that it keeps itself; None = a distance from UTC that is set.
        profile: The facts of its kind.
        utc_offset_min: Local time minus UTC that it is set to, minutes.
        drift_ppm: How much too fast its clock runs, parts per million.
        error_s: How far its clock is ahead at first, seconds.
        on_power_loss: What a power cut does to its clock.
    """

    def __init__(
        self,
        at_s: int,
        *,
        zone: LocalZone | None = None,
        profile: Profile | None = None,
        utc_offset_min: int = 0,
        drift_ppm: float = 0.0,
        error_s: float = 0.0,
        on_power_loss: ClockOnPowerLoss = ClockOnPowerLoss.KEEPS,
    ) -> None:
        self.profile = profile or roomy_profile()
        self.serial_number = "SN-1"
        self.at_s: float = at_s
        self._epoch_s = at_s
        fresh = Rtc.fresh(
            world_epoch_us=at_s * _US_PER_S,
            now=0.0,
            utc_offset_min=utc_offset_min,
            error_s=error_s,
        )
        factory = factory_record(self.profile, serial_number=self.serial_number, salt=bytes(16))
        self.memory = new_memory(factory, DeviceState(clock=fresh))
        self.rtc = Rtc(
            fresh,
            world_epoch_us=at_s * _US_PER_S,
            drift_ppm=drift_ppm,
            holdover_ppm=self.profile.clock.holdover_ppm,
            on_power_loss=on_power_loss,
            zone=zone,
        )
        self.firmware = LockFirmware(self, self.memory, self.rtc)
        self._users = 0
        self._holidays = 0

    # --- time -------------------------------------------------------------------------------

    @property
    def _now(self) -> float:
        return self.at_s - self._epoch_s

    def go(self, at_s: float) -> None:
        """Let time pass up to an instant; it never goes back, and its cells never run out."""
        assert at_s >= self.at_s, "time does not go back"
        while at_s - self.at_s > _CELLS_S:
            self.at_s += _CELLS_S
            self.firmware.hardware.set_charge(FULL_PPM, self._now)
        self.at_s = at_s

    def set_clock(self, *, utc_s: int | None = None, utc_offset_min: int = 0) -> Status:
        """Set its clock, to the truth unless told otherwise."""
        shown_s = int(self.at_s) if utc_s is None else utc_s
        return self.ask(m.SetTime(utc_s=shown_s, utc_offset_min=utc_offset_min))

    def cut_power(self, seconds: float) -> None:
        """Take power away for so long."""
        self.firmware.power(False, self._now)
        self.at_s += seconds
        self.firmware.power(True, self._now)

    def disturb(self, state: RtcState) -> None:
        """Put the clock into another state, behind the lock's back."""
        self.firmware.disturb_clock(lambda _rtc: state, self._now)

    def warm(self, temperature_c: float) -> None:
        """Give its crystal another temperature."""
        self.disturb(self.rtc.when_warmed(temperature_c, self._now))

    def jump(self, seconds: float) -> None:
        """Let its clock jump."""
        self.disturb(self.rtc.when_jumped(seconds, self._now))

    @property
    def status(self) -> m.DeviceStatus:
        """What it tells of itself."""
        status = self.firmware.handle(m.GetStatus(), self._now)
        assert isinstance(status, m.DeviceStatus)
        return status

    def quality(self) -> ClockQuality:
        """How far it trusts its clock."""
        return self.status.clock_quality

    @property
    def shown(self) -> dt.datetime:
        """What its clock shows, to the second."""
        return dt.datetime(2000, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=self.status.utc_s)

    # --- memory -----------------------------------------------------------------------------

    def ask(self, message: Any) -> Status:
        """Send a request that is answered by a status."""
        reply = self.ask_for(message)
        assert isinstance(reply, m.StatusReply), reply
        return reply.status

    def ask_for(self, message: Any) -> Any:
        """Send a request; its answer."""
        return self.firmware.handle(message, self._now)

    def admit_year(self, start_s: int, end_s: int) -> str:
        """Store a user with one year-day window; returns its code."""
        return self.admit(Access(kinds=frozenset({"year"}), windows=((start_s, end_s),)))

    def admit(self, access: Access) -> str:
        """Store a user with its schedules; returns its code."""
        self._users += 1
        slot, code = self._users, f"{self._users:04}"
        requests: list[Any] = [
            m.SetUser(
                user_index=slot,
                revision=1,
                user_status=UserStatus.OCCUPIED_ENABLED,
                user_type=_TYPES[access.kinds],
                user_name="",
            )
        ]
        requests += [
            m.SetYearDaySchedule(
                year_day_index=index, user_index=slot, revision=1, start_s=start_s, end_s=end_s
            )
            for index, (start_s, end_s) in enumerate(access.windows, start=1)
        ]
        requests += [
            m.SetWeekDaySchedule(
                week_day_index=index,
                user_index=slot,
                revision=1,
                days_mask=mask,
                start_min=start_min,
                end_min=end_min,
            )
            for index, (mask, start_min, end_min) in enumerate(access.spans, start=1)
        ]
        requests.append(
            m.SetCredential(
                credential_type=CredentialType.PIN,
                credential_index=slot,
                revision=1,
                user_index=slot,
                credential_data=code.encode(),
            )
        )
        for request in requests:
            assert self.ask(request) is Status.SUCCESS, request
        return code

    def keep_holidays(self, holidays: Iterable[Holiday]) -> None:
        """Store holidays."""
        for one in holidays:
            self._holidays += 1
            request = m.SetHolidaySchedule(
                holiday_index=self._holidays,
                revision=1,
                local_start_s=one.start_s,
                local_end_s=one.end_s,
                operating_mode=OperatingMode[one.mode.upper()],
            )
            assert self.ask(request) is Status.SUCCESS, request

    # --- the door ---------------------------------------------------------------------------

    def enter(self, code: str) -> str:
        """Type a code; what the lock made of it."""
        return self.firmware.enter(code + "#", self._now).reason.value

    def opens(self, code: str) -> bool:
        """Type a code that the lock holds; whether it opened."""
        reason = self.enter(code)
        assert reason in {"opened", "outside_schedule", "privacy"}, reason
        return reason == "opened"
