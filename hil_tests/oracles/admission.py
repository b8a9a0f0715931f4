"""Shall a code open? An opinion of its own, from what a person can see of a lock.

What goes in is what the bench routes show of a device and the facts of its kind; none of the
product's own schedule or admission code is used here, and the time is judged by `time`, which
shares no line with it either. What comes out are the answers that the lock may give, in the words
of the keypad route: one, as a rule. There are several only where nobody outside could know, such
as within the second in which a lockout ends.

The order in which a lock looks at things is that of `docs/reference/strike.md`: lockout, code,
user, operating mode, kind of user, schedules, privacy deadbolt, and last the parts that move.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import Final

from firmware_sim.memory.view import SlotView, WeekDayView, YearDayView
from hil_tests.oracles.lives import FirstUses, Life
from hil_tests.oracles.sight import Sight, at
from hil_tests.oracles.time import (
    EPOCH,
    NEVER_S,
    WALL_EPOCH,
    Access,
    Holiday,
    is_let_in,
    mode_of,
)

OPENING: Final = frozenset({"opened", "duress"})
# Clocks in this state know nothing of the time.
_UNKNOWING: Final = ("lost", "rolled_back")
# What a code of these users comes to, whatever the time is.
_BY_TYPE: Final = {
    "unrestricted_user": ("opened", "its user may always come in"),
    "disposable_user": ("opened", "its user may come in once and has not"),
    "forced_user": ("duress", "its user may always come in, and somebody forces them"),
    "non_access_user": ("non_access", "its user may never come in"),
    "remote_only_user": ("disabled", "its user may never come in by a code"),
}
# The kinds of schedules that a type is limited by.
_KINDS: Final = {
    "year_day_schedule_user": frozenset({"year"}),
    "week_day_schedule_user": frozenset({"week"}),
    "schedule_restricted_user": frozenset({"year", "week"}),
}
# Bits of a day mask, Sunday first.
_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
# Operating modes in which no code counts.
_SHUT: Final = ("privacy", "vacation")
# A lockout ends within a second that the view rounds up, and its clock shows whole seconds.
_EDGE: Final = dt.timedelta(seconds=1)
# Of full cells, a stalled motor of this trade pulls none down before they are half empty.
_WEAK_CHARGE: Final = 0.5
_OUTSIDE: Final = "outside_schedule"


@dataclasses.dataclass(frozen=True, slots=True)
class Opinion:
    """What shall become of a code.

    Attributes:
        answers: What the lock may answer.
        because: A half sentence.
        slot: The slot that holds the code, where one does.
        life: The life of its code, where its user is an expiring one.
        is_life_judged: False where an expired code opens too.
    """

    answers: frozenset[str]
    because: str
    slot: SlotView | None = dataclasses.field(default=None, repr=False)
    life: Life | None = None
    is_life_judged: bool = True

    @property
    def opens(self) -> bool | None:
        """True = it must, False = it must not, None = nobody can tell from outside."""
        if self.answers <= OPENING:
            return True
        return None if self.answers & OPENING else False


def opinion(sight: Sight, code: str, first_uses: FirstUses) -> Opinion:
    """What may this lock answer to a code that is entered whole?

    Args:
        sight: What can be seen of it.
        code: The digits, without the key that submits them.
        first_uses: What is known of codes that expire.
    """
    if not sight.is_running:
        return Opinion(frozenset({"no_power"}), "its processor does not run")
    wanted = _of_code(sight, code, first_uses)
    locked_out = _is_locked_out(sight)
    if locked_out:
        return dataclasses.replace(
            wanted, answers=frozenset({"locked_out"}), because="the keypad is locked out"
        )
    if locked_out is None:
        return dataclasses.replace(wanted, answers=wanted.answers | {"locked_out"})
    return wanted


def _of_code(sight: Sight, code: str, first_uses: FirstUses) -> Opinion:
    length = sight.profile.submit_length
    if length is not None and len(code) > length:
        # The lock takes the digits that make a code whole, and is left with the rest.
        head = _of_code(sight, code[:length], first_uses)
        if head.answers & OPENING:
            return head
        # A wrong code may have locked the keypad out before the rest was looked at.
        return Opinion(frozenset({"incomplete", "locked_out"}), "digits are left over")
    if len(code) < sight.profile.shortest_code:
        return Opinion(frozenset({"incomplete"}), "it is too short")
    slot = sight.holder(code)
    if slot is None or slot.user is None:
        return Opinion(frozenset({"unknown_code"}), "no slot holds it", slot)
    if slot.user.status != "occupied_enabled":
        return Opinion(frozenset({"disabled"}), "its user is disabled", slot)
    mode = mode_of_lock(sight)
    if mode in _SHUT:
        return Opinion(frozenset({"privacy"}), f"the lock is in mode {mode}", slot)
    wanted = _by_type(sight, slot, slot.user.type, first_uses)
    if mode == "passage" and _OUTSIDE in wanted.answers:
        wanted = dataclasses.replace(
            wanted,
            answers=wanted.answers - {_OUTSIDE} | {"opened"},
            because="the door is open to every enabled user",
            is_life_judged=False,
        )
    return _by_hardware(sight, wanted) if wanted.answers & OPENING else wanted


def _by_type(sight: Sight, slot: SlotView, kind: str, first_uses: FirstUses) -> Opinion:
    if kind in _BY_TYPE:
        answer, because = _BY_TYPE[kind]
        return Opinion(frozenset({answer}), because, slot)
    if kind == "programming_user":
        if sight.profile.keypad.programming_code_opens:
            return Opinion(frozenset({"opened"}), "the programming code opens here", slot)
        return Opinion(frozenset({"non_access"}), "the programming code opens nothing here", slot)
    is_known = sight.memory.clock.quality not in _UNKNOWING
    if kind == "expiring_user":
        return _by_first_use(sight, slot, first_uses, is_known=is_known)
    access = access_of(slot, kind)
    if not is_known:
        admits = sight.profile.clock.lost_admits and bool(access.windows or access.spans)
        because = "the lock does not know what time it is"
    else:
        admits = is_let_in(access, sight.shown, _zone(sight))
        because = "it is in its schedule" if admits else "it is outside its schedule"
    return Opinion(frozenset({"opened" if admits else _OUTSIDE}), because, slot)


def _by_first_use(
    sight: Sight, slot: SlotView, first_uses: FirstUses, *, is_known: bool
) -> Opinion:
    if not is_known:
        return Opinion(frozenset({_OUTSIDE}), "the lock does not know what time it is", slot)
    life = Life(slot.slot, slot.revision or 0)
    is_over = first_uses.is_over(life, sight.shown)
    answers = {None: {"opened", _OUTSIDE}, True: {_OUTSIDE}, False: {"opened"}}[is_over]
    because = "its first use is too long ago" if is_over else "it has not expired"
    return Opinion(frozenset(answers), because, slot, life)


def _by_hardware(sight: Sight, wanted: Opinion) -> Opinion:
    """What comes of a code that opens, by the parts that have to move."""
    parts, user = sight.hardware, None if wanted.slot is None else wanted.slot.user
    # Whoever programs the lock could take the privacy away anyway.
    if parts.is_privacy_thrown and (user is None or user.type != "programming_user"):
        return _kept_shut(wanted, {"privacy"}, "the privacy deadbolt is thrown")
    if not is_supplied(sight):
        return _kept_shut(wanted, {"no_power"}, "its cells are too low")
    if not parts.is_blocked or parts.bolt == "unlocked":
        return wanted
    # A motor that stalls on weak cells pulls the supply down before anything can be told.
    stalled = {"jammed", "no_power"} if parts.battery_charge < _WEAK_CHARGE else {"jammed"}
    if parts.bolt == "locked":
        return _kept_shut(wanted, stalled, "its bolt is blocked")
    # On its way out it needs no motor any more; stuck half-way it does.
    return dataclasses.replace(wanted, answers=wanted.answers | stalled)


def is_supplied(sight: Sight) -> bool:
    """Whether the motor gets enough to run, from the cells or from the jump terminals."""
    parts = sight.hardware
    return bool(parts.jump_mv) or parts.battery_mv > sight.profile.battery.cutoff_mv


def _kept_shut(wanted: Opinion, answers: set[str], because: str) -> Opinion:
    kept = wanted.answers - OPENING
    return dataclasses.replace(wanted, answers=kept | answers, because=because)


def _is_locked_out(sight: Sight) -> bool | None:
    until = sight.memory.counters.locked_out_until
    if until is None:
        return False
    left = at(until) - sight.shown
    if abs(left) <= _EDGE:
        return None
    return left > dt.timedelta()


def mode_of_lock(sight: Sight) -> str:
    """The operating mode; a lock that does not know the time knows no holiday."""
    if sight.memory.clock.quality in _UNKNOWING:
        return "normal"
    return mode_of(holidays_of(sight), sight.shown, _zone(sight))


def _zone(sight: Sight) -> dt.timezone:
    """Where the lock takes itself to be, at the instant that it shows."""
    return dt.timezone(dt.timedelta(minutes=sight.memory.clock.utc_offset_min))


def holidays_of(sight: Sight) -> tuple[Holiday, ...]:
    """The holidays that a lock holds."""
    return tuple(
        Holiday(start_s=_bound_s(each.starts_at), end_s=_bound_s(each.ends_at), mode=each.mode)
        for each in sight.memory.holidays
    )


def access_of(slot: SlotView, kind: str) -> Access:
    """What is stored of a slot's user, of the kinds of schedules that its type goes by.

    Args:
        slot: The slot.
        kind: Type of its user.
    """
    kinds = _KINDS[kind]
    windows = slot.year_day if "year" in kinds else ()
    return Access(
        kinds=kinds,
        windows=_windows(windows),
        # Those that a lock keeps by its wall clock are shown without a zone.
        windows_are_local=any(at(window.starts_at).tzinfo is None for window in windows),
        spans=_spans(slot.week_day) if "week" in kinds else (),
    )


def _windows(views: Sequence[YearDayView]) -> tuple[tuple[int, int], ...]:
    return tuple(
        (_bound_s(view.starts_at), NEVER_S if view.ends_at is None else _bound_s(view.ends_at))
        for view in views
    )


def _bound_s(instant: str) -> int:
    bound = at(instant)
    return round((bound - (WALL_EPOCH if bound.tzinfo is None else EPOCH)).total_seconds())


def _spans(views: Sequence[WeekDayView]) -> tuple[tuple[int, int, int], ...]:
    return tuple(
        (
            sum(1 << _DAYS.index(day) for day in view.days),
            _minutes(view.start),
            _minutes(view.end),
        )
        for view in views
    )


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
