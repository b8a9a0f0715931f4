"""A lock as an oracle sees it, put together by a test."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from firmware_sim.locks.lock_hardware import HardwareView
from firmware_sim.memory.view import (
    ClockView,
    CountersView,
    HolidayView,
    MemoryView,
    SlotView,
    UserView,
    WeekDayView,
    YearDayView,
)
from gateway.profiles import load_profiles
from hil_tests.oracles.sight import Sight, pin_digest

CODE: Final = "482915"
INSIDE, BEFORE, AFTER = "2025-07-10T12:30:00Z", "2025-07-10T11:30:00Z", "2025-07-10T13:30:00Z"
WINDOW: Final = YearDayView(
    index=1, starts_at="2025-07-10T12:00:00Z", ends_at="2025-07-10T13:00:00Z", revision=1
)
# A Thursday, as the day of the window is.
OFFICE: Final = WeekDayView(index=1, days=("thursday",), start="12:00", end="13:00", revision=1)
_HEALTHY: Final = HardwareView(
    door="closed",
    door_state=None,
    bolt="locked",
    is_blocked=False,
    is_privacy_thrown=False,
    is_escutcheon_off=False,
    battery_mv=5900,
    battery_charge=1.0,
    battery_level="ok",
    jump_mv=0,
)


def holiday(mode: str) -> HolidayView:
    """A holiday about the window, by the wall of UTC."""
    return HolidayView(
        index=1,
        starts_at="2025-07-10T12:10:00",
        ends_at="2025-07-10T12:50:00",
        mode=mode,
        revision=1,
    )


def seen(  # noqa: PLR0913 - the facts of one lock.
    now: str = INSIDE,
    *,
    kind: str = "year_day_schedule_user",
    status: str = "occupied_enabled",
    year_day: tuple[YearDayView, ...] = (WINDOW,),
    week_day: tuple[WeekDayView, ...] = (),
    holidays: tuple[HolidayView, ...] = (),
    quality: str = "trusted",
    utc_offset_min: int = 0,
    locked_out_until: str | None = None,
    has_user: bool = True,
    is_hashed: bool = False,
    is_running: bool = True,
    hardware: dict[str, Any] | None = None,
    **facts: Any,
) -> Sight:
    """A lock whose first slot holds `CODE`; `facts` are those of its kind."""
    user = UserView(index=1, name="", status=status, type=kind, revision=1)
    slot = SlotView(
        slot=1,
        code=None if is_hashed else CODE,
        is_code_hashed=is_hashed,
        revision=1,
        user=user if has_user else None,
        year_day=year_day,
        week_day=week_day,
    )
    counters = CountersView(
        wrong_codes=0,
        lockouts=0,
        locked_out_until=locked_out_until,
        bolt_operations=0,
        log_oldest_index=0,
        log_next_index=0,
        log_read_index=0,
    )
    memory = MemoryView(
        slots=(slot,),
        holidays=holidays,
        tombstones=(),
        log=(),
        counters=counters,
        clock=ClockView(now=now, utc_offset_min=utc_offset_min, quality=quality),
        bolt="locked",
        is_powered=True,
        digest="",
    )
    return Sight(
        memory=memory,
        hardware=dataclasses.replace(_HEALTHY, **(hardware or {})),
        digests={1: pin_digest(1, 1, CODE)},
        profile=dataclasses.replace(load_profiles()["generic-native"], **facts),
        is_running=is_running,
    )
