"""Shall a code open? An opinion of its own, from what a person can see of a lock.

What goes in is the view of a device's memory, as `/bench/devices/{name}/memory` shows it; none of
the product's own schedule or admission code is used here. Where the view shows too little to be
sure, such as within the second in which a window opens, the opinion is "either".
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

View = Mapping[str, Any]

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Clocks in this state know nothing of the time.
_UNKNOWING: Final = ("lost", "rolled_back")
_ALWAYS: Final = ("unrestricted_user", "forced_user", "disposable_user")
_NEVER: Final = ("non_access_user", "remote_only_user")
_YEAR_DAY: Final = ("year_day_schedule_user", "schedule_restricted_user")
_WEEK_DAY: Final = ("week_day_schedule_user", "schedule_restricted_user")
# The view shows whole seconds, so an edge this near may lie on either side.
_EDGE: Final = dt.timedelta(seconds=1)


@dataclasses.dataclass(frozen=True, slots=True)
class Opinion:
    """What shall become of a code.

    Attributes:
        opens: True = it must, False = it must not, None = nobody can tell from outside.
        because: A half sentence.
        slot: The slot that holds the code, where one does.
        revision: Of that slot's PIN.
        is_one_time: True when it opens once in its life.
    """

    opens: bool | None
    because: str
    slot: int | None = None
    revision: int | None = None
    is_one_time: bool = False


def opinion(view: View, code: str) -> Opinion:
    """Shall this code open this door now, if its hardware is healthy?

    Args:
        view: What the device holds.
        code: The digits, without the key that submits them.
    """
    if not view["is_powered"]:
        return Opinion(False, "the lock has no power")
    holders = [slot for slot in view["slots"] if slot["code"] == code]
    if not holders:
        if any(slot["is_code_hashed"] for slot in view["slots"]):
            return Opinion(None, "the lock keeps hashes, and shows no code")
        return Opinion(False, "no slot holds it")
    slot = holders[0]
    locked_out = _before(view["clock"]["now"], view["counters"]["locked_out_until"])
    user = slot["user"]
    verdict: tuple[bool | None, str]
    if locked_out is not False:
        verdict = (None if locked_out is None else False, "the keypad is locked out")
    elif user is None:
        verdict = False, "it belongs to no user"
    elif user["status"] != "occupied_enabled":
        verdict = False, "its user is disabled"
    else:
        verdict = _by_type(view["clock"], slot, user["type"])
    return Opinion(
        *verdict,
        slot=slot["slot"],
        revision=slot["revision"],
        is_one_time=user is not None and user["type"] == "disposable_user",
    )


def _by_type(
    clock: Mapping[str, Any], slot: Mapping[str, Any], kind: str
) -> tuple[bool | None, str]:
    if kind in _ALWAYS:
        return True, "its user may always come in"
    if kind in _NEVER:
        return False, "its user may never come in by a code"
    if kind not in {*_YEAR_DAY, *_WEEK_DAY}:
        return None, f"what a {kind} may do depends on more than can be seen"
    if clock["quality"] in _UNKNOWING:
        return False, "the lock does not know what time it is"
    admitted: list[bool | None] = []
    if kind in _YEAR_DAY and (slot["year_day"] or kind == "year_day_schedule_user"):
        admitted.append(_in_year_days(clock, slot["year_day"]))
    if kind in _WEEK_DAY and (slot["week_day"] or kind == "week_day_schedule_user"):
        admitted.append(_in_week_days(clock, slot["week_day"]))
    if not admitted or False in admitted:
        return False, "it is outside its schedule"
    return (None, "it is at the edge of its schedule") if None in admitted else (True, "it is in")


def _in_year_days(clock: Mapping[str, Any], windows: Sequence[Mapping[str, Any]]) -> bool | None:
    """Windows are instants, or what the lock's wall clock shows where they are without a zone."""
    return _any(
        _between(
            _shown(clock) if at(window["starts_at"]).tzinfo is None else clock["now"],
            window["starts_at"],
            window["ends_at"],
        )
        for window in windows
    )


def _shown(clock: Mapping[str, Any]) -> str:
    """What the lock's wall clock shows."""
    local = at(clock["now"]) + dt.timedelta(minutes=clock["utc_offset_min"])
    return local.replace(tzinfo=None).isoformat()


def _in_week_days(clock: Mapping[str, Any], spans: Sequence[Mapping[str, Any]]) -> bool | None:
    """Door-local spans; the second beside an edge may lie on either side of it."""
    local = at(clock["now"]) + dt.timedelta(minutes=clock["utc_offset_min"])
    around = {_is_in_span(local + apart, spans) for apart in (-_EDGE, dt.timedelta(), _EDGE)}
    return around.pop() if len(around) == 1 else None


def _is_in_span(local: dt.datetime, spans: Sequence[Mapping[str, Any]]) -> bool:
    day, minute = _DAYS[local.weekday()], local.strftime("%H:%M")
    return any(day in span["days"] and span["start"] <= minute < span["end"] for span in spans)


def _any(each: Any) -> bool | None:
    seen = list(each)
    return True if True in seen else None if None in seen else False


def _between(now: str, starts_at: str, ends_at: str | None) -> bool | None:
    begun = _before(starts_at, now)
    ended = False if ends_at is None else _before(ends_at, now)
    if begun is False or ended is True:
        return False
    return None if begun is None or ended is None else True


def _before(early: str, late: str | None) -> bool | None:
    """Whether one instant lies before the other; None when it is too close to call."""
    if late is None:
        return False
    apart = at(late) - at(early)
    if abs(apart) <= _EDGE:
        return None
    return apart > dt.timedelta()


def at(instant: str) -> dt.datetime:
    """An instant of a view or of the API."""
    return dt.datetime.fromisoformat(instant)
