"""An access code with its entry and device, read by one query and written back by what changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.access.lifecycle import CodeState
from gateway.access.text import known
from gateway.access.troubles import Trouble
from gateway.errors import NotFound
from gateway.plan.entry import Confirmed, DesiredEntry, LocalWindow, Phase, Scheduling
from gateway.store.tables import access_code, device, entry

# The one kind of entry that access codes make.
PIN: Final = "pin"
# Columns of `entry` whose names `access_code` has too are read under this prefix.
_PREFIX: Final = "entry_"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the device is with an entry.

    Attributes:
        confirmed: What it confirmed.
        failures: Failed tries in a row.
        last_error: Why the last one failed.
        next_due_at_ms: When a session is needed next.
    """

    confirmed: Confirmed = dataclasses.field(default_factory=Confirmed)
    failures: int = 0
    last_error: str | None = None
    next_due_at_ms: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CodeFacts:
    """An access code: what was asked, what came of it, and where.

    Attributes:
        workspace_id: Whose.
        access_code_id: Its id, and that of its entry.
        device_id: On which device.
        connected_account_id: Through which account.
        profile_id: Of the device.
        time_zone: Of the device's door, if it is known.
        access_method_id: Of which method, if any.
        access_grant_id: Of which grant, if any.
        created_at_ms: When it was asked for.
        deleting_at_ms: When its deletion was asked for.
        state: What changes by itself.
        entry: What the device shall hold.
        progress: How far the device is.
        device_errors: Errors of the device.
        device_warnings: Warnings of the device.
    """

    workspace_id: str
    access_code_id: str
    device_id: str
    connected_account_id: str
    profile_id: str
    time_zone: str | None
    access_method_id: str | None
    access_grant_id: str | None
    created_at_ms: int
    deleting_at_ms: int | None
    state: CodeState
    entry: DesiredEntry
    progress: Progress
    device_errors: list[Trouble]
    device_warnings: list[Trouble]


_QUERY: Final = (
    sa.select(
        *(column for column in access_code.columns),
        *(column.label(_PREFIX + column.name) for column in entry.columns),
        device.c.connected_account_id,
        device.c.profile_id,
        device.c.time_zone,
        device.c.errors.label("device_errors"),
        device.c.warnings.label("device_warnings"),
    )
    .join(entry, entry.c.entry_id == access_code.c.access_code_id)
    .join(device, device.c.device_id == access_code.c.device_id)
)
_OLDEST_FIRST: Final = _QUERY.order_by(access_code.c.created_at_ms, access_code.c.access_code_id)
_BY_ID: Final = _QUERY.where(access_code.c.access_code_id == sa.bindparam("access_code_id"))
_BY_IDS: Final = _OLDEST_FIRST.where(
    access_code.c.access_code_id.in_(sa.bindparam("access_code_ids", expanding=True))
)
_OF_METHOD: Final = _OLDEST_FIRST.where(
    access_code.c.access_method_id == sa.bindparam("access_method_id")
)
_OF_GRANT: Final = _OLDEST_FIRST.where(
    access_code.c.access_grant_id == sa.bindparam("access_grant_id")
)
_OF_DEVICE: Final = _OLDEST_FIRST.where(access_code.c.device_id == sa.bindparam("device_id"))
_DUE_ON_DEVICE: Final = _OLDEST_FIRST.where(
    entry.c.device_id == sa.bindparam("device_id"),
    entry.c.next_due_at_ms <= sa.bindparam("now_ms"),
)
_MILESTONES: Final = (
    _QUERY.where(access_code.c.next_milestone_at_ms <= sa.bindparam("now_ms"))
    .order_by(access_code.c.next_milestone_at_ms, access_code.c.access_code_id)
    .limit(sa.bindparam("rows_max"))
)
_INSERT_CODE: Final = sa.insert(access_code)
_INSERT_ENTRY: Final = sa.insert(entry)
_UPDATE_CODE: Final = sa.update(access_code).where(
    access_code.c.access_code_id == sa.bindparam("known_id")
)
_UPDATE_ENTRY: Final = sa.update(entry).where(entry.c.entry_id == sa.bindparam("known_id"))
_DELETE_CODE: Final = sa.delete(access_code).where(
    access_code.c.access_code_id == sa.bindparam("known_id")
)
_DELETE_ENTRY: Final = sa.delete(entry).where(entry.c.entry_id == sa.bindparam("known_id"))


