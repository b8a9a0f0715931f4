"""What sessions report back.

All outcomes of one session go into one unit, in this order: `device_contacted`, `log_records`,
then `entry_confirmed` or `entry_failed` for each step, and `device_unreachable` when the session
ended early. Each names facts; what follows from them is decided here and in the lifecycle.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from gateway.access import facts as code_facts
from gateway.access import slots
from gateway.access.advancing import advance_code, drop_entry
from gateway.access.battery import charge_of
from gateway.access.context import Context
from gateway.access.devices import get_device, write_device
from gateway.access.door_time import next_change_ms
from gateway.access.events import emit
from gateway.access.facts import CodeFacts, Progress
from gateway.access.failures import fail_entry, show_failure
from gateway.access.lifecycle import shown
from gateway.access.methods import refresh_grant
from gateway.access.milestones import catch_up
from gateway.access.troubles import MESSAGES, added, has, removed
from gateway.plan.entry import Confirmed, DesiredEntry, Phase, desired_phase, next_due_ms
from gateway.plan.operations import Difference
from gateway.store.tables import entry

_OFFLINE: Final = "device_offline"
_FOREIGN: Final = "third_party_integration_detected"
_FOREIGN_EVENT: Final = "device.third_party_integration_detected"
_NO_LONGER_FOREIGN_EVENT: Final = "device.third_party_integration_no_longer_detected"
_FOREIGN_SENTENCE: Final = (
    "The lock holds records that this gateway did not write: another gateway programs it too, or "
    "this gateway's store was restored from a backup"
)
_LOW: Final = ("low", "critical")
_ENTRY: Final = sa.select(entry).where(entry.c.entry_id == sa.bindparam("entry_id"))


def device_contacted(
    conn: sa.Connection, ctx: Context, device_id: str, reported: Mapping[str, Any]
) -> None:
    """A session reached the device: it is online, and this is what it said.

    Args:
        conn: The connection.
        ctx: The context, of the device's workspace.
        device_id: Which device.
        reported: Merged over what was known. Keys read here: `battery_mv`, `pin_slot_count`.

    Raises:
        NotFound: No such device.
    """
    row = get_device(conn, ctx, device_id)
    contact_ms = ctx.now_ms + ctx.policy.status_contact_ms
    change_ms = next_change_ms(ctx.profile(row["profile_id"]), row["time_zone"], ctx.now_ms)
    write_device(
        conn,
        device_id,
        {
            "reported": {**row["reported"], **reported},
            "is_online": True,
            "last_contact_at_ms": ctx.now_ms,
            "attempts": 0,
            "next_try_at_ms": None,
            # When clocks are changed, windows in local time are looked after at once.
            "next_contact_at_ms": contact_ms if change_ms is None else min(contact_ms, change_ms),
            "errors": removed(row["errors"], "error_code", (_OFFLINE,)),
        },
    )
    names = {"connected_account_id": row["connected_account_id"], "device_id": device_id}
    if not row["is_online"]:
        emit(conn, ctx, "device.connected", **names)
    _tell_battery(conn, ctx, row, reported, names)


def device_unreachable(
    conn: sa.Connection, ctx: Context, device_id: str, *, reason: str, retry_at_ms: int
) -> None:
    """A session failed as a whole, before or between its steps: all that is due waits.

    Args:
        conn: The connection.
        ctx: The context, of the device's workspace.
        device_id: Which device.
        reason: A short word for `unfinished`, such as `connect_failed`.
        retry_at_ms: When the device is tried next.

    Raises:
        NotFound: No such device.
    """
    row = get_device(conn, ctx, device_id)
    attempts = row["attempts"] + 1
    changed: dict[str, Any] = {"attempts": attempts, "next_try_at_ms": retry_at_ms}
    is_lost = attempts >= ctx.policy.failures_before_error
    if is_lost and not has(row["errors"], "error_code", _OFFLINE):
        changed |= {
            "is_online": False,
            "errors": added(row["errors"], "error_code", _OFFLINE, ctx.now_ms),
        }
    write_device(conn, device_id, changed)
    if is_lost and row["is_online"]:
        emit(
            conn,
            ctx,
            "device.disconnected",
            connected_account_errors=[],
            connected_account_id=row["connected_account_id"],
            connected_account_warnings=[],
            device_errors=[{**shown(one), "is_device_error": True} for one in changed["errors"]],
            device_id=device_id,
            device_warnings=[shown(one) for one in row["warnings"]],
            error_code=_OFFLINE,
        )
    _postpone(conn, ctx, device_id, reason, retry_at_ms)


def entry_confirmed(
    conn: sa.Connection, ctx: Context, entry_id: str, phase: Phase, revision: int
) -> None:
    """The device confirmed an entry.

    Args:
        conn: The connection.
        ctx: The context, of the device's workspace.
        entry_id: Which entry; one that is gone is no error.
        phase: `Step.to_phase`.
        revision: `Step.entry.revision`.
    """
    facts = code_facts.find(conn, entry_id)
    held = _entry_of(conn, entry_id) if facts is None else (facts.entry, facts.progress)
    if held is None:
        return
    desired, old = held[0], held[1].confirmed
    if facts is not None:
        # What time brought before this is told before it.
        facts = catch_up(conn, ctx, facts)
    pending = 0 if revision >= old.pending_revision else old.pending_revision
    confirmed = Confirmed(phase, revision, pending)
    if phase is Phase.ABSENT:
        confirmed = Confirmed(pending_revision=pending)
        if facts is None:
            drop_entry(conn, ctx, desired)
            return
        desired = _vacated(conn, ctx, desired, pending)
    progress = Progress(
        confirmed=confirmed, next_due_at_ms=next_due_ms(desired, confirmed, ctx.now_ms)
    )
    code_facts.write_entry(conn, entry_id, desired=desired, progress=progress)
    if facts is None:
        return
    after = dataclasses.replace(facts, entry=desired, progress=progress)
    advance_code(conn, ctx, after, ctx.now_ms, was_on_device=old.phase is not Phase.ABSENT)
    if facts.access_grant_id is not None:
        refresh_grant(conn, ctx, facts.access_grant_id, ctx.now_ms)


def _entry_of(conn: sa.Connection, entry_id: str) -> tuple[DesiredEntry, Progress] | None:
    """An entry whose access code may be gone."""
    row = conn.execute(_ENTRY, {"entry_id": entry_id}).mappings().first()
    return None if row is None else (code_facts.desired_entry(row), code_facts.progress_of(row))


def entry_failed(
    conn: sa.Connection,
    ctx: Context,
    entry_id: str,
    *,
    error_code: str,
    message: str | None = None,
    retry_at_ms: int,
    is_untouched: bool = False,
) -> None:
    """A step failed while the session as a whole went on.

    Args:
        conn: The connection.
        ctx: The context, of the device's workspace.
        entry_id: Which entry; one that is gone is no error.
        error_code: One of the access code errors, such as `duplicate_code_on_device`,
            `no_space_for_access_code_on_device`, `code_constraints_violated`, `provider_issue`;
            anything else counts as a passing failure.
        message: A sentence for people instead of the usual one; no PIN in it.
        retry_at_ms: When it is tried next.
        is_untouched: True when the device certainly holds nothing of what was handed out.
    """
    facts = code_facts.find(conn, entry_id)
    if facts is not None:
        catch_up(conn, ctx, facts)
    fail_entry(
        conn,
        ctx,
        entry_id,
        error_code=error_code,
        message=message,
        retry_at_ms=retry_at_ms,
        is_untouched=is_untouched,
    )


def memory_differs(
    conn: sa.Connection, ctx: Context, device_id: str, difference: Difference
) -> None:
    """The device's memory was compared with what was confirmed.

    What is missing there is written again, above the highest revision seen. An empty difference
    takes the device's warning back.

    Args:
        conn: The connection.
        ctx: The context, of the device's workspace.
        device_id: Which device.
        difference: What `gateway.plan.memory.diff` found.

    Raises:
        NotFound: No such device.
    """
    row = get_device(conn, ctx, device_id)
    for slot, revision in difference.newer.items():
        slots.note_revision(conn, device_id, slot, revision)
    is_foreign = bool(difference.newer or difference.unknown_slots)
    if is_foreign != has(row["warnings"], "warning_code", _FOREIGN):
        warnings = removed(row["warnings"], "warning_code", (_FOREIGN,))
        if is_foreign:
            warnings = added(
                warnings, "warning_code", _FOREIGN, ctx.now_ms, message=_FOREIGN_SENTENCE
            )
        write_device(conn, device_id, {"warnings": warnings})
        emit(
            conn,
            ctx,
            f"device.{_FOREIGN}"
            if is_foreign
            else "device.third_party_integration_no_longer_detected",
            connected_account_id=row["connected_account_id"],
            device_id=device_id,
        )
    held = conn.execute(
        sa.select(entry)
        .where(entry.c.device_id == device_id, entry.c.slot.in_(sorted(difference.missing_slots)))
        .order_by(entry.c.slot)
    ).mappings()
    for entry_row in held.all():
        _write_again(conn, ctx, entry_row)


def _write_again(conn: sa.Connection, ctx: Context, row: sa.RowMapping) -> None:
    """Have an entry written anew that the device lost, or holds in another form."""
    desired = code_facts.desired_entry(row)
    old = code_facts.progress_of(row).confirmed
    if old.phase is Phase.ABSENT or desired.slot is None:
        return
    # The slot may hold anything now: counted as older writes that were never confirmed.
    issued = slots.issued_revision(conn, desired.device_id, desired.slot)
    desired = slots.take(conn, ctx, desired, desired.slot, issued)
    confirmed = Confirmed(pending_revision=issued)
    progress = Progress(
        confirmed=confirmed, next_due_at_ms=next_due_ms(desired, confirmed, ctx.now_ms)
    )
    code_facts.write_entry(conn, desired.entry_id, desired=desired, progress=progress)
    facts = code_facts.find(conn, desired.entry_id)
    if facts is None:
        return
    is_wanted = desired_phase(desired, ctx.now_ms) is not Phase.ABSENT
    facts = _told_as_modified(conn, ctx, facts) if is_wanted else facts
    advance_code(conn, ctx, facts, ctx.now_ms)
    if facts.access_grant_id is not None:
        refresh_grant(conn, ctx, facts.access_grant_id, ctx.now_ms)


def _told_as_modified(conn: sa.Connection, ctx: Context, facts: CodeFacts) -> CodeFacts:
    error_code = "conflicting_external_modification"
    errors = added(
        facts.state.errors,
        "error_code",
        error_code,
        ctx.now_ms,
        message=MESSAGES[error_code],
        change_type="modified",
        modified_fields=[],
    )
    state = dataclasses.replace(facts.state, errors=errors)
    code_facts.write_state(conn, facts.access_code_id, facts.state, state)
    emit(
        conn,
        ctx,
        "access_code.modified_external_to_seam",
        access_code_id=facts.access_code_id,
        connected_account_id=facts.connected_account_id,
        device_id=facts.device_id,
    )
    return dataclasses.replace(facts, state=state)


def slot_lost(conn: sa.Connection, ctx: Context, entry_id: str) -> None:
    """Somebody else's code lies in the slot of an entry that the device does not hold.

    The slot is left to it, and the entry gets another one.

    Args:
        conn: The connection.
        ctx: The context, of the device's workspace.
        entry_id: Which entry.
    """
    held = _entry_of(conn, entry_id)
    if held is None:
        return
    desired, _ = held
    if code_facts.find(conn, entry_id) is None:
        drop_entry(conn, ctx, desired)
        return
    desired = _vacated(conn, ctx, desired, 0)
    confirmed = Confirmed()
    progress = Progress(
        confirmed=confirmed, next_due_at_ms=next_due_ms(desired, confirmed, ctx.now_ms)
    )
    code_facts.write_entry(conn, entry_id, desired=desired, progress=progress)


def _vacated(
    conn: sa.Connection, ctx: Context, desired: DesiredEntry, pending: int
) -> DesiredEntry:
    """The entry without its slot, once the device cleared it and nothing else is on its way."""
    if desired.slot is None or pending:
        return desired
    vacated = dataclasses.replace(desired, slot=None, revision=0)
    code_facts.write_entry(conn, desired.entry_id, slot=None, revision=0)
    slots.release(conn, ctx, desired.device_id, desired.slot)
    return vacated


def _postpone(
    conn: sa.Connection, ctx: Context, device_id: str, reason: str, retry_at_ms: int
) -> None:
    """Count a failure for everything that is due on a device, and have it wait."""
    due = code_facts.of_device_due(conn, device_id, ctx.now_ms)
    conn.execute(
        sa.update(entry)
        .where(entry.c.device_id == device_id, entry.c.next_due_at_ms <= ctx.now_ms)
        .values(failures=entry.c.failures + 1, last_error=reason, next_due_at_ms=retry_at_ms)
    )
    for stale in due:
        facts = catch_up(conn, ctx, stale)
        if facts is not None:
            progress = dataclasses.replace(
                facts.progress, failures=facts.progress.failures + 1, last_error=reason
            )
            failed = dataclasses.replace(facts, progress=progress)
            show_failure(conn, ctx, failed, reason, None)


def _tell_battery(
    conn: sa.Connection,
    ctx: Context,
    row: sa.RowMapping,
    reported: Mapping[str, Any],
    names: Mapping[str, Any],
) -> None:
    """Tell a battery status that changed, and a battery that has become low."""
    if "battery_mv" not in reported:
        return
    facts = ctx.profile(row["profile_id"]).battery
    charge = charge_of(reported["battery_mv"], facts)
    before_mv = row["reported"].get("battery_mv")
    before = None if before_mv is None else charge_of(before_mv, facts).status
    if charge.status == before:
        return
    if before is not None:
        emit(
            conn,
            ctx,
            "device.battery_status_changed",
            battery_level=charge.level,
            battery_status=charge.status,
            **names,
        )
    if charge.status in _LOW and before not in _LOW:
        emit(conn, ctx, "device.low_battery", battery_level=charge.level, **names)
