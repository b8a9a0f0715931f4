"""Parameters of `/devices/*` and `/locks/*`."""

from __future__ import annotations

from pydantic import Field, model_validator

from gateway.api.fields import (
    EnteredCode,
    Id,
    Ids,
    Instant,
    Limit,
    MetadataFilter,
    Names,
    Nullable,
    Parameters,
    Search,
    demand,
)


class GetDevice(Parameters):
    """`/devices/get` and `/locks/get`: by id or by name."""

    device_id: Id | None = None
    name: str | None = None

    @model_validator(mode="after")
    def _names_one(self) -> GetDevice:
        if self.device_id is None and self.name is None:
            demand("Specify `device_id` or `name`")
        return self


class ListDevices(Parameters):
    """`/devices/list` and `/locks/list`."""

    connect_webview_id: Id | None = None
    connected_account_id: Id | None = None
    connected_account_ids: Ids | None = None
    created_before: Instant | None = None
    custom_metadata_has: MetadataFilter | None = None
    customer_key: str | None = None
    device_ids: Ids | None = None
    device_type: str | None = None
    device_types: Names | None = None
    exclude_if: Names | None = None
    include_if: Names | None = None
    limit: Limit | None = None
    manufacturer: str | None = None
    page_cursor: Nullable[str] = None
    search: Search | None = None
    space_id: Id | None = None
    user_identifier_key: str | None = None


class OperateLock(Parameters):
    """`/locks/lock_door` and `/locks/unlock_door`."""

    device_id: Id
    sync: bool | None = None


class EnterCode(Parameters):
    """`/locks/simulate/keypad_code_entry`."""

    code: EnteredCode = Field(repr=False)
    device_id: Id