def find(conn: sa.Connection, access_code_id: str) -> CodeFacts | None:
    """One access code of any workspace; None when there is none."""
    rows = _select(conn, _BY_ID, access_code_id=access_code_id)
    return rows[0] if rows else None


def require(conn: sa.Connection, ctx: Context, access_code_id: str) -> CodeFacts:
    """An access code of the workspace.

    Raises:
        NotFound: When there is none.
    """
    facts = find(conn, known(access_code_id))
    if facts is None or facts.workspace_id != ctx.workspace_id:
        raise NotFound("access_code", access_code_id)
    return facts


def of_ids(conn: sa.Connection, access_code_ids: Collection[str]) -> list[CodeFacts]:
    """Access codes of any workspace, oldest first."""
    return _select(conn, _BY_IDS, access_code_ids=list(access_code_ids))


def of_method(conn: sa.Connection, access_method_id: str) -> list[CodeFacts]:
    """The access codes of a method, oldest first."""
    return _select(conn, _OF_METHOD, access_method_id=access_method_id)


def of_grant(conn: sa.Connection, access_grant_id: str) -> list[CodeFacts]:
    """The access codes of a grant, oldest first."""
    return _select(conn, _OF_GRANT, access_grant_id=access_grant_id)


def of_device(conn: sa.Connection, device_id: str) -> list[CodeFacts]:
    """The access codes of a device, oldest first."""
    return _select(conn, _OF_DEVICE, device_id=device_id)


def of_device_due(conn: sa.Connection, device_id: str, now_ms: int) -> list[CodeFacts]:
    """The access codes whose entries are due on a device, oldest first."""
    return _select(conn, _DUE_ON_DEVICE, device_id=device_id, now_ms=now_ms)


def due_for_milestone(conn: sa.Connection, now_ms: int, *, rows_max: int) -> list[CodeFacts]:
    """The access codes of any workspace with a milestone by now, earliest first."""
    return _select(conn, _MILESTONES, now_ms=now_ms, rows_max=rows_max)


def insert(conn: sa.Connection, facts: CodeFacts, *, columns: dict[str, Any]) -> None:
    """Write a new access code with its entry.

    Args:
        conn: The connection.
        facts: The code.
        columns: The columns of `access_code` that only its owner cares about.
    """
    conn.execute(
        _INSERT_CODE,
        {
            "access_code_id": facts.access_code_id,
            "workspace_id": facts.workspace_id,
            "device_id": facts.device_id,
            "access_method_id": facts.access_method_id,
            "access_grant_id": facts.access_grant_id,
            "created_at_ms": facts.created_at_ms,
            "deleting_at_ms": None,
            **_state_columns(facts.state),
            **columns,
        },
    )
    conn.execute(
        _INSERT_ENTRY,
        {
            "entry_id": facts.access_code_id,
            "device_id": facts.device_id,
            "kind": PIN,
            "confirmed_at_ms": None,
            **_entry_columns(facts.entry),
            **_progress_columns(facts.progress),
        },
    )


def write_state(conn: sa.Connection, access_code_id: str, old: CodeState, new: CodeState) -> None:
    """Write what changed of a code's state."""
    before = _state_columns(old)
    changed = {name: item for name, item in _state_columns(new).items() if item != before[name]}
    if changed:
        conn.execute(_UPDATE_CODE, {"known_id": access_code_id, **changed})


def write_entry(
    conn: sa.Connection,
    entry_id: str,
    *,
    desired: DesiredEntry | None = None,
    progress: Progress | None = None,
    **columns: Any,
) -> None:
    """Write an entry: what is asked, how far it is, or single columns."""
    values = dict(columns)
    if desired is not None:
        values |= _entry_columns(desired)
    if progress is not None:
        values |= _progress_columns(progress)
    conn.execute(_UPDATE_ENTRY, {"known_id": entry_id, **values})


def delete_code(conn: sa.Connection, access_code_id: str) -> None:
    """Delete an access code; its entry may outlive it."""
    conn.execute(_DELETE_CODE, {"known_id": access_code_id})


def delete_entry(conn: sa.Connection, entry_id: str) -> None:
    """Delete an entry that has left its device."""
    conn.execute(_DELETE_ENTRY, {"known_id": entry_id})


