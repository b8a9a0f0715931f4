"""The user identity object."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from gateway.access.text import iso_utc
from gateway.api.objects.problems import Problem


class UserIdentity(TypedDict):
    """A person, as documented."""

    acs_user_ids: list[str]
    created_at: str
    display_name: str
    email_address: str | None
    errors: list[Problem]
    full_name: str | None
    merged_user_identity_ids: list[str]
    merged_user_identity_keys: list[str]
    phone_number: str | None
    user_identity_id: str
    user_identity_key: str | None
    warnings: list[Problem]
    workspace_id: str


def user_identity(row: Any) -> UserIdentity:
    """Show a row of `user_identity`."""
    return UserIdentity(
        acs_user_ids=[],
        created_at=iso_utc(row.created_at_ms),
        display_name=(
            row.full_name
            or row.email_address
            or row.phone_number
            or row.user_identity_key
            or "User identity"
        ),
        email_address=row.email_address,
        errors=[],
        full_name=row.full_name,
        merged_user_identity_ids=[],
        merged_user_identity_keys=[],
        phone_number=row.phone_number,
        user_identity_id=row.user_identity_id,
        user_identity_key=row.user_identity_key,
        warnings=[],
        workspace_id=row.workspace_id,
    )
