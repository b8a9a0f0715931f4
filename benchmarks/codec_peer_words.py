"""What the hand-written parsers share: enums by number, the optional fields, one refusal."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, Final

from protocols.doorlock import vocabulary as words
from protocols.wire.layout import Tlv

Parser = Callable[[bytes], Any]


class Known(dict[int, Any]):
    """Members of an enum by number; an unknown number is asked of the enum."""

    def __init__(self, kind: type[enum.IntEnum]) -> None:
        super().__init__({member.value: member for member in kind})
        self._kind = kind

    def __missing__(self, number: int) -> enum.IntEnum:
        return self._kind(number)


ALARM_CODE: Final = Known(words.AlarmCode)
CLOCK_QUALITY: Final = Known(words.ClockQuality)
CREDENTIAL_TYPE: Final = Known(words.CredentialType)
DENIED_REASON: Final = Known(words.AccessDeniedReason)
DOOR_STATE: Final = Known(words.DoorState)
LOCK_STATE: Final = Known(words.LockState)
LOG_EVENT: Final = Known(words.LogEvent)
OPERATING_MODE: Final = Known(words.OperatingMode)
OPERATION: Final = Known(words.LockOperationType)
RECORD_KIND: Final = Known(words.RecordKind)
SOURCE: Final = Known(words.OperationSource)
STATUS: Final = Known(words.Status)
USER_STATUS: Final = Known(words.UserStatus)
USER_TYPE: Final = Known(words.UserType)


class Refused(ValueError):  # noqa: N818 - a benchmark's own word.
    """Bytes that are not the message."""


def extensions(data: bytes, at: int) -> tuple[Tlv, ...]:
    """The TLVs from a position to the end."""
    end = len(data)
    if at == end:
        return ()
    found = []
    while at < end:
        stop = at + 2 + data[at + 1]
        found.append(Tlv(tag=data[at], value=data[at + 2 : stop]))
        at = stop
    if at != end:
        raise Refused
    return tuple(found)
