"""The words of a brand profile: enums of what locks do differently.

The value of a member is the word that a profile file writes.
"""

from __future__ import annotations

import enum


class ZoneAwareness(enum.StrEnum):
    """What a lock knows of local time."""

    ZONE = "zone"  # a time zone with its rule for daylight saving
    OFFSET = "offset"  # a distance from UTC, right until the next change
    NONE = "none"  # nothing: its clock shows what it was set to


class DstQuirk(enum.StrEnum):
    """What goes wrong with stored windows when daylight saving begins or ends."""

    NONE = "none"
    # Local bounds are made with the distance from UTC of the day they are written on, so a window
    # beyond a change is off by an hour (Schlage).
    OFFSET_AT_WRITE = "offset_at_write"


class ClockOnPowerLoss(enum.StrEnum):
    """What a power cut does to a clock (variants seen in real locks)."""

    KEEPS = "keeps"  # a cell of its own carries it through
    RESUMES = "resumes"  # it stops, and goes on from where it stopped
    LAST_FULL_HOUR = "last_full_hour"  # it falls back to the last full hour that it showed
    EPOCH_2009 = "epoch_2009"  # it starts again at 2009-01-01
    LOST = "lost"  # it starts again at its reset value, and knows that it did
