"""Capabilities that a lock announces in `Info.features`."""

from __future__ import annotations

import enum


class Feature(enum.IntFlag):
    """Bits of `Info.features`: what the device can do."""

    PIN = 0x0001
    YEAR_DAY_SCHEDULES = 0x0002
    WEEK_DAY_SCHEDULES = 0x0004
    REMOTE_LOCK = 0x0008
    REMOTE_UNLOCK = 0x0010
    LOG = 0x0020
    DOOR_SENSOR = 0x0040
    TIME_ZONE = 0x0080
    HOLIDAY_SCHEDULES = 0x0100
