"""The access grant object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NotRequired

from typing_extensions import TypedDict

from gateway.access.text import iso_utc, iso_utc_or_none
from gateway.api.objects.problems import Problem, mutations, problems

Mode = Literal["code", "card", "mobile_key", "cloud_key"]

# The `display_name` of a mode.
MODE_NAMES: Final[Mapping[str, str]] = {
    "code": "PIN code",
    "card": "Key card",
    "mobile_key": "Mobile key",
    "cloud_key": "Cloud key",
}


class RequestedAccessMethod(TypedDict):
    """One way in that was asked for, and what was made of it."""

    code: NotRequired[str]
    created_access_method_ids: list[str]
    created_at: str
    display_name: str
    instant_key_max_use_count: NotRequired[int]
    mode: Mode


class AccessGrant(TypedDict):
    """What somebody was granted, as documented."""

    access_grant_id: str
    access_grant_key: NotRequired[str]
    access_method_ids: list[str]
    created_at: str
    display_name: str
    display_status: str
    ends_at: str | None
    errors: list[Problem]
    location_ids: list[str]
    name: str | None
    pending_mutations: list[Problem]
    requested_access_methods: list[RequestedAccessMethod]
    space_ids: list[str]
    starts_at: str
    user_identity_id: str
    warnings: list[Problem]
    workspace_id: str


def access_grant(
    row: Any,
    methods: Sequence[Any],
    codes: Sequence[Any],
    *,
    full_name: str | None,
    now_ms: int,
) -> AccessGrant:
    """Show an access grant.

    Args:
        row: A row of `access_grant`.
        methods: Its rows of `access_method`, oldest first.
        codes: Its rows of `access_code`.
        full_name: Of the person it is for.
        now_ms: Milliseconds since 1970.
    """
    grant = AccessGrant(
        access_grant_id=row.access_grant_id,
        access_method_ids=[method.access_method_id for method in methods],
        created_at=iso_utc(row.created_at_ms),
        display_name=row.name or (f"Access for {full_name}" if full_name else "Access grant"),
        display_status=_display_status(row, now_ms),
        ends_at=iso_utc_or_none(row.ends_at_ms),
        errors=problems(row.errors),
        location_ids=[],
        name=row.name,
        pending_mutations=_pending_mutations(codes),
        requested_access_methods=[
            _requested(requested, row.created_at_ms) for requested in row.requested_access_methods
        ],
        space_ids=[],
        starts_at=iso_utc(row.starts_at_ms),
        user_identity_id=row.user_identity_id,
        warnings=problems(row.warnings),
        workspace_id=row.workspace_id,
    )
    if row.access_grant_key is not None:
        grant["access_grant_key"] = row.access_grant_key
    return grant


def _pending_mutations(codes: Sequence[Any]) -> list[Problem]:
    """The change of access times that has not reached every door yet, if there is one."""
    pending = [
        (code.access_method_id, mutation)
        for code in codes
        for mutation in code.pending_mutations
        if mutation["mutation_code"] == "updating_time_frame"
    ]
    if not pending:
        return []
    method_ids = list(dict.fromkeys(method_id for method_id, _ in pending))
    return mutations(
        [
            {
                **pending[0][1],
                "mutation_code": "updating_access_times",
                "access_method_ids": method_ids,
            }
        ]
    )


def _requested(stored: Mapping[str, Any], created_at_ms: int) -> RequestedAccessMethod:
    mode: Mode = stored["mode"]
    requested = RequestedAccessMethod(
        created_access_method_ids=list(stored.get("created_access_method_ids", ())),
        created_at=iso_utc(stored.get("created_at_ms", created_at_ms)),
        display_name=MODE_NAMES[mode],
        mode=mode,
    )
    if stored.get("code") is not None:
        requested["code"] = stored["code"]
    if stored.get("instant_key_max_use_count") is not None:
        requested["instant_key_max_use_count"] = stored["instant_key_max_use_count"]
    return requested


def _display_status(row: Any, now_ms: int) -> str:
    """Whether the person can get in now; the words are ours, and for people only."""
    if row.deleting_at_ms is not None:
        return "Being deleted"
    if row.ends_at_ms is not None and row.ends_at_ms <= now_ms:
        return "Ended"
    if row.errors:
        return "Needs attention"
    if row.starts_at_ms > now_ms:
        return "Upcoming"
    return "Active" if row.is_granted_to_all_doors else "Awaiting issuance"
