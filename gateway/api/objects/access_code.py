"""The access code object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NotRequired

from typing_extensions import TypedDict

from gateway.access.text import iso_utc, iso_utc_or_none
from gateway.api.objects.problems import Problem, mutations, problems


class AccessCode(TypedDict):
    """A PIN on one device, as documented."""

    access_code_id: str
    code: str | None
    common_code_key: str | None
    created_at: str
    device_id: str
    display_status: str
    ends_at: str | None
    errors: list[Problem]
    is_backup: bool
    is_backup_access_code_available: bool
    is_external_modification_allowed: bool
    is_managed: Literal[True]
    is_offline_access_code: bool
    is_one_time_use: bool
    is_scheduled_on_device: bool
    is_waiting_for_code_assignment: bool
    name: str | None
    pending_mutations: list[Problem]
    pulled_backup_access_code_id: str | None
    starts_at: str | None
    status: Literal["setting", "set", "unset", "removing", "unknown"]
    type: Literal["time_bound", "ongoing"]
    warnings: list[Problem]
    workspace_id: str
    dormakaba_oracode_metadata: NotRequired[None]


# Words of ours for `display_status`, which is for people only.
_DISPLAY_STATUS: Final[Mapping[str, str]] = {
    "setting": "Issuing",
    "set": "Active",
    "removing": "Removing",
    "unknown": "Unknown",
}


def access_code(row: Any, device_errors: Sequence[Mapping[str, Any]], now_ms: int) -> AccessCode:
    """Show an access code.

    Args:
        row: A row of `access_code`.
        device_errors: Errors of its device, which are copied in.
        now_ms: Milliseconds since 1970.
    """
    errors = problems(row.errors, is_access_code_error=True)
    return AccessCode(
        access_code_id=row.access_code_id,
        code=row.code,
        common_code_key=row.common_code_key,
        created_at=iso_utc(row.created_at_ms),
        device_id=row.device_id,
        display_status=_display_status(row, now_ms),
        ends_at=iso_utc_or_none(row.ends_at_ms),
        errors=errors + problems(device_errors, is_device_error=True),
        is_backup=False,
        is_backup_access_code_available=False,
        is_external_modification_allowed=row.is_external_modification_allowed,
        is_managed=True,
        is_offline_access_code=False,
        is_one_time_use=False,
        is_scheduled_on_device=row.is_scheduled_on_device,
        is_waiting_for_code_assignment=False,
        name=row.name,
        pending_mutations=mutations(row.pending_mutations),
        pulled_backup_access_code_id=None,
        starts_at=iso_utc_or_none(row.starts_at_ms),
        status=row.status,
        type=row.type,
        warnings=problems(row.warnings),
        workspace_id=row.workspace_id,
    )


def _display_status(row: Any, now_ms: int) -> str:
    if row.ends_at_ms is not None and row.ends_at_ms <= now_ms:
        return "Expired"
    if row.status == "unset":
        return "Scheduled on device" if row.is_scheduled_on_device else "Upcoming"
    return _DISPLAY_STATUS[row.status]
