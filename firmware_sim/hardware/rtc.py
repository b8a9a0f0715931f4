"""A lock's own clock: it drifts, is set now and then, and has its own idea of a power cut.

The clock runs no timer. It keeps one *anchor* (a true instant and what the clock showed then) and
computes every reading from it, so an idle clock costs nothing. What changes its pace (temperature,
a disturbance) starts a new anchor: between two anchors the pace is constant. Only this file knows
the true time; the firmware sees what its clock shows.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from protocols.doorlock.vocabulary import ClockQuality
from protocols.doorlock.zone import LocalZone
from protocols.profiles.vocabulary import ClockOnPowerLoss as ClockOnPowerLoss  # noqa: PLC0414 - it is a clock's.

# Resolution of the arithmetic: microseconds hold every instant until 2136 in 52 bits, so a float
# loop time of a century still rounds to the right one.
_US_PER_S: Final = 1_000_000
_HOUR_US: Final = 3600 * _US_PER_S
# Drift is kept in parts per billion: 1 ppb is 32 ms a year.
_PPB: Final = 1_000_000_000
_PPB_PER_PPM: Final = 1000
# The wire carries u32 seconds (DESIGN D19): a clock that runs past 2136 stays at the end.
_LAST_S: Final = 0xFFFF_FFFF
# What a clock shows after it lost everything: 2000-01-01T00:00:00Z, the epoch of the wire.
_RESET_US: Final = 0
# 2009-01-01T00:00:00Z, microseconds since 2000: 9 years of 365 days and the leap days of 2000,
# 2004 and 2008.
_RESET_2009_US: Final = (9 * 365 + 3) * 24 * _HOUR_US
# What a tuning-fork crystal of 32,768 Hz does: it runs slower by 0.034 ppm a squared degree away
# from 25 degrees, whichever way. Source: data sheets of watch crystals (-0.034 +-0.006 ppm/K^2,
# turnover 25 +-5 degrees), such as Epson's FC-135 and Abracon's ABS07.
_CURVATURE_PPB: Final = -34
_TURNOVER_CENTI_C: Final = 2500
_CENTI: Final = 100
# A statement of time has whole seconds, so a clock that was just set is right to one.
_SET_ERROR_US: Final = _US_PER_S
# How long a capacitor carries a clock through before it falls back, true microseconds.
_GRACE_US: Final[Mapping[ClockOnPowerLoss, int]] = MappingProxyType(
    {
        # "More than 5 minutes without power" (manual of Waldis' axessor safe lock).
        ClockOnPowerLoss.LAST_FULL_HOUR: 5 * 60 * _US_PER_S,
        # "10 to 20 minutes" (Axess' LS page): the middle.
        ClockOnPowerLoss.EPOCH_2009: 15 * 60 * _US_PER_S,
    }
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RtcState:
    """The anchor of a clock: everything it needs to go on.

    All of it is hardware: registers of the clock, and the world around it.

    Attributes:
        true_us: World instant of the anchor, microseconds since 2000-01-01Z.
        device_us: What the clock showed at that instant, same unit.
        utc_offset_min: Local time minus UTC, minutes, as last set.
        quality: How far the clock can be trusted, by what its own hardware knows.
        is_running: False while a clock without power stands still.
        error_us: Bound of its error at the anchor, as far as it can know, microseconds.
        extra_ppb: Parts per billion by which something makes it run faster than it would.
        temperature_centi_c: Temperature of its crystal, hundredths of a degree Celsius.
        set_number: What its firmware wrote with the time into a register that it has for that.
    """

    true_us: int
    device_us: int
    utc_offset_min: int
    quality: ClockQuality
    is_running: bool = True
    error_us: int = _SET_ERROR_US
    extra_ppb: int = 0
    temperature_centi_c: int = _TURNOVER_CENTI_C
    set_number: int = 0

    @property
    def temperature_c(self) -> float:
        """Temperature of its crystal, degrees Celsius."""
        return self.temperature_centi_c / _CENTI


@functools.lru_cache(maxsize=64)
def _centi_c(temperature_c: float) -> int:
    """Hundredths of a degree; locks of one temperature share the number."""
    return round(temperature_c * _CENTI)


class Rtc:
    """A drifting clock.

    Args:
        state: Where it goes on from; see `Rtc.fresh`.
        world_epoch_us: True instant of loop time 0.0, microseconds since 2000-01-01Z.
        drift_ppm: How much too fast it runs at 25 degrees, parts per million; -1e6 < drift.
        holdover_ppm: By how much the bound of its error grows, parts per million.
        on_power_loss: What a power cut does to it.
        zone: Its own idea of local time, right or wrong; None = a distance from UTC that is set.
    """

    __slots__ = (
        "_drift_ppb",
        "_holdover_ppm",
        "_on_power_loss",
        "_state",
        "_world_epoch_us",
        "_zone",
    )

    def __init__(
        self,
        state: RtcState,
        *,
        world_epoch_us: int,
        drift_ppm: float = 0.0,
        holdover_ppm: int = 0,
        on_power_loss: ClockOnPowerLoss = ClockOnPowerLoss.KEEPS,
        zone: LocalZone | None = None,
    ) -> None:
        self._state = state
        self._world_epoch_us = world_epoch_us
        self._drift_ppb = round(drift_ppm * _PPB_PER_PPM)
        self._holdover_ppm = holdover_ppm
        self._on_power_loss = on_power_loss
        self._zone = zone

    @staticmethod
    def fresh(
        *,
        world_epoch_us: int,
        now: float,
        utc_offset_min: int = 0,
        error_s: float = 0.0,
        temperature_c: float = _TURNOVER_CENTI_C / _CENTI,
    ) -> RtcState:
        """The state of a clock set at the factory, `error_s` seconds ahead of the truth."""
        true_us = world_epoch_us + round(now * _US_PER_S)
        return RtcState(
            true_us=true_us,
            device_us=max(_RESET_US, true_us + round(error_s * _US_PER_S)),
            utc_offset_min=utc_offset_min,
            quality=ClockQuality.TRUSTED,
            temperature_centi_c=_centi_c(temperature_c),
        )

    # --- what it shows ----------------------------------------------------------------------

    @property
    def state(self) -> RtcState:
        """What to persist."""
        return self._state

    @property
    def zone(self) -> LocalZone | None:
        """Its own idea of local time."""
        return self._zone

    def read_us(self, now: float) -> int:
        """What the clock shows at loop time `now`, microseconds since 2000-01-01Z."""
        return self.would_read_us(self._state, now)

    def would_read_us(self, state: RtcState, now: float) -> int:
        """What the clock would show at loop time `now` if it were in that state."""
        return state.device_us + self._elapsed_us(state, now)

    def read_s(self, now: float) -> int:
        """What the clock shows at loop time `now`, whole seconds since 2000-01-01Z, as u32."""
        return self.would_read_s(self._state, now)

    def would_read_s(self, state: RtcState, now: float) -> int:
        """What the clock would show in whole seconds if it were in that state."""
        return min(max(self.would_read_us(state, now) // _US_PER_S, 0), _LAST_S)

    def would_offset_min(self, state: RtcState, utc_s: int) -> int:
        """What it would take for local time minus UTC, minutes, when it shows an instant."""
        return state.utc_offset_min if self._zone is None else self._zone.offset_min(utc_s)

    def would_error_us(self, state: RtcState, now: float) -> int:
        """The bound of its error in that state, microseconds, as far as the clock can know.

        It grows with the time since the clock was set. A clock that stood still does not know for
        how long, so that is not in it.
        """
        return state.error_us + self._elapsed_us(state, now) * self._holdover_ppm // _US_PER_S

    # --- what happens to it -----------------------------------------------------------------

    def restore(self, state: RtcState) -> None:
        """Go on from a state computed by one of the functions `when_...`."""
        self._state = state

    def when_set(self, utc_s: int, utc_offset_min: int, now: float) -> RtcState:
        """The state after being set; nothing changes before `restore`, so it can be persisted."""
        return dataclasses.replace(
            self._state,
            true_us=self._true_us(now),
            device_us=utc_s * _US_PER_S,
            utc_offset_min=utc_offset_min,
            quality=ClockQuality.TRUSTED,
            error_us=_SET_ERROR_US,
        )

    def set(self, utc_s: int, utc_offset_min: int, now: float) -> None:
        """Set the clock to `utc_s` seconds since 2000-01-01Z; it is trusted again."""
        self._state = self.when_set(utc_s, utc_offset_min, now)

    def when_warmed(self, temperature_c: float, now: float) -> RtcState:
        """The state from the moment that its crystal has that temperature, degrees Celsius."""
        return dataclasses.replace(
            self._anchored(now), temperature_centi_c=_centi_c(temperature_c)
        )

    def when_hurried(self, extra_ppm: float, now: float) -> RtcState:
        """The state from the moment that something makes it faster by so much; 0 = no more."""
        extra_ppb = round(extra_ppm * _PPB_PER_PPM)
        return dataclasses.replace(self._anchored(now), extra_ppb=extra_ppb)

    def when_jumped(self, seconds: float, now: float) -> RtcState:
        """The state after it jumped ahead (or back) by so much, without knowing it."""
        state = self._anchored(now)
        device_us = max(_RESET_US, state.device_us + round(seconds * _US_PER_S))
        return dataclasses.replace(state, device_us=device_us)

    def when_cut(self, now: float) -> RtcState:
        """The state from the moment that main power goes."""
        keeps = self._on_power_loss is ClockOnPowerLoss.KEEPS
        return dataclasses.replace(self._anchored(now), is_running=keeps)

    def when_powered(self, now: float) -> RtcState:
        """The state from the moment that main power is back."""
        state = self._state
        device_us = self.read_us(now)
        grace_us = _GRACE_US.get(self._on_power_loss, 0)
        true_us = self._true_us(now)
        # A clock that stands still has the moment of the cut for its anchor.
        is_over = true_us - state.true_us > grace_us
        quality = state.quality
        if quality is ClockQuality.TRUSTED:
            quality = ClockQuality.HOLDOVER
        match self._on_power_loss:
            case ClockOnPowerLoss.LOST:
                device_us, quality = _RESET_US, ClockQuality.LOST
            case ClockOnPowerLoss.LAST_FULL_HOUR if is_over:
                device_us -= device_us % _HOUR_US
            case ClockOnPowerLoss.EPOCH_2009 if is_over:
                device_us = _RESET_2009_US
            case ClockOnPowerLoss.LAST_FULL_HOUR | ClockOnPowerLoss.EPOCH_2009:
                # The capacitor carried it: it ran on all the time.
                device_us = self.would_read_us(dataclasses.replace(state, is_running=True), now)
            case ClockOnPowerLoss.KEEPS | ClockOnPowerLoss.RESUMES:
                pass
        return dataclasses.replace(
            state,
            true_us=true_us,
            device_us=device_us,
            quality=quality,
            error_us=self.would_error_us(state, now),
            is_running=True,
        )

    def _anchored(self, now: float) -> RtcState:
        """The same state with its anchor at `now`; a clock that stands still keeps its own."""
        if not self._state.is_running:
            return self._state
        return dataclasses.replace(
            self._state,
            true_us=self._true_us(now),
            device_us=self.read_us(now),
            error_us=self.would_error_us(self._state, now),
        )

    def _elapsed_us(self, state: RtcState, now: float) -> int:
        """Microseconds that the clock counted since its anchor."""
        if not state.is_running:
            return 0
        off_centi_c = state.temperature_centi_c - _TURNOVER_CENTI_C
        curve_ppb = _CURVATURE_PPB * off_centi_c * off_centi_c // (_CENTI * _CENTI)
        pace = _PPB + self._drift_ppb + state.extra_ppb + curve_ppb
        return (self._true_us(now) - state.true_us) * pace // _PPB

    def true_us(self, now: float) -> int:
        """The true instant of loop time `now`, microseconds since 2000-01-01Z.

        For what is no firmware: motors, doors and cells go by the true time.
        """
        return self._true_us(now)

    def loop_s(self, true_us: int) -> float:
        """Loop time of a true instant, microseconds since 2000-01-01Z."""
        return (true_us - self._world_epoch_us) / _US_PER_S

    def _true_us(self, now: float) -> int:
        return self._world_epoch_us + round(now * _US_PER_S)
