"""Put an access code onto a device: the object, its entry, and what is told about it.

Used by access codes that somebody creates and by those that a grant needs.
"""

from __future__ import annotations

import dataclasses

import sqlalchemy as sa

from gateway.access import facts as code_facts
from gateway.access import lifecycle
from gateway.access.advancing import advance_code, due_again, tell
from gateway.access.context import Context
from gateway.access.door_time import local_time
from gateway.access.facts import CodeFacts, Progress
from gateway.access.lifecycle import CodeState, News
from gateway.access.pins import Door
from gateway.access.troubles import added
from gateway.errors import InvalidInput
from gateway.plan.entry import Confirmed, DesiredEntry, next_due_ms
from gateway.plan.policy import SECOND_MS
from gateway.plan.windows import EntryTimes, entry_times, user_name
from gateway.store.tables import access_code
from protocols.doorlock.window import WindowWarning
from protocols.errors import WindowError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NewCode:
    """An access code to be put onto a device.

    Attributes:
        door: Device, window and name.
        connected_account_id: Of the device.
        code: The PIN; the device takes it.
        prefer_native_scheduling: False has the gateway keep the window.
        common_code_key: Links codes that belong together.
        is_external_modification_allowed: What the caller wants then.
        access_method_id: Of which method, if any.
        access_grant_id: Of which grant, if any.
    """

    door: Door
    connected_account_id: str
    code: str = dataclasses.field(repr=False)
    prefer_native_scheduling: bool = True
    common_code_key: str | None = None
    is_external_modification_allowed: bool = False
    access_method_id: str | None = None
    access_grant_id: str | None = None


def door_of(
    ctx: Context,
    device: sa.RowMapping,
    *,
    name: str | None = None,
    starts_at_ms: int | None = None,
    ends_at_ms: int | None = None,
) -> Door:
    """A device and a window; None leaves a side open.

    Args:
        ctx: The context.
        device: The device's row.
        name: Name of the code.
        starts_at_ms: Start of its window.
        ends_at_ms: End of its window.
    """
    profile = ctx.profile(device["profile_id"])
    return Door(
        device_id=device["device_id"],
        profile=profile,
        name=name,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        local=local_time(profile, device["time_zone"], device["warnings"], ctx.now_ms),
    )


def check_window(now_ms: int, starts_at_ms: int | None, ends_at_ms: int | None) -> None:
    """Refuse a window that is over, or that ends before it starts.

    Raises:
        InvalidInput: Names `ends_at`.
    """
    if ends_at_ms is None:
        return
    if ends_at_ms <= now_ms:
        raise InvalidInput("ends_at must be in the future", fields={"ends_at": "Is in the past"})
    if starts_at_ms is not None and ends_at_ms <= starts_at_ms:
        raise InvalidInput(
            "ends_at must be after starts_at", fields={"ends_at": "Is not after starts_at"}
        )