def desired_entry(row: Any, *, prefix: str = "") -> DesiredEntry:
    """A row of `entry` as the planner sees it.

    Args:
        row: A mapping with the columns of `entry`.
        prefix: What stands before their names.
    """
    local_start_s = row[f"{prefix}local_start_s"]
    return DesiredEntry(
        entry_id=row[f"{prefix}entry_id"],
        device_id=row[f"{prefix}device_id"],
        slot=row[f"{prefix}slot"],
        revision=row[f"{prefix}revision"],
        code=row[f"{prefix}code"],
        user_name=row[f"{prefix}user_name"],
        scheduling=Scheduling(row[f"{prefix}scheduling"]),
        starts_at_ms=row[f"{prefix}starts_at_ms"],
        ends_at_ms=row[f"{prefix}ends_at_ms"],
        local_window=None
        if local_start_s is None
        else LocalWindow(local_start_s, row[f"{prefix}local_end_s"]),
        program_at_ms=row[f"{prefix}program_at_ms"],
        remove_at_ms=row[f"{prefix}remove_at_ms"],
        is_deleted=row[f"{prefix}is_deleted"],
    )


def progress_of(row: Any, *, prefix: str = "") -> Progress:
    """How far a row of `entry` is; arguments as `desired_entry`."""
    return Progress(
        confirmed=Confirmed(
            phase=Phase(row[f"{prefix}confirmed_phase"]),
            revision=row[f"{prefix}confirmed_revision"],
            pending_revision=row[f"{prefix}pending_revision"],
        ),
        failures=row[f"{prefix}failures"],
        last_error=row[f"{prefix}last_error"],
        next_due_at_ms=row[f"{prefix}next_due_at_ms"],
    )


def _select(conn: sa.Connection, query: sa.Select[Any], **values: Any) -> list[CodeFacts]:
    return [_code_facts(row) for row in conn.execute(query, values).mappings()]


def _code_facts(row: sa.RowMapping) -> CodeFacts:
    return CodeFacts(
        workspace_id=row["workspace_id"],
        access_code_id=row["access_code_id"],
        device_id=row["device_id"],
        connected_account_id=row["connected_account_id"],
        profile_id=row["profile_id"],
        time_zone=row["time_zone"],
        access_method_id=row["access_method_id"],
        access_grant_id=row["access_grant_id"],
        created_at_ms=row["created_at_ms"],
        deleting_at_ms=row["deleting_at_ms"],
        state=CodeState(
            status=row["status"],
            is_scheduled_on_device=row["is_scheduled_on_device"],
            pending_mutations=row["pending_mutations"],
            errors=row["errors"],
            warnings=row["warnings"],
            next_milestone_at_ms=row["next_milestone_at_ms"],
        ),
        entry=desired_entry(row, prefix=_PREFIX),
        progress=progress_of(row, prefix=_PREFIX),
        device_errors=row["device_errors"],
        device_warnings=row["device_warnings"],
    )


def _state_columns(state: CodeState) -> dict[str, Any]:
    return {
        "status": state.status,
        "is_scheduled_on_device": state.is_scheduled_on_device,
        "pending_mutations": state.pending_mutations,
        "errors": state.errors,
        "warnings": state.warnings,
        "next_milestone_at_ms": state.next_milestone_at_ms,
    }


def _entry_columns(desired: DesiredEntry) -> dict[str, Any]:
    local = desired.local_window
    return {
        "slot": desired.slot,
        "revision": desired.revision,
        "code": desired.code,
        "user_name": desired.user_name,
        "scheduling": desired.scheduling.value,
        "starts_at_ms": desired.starts_at_ms,
        "ends_at_ms": desired.ends_at_ms,
        "local_start_s": None if local is None else local.start_s,
        "local_end_s": None if local is None else local.end_s,
        "program_at_ms": desired.program_at_ms,
        "remove_at_ms": desired.remove_at_ms,
        "is_deleted": desired.is_deleted,
    }


def _progress_columns(progress: Progress) -> dict[str, Any]:
    return {
        "confirmed_phase": progress.confirmed.phase.value,
        "confirmed_revision": progress.confirmed.revision,
        "pending_revision": progress.confirmed.pending_revision,
        "failures": progress.failures,
        "last_error": progress.last_error,
        "next_due_at_ms": progress.next_due_at_ms,
    }
