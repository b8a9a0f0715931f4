"""The action attempt object."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class ActionError(TypedDict):
    """Why an action failed."""

    type: str
    message: str


class ActionAttempt(TypedDict):
    """An action on a device and how it went, as documented: all five keys, always."""

    action_attempt_id: str
    action_type: str
    status: Literal["pending", "success", "error"]
    result: dict[str, Any] | None
    error: ActionError | None


def action_attempt(row: Any) -> ActionAttempt:
    """Show a row of `action_attempt`."""
    return ActionAttempt(
        action_attempt_id=row.action_attempt_id,
        action_type=row.action_type,
        status=row.status,
        result=(row.result or {}) if row.status == "success" else None,
        error=row.error if row.status == "error" else None,
    )
