"""Parameters of `/access_grants/*` and `/access_methods/*`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.api.fields import (
    Email,
    GrantCode,
    Id,
    Ids,
    Instant,
    Limit,
    Nullable,
    Parameters,
    Phone,
    Search,
    Text,
    Whole,
    demand,
)
from gateway.api.objects.access_grant import Mode

GrantBatchKind = Literal[
    "spaces",
    "devices",
    "acs_entrances",
    "connected_accounts",
    "acs_systems",
    "user_identities",
    "acs_access_groups",
    "access_methods",
]
MethodBatchKind = Literal[
    "spaces",
    "devices",
    "acs_entrances",
    "access_grants",
    "access_methods",
    "instant_keys",
    "client_sessions",
    "acs_credentials",
]


class InlineUserIdentity(BaseModel):
    """Who is granted access, when it is not said by id."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    email_address: Email | None = None
    full_name: Text | None = None
    phone_number: Phone | None = None
    user_identity_key: Text | None = None


class RequestedAccessMethod(BaseModel):
    """One way in that is asked for."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    code: GrantCode | None = Field(default=None, repr=False)
    instant_key_max_use_count: Annotated[Whole, Field(ge=1)] | None = None
    mode: Mode


class CreateAccessGrant(Parameters):
    """`/access_grants/create`."""

    # There are four modes; asking for one several times is unusual, for dozens a mistake.
    requested_access_methods: Annotated[list[RequestedAccessMethod], Field(max_length=20)]
    access_grant_key: Text | None = None
    acs_entrance_ids: Ids | None = None
    customization_profile_id: Id | None = None
    # More doors than a person's keyring has; bounds the unit that makes them all or none.
    device_ids: Annotated[list[Id], Field(max_length=200)] | None = None
    ends_at: Nullable[Instant] = None
    location_ids: Ids | None = None
    name: Nullable[Text] = None
    reservation_key: str | None = None
    space_ids: Ids | None = None
    space_keys: Ids | None = None
    starts_at: Instant | None = None
    user_identity: InlineUserIdentity | None = None
    user_identity_id: Id | None = None

    @model_validator(mode="after")
    def _names_who_and_where(self) -> CreateAccessGrant:
        if (self.user_identity is None) == (self.user_identity_id is None):
            demand("Specify either `user_identity_id` or `user_identity`")
        places = (
            self.device_ids,
            self.acs_entrance_ids,
            self.space_ids,
            self.space_keys,
            self.location_ids,
        )
        if not any(places):
            demand("Specify `device_ids`, `acs_entrance_ids`, `space_ids` or `space_keys`")
        return self


class GetAccessGrant(Parameters):
    """`/access_grants/get`."""

    access_grant_id: Id | None = None
    access_grant_key: str | None = None

    @model_validator(mode="after")
    def _names_one(self) -> GetAccessGrant:
        if self.access_grant_id is None and self.access_grant_key is None:
            demand("Specify `access_grant_id` or `access_grant_key`")
        return self


class UpdateAccessGrant(GetAccessGrant):
    """`/access_grants/update`."""

    ends_at: Nullable[Instant] = None
    name: Nullable[Text] = None
    starts_at: Instant | None = None


class DeleteAccessGrant(Parameters):
    """`/access_grants/delete`."""

    access_grant_id: Id


class ListAccessGrants(Parameters):
    """`/access_grants/list`."""

    access_code_id: Id | None = None
    access_grant_ids: Ids | None = None
    access_grant_key: Nullable[str] = None
    acs_entrance_id: Id | None = None
    acs_system_id: Id | None = None
    customer_key: str | None = None
    device_id: Id | None = None
    limit: Limit | None = None
    location_id: Id | None = None
    page_cursor: Nullable[str] = None
    reservation_key: str | None = None
    search: Search | None = None
    space_id: Id | None = None
    user_identity_id: Id | None = None


class GetRelatedToGrants(Parameters):
    """`/access_grants/get_related`."""

    access_grant_ids: Ids | None = None
    access_grant_keys: Ids | None = None
    exclude: list[GrantBatchKind] | None = None
    include: list[GrantBatchKind] | None = None

    @model_validator(mode="after")
    def _names_one(self) -> GetRelatedToGrants:
        if self.access_grant_ids is None and self.access_grant_keys is None:
            demand("Specify `access_grant_ids` or `access_grant_keys`")
        return self


class GetAccessMethod(Parameters):
    """`/access_methods/get`."""

    access_method_id: Id


class ListAccessMethods(Parameters):
    """`/access_methods/list`."""

    access_code_id: Id | None = None
    access_grant_id: Id | None = None
    access_grant_key: Text | None = None
    acs_entrance_id: Id | None = None
    device_id: Id | None = None
    limit: Limit | None = None
    page_cursor: Nullable[str] = None
    space_id: Id | None = None

    @model_validator(mode="after")
    def _filters_something(self) -> ListAccessMethods:
        if not self.model_fields_set - {"limit", "page_cursor"}:
            demand(
                "Specify `access_grant_id`, `access_grant_key`, `access_code_id`, `device_id`, "
                "`acs_entrance_id` or `space_id`"
            )
        return self


class GetRelatedToMethods(Parameters):
    """`/access_methods/get_related`."""

    access_method_ids: Ids
    exclude: list[MethodBatchKind] | None = None
    include: list[MethodBatchKind] | None = None
