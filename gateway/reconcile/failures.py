"""What went wrong, in the words of those who read it: bench, access codes, action attempts."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.access.attempts import AttemptError
from gateway.errors import (
    ConfigError,
    ConnectFailed,
    DeviceTimeout,
    LinkError,
    RequestRefused,
    StoreError,
)
from protocols.doorlock.vocabulary import Status
from protocols.errors import ProtocolError


class SessionFailure(enum.StrEnum):
    """Why a whole session failed: the `reason` of `unfinished`."""

    CONNECT_FAILED = "connect_failed"
    LINK_CLOSED = "link_closed"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    PROTOCOL_ERROR = "protocol_error"
    BAD_MONIKER = "bad_moniker"
    STORE_ERROR = "store_error"
    TOO_LONG = "session_too_long"
    INTERNAL_ERROR = "internal_error"


# The first kind that fits decides.
_KINDS: Final = (
    (ConnectFailed, SessionFailure.CONNECT_FAILED),
    (LinkError, SessionFailure.LINK_CLOSED),
    (DeviceTimeout, SessionFailure.NO_ANSWER),
    (RequestRefused, SessionFailure.REFUSED),
    (ConfigError, SessionFailure.BAD_MONIKER),
    (StoreError, SessionFailure.STORE_ERROR),
    (ProtocolError, SessionFailure.PROTOCOL_ERROR),
    (TimeoutError, SessionFailure.TOO_LONG),
)

# Access code errors (Seam's words) for a write that the device refused. Whatever is not here is
# a passing failure: the device was busy, or in a state that changes.
_ENTRY_ERRORS: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.DUPLICATE: "duplicate_code_on_device",
        Status.RESOURCE_EXHAUSTED: "no_space_for_access_code_on_device",
        Status.CONSTRAINT_ERROR: "code_constraints_violated",
        Status.INVALID_FIELD: "provider_issue",
        Status.UNSUPPORTED_COMMAND: "provider_issue",
        Status.UNSUPPORTED_ACCESS: "provider_issue",
    }
)
PASSING_FAILURE: Final = "failed_to_set_on_device"
PASSING_SENTENCE: Final = "The lock could not store the change; it is tried again."

_ENTRY_SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "duplicate_code_on_device": "Another code on the lock has the same digits.",
        "no_space_for_access_code_on_device": "The lock has no free slot for this code.",
        "code_constraints_violated": "The lock does not accept a code like this one.",
        "provider_issue": "The lock refused the code as something it does not know.",
        PASSING_FAILURE: PASSING_SENTENCE,
    }
)


def session_failure(error: BaseException) -> SessionFailure:
    """The word for what ended a session."""
    for kind, failure in _KINDS:
        if isinstance(error, kind):
            return failure
    return SessionFailure.INTERNAL_ERROR


def entry_error(refused: RequestRefused) -> tuple[str, str]:
    """Access code error and sentence for a write that the device refused."""
    error_code = _ENTRY_ERRORS.get(refused.status, PASSING_FAILURE)
    return error_code, _ENTRY_SENTENCES[error_code]


def attempt_error(error: BaseException) -> AttemptError:
    """Why something that was to be done at once was not done."""
    if isinstance(error, RequestRefused):
        if error.status in {Status.UNSUPPORTED_ACCESS, Status.UNSUPPORTED_COMMAND}:
            return AttemptError(
                type="action_not_supported", message="This lock does not allow that remotely."
            )
        return AttemptError(
            type="action_refused", message=f"The lock answered {error.status.name}."
        )
    if isinstance(error, ConnectFailed):
        return AttemptError(type="device_unreachable", message="The lock could not be reached.")
    if isinstance(error, DeviceTimeout):
        return AttemptError(
            type="device_timeout",
            message="The lock did not answer in time; whether it acted is not known.",
        )
    if isinstance(error, LinkError):
        return AttemptError(
            type="device_disconnected",
            message="The connection to the lock broke; whether it acted is not known.",
        )
    return AttemptError(type="uncategorized_error", message="The gateway could not do that.")
