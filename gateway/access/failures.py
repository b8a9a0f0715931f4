"""What failed on a device, as the errors, warnings and events that callers see.

The first failed try is told as a delay; after a few (`failures_before_error`) it is an error. What
the device refused for a reason of its own is an error at once. A code that is past its end and
still on its lock is told at the first failure.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import sqlalchemy as sa

from gateway.access import facts as code_facts
from gateway.access.advancing import tell
from gateway.access.context import Context
from gateway.access.facts import CodeFacts, Progress
from gateway.access.lifecycle import CodeState, News, shown
from gateway.access.methods import refresh_grant
from gateway.access.troubles import Trouble, added, has, removed
from gateway.plan.entry import Confirmed, Phase, desired_phase
from gateway.store.tables import entry

# Reasons that a device or its slots gave; anything else is a passing failure.
SPECIFIC_ERRORS: Final = (
    "duplicate_code_on_device",
    "no_space_for_access_code_on_device",
    "code_constraints_violated",
    "provider_issue",
    "insufficient_permissions",
    "access_code_inactive",
)
# Not tried again until a slot becomes free.
_NO_SPACE: Final = "no_space_for_access_code_on_device"
# Tried again rarely. The gateway held the code for a good one: the device may have received
# another one than was sent, which nothing but a second try can tell.
_REFUSED: Final = "code_constraints_violated"


def fail_entry(
    conn: sa.Connection,
    ctx: Context,
    entry_id: str,
    *,
    error_code: str,
    message: str | None,
    retry_at_ms: int | None,
    is_untouched: bool = False,
) -> None:
    """Note a failed try of an entry and tell what its code shows of it.

    Args:
        conn: The connection.
        ctx: The context.
        entry_id: Which entry; one that is gone is no error.
        error_code: One of `SPECIFIC_ERRORS`, or a short word for a passing failure.
        message: A sentence instead of the usual one; no PIN in it.
        retry_at_ms: When it is tried next; None waits until somebody changes the code.
        is_untouched: True when the device certainly holds nothing of what was handed out.
    """
    row = conn.execute(sa.select(entry).where(entry.c.entry_id == entry_id)).mappings().first()
    if row is None:
        return
    old = code_facts.progress_of(row)
    confirmed = old.confirmed
    if is_untouched:
        confirmed = dataclasses.replace(confirmed, pending_revision=0)
    progress = Progress(
        confirmed=confirmed,
        failures=old.failures + 1,
        last_error=error_code,
        next_due_at_ms=_next_try_ms(ctx, error_code, retry_at_ms),
    )
    code_facts.write_entry(conn, entry_id, progress=progress)
    facts = code_facts.find(conn, entry_id)
    if facts is not None:
        show_failure(conn, ctx, facts, error_code, message)


def _next_try_ms(ctx: Context, error_code: str, retry_at_ms: int | None) -> int | None:
    if retry_at_ms is None or error_code == _NO_SPACE:
        return None
    if error_code == _REFUSED:
        return max(retry_at_ms, ctx.now_ms + ctx.policy.status_contact_ms)
    return retry_at_ms


def show_failure(
    conn: sa.Connection, ctx: Context, facts: CodeFacts, error_code: str, message: str | None
) -> None:
    """Put a failure into a code's errors and warnings, and tell what is new among them.

    Args:
        conn: The connection.
        ctx: The context.
        facts: The code, with its failures counted.
        error_code: Why it failed.
        message: A sentence instead of the usual one.
    """
    is_leaving = desired_phase(facts.entry, ctx.now_ms) is Phase.ABSENT
    shown_state = _leaving(facts, ctx) if is_leaving else _setting(facts, ctx, error_code, message)
    if shown_state == facts.state:
        return
    code_facts.write_state(conn, facts.access_code_id, facts.state, shown_state)
    after = dataclasses.replace(facts, state=shown_state)
    names = _news(facts.state, shown_state)
    news = [News(event_type=name, fields=trouble_fields(after)) for name in names]
    tell(conn, ctx, after, news, ctx.now_ms)
    if facts.access_grant_id is not None:
        refresh_grant(conn, ctx, facts.access_grant_id, ctx.now_ms)


def trouble_fields(facts: CodeFacts) -> dict[str, Any]:
    """Errors and warnings around a code, as the failure events carry them."""
    return {
        "access_code_errors": _shown(facts.state.errors, is_access_code_error=True),
        "access_code_warnings": _shown(facts.state.warnings),
        "connected_account_errors": [],
        "connected_account_warnings": [],
        "device_errors": _shown(facts.device_errors, is_device_error=True),
        "device_warnings": _shown(facts.device_warnings),
    }


def _setting(facts: CodeFacts, ctx: Context, error_code: str, message: str | None) -> CodeState:
    state = facts.state
    extra = {} if message is None else {"message": message}
    if error_code in SPECIFIC_ERRORS:
        errors = removed(state.errors, "error_code", set(SPECIFIC_ERRORS) - {error_code})
        errors = added(errors, "error_code", error_code, ctx.now_ms, **extra)
        return _without_delay(dataclasses.replace(state, errors=errors))
    if facts.progress.failures < ctx.policy.failures_before_error:
        warnings = added(state.warnings, "warning_code", "delay_in_setting_on_device", ctx.now_ms)
        return dataclasses.replace(state, warnings=warnings)
    is_update = _is_update(facts)
    general = "failed_to_update" if is_update else "failed_to_set_on_device"
    errors = added(state.errors, "error_code", general, ctx.now_ms)
    return _without_delay(dataclasses.replace(state, errors=errors))


def _is_update(facts: CodeFacts) -> bool:
    """True when the device holds an older content of the code."""
    confirmed: Confirmed = facts.progress.confirmed
    return confirmed.phase is not Phase.ABSENT and confirmed.revision != facts.entry.revision


def _without_delay(state: CodeState) -> CodeState:
    warnings = removed(state.warnings, "warning_code", ("delay_in_setting_on_device",))
    return dataclasses.replace(state, warnings=warnings)


def _leaving(facts: CodeFacts, ctx: Context) -> CodeState:
    errors, warnings = facts.state.errors, facts.state.warnings
    warnings = added(warnings, "warning_code", "delay_in_removing_from_device", ctx.now_ms)
    ends_at_ms = facts.entry.ends_at_ms
    if ends_at_ms is not None and ctx.now_ms >= ends_at_ms:
        errors = added(errors, "error_code", "failed_to_delete", ctx.now_ms)
    if facts.progress.failures >= ctx.policy.failures_before_error:
        errors = added(errors, "error_code", "failed_to_remove_from_device", ctx.now_ms)
    return dataclasses.replace(facts.state, errors=errors, warnings=warnings)


def _news(old: CodeState, new: CodeState) -> list[str]:
    """Events for what came up; each trouble is told once, when it appears."""
    told = []
    for code in ("delay_in_setting_on_device", "delay_in_removing_from_device"):
        is_new = not has(old.warnings, "warning_code", code)
        if is_new and has(new.warnings, "warning_code", code):
            told.append(f"access_code.{code}")
    setting = (*SPECIFIC_ERRORS, "failed_to_set_on_device", "failed_to_update")
    if _came_up(old, new, setting):
        told.append("access_code.failed_to_set_on_device")
    if _came_up(old, new, ("failed_to_remove_from_device",)):
        told.append("access_code.failed_to_remove_from_device")
    return told


def _came_up(old: CodeState, new: CodeState, codes: tuple[str, ...]) -> bool:
    return any(
        has(new.errors, "error_code", code) and not has(old.errors, "error_code", code)
        for code in codes
    )


def _shown(troubles: list[Trouble], **marks: bool) -> list[Trouble]:
    return [{**shown(trouble), **marks} for trouble in troubles]
