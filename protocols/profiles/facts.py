"""The tables of a brand profile, as frozen dataclasses."""

from __future__ import annotations

import dataclasses

from protocols.profiles.vocabulary import ClockOnPowerLoss, DstQuirk, ZoneAwareness


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """The lock's own clock.

    Attributes:
        zone: What the lock knows of local time.
        dst_rule: Its own rule for daylight saving, as POSIX TZ writes it (`M3.2.0/2,M11.1.0/2`:
            month, week, day of the week, hour); "none" without one of its own.
        dst_quirk: What goes wrong with stored windows at a change.
        on_power_loss: What a power cut does to the clock.
        drift_ppm_max: Parts per million that it runs wrong at most.
        holdover_ppm: Parts per million by which the bound of its error grows since it was set.
        error_limit_s: Seconds of that bound beyond which the clock counts as lost; 0 = never.
        detects_rollback: True when the lock remembers how late it has been, and so notices a
            clock that went back.
        lost_admits: True when codes with a window open although the clock is lost.
    """

    zone: ZoneAwareness
    dst_rule: str
    dst_quirk: DstQuirk
    on_power_loss: ClockOnPowerLoss
    drift_ppm_max: int
    holdover_ppm: int
    error_limit_s: int
    detects_rollback: bool
    lost_admits: bool
