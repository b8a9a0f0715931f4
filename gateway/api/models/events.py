"""Parameters of `/events/*`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from gateway.api.fields import Between, Id, Ids, Instant, Limit, Names, Parameters, demand

# Documented for the lists of grants, methods and spaces that events are filtered by.
SomeIds = Annotated[list[Id], Field(max_length=100)]


class GetEvent(Parameters):
    """`/events/get`: by its id; device and type, where given, must fit."""

    event_id: Id
    device_id: Id | None = None
    event_type: str | None = None


class ListEvents(Parameters):
    """`/events/list`."""

    access_code_id: Id | None = None
    access_code_ids: Ids | None = None
    access_grant_id: Id | None = None
    access_grant_ids: SomeIds | None = None
    access_method_id: Id | None = None
    access_method_ids: SomeIds | None = None
    acs_access_group_id: Id | None = None
    acs_credential_id: Id | None = None
    acs_encoder_id: Id | None = None
    acs_entrance_id: Id | None = None
    acs_system_id: Id | None = None
    acs_system_ids: Ids | None = None
    acs_user_id: Id | None = None
    between: Between | None = None
    connect_webview_id: Id | None = None
    connected_account_id: Id | None = None
    customer_key: str | None = None
    device_id: Id | None = None
    device_ids: Ids | None = None
    event_ids: Ids | None = None
    event_type: str | None = None
    event_types: Names | None = None
    limit: Limit | None = None
    since: Instant | None = None
    space_id: Id | None = None
    space_ids: SomeIds | None = None
    unstable_offset: Limit | None = None
    user_identity_id: Id | None = None

    @model_validator(mode="after")
    def _filters_something(self) -> ListEvents:
        if not self.model_fields_set - {"limit", "unstable_offset"}:
            demand("Specify `since`, `between` or another filter")
        return self
