"""The event object."""

from __future__ import annotations

from typing import Any

from gateway.access.text import iso_utc

# What all events share; each type adds fields of its own.
Event = dict[str, Any]


def event(row: Any) -> Event:
    """Show a row of `event`: its own fields lie in `body` as the API shows them."""
    return {
        **row.body,
        "event_id": row.event_id,
        "event_type": row.event_type,
        "created_at": iso_utc(row.created_at_ms),
        "occurred_at": iso_utc(row.occurred_at_ms),
        "workspace_id": row.workspace_id,
    }
