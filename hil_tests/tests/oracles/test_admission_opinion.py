"""The oracle's own opinion on who may come in, from what a person can see."""

from __future__ import annotations

from typing import Any

import pytest

from hil_tests.oracles.admission import opinion

WINDOW = {
    "index": 1,
    "starts_at": "2025-07-10T12:00:00Z",
    "ends_at": "2025-07-10T13:00:00Z",
    "revision": 1,
}
ON_THE_WALL = {
    **WINDOW,
    "starts_at": "2025-07-10T14:00:00",
    "ends_at": "2025-07-10T15:00:00",
}
OFFICE = {
    "index": 1,
    "days": ("thursday",),
    "start": "12:00",
    "end": "13:00",
    "revision": 1,
}
INSIDE, BEFORE, AFTER = "2025-07-10T12:30:00Z", "2025-07-10T11:30:00Z", "2025-07-10T13:30:00Z"


def view(now: str = INSIDE, **changed: Any) -> dict[str, Any]:
    user = {"index": 1, "name": "", "status": "occupied_enabled", "revision": 1}
    user["type"] = changed.pop("type", "year_day_schedule_user")
    user["status"] = changed.pop("status", user["status"])
    slot = {
        "slot": 1,
        "code": "482915",
        "is_code_hashed": False,
        "revision": 1,
        "user": None if changed.pop("no_user", False) else user,
        "year_day": changed.pop("year_day", (WINDOW,)),
        "week_day": changed.pop("week_day", ()),
    }
    return {
        "slots": (slot,),
        "is_powered": changed.pop("is_powered", True),
        "counters": {"locked_out_until": changed.pop("locked_out_until", None)},
        "clock": {
            "now": now,
            "utc_offset_min": changed.pop("utc_offset_min", 0),
            "quality": changed.pop("quality", "trusted"),
        },
    }


@pytest.mark.parametrize(
    ("seen", "opens"),
    [
        (view(), True),
        (view(BEFORE), False),
        (view(AFTER), False),
        (view("2025-07-10T12:00:00Z"), None),
        (view("2025-07-10T13:00:01Z"), None),
        (view("2025-07-10T13:00:02Z"), False),
        (view(year_day=({**WINDOW, "ends_at": None},)), True),
        (view(year_day=()), False),
        # By the wall clock, two hours ahead.
        (view(year_day=(ON_THE_WALL,), utc_offset_min=120), True),
        (view(year_day=(ON_THE_WALL,), utc_offset_min=60), False),
        (view(year_day=({**ON_THE_WALL, "ends_at": None},), utc_offset_min=300), True),
        (view(BEFORE, type="unrestricted_user"), True),
        (view(BEFORE, type="forced_user"), True),
        (view(BEFORE, type="disposable_user"), True),
        (view(type="non_access_user"), False),
        (view(type="remote_only_user"), False),
        (view(type="expiring_user"), None),
        (view(status="occupied_disabled"), False),
        (view(no_user=True), False),
        (view(is_powered=False), False),
        (view(quality="holdover"), True),
        (view(quality="lost"), False),
        (view(quality="rolled_back"), False),
        (view(quality="lost", type="unrestricted_user"), True),
        (view(locked_out_until="2025-07-10T12:31:00Z"), False),
        (view(locked_out_until="2025-07-10T12:30:01Z"), None),
        (view(locked_out_until="2025-07-10T12:29:00Z"), True),
        (view(type="week_day_schedule_user", week_day=(OFFICE,)), True),
        (view(BEFORE, type="week_day_schedule_user", week_day=(OFFICE,)), False),
        (view(BEFORE, type="week_day_schedule_user", week_day=(OFFICE,), utc_offset_min=60), True),
        (view("2025-07-10T12:59:59Z", type="week_day_schedule_user", week_day=(OFFICE,)), None),
        (view(type="week_day_schedule_user"), False),
        (view(type="schedule_restricted_user", year_day=(), week_day=()), False),
        (view(type="schedule_restricted_user", week_day=(OFFICE,)), True),
        (view(type="schedule_restricted_user", week_day=({**OFFICE, "end": "12:10"},)), False),
    ],
)
def test_code_is_to_open_when_everything_allows_it(
    seen: dict[str, Any],
    opens: bool | None,  # noqa: FBT001 - a value of the table.
) -> None:
    assert opinion(seen, "482915").opens is opens


def test_code_that_no_slot_holds_is_not_to_open() -> None:
    assert opinion(view(), "111111").opens is False
