"""The life of an access code as a pure function: facts and an instant in, state and news out.

Theory of operation: nothing here is remembered but in `CodeState`. `advance` is given what was
asked (the entry), what the device confirmed, the state so far and an instant; it returns the
state of that instant and what is to be told about the way there. It is called at creation, after
every change and every outcome of a session, and at every instant that `next_milestone_ms` named.

=========  ============================================================================
status     when
=========  ============================================================================
unset      before programming begins; natively scheduled: until the start
setting    just in time: from programming on, until the device confirmed it live;
           natively scheduled: the start has passed and the device did not confirm it
set        live: natively scheduled and past the start, or confirmed enabled
removing   deleted or past its end, and possibly still on the device
gone       deleted or past its end, and not on the device; or closed by the lock itself
=========  ============================================================================
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from gateway.access.text import iso_utc_or_none
from gateway.access.troubles import Trouble, added, has, removed
from gateway.plan.entry import (
    Confirmed,
    DesiredEntry,
    Phase,
    Scheduling,
    desired_phase,
    has_closed_itself,
    may_hold,
)
from gateway.plan.policy import Policy

# What stands in the way of setting a code: all of it is over once the device holds the code.
SETTING_ERRORS: Final = (
    "failed_to_set_on_device",
    "failed_to_update",
    "duplicate_code_on_device",
    "no_space_for_access_code_on_device",
    "code_constraints_violated",
    "provider_issue",
    "insufficient_permissions",
    "access_code_inactive",
    "conflicting_external_modification",
    "failed_to_issue",
)
SETTING_WARNINGS: Final = ("delay_in_setting_on_device", "delay_in_issuing")
# What stands in the way of removing a code: over once nothing has to leave any more.
REMOVAL_ERROR: Final = "failed_to_remove_from_device"
OVERDUE_ERROR: Final = "failed_to_delete"
REMOVAL_WARNING: Final = "delay_in_removing_from_device"
CREATION: Final = ("creating", "deferring_creation")
# What an update waits for, and the event that tells its arrival.
UPDATE_EVENTS: Final = {
    "updating_name": "access_code.name_changed",
    "updating_code": "access_code.code_changed",
    "updating_time_frame": "access_code.time_frame_changed",
}
_DESCRIPTIONS: Final = {
    "updating_name": "The name of the access code was changed",
    "updating_code": "The code of the access code was changed",
    "updating_time_frame": "The time frame of the access code was changed",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CodeState:
    """What of an access code changes by itself; the columns of the same names."""

    status: str = "unset"
    is_scheduled_on_device: bool = False
    pending_mutations: list[dict[str, Any]] = dataclasses.field(default_factory=list, repr=False)
    errors: list[Trouble] = dataclasses.field(default_factory=list)
    warnings: list[Trouble] = dataclasses.field(default_factory=list)
    next_milestone_at_ms: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something to tell: an event's type and its own fields beside the usual ids."""

    event_type: str
    fields: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Where an access code is now.

    Attributes:
        state: Its state; of no use when it is gone.
        news: What to tell, in order.
        is_gone: True when the object ends here.
    """

    state: CodeState
    news: tuple[News, ...] = ()
    is_gone: bool = False


def is_in_force(entry: DesiredEntry, confirmed: Confirmed) -> bool:
    """True when the device will open inside the window without further help."""
    needed = Phase.STORED if entry.scheduling is Scheduling.NATIVE else Phase.ENABLED
    return confirmed.phase is needed and confirmed.revision == entry.revision


def is_fresh(entry: DesiredEntry, confirmed: Confirmed) -> bool:
    """True when what the device confirmed is the present content."""
    return confirmed.phase is not Phase.ABSENT and confirmed.revision == entry.revision


def advance(
    entry: DesiredEntry,
    confirmed: Confirmed,
    state: CodeState,
    policy: Policy,
    at_ms: int,
    *,
    was_on_device: bool,
) -> Advance:
    """The state of an access code at an instant, and what is to be told.

    Args:
        entry: What was asked; `is_deleted` for a code on its way out.
        confirmed: What the device confirmed.
        state: The state so far.
        policy: Leads and graces.
        at_ms: The instant, milliseconds since 1970.
        was_on_device: True when the device held it before what is told now.
    """
    removal = (News(event_type="access_code.removed_from_device"),)
    is_closed = has_closed_itself(entry, confirmed, at_ms)
    is_over = entry.ends_at_ms is not None and at_ms >= entry.ends_at_ms
    if is_closed or (not may_hold(confirmed) and (entry.is_deleted or is_over)):
        last = News(event_type="access_code.deleted", fields={"code": entry.code})
        return Advance(state=state, news=(*(removal if was_on_device else ()), last), is_gone=True)
    mutations, arrived = _mutations(entry, confirmed, state, at_ms, is_over=is_over)
    status = _status(entry, confirmed, at_ms, is_over=is_over)
    is_scheduled = (
        status == "unset"
        and entry.scheduling is Scheduling.NATIVE
        and confirmed.phase is Phase.STORED
    )
    news = [_arrival(mutation) for mutation in arrived]
    if news:
        news.append(News(event_type="access_code.changed"))
    if is_scheduled and not state.is_scheduled_on_device:
        news.append(
            News(event_type="access_code.scheduled_on_device", fields={"code": entry.code})
        )
    if status == "set" and state.status != "set":
        news.append(News(event_type="access_code.set_on_device", fields={"code": entry.code}))
    if was_on_device and not may_hold(confirmed):
        news.extend(removal)
    errors, warnings = _troubles(entry, confirmed, state, policy, at_ms)
    return Advance(
        state=CodeState(
            status=status,
            is_scheduled_on_device=is_scheduled,
            pending_mutations=mutations,
            errors=errors,
            warnings=warnings,
            next_milestone_at_ms=next_milestone_ms(entry, confirmed, policy, at_ms),
        ),
        news=tuple(news),
    )


def deadline_ms(entry: DesiredEntry, policy: Policy) -> int:
    """From when on a code that is not in force counts as failed: its start, or one session later.

    A just-in-time code is enabled at its start, which takes a session; so does one that was asked
    for so late that it is programmed at once.
    """
    start_ms = _start_ms(entry)
    graced_ms = entry.program_at_ms + policy.issue_grace_ms
    if entry.scheduling is Scheduling.JUST_IN_TIME:
        graced_ms = max(graced_ms, start_ms + policy.issue_grace_ms)
    return max(start_ms, graced_ms)


def _overdue_ms(entry: DesiredEntry, policy: Policy) -> int | None:
    """From when on a code past its end should have left its device: one session later."""
    return None if entry.ends_at_ms is None else entry.ends_at_ms + policy.issue_grace_ms


def delay_ms(entry: DesiredEntry, policy: Policy) -> int:
    """From when on a code that is not on its device is late."""
    return max(
        entry.program_at_ms + policy.issue_grace_ms,
        _start_ms(entry) - policy.issue_warning_lead_ms,
    )


def next_milestone_ms(
    entry: DesiredEntry, confirmed: Confirmed, policy: Policy, at_ms: int
) -> int | None:
    """The first instant after `at_ms` at which time alone may change the state; None if never."""
    instants = [entry.ends_at_ms, _overdue_ms(entry, policy)]
    if not entry.is_deleted:
        instants += [entry.program_at_ms, entry.starts_at_ms]
        if not is_in_force(entry, confirmed):
            instants += [delay_ms(entry, policy), deadline_ms(entry, policy)]
    return min((one for one in instants if one is not None and one > at_ms), default=None)


def creation_mutation(entry: DesiredEntry, created_at_ms: int, at_ms: int) -> dict[str, Any]:
    """The mutation of a code that is not on its device yet."""
    if at_ms < entry.program_at_ms:
        return {
            "mutation_code": "deferring_creation",
            "created_at_ms": created_at_ms,
            "scheduled_at_ms": entry.program_at_ms,
        }
    return {"mutation_code": "creating", "created_at_ms": created_at_ms}


def shown(value: dict[str, Any]) -> dict[str, Any]:
    """Fields of a mutation as events show them: instants as text."""
    return {
        name.removesuffix("_ms"): iso_utc_or_none(item) if name.endswith("_at_ms") else item
        for name, item in value.items()
    }


def requested(mutation: dict[str, Any]) -> dict[str, Any]:
    """An update as `requested_mutations` of an event shows it."""
    return {
        "mutation_code": mutation["mutation_code"],
        "from": shown(mutation["from"]),
        "to": shown(mutation["to"]),
    }


def _start_ms(entry: DesiredEntry) -> int:
    return entry.program_at_ms if entry.starts_at_ms is None else entry.starts_at_ms


def _status(entry: DesiredEntry, confirmed: Confirmed, at_ms: int, *, is_over: bool) -> str:
    if entry.is_deleted or is_over:
        return "removing"
    if at_ms < entry.program_at_ms:
        return "unset"
    has_started = at_ms >= _start_ms(entry)
    if entry.scheduling is Scheduling.NATIVE and not has_started:
        return "unset"
    return "set" if is_in_force(entry, confirmed) else "setting"


def _mutations(
    entry: DesiredEntry, confirmed: Confirmed, state: CodeState, at_ms: int, *, is_over: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is still pending, and which updates have arrived just now."""
    old = {mutation["mutation_code"]: mutation for mutation in state.pending_mutations}
    if entry.is_deleted or is_over:
        deleting = {"mutation_code": "deleting", "created_at_ms": at_ms}
        return [old.get("deleting", deleting)], []
    updates = [old[code] for code in UPDATE_EVENTS if code in old]
    is_there = may_hold(confirmed)
    pending: list[dict[str, Any]] = []
    created = next((old[code] for code in CREATION if code in old), None)
    if not is_there or (created is not None and not is_in_force(entry, confirmed)):
        since_ms = at_ms if created is None else created["created_at_ms"]
        pending.append(creation_mutation(entry, since_ms, at_ms))
    if is_fresh(entry, confirmed) or not is_there:
        return pending, updates
    return pending + updates, []


