"""A lock's own clock: it drifts, is set now and then, and has its own idea of a power cut.

The clock runs no timer. It keeps one *anchor* (a true instant and what the clock showed then) and
computes every reading from it, so an idle clock costs nothing. Only this file knows the true
time; the firmware sees what its clock shows.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Final

from protocols.doorlock.vocabulary import ClockQuality

# Resolution of the arithmetic: microseconds hold every instant until 2136 in 52 bits, so a float
# loop time of a century still rounds to the right one.
_US_PER_S: Final = 1_000_000
# Drift is kept in parts per billion: 1 ppb is 32 ms a year.
_PPB: Final = 1_000_000_000
# The wire carries u32 seconds (DESIGN D19): a clock that runs past 2136 stays at the end.
_LAST_S: Final = 0xFFFF_FFFF
# What a clock shows after it lost everything: 2000-01-01T00:00:00Z, the epoch of the wire.
_RESET_US: Final = 0


class ClockOnPowerLoss(enum.StrEnum):
    """What a power cut does to a clock (variants seen in real locks)."""

    KEEPS = "keeps"  # a cell of its own carries it through
    RESUMES = "resumes"  # it stops, and goes on from where it stopped
    LOST = "lost"  # it starts again at its reset value, and knows that it did


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RtcState:
    """The anchor of a clock: everything it needs to go on.

    Attributes:
        true_us: World instant of the anchor, microseconds since 2000-01-01Z.
        device_us: What the clock showed at that instant, same unit.
        utc_offset_min: Local time minus UTC, minutes, as last set.
        quality: How far the clock can be trusted.
        is_running: False while a clock without power stands still.
    """

    true_us: int
    device_us: int
    utc_offset_min: int
    quality: ClockQuality
    is_running: bool = True


class Rtc:
    """A drifting clock.

    Args:
        state: Where it goes on from; see `Rtc.fresh`.
        world_epoch_us: True instant of loop time 0.0, microseconds since 2000-01-01Z.
        drift_ppm: How much too fast it runs, parts per million; -1e6 < drift.
        on_power_loss: What a power cut does to it.
    """

    __slots__ = ("_drift_ppb", "_on_power_loss", "_state", "_world_epoch_us")

    def __init__(
        self,
        state: RtcState,
        *,
        world_epoch_us: int,
        drift_ppm: float = 0.0,
        on_power_loss: ClockOnPowerLoss = ClockOnPowerLoss.KEEPS,
    ) -> None:
        self._state = state
        self._world_epoch_us = world_epoch_us
        self._drift_ppb = round(drift_ppm * 1000)
        self._on_power_loss = on_power_loss

    @staticmethod
    def fresh(
        *, world_epoch_us: int, now: float, utc_offset_min: int = 0, error_s: float = 0.0
    ) -> RtcState:
        """The state of a clock set at the factory, `error_s` seconds ahead of the truth."""
        true_us = world_epoch_us + round(now * _US_PER_S)
        return RtcState(
            true_us=true_us,
            device_us=max(_RESET_US, true_us + round(error_s * _US_PER_S)),
            utc_offset_min=utc_offset_min,
            quality=ClockQuality.TRUSTED,
        )

    @property
    def state(self) -> RtcState:
        """What to persist."""
        return self._state

    @property
    def quality(self) -> ClockQuality:
        """How far the clock can be trusted."""
        return self._state.quality

    @property
    def utc_offset_min(self) -> int:
        """Local time minus UTC in minutes."""
        return self._state.utc_offset_min

    def read_us(self, now: float) -> int:
        """What the clock shows at loop time `now`, microseconds since 2000-01-01Z."""
        return self.would_read_us(self._state, now)

    def would_read_us(self, state: RtcState, now: float) -> int:
        """What the clock would show at loop time `now` if it were in that state."""
        if not state.is_running:
            return state.device_us
        elapsed_us = self._true_us(now) - state.true_us
        return state.device_us + elapsed_us * (_PPB + self._drift_ppb) // _PPB

    def read_s(self, now: float) -> int:
        """What the clock shows at loop time `now`, whole seconds since 2000-01-01Z, as u32."""
        return self.would_read_s(self._state, now)

    def would_read_s(self, state: RtcState, now: float) -> int:
        """What the clock would show in whole seconds if it were in that state."""
        return min(max(self.would_read_us(state, now) // _US_PER_S, 0), _LAST_S)

    def restore(self, state: RtcState) -> None:
        """Go on from a state computed by `when_set`, `when_cut` or `when_powered`."""
        self._state = state

    def when_set(self, utc_s: int, utc_offset_min: int, now: float) -> RtcState:
        """The state after being set; nothing changes before `restore`, so it can be persisted."""
        return RtcState(
            true_us=self._true_us(now),
            device_us=utc_s * _US_PER_S,
            utc_offset_min=utc_offset_min,
            quality=ClockQuality.TRUSTED,
        )

    def set(self, utc_s: int, utc_offset_min: int, now: float) -> None:
        """Set the clock to `utc_s` seconds since 2000-01-01Z; it is trusted again."""
        self._state = self.when_set(utc_s, utc_offset_min, now)

    def when_cut(self, now: float) -> RtcState:
        """The state from the moment that main power goes."""
        return dataclasses.replace(
            self._state,
            true_us=self._true_us(now),
            device_us=self.read_us(now),
            is_running=self._on_power_loss is ClockOnPowerLoss.KEEPS,
        )

    def when_powered(self, now: float) -> RtcState:
        """The state from the moment that main power is back."""
        if self._on_power_loss is ClockOnPowerLoss.LOST:
            return RtcState(
                true_us=self._true_us(now),
                device_us=_RESET_US,
                utc_offset_min=self._state.utc_offset_min,
                quality=ClockQuality.LOST,
            )
        kept_quality = (
            ClockQuality.HOLDOVER
            if self._state.quality is ClockQuality.TRUSTED
            else self._state.quality
        )
        return dataclasses.replace(
            self._state,
            true_us=self._true_us(now),
            device_us=self.read_us(now),
            quality=kept_quality,
            is_running=True,
        )

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
