"""What callers ask of the access domain: one frozen dataclass a request.

`UNCHANGED` marks a field that an update leaves alone, since None is a value of its own.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Final


class Unchanged(enum.Enum):
    """Type of the mark for a field that stays as it is."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRequest:
    """A person, by any of the ways to tell people apart."""

    user_identity_key: str | None = None
    full_name: str | None = None
    email_address: str | None = None
    phone_number: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRegistration:
    """A device that the configuration or the bench names.

    Attributes:
        device_id: Its id for ever.
        name: Short name of the configuration or bench.
        display_name: For people.
        profile_id: Its brand profile.
        moniker: What a route opens, such as `ble:F0:00:00:00:00:01`.
        time_zone: Time zone of its door, an IANA name; None when nobody knows it.
    """

    device_id: str
    name: str
    display_name: str
    profile_id: str
    moniker: str
    time_zone: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RequestedMethod:
    """A way to get in that a grant asks for.

    Attributes:
        mode: code, card, mobile_key or cloud_key.
        code: The PIN preferred, mode code only.
        instant_key_max_use_count: Mode mobile_key only.
    """

    mode: str
    code: str | None = dataclasses.field(default=None, repr=False)
    instant_key_max_use_count: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GrantRequest:
    """Access for one person to some devices.

    Attributes:
        user_identity_id: Who; or
        identity: who, found or made.
        device_ids: Which devices; at least one.
        requested: Which ways in; at least one.
        starts_at_ms: From when; None for now.
        ends_at_ms: Until when; None for open-ended.
        name: The grant's name.
        access_grant_key: The caller's own key, unique in the workspace.
    """

    user_identity_id: str | None = None
    identity: IdentityRequest | None = None
    device_ids: tuple[str, ...]
    requested: tuple[RequestedMethod, ...]
    starts_at_ms: int | None = None
    ends_at_ms: int | None = None
    name: str | None = None
    access_grant_key: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GrantChanges:
    """What an update of a grant changes."""

    name: str | Unchanged | None = UNCHANGED
    starts_at_ms: int | Unchanged = UNCHANGED
    ends_at_ms: int | Unchanged | None = UNCHANGED


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequest:
    """One access code on one device.

    Attributes:
        device_id: Which device.
        code: The PIN; None has one made.
        name: The code's name.
        starts_at_ms: From when; None for now.
        ends_at_ms: Until when; None for an ongoing code.
        prefer_native_scheduling: False has the gateway keep the window on any device.
        preferred_code_length: Digits of a made PIN, where the device takes that length.
        common_code_key: Links codes that are changed together.
        is_external_modification_allowed: What the caller wants when somebody else changes it.
    """

    device_id: str
    code: str | None = dataclasses.field(default=None, repr=False)
    name: str | None = None
    starts_at_ms: int | None = None
    ends_at_ms: int | None = None
    prefer_native_scheduling: bool = True
    preferred_code_length: int | None = None
    common_code_key: str | None = None
    is_external_modification_allowed: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MultipleCodesRequest:
    """One access code on each of several devices, the same PIN where it can be shared.

    Attributes:
        device_ids: Which devices; at least one.
        is_sharing_required: True refuses all when one device can't take the shared PIN
            (`behavior_when_code_cannot_be_shared` is `throw`); False gives that device its own.
        code: The PIN; None has one made, and links the codes by a made key.
        name: Their name.
        starts_at_ms: From when; None for now.
        ends_at_ms: Until when; None for ongoing codes.
        prefer_native_scheduling: As in `CodeRequest`.
        preferred_code_length: As in `CodeRequest`.
        is_external_modification_allowed: As in `CodeRequest`.
    """

    device_ids: tuple[str, ...]
    is_sharing_required: bool = True
    code: str | None = dataclasses.field(default=None, repr=False)
    name: str | None = None
    starts_at_ms: int | None = None
    ends_at_ms: int | None = None
    prefer_native_scheduling: bool = True
    preferred_code_length: int | None = None
    is_external_modification_allowed: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CodeChanges:
    """What an update of an access code changes.

    Attributes:
        type: `ongoing` drops the end (and a start that is not given); `time_bound` needs an end.
    """

    code: str | Unchanged = dataclasses.field(default=UNCHANGED, repr=False)
    name: str | Unchanged | None = UNCHANGED
    starts_at_ms: int | Unchanged | None = UNCHANGED
    ends_at_ms: int | Unchanged | None = UNCHANGED
    type: str | Unchanged = UNCHANGED
    prefer_native_scheduling: bool | Unchanged = UNCHANGED
    is_external_modification_allowed: bool | Unchanged = UNCHANGED


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChanges:
    """What an update of a device changes.

    Attributes:
        display_name: The name that the API shows.
        custom_metadata: Keys to set; None as a value removes its key.
    """

    display_name: str | Unchanged = UNCHANGED
    custom_metadata: dict[str, str | bool | None] | Unchanged = UNCHANGED
