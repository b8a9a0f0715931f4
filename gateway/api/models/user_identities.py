"""Parameters of `/user_identities/*`."""

from __future__ import annotations

from pydantic import model_validator

from gateway.api.fields import (
    Email,
    Id,
    Ids,
    Instant,
    Limit,
    Nullable,
    Parameters,
    Phone,
    Text,
    demand,
)


class CreateUserIdentity(Parameters):
    """`/user_identities/create`."""

    acs_system_ids: Ids | None = None
    customer_key: str | None = None
    email_address: Nullable[Email] = None
    full_name: Nullable[Text] = None
    phone_number: Nullable[Phone] = None
    user_identity_key: Nullable[Text] = None


class GetUserIdentity(Parameters):
    """`/user_identities/get`."""

    user_identity_id: Id | None = None
    user_identity_key: str | None = None

    @model_validator(mode="after")
    def _names_one(self) -> GetUserIdentity:
        if self.user_identity_id is None and self.user_identity_key is None:
            demand("Specify `user_identity_id` or `user_identity_key`")
        return self


class ListUserIdentities(Parameters):
    """`/user_identities/list`."""

    created_before: Instant | None = None
    credential_manager_acs_system_id: Id | None = None
    limit: Limit | None = None
    page_cursor: Nullable[str] = None
    search: str | None = None
    user_identity_ids: Ids | None = None
