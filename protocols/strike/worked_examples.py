"""Messages that the reference page shows byte by byte: one night in slot 3 of a lock.

The code, the name and the times are made up; the window is 2025-07-13T15:00Z to 2025-07-16T11:00Z.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    ClockQuality,
    CredentialType,
    DoorState,
    LockState,
    OperationSource,
    Status,
    UserStatus,
    UserType,
)
from protocols.strike.frame import Frame
from protocols.strike.limits import EVENT_TRANSACTION
from protocols.strike.messages import (
    TYPE_NUMBERS,
    AccessDenied,
    DeviceStatus,
    GetStatus,
    SetCredential,
    SetUser,
    SetYearDaySchedule,
    StatusReply,
)
from protocols.wire.layout import codec

_SLOT: Final = 3
_REVISION: Final = 1
# Seconds since 2000 of the window above.
_START_S: Final = 805_734_000
_END_S: Final = 805_978_800


@dataclasses.dataclass(frozen=True, slots=True)
class WorkedExample:
    """A message and the transaction that it has in the example."""

    transaction: int
    message: Any

    def frame(self) -> bytes:
        """The plaintext message as bytes, before fragmentation."""
        kind = type(self.message)
        return Frame(
            message_type=TYPE_NUMBERS[kind],
            transaction=self.transaction,
            body=codec(kind).encode(self.message),
        ).encode()


EXAMPLES: Final[Mapping[str, WorkedExample]] = MappingProxyType(
    {
        "GetStatus": WorkedExample(1, GetStatus()),
        "DeviceStatus": WorkedExample(
            1,
            DeviceStatus(
                lock_state=LockState.LOCKED,
                door_state=DoorState.DOOR_CLOSED,
                battery_mv=5600,
                utc_s=_START_S - 72 * 3600,
                utc_offset_min=120,
                clock_quality=ClockQuality.TRUSTED,
                log_next_index=17,
                # The digest of an empty memory: SHA-256 of nothing.
                memory_digest=bytes.fromhex("e3b0c44298fc1c14"),
            ),
        ),
        "SetUser": WorkedExample(
            2,
            SetUser(
                user_index=_SLOT,
                revision=_REVISION,
                user_status=UserStatus.OCCUPIED_ENABLED,
                user_type=UserType.YEAR_DAY_SCHEDULE_USER,
                user_name="Jane Doe",
            ),
        ),
        "SetYearDaySchedule": WorkedExample(
            3,
            SetYearDaySchedule(
                year_day_index=1,
                user_index=_SLOT,
                revision=_REVISION,
                start_s=_START_S,
                end_s=_END_S,
            ),
        ),
        "SetCredential": WorkedExample(
            4,
            SetCredential(
                credential_type=CredentialType.PIN,
                credential_index=_SLOT,
                revision=_REVISION,
                user_index=_SLOT,
                credential_data=b"8315402",
            ),
        ),
        "StatusReply": WorkedExample(4, StatusReply(status=Status.SUCCESS, revision=_REVISION)),
        "AccessDenied": WorkedExample(
            EVENT_TRANSACTION,
            AccessDenied(
                log_index=17,
                utc_s=_START_S - 1,
                reason=AccessDeniedReason.OUTSIDE_SCHEDULE,
                source=OperationSource.KEYPAD,
                user_index=_SLOT,
                credential_index=_SLOT,
            ),
        ),
    }
)