def times_for(ctx: Context, door: Door, *, prefer_native_scheduling: bool) -> EntryTimes:
    """When a code for a door is programmed.

    Raises:
        InvalidInput: When the device can't hold the window.
    """
    try:
        return entry_times(
            door.profile,
            ctx.policy,
            starts_at_ms=door.starts_at_ms,
            ends_at_ms=door.ends_at_ms,
            prefer_native_scheduling=prefer_native_scheduling,
            local=door.local,
            now_ms=ctx.now_ms,
        )
    except WindowError as error:
        sentence = f"The device can't hold this window: {error}"
        raise InvalidInput(sentence, fields={"starts_at": str(error)}) from None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An access code that was put onto a device.

    Attributes:
        access_code_id: Its id.
        warnings: What the device holds narrower than asked, where somebody would notice.
    """

    access_code_id: str
    warnings: tuple[WindowWarning, ...]


def place_code(conn: sa.Connection, ctx: Context, new: NewCode) -> Placed:
    """Create an access code with its entry. Whoever calls refreshes its grant.

    Raises:
        InvalidInput: When the device can't hold the window.
    """
    door = new.door
    times = times_for(ctx, door, prefer_native_scheduling=new.prefer_native_scheduling)
    code_id = ctx.new_id()
    entry = DesiredEntry(
        entry_id=code_id,
        device_id=door.device_id,
        code=new.code,
        user_name=user_name(door.name, bytes_max=door.profile.user_name_bytes_max),
        scheduling=times.scheduling,
        starts_at_ms=door.starts_at_ms,
        ends_at_ms=door.ends_at_ms,
        local_window=times.local_window,
        program_at_ms=max(times.program_at_ms, free_from_ms(conn, ctx, door, new.code)),
        remove_at_ms=times.remove_at_ms,
    )
    warnings = noticeable(times)
    facts = CodeFacts(
        workspace_id=ctx.workspace_id,
        access_code_id=code_id,
        device_id=door.device_id,
        connected_account_id=new.connected_account_id,
        profile_id=door.profile.profile_id,
        time_zone=None,
        access_method_id=new.access_method_id,
        access_grant_id=new.access_grant_id,
        created_at_ms=ctx.now_ms,
        deleting_at_ms=None,
        state=_first_state(ctx, entry, warnings),
        entry=entry,
        progress=Progress(next_due_at_ms=next_due_ms(entry, Confirmed(), ctx.now_ms)),
        device_errors=[],
        device_warnings=[],
    )
    code_facts.insert(
        conn,
        facts,
        columns={
            "common_code_key": new.common_code_key,
            "name": door.name,
            "code": new.code,
            "type": type_of(door.ends_at_ms),
            "starts_at_ms": door.starts_at_ms,
            "ends_at_ms": door.ends_at_ms,
            "prefer_native_scheduling": new.prefer_native_scheduling,
            "is_external_modification_allowed": new.is_external_modification_allowed,
        },
    )
    tell(conn, ctx, facts, [News(event_type="access_code.created")], ctx.now_ms)
    make_way(conn, ctx, door, new.code, code_id)
    return Placed(access_code_id=code_id, warnings=warnings)


def type_of(ends_at_ms: int | None) -> str:
    """The API's type of an access code."""
    return "ongoing" if ends_at_ms is None else "time_bound"


def noticeable(times: EntryTimes) -> tuple[WindowWarning, ...]:
    """The narrowed bounds that are off by a second or more; no keypad shows the rest."""
    return tuple(one for one in times.warnings if one.narrowed_ms >= SECOND_MS)


def free_from_ms(conn: sa.Connection, ctx: Context, door: Door, code: str) -> int:
    """From when on a PIN is free on a device, where one PIN may have disjoint windows; else 0.

    A device refuses a PIN that it holds already, so the later code waits for the earlier one's
    end, however long its lead is.
    """
    if not ctx.policy.allow_disjoint_duplicates or door.starts_at_ms is None:
        return 0
    earlier = conn.execute(
        sa.select(sa.func.max(access_code.c.ends_at_ms)).where(
            *_same_pin(door, code), access_code.c.ends_at_ms <= door.starts_at_ms
        )
    ).scalar()
    return int(earlier or 0)


def make_way(conn: sa.Connection, ctx: Context, door: Door, code: str, own_code_id: str) -> None:
    """Have later codes with the same PIN wait until an earlier one is over (`free_from_ms`)."""
    if not ctx.policy.allow_disjoint_duplicates or door.ends_at_ms is None:
        return
    later = conn.execute(
        sa.select(access_code.c.access_code_id).where(
            *_same_pin(door, code),
            access_code.c.access_code_id != own_code_id,
            access_code.c.starts_at_ms >= door.ends_at_ms,
        )
    ).scalars()
    for facts in code_facts.of_ids(conn, tuple(later)):
        if facts.entry.program_at_ms < door.ends_at_ms:
            entry = dataclasses.replace(facts.entry, program_at_ms=door.ends_at_ms)
            moved = due_again(facts, ctx.now_ms, entry=entry, is_new_content=False)
            code_facts.write_entry(
                conn, facts.access_code_id, desired=moved.entry, progress=moved.progress
            )
            advance_code(conn, ctx, moved, ctx.now_ms)


def _same_pin(door: Door, code: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        access_code.c.device_id == door.device_id,
        access_code.c.code == code,
        access_code.c.access_code_id != door.own_code_id,
    )


def _first_state(
    ctx: Context, entry: DesiredEntry, warnings: tuple[WindowWarning, ...]
) -> CodeState:
    creation = lifecycle.creation_mutation(entry, ctx.now_ms, ctx.now_ms)
    state = CodeState(pending_mutations=[creation])
    if warnings:
        sentence = "; ".join(str(one) for one in warnings)
        state = dataclasses.replace(
            state,
            warnings=added(
                [], "warning_code", "unknown_issue_with_access_code", ctx.now_ms, message=sentence
            ),
        )
    return lifecycle.advance(
        entry, Confirmed(), state, ctx.policy, ctx.now_ms, was_on_device=False
    ).state
