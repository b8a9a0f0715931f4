"""The batch object of the `get_related` routes: what belongs to an object, sorted by kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.access.text import iso_utc

Batch = dict[str, list[Any]]


def connected_accounts(devices: Sequence[Any]) -> list[dict[str, Any]]:
    """The accounts that devices came through, one object an account.

    Args:
        devices: Rows of `device`.
    """
    oldest: dict[str, int] = {}
    for row in devices:
        held = oldest.get(row.connected_account_id, row.created_at_ms)
        oldest[row.connected_account_id] = min(held, row.created_at_ms)
    return [
        {
            "accepted_capabilities": ["lock"],
            "account_type": "strikeplate",
            "account_type_display_name": "Strikeplate",
            "automatically_manage_new_devices": True,
            "connected_account_id": connected_account_id,
            "created_at": iso_utc(created_at_ms),
            "custom_metadata": {},
            "display_name": "Strikeplate",
            "errors": [],
            "warnings": [],
        }
        for connected_account_id, created_at_ms in oldest.items()
    ]