def _arrival(mutation: dict[str, Any]) -> News:
    code = mutation["mutation_code"]
    return News(
        event_type=UPDATE_EVENTS[code],
        fields={
            "description": _DESCRIPTIONS[code],
            "from": shown(mutation["from"]),
            "to": shown(mutation["to"]),
        },
    )


def _troubles(
    entry: DesiredEntry, confirmed: Confirmed, state: CodeState, policy: Policy, at_ms: int
) -> tuple[list[Trouble], list[Trouble]]:
    errors, warnings = state.errors, state.warnings
    overdue_ms = _overdue_ms(entry, policy)
    if overdue_ms is not None and at_ms >= overdue_ms:
        errors = added(errors, "error_code", OVERDUE_ERROR, at_ms)
    if entry.is_deleted:
        errors = removed(errors, "error_code", SETTING_ERRORS)
        warnings = removed(warnings, "warning_code", SETTING_WARNINGS)
        return errors, added(warnings, "warning_code", "being_deleted", at_ms)
    phase = desired_phase(entry, at_ms)
    is_needed = phase is not Phase.ABSENT
    if entry.ends_at_ms is None or at_ms < entry.ends_at_ms:
        # Its end was moved away, should it have been over before.
        errors = removed(errors, "error_code", (OVERDUE_ERROR,))
    if is_needed or not may_hold(confirmed):
        errors = removed(errors, "error_code", (REMOVAL_ERROR,))
        warnings = removed(warnings, "warning_code", (REMOVAL_WARNING,))
    is_on_track = confirmed.phase is phase and (
        not is_needed or confirmed.revision == entry.revision
    )
    if is_on_track:
        errors = removed(errors, "error_code", SETTING_ERRORS)
        warnings = removed(warnings, "warning_code", SETTING_WARNINGS)
    elif is_needed and at_ms >= deadline_ms(entry, policy):
        errors = added(errors, "error_code", "failed_to_issue", at_ms)
        warnings = removed(warnings, "warning_code", ("delay_in_issuing",))
    elif _is_late(entry, confirmed, policy, at_ms) and not has(
        errors, "error_code", "failed_to_issue"
    ):
        warnings = added(warnings, "warning_code", "delay_in_issuing", at_ms)
    return errors, warnings


def _is_late(entry: DesiredEntry, confirmed: Confirmed, policy: Policy, at_ms: int) -> bool:
    is_needed = desired_phase(entry, at_ms) is not Phase.ABSENT
    return is_needed and at_ms >= delay_ms(entry, policy) and not is_fresh(entry, confirmed)
