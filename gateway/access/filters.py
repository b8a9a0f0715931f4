"""What lists can be narrowed by: one frozen dataclass a list; None means *any*."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AccessCodeFilter:
    """Narrows a list of access codes."""

    access_code_ids: tuple[str, ...] | None = None
    access_grant_id: str | None = None
    access_grant_key: str | None = None
    access_method_id: str | None = None
    device_id: str | None = None
    search: str | None = None  # part of the name, the code or the id


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GrantFilter:
    """Narrows a list of access grants."""

    access_grant_ids: tuple[str, ...] | None = None
    access_grant_keys: tuple[str, ...] | None = None
    has_key: bool | None = None  # False: those that nobody gave a key
    access_code_id: str | None = None
    device_id: str | None = None
    user_identity_id: str | None = None
    search: str | None = None  # part of the name, the key or the id, or of the person's


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MethodFilter:
    """Narrows a list of access methods."""

    access_method_ids: tuple[str, ...] | None = None
    access_grant_id: str | None = None
    access_grant_key: str | None = None
    access_code_id: str | None = None
    device_id: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFilter:
    """Narrows a list of devices; `profile_ids` is how types and makers are asked for."""

    device_ids: tuple[str, ...] | None = None
    connected_account_ids: tuple[str, ...] | None = None
    profile_ids: tuple[str, ...] | None = None
    created_before_ms: int | None = None
    custom_metadata_has: Mapping[str, str | bool] | None = None
    search: str | None = None  # part of the name, the display name or the id


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IdentityFilter:
    """Narrows a list of user identities."""

    user_identity_ids: tuple[str, ...] | None = None
    created_before_ms: int | None = None
    search: str | None = None  # part of the name, the key, the e-mail address, phone or id


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFilter:
    """Narrows a list of action attempts."""

    action_attempt_ids: tuple[str, ...] | None = None
    device_id: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Narrows a list of events.

    `since_ms` is about when they were told, and inclusive; `between_ms` about when they happened,
    and exclusive at both ends.
    """

    event_ids: tuple[str, ...] | None = None
    event_types: tuple[str, ...] | None = None
    device_ids: tuple[str, ...] | None = None
    access_code_ids: tuple[str, ...] | None = None
    access_grant_ids: tuple[str, ...] | None = None
    access_method_ids: tuple[str, ...] | None = None
    user_identity_ids: tuple[str, ...] | None = None
    connected_account_id: str | None = None
    since_ms: int | None = None
    between_ms: tuple[int, int] | None = None
