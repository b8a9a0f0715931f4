"""From the abstract writes of a plan to the messages of the strike protocol."""

from __future__ import annotations

from typing import assert_never

from gateway.plan.operations import (
    YEAR_DAY_INDEX,
    ClearCredential,
    EnableUser,
    Operation,
    WriteCredential,
    WriteUser,
    WriteYearDay,
)
from protocols.doorlock.vocabulary import CredentialType, UserStatus, UserType
from protocols.strike import messages


def message_of(operation: Operation) -> object:
    """The request that makes a write; slot N is user N and PIN credential N."""
    match operation:
        case WriteUser():
            return _user(operation, operation.user_type, is_enabled=operation.is_enabled)
        case EnableUser():
            return _user(operation, operation.user_type, is_enabled=True)
        case WriteYearDay():
            return messages.SetYearDaySchedule(
                year_day_index=YEAR_DAY_INDEX,
                user_index=operation.slot,
                revision=operation.revision,
                start_s=operation.start_s,
                end_s=operation.end_s,
            )
        case WriteCredential():
            return messages.SetCredential(
                credential_type=CredentialType.PIN,
                credential_index=operation.slot,
                revision=operation.revision,
                user_index=operation.slot,
                credential_data=operation.code.encode("ascii"),
            )
        case ClearCredential():
            return messages.ClearCredential(
                credential_type=CredentialType.PIN,
                credential_index=operation.slot,
                revision=operation.revision,
            )
        case _:
            assert_never(operation)


def _user(
    operation: WriteUser | EnableUser, user_type: UserType, *, is_enabled: bool
) -> messages.SetUser:
    return messages.SetUser(
        user_index=operation.slot,
        revision=operation.revision,
        user_status=(UserStatus.OCCUPIED_ENABLED if is_enabled else UserStatus.OCCUPIED_DISABLED),
        user_type=user_type,
        user_name=operation.user_name,
    )
