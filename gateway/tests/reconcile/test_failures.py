"""The words for what went wrong."""

from __future__ import annotations

import pytest

from gateway.errors import (
    ConfigError,
    ConnectFailed,
    DeviceTimeout,
    LinkClosed,
    RequestRefused,
    StoreError,
)
from gateway.reconcile.failures import (
    PASSING_FAILURE,
    SessionFailure,
    attempt_error,
    entry_error,
    session_failure,
)
from protocols.doorlock.vocabulary import Status
from protocols.errors import LocalProtocolError


def refused(status: Status) -> RequestRefused:
    return RequestRefused(operation="SetUser", status=status)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ConnectFailed("x"), SessionFailure.CONNECT_FAILED),
        (LinkClosed("x"), SessionFailure.LINK_CLOSED),
        (DeviceTimeout(operation="x", limit_s=1), SessionFailure.NO_ANSWER),
        (refused(Status.FAILURE), SessionFailure.REFUSED),
        (ConfigError("x"), SessionFailure.BAD_MONIKER),
        (StoreError("x"), SessionFailure.STORE_ERROR),
        (LocalProtocolError("x"), SessionFailure.PROTOCOL_ERROR),
        (TimeoutError(), SessionFailure.TOO_LONG),
        (KeyError("x"), SessionFailure.INTERNAL_ERROR),
    ],
)
def test_session_failure_has_a_word_for_every_error(
    error: BaseException, word: SessionFailure
) -> None:
    assert session_failure(error) is word


@pytest.mark.parametrize(
    ("error", "error_type"),
    [
        (ConnectFailed("x"), "device_unreachable"),
        (LinkClosed("x"), "device_disconnected"),
        (DeviceTimeout(operation="x", limit_s=1), "device_timeout"),
        (refused(Status.UNSUPPORTED_ACCESS), "action_not_supported"),
        (refused(Status.UNSUPPORTED_COMMAND), "action_not_supported"),
        (refused(Status.BUSY), "action_refused"),
        (KeyError("x"), "uncategorized_error"),
    ],
)
def test_attempt_error_has_a_type_for_every_error(error: BaseException, error_type: str) -> None:
    found = attempt_error(error)
    assert found.type == error_type
    assert found.message.endswith(".")


@pytest.mark.parametrize("status", list(Status))
def test_entry_error_has_a_sentence_for_every_status(status: Status) -> None:
    error_code, message = entry_error(refused(status))
    assert message.endswith(".")
    assert error_code != "" and " " not in error_code  # noqa: PT018 - one property.


def test_entry_error_of_an_unknown_status_passes() -> None:
    assert entry_error(refused(Status(0xEE)))[0] == PASSING_FAILURE
