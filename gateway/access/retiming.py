"""Plan the codes of a device anew once its local time is known, or known otherwise.

Windows in door-local time are worked out when they are planned and kept with their entries, so
whatever they were worked out from has to be followed by hand: the zone that the configuration
names, the local time that the lock shows, and the law, which comes with the data of the zones.
"""

from __future__ import annotations

import dataclasses

import sqlalchemy as sa

from gateway.access import facts as code_facts
from gateway.access.code_content import content_of, door_for, put, timed
from gateway.access.context import Context
from gateway.access.devices import get_device, write_device
from gateway.access.door_time import with_time_shown
from gateway.access.facts import CodeFacts
from gateway.access.methods import refresh_grant
from gateway.errors import InvalidInput
from gateway.plan.entry import Scheduling


def local_time_shown(conn: sa.Connection, ctx: Context, device_id: str, *, is_right: bool) -> None:
    """A device showed what it takes for local time; its codes follow.

    Args:
        conn: The connection.
        ctx: The context, of the device's workspace.
        device_id: Which device.
        is_right: True when it is that of the zone of its door, or nobody knows that zone.

    Raises:
        NotFound: No such device.
    """
    row = get_device(conn, ctx, device_id)
    warnings = with_time_shown(row["warnings"], ctx.now_ms, is_right=is_right)
    if warnings != row["warnings"]:
        write_device(conn, device_id, {"warnings": warnings})
    plan_anew(conn, ctx, device_id)


def plan_anew(conn: sa.Connection, ctx: Context, device_id: str) -> None:
    """Have the codes of a device follow what is known of its local time now.

    Codes whose windows stay as they are are left alone.

    Args:
        conn: The connection.
        ctx: The context, of the device's workspace.
        device_id: Which device.
    """
    changed = [each for each in code_facts.of_device(conn, device_id) if _replan(conn, ctx, each)]
    grants = {each.access_grant_id: None for each in changed if each.access_grant_id is not None}
    for grant_id in grants:
        refresh_grant(conn, ctx, grant_id, ctx.now_ms)


def _replan(conn: sa.Connection, ctx: Context, facts: CodeFacts) -> bool:
    """Plan one code anew; True when its device has to hold something else."""
    entry = facts.entry
    is_over = entry.ends_at_ms is not None and entry.ends_at_ms <= ctx.now_ms
    if facts.deleting_at_ms is not None or is_over:
        return False
    is_there_for_good = entry.ends_at_ms is None and (
        entry.starts_at_ms is None or entry.starts_at_ms <= ctx.now_ms
    )
    if is_there_for_good and entry.scheduling is not Scheduling.NATIVE:
        # It has no window any more that anybody would have to keep.
        return False
    content = content_of(conn, facts)
    door = door_for(ctx, facts, content)
    is_preferred = content.prefer_native_scheduling
    try:
        planned, warnings = timed(
            conn, ctx, facts, door, content, prefer_native_scheduling=is_preferred
        )
    except InvalidInput:
        # Its lock can't hold the window, which was accepted before: the gateway keeps it.
        planned, warnings = timed(conn, ctx, facts, door, content, prefer_native_scheduling=False)
    if (planned.scheduling, planned.local_window) == (entry.scheduling, entry.local_window):
        return False
    put(conn, ctx, facts, planned, dataclasses.replace(facts.state, warnings=warnings))
    return True
