"""The access method object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NotRequired

from typing_extensions import TypedDict

from gateway.access.text import iso_utc, iso_utc_or_none
from gateway.api.objects.access_grant import MODE_NAMES, Mode
from gateway.api.objects.problems import Problem, mutations, problems


class AccessMethod(TypedDict):
    """One way in that a grant gives, as documented."""

    access_method_id: str
    code: NotRequired[str | None]
    created_at: str
    display_name: str
    display_status: str
    errors: list[Problem]
    is_assignment_required: bool
    is_encoding_required: bool
    is_issued: bool
    is_ready_for_assignment: bool
    is_ready_for_encoding: bool
    issued_at: str | None
    mode: Mode
    pending_mutations: list[Problem]
    warnings: list[Problem]
    workspace_id: str


def access_method(row: Any, codes: Sequence[Any]) -> AccessMethod:
    """Show an access method.

    Args:
        row: A row of `access_method`.
        codes: The rows of `access_code` that it is made of, one a door.
    """
    method = AccessMethod(
        access_method_id=row.access_method_id,
        created_at=iso_utc(row.created_at_ms),
        display_name=MODE_NAMES[row.mode],
        display_status=_display_status(row),
        errors=problems(row.errors),
        # Cards alone are encoded or assigned.
        is_assignment_required=False,
        is_encoding_required=False,
        is_issued=row.is_issued,
        is_ready_for_assignment=False,
        is_ready_for_encoding=False,
        issued_at=iso_utc_or_none(row.issued_at_ms),
        mode=row.mode,
        pending_mutations=pending_mutations(row, codes),
        warnings=problems(row.warnings),
        workspace_id=row.workspace_id,
    )
    if row.mode == "code":
        method["code"] = row.code
    return method


def pending_mutations(row: Any, codes: Sequence[Any]) -> list[Problem]:
    """What of a method has not reached the doors yet.

    It follows from the codes: one that is still to be made is access being provisioned, one on
    its way out is access being revoked, one whose window changes is an update of access times.
    """
    device_ids = [code.device_id for code in codes]
    if row.deleting_at_ms is not None:
        return mutations(
            [
                {
                    "mutation_code": "revoking_access",
                    "created_at_ms": row.deleting_at_ms,
                    "from": {"device_ids": device_ids},
                    "to": {"device_ids": []},
                }
            ]
        )
    pending = [(code.device_id, mutation) for code in codes for mutation in code.pending_mutations]
    result = []
    missing = {
        device_id
        for device_id, mutation in pending
        if mutation["mutation_code"] in {"creating", "deferring_creation"}
    }
    if missing:
        result.append(
            {
                "mutation_code": "provisioning_access",
                "created_at_ms": row.created_at_ms,
                "from": {"device_ids": [one for one in device_ids if one not in missing]},
                "to": {"device_ids": device_ids},
            }
        )
    times = next(
        (
            mutation
            for _, mutation in pending
            if mutation["mutation_code"] == "updating_time_frame"
        ),
        None,
    )
    if times is not None:
        result.append({**times, "mutation_code": "updating_access_times"})
    return mutations(result)


def _display_status(row: Any) -> str:
    """Where it stands between us and the doors; the words are ours, and for people only."""
    if row.deleting_at_ms is not None:
        return "Being deleted"
    if row.errors:
        return "Needs attention"
    if row.is_issued:
        return "Issued"
    return "Awaiting reissuance" if row.was_issued else "Awaiting issuance"
