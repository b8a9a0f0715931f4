"""Parameters of `/access_codes/*`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.api.fields import (
    Code,
    Id,
    Ids,
    Instant,
    Label,
    Limit,
    Nullable,
    Parameters,
    Search,
    Text,
    Whole,
    demand,
)

MaxTimeRounding = Literal["1hour", "1day", "1h", "1d"]
CodeType = Literal["ongoing", "time_bound"]


class CreateAccessCode(Parameters):
    """`/access_codes/create`."""

    device_id: Id
    allow_external_modification: bool | None = None
    attempt_for_offline_device: bool | None = None
    code: Code | None = Field(default=None, repr=False)
    common_code_key: Text | None = None
    ends_at: Instant | None = None
    is_external_modification_allowed: bool | None = None
    is_offline_access_code: bool | None = None
    is_one_time_use: bool | None = None
    max_time_rounding: MaxTimeRounding | None = None
    name: Label | None = None
    prefer_native_scheduling: bool | None = None
    preferred_code_length: Whole | None = None
    starts_at: Instant | None = None
    sync: bool | None = None
    use_backup_access_code_pool: bool | None = None
    use_offline_access_code: bool | None = None


class CreateAccessCodes(Parameters):
    """`/access_codes/create_multiple`."""

    # More doors than a person's keyring has; bounds the unit that makes them all or none.
    device_ids: Annotated[list[Id], Field(min_length=1, max_length=200)]
    allow_external_modification: bool | None = None
    attempt_for_offline_device: bool | None = None
    behavior_when_code_cannot_be_shared: Literal["throw", "create_random_code"] | None = None
    code: Code | None = Field(default=None, repr=False)
    ends_at: Instant | None = None
    is_external_modification_allowed: bool | None = None
    name: Label | None = None
    prefer_native_scheduling: bool | None = None
    preferred_code_length: Whole | None = None
    starts_at: Instant | None = None
    use_backup_access_code_pool: bool | None = None


class UpdateAccessCode(Parameters):
    """`/access_codes/update`."""

    access_code_id: Id
    allow_external_modification: bool | None = None
    attempt_for_offline_device: bool | None = None
    code: Code | None = Field(default=None, repr=False)
    device_id: Id | None = None
    ends_at: Instant | None = None
    is_external_modification_allowed: bool | None = None
    is_managed: bool | None = None
    is_offline_access_code: bool | None = None
    is_one_time_use: bool | None = None
    max_time_rounding: MaxTimeRounding | None = None
    name: Label | None = None
    prefer_native_scheduling: bool | None = None
    preferred_code_length: Whole | None = None
    starts_at: Instant | None = None
    sync: bool | None = None
    type: CodeType | None = None
    use_backup_access_code_pool: bool | None = None


class DeleteAccessCode(Parameters):
    """`/access_codes/delete`."""

    access_code_id: Id
    device_id: Id | None = None
    sync: bool | None = None


class GetAccessCode(Parameters):
    """`/access_codes/get`: by its id, or by device and code."""

    access_code_id: Id | None = None
    code: str | None = Field(default=None, repr=False)
    device_id: Id | None = None

    @model_validator(mode="after")
    def _names_one(self) -> GetAccessCode:
        if self.access_code_id is None and (self.code is None or self.device_id is None):
            demand("Specify `access_code_id`, or `device_id` and `code`")
        return self


class ListAccessCodes(Parameters):
    """`/access_codes/list`."""

    access_code_ids: Ids | None = None
    access_grant_id: Id | None = None
    access_grant_key: str | None = None
    access_method_id: Id | None = None
    customer_key: str | None = None
    device_id: Id | None = None
    limit: Limit | None = None
    page_cursor: Nullable[str] = None
    search: Search | None = None
    user_identifier_key: str | None = None

    @model_validator(mode="after")
    def _filters_something(self) -> ListAccessCodes:
        if not self.model_fields_set - {"limit", "page_cursor"}:
            demand(
                "Specify `device_id`, `access_code_ids`, `access_method_id`, `access_grant_id`, "
                "`access_grant_key` or `search`"
            )
        return self


class GenerateCode(Parameters):
    """`/access_codes/generate_code`."""

    device_id: Id
