"""Digests of memory records and of a whole memory (DESIGN D21): equal digests, equal memories.

A *content digest* says what a record holds without showing it: the first 8 bytes of SHA-256 over
the record's key and its canonical content. The canonical content is a layout of its own, declared
below: the fields of the message that writes the record, in its order, without the key and the
revision. A tombstone's digest is all zero.

A *memory digest* is the first 8 bytes of SHA-256 over all records and tombstones in key order,
each as its 16 bytes of key, revision and content digest: exactly the bytes of an `OccupiedRecord`
of the strike protocol, which a test there pins.

A digest has 8 bytes whatever it covers, so it doesn't tell the length of a PIN. It is no seal: who
knows key, user and digest can try all PINs of seven digits in seconds. Digests are therefore as
confidential as the session that carries them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from collections.abc import Iterable
from typing import Annotated, Final

from protocols.doorlock.vocabulary import OperatingMode, RecordKind, UserStatus, UserType
from protocols.wire.layout import ENUM8, U8, U16, U32, ShortBytes, ShortText, codec, message

# Bytes kept of a SHA-256: 64 bits, so that two of a lock's few thousand records, or two memories,
# agree by chance less than once in 10^12 locks.
DIGEST_SIZE: Final = 8
TOMBSTONE_DIGEST: Final = bytes(DIGEST_SIZE)
# Kind, index, sub index; the record adds revision and content digest (`OccupiedRecord`).
_KEY: Final = struct.Struct("<BHB")
_RECORD: Final = struct.Struct(f"<BHBI{DIGEST_SIZE}s")


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class RecordKey:
    """Names a memory record; keys sort by kind, then index, then sub index.

    Attributes:
        kind: What the record is.
        index: The user index; for CREDENTIAL the credential index, for HOLIDAY_SCHEDULE its own
            index. From 1.
        sub_index: The schedule index within the user; for CREDENTIAL the credential type; for USER
            and HOLIDAY_SCHEDULE 0.
    """

    kind: RecordKind
    index: int
    sub_index: int


@message
class UserContent:
    """Canonical content of a user record."""

    user_status: Annotated[UserStatus, ENUM8]
    user_type: Annotated[UserType, ENUM8]
    user_name: ShortText


@message
class CredentialContent:
    """Canonical content of a credential record."""

    user_index: U16
    credential_data: ShortBytes = dataclasses.field(repr=False)


@message
class YearDayContent:
    """Canonical content of a year-day schedule."""

    start_s: U32
    end_s: U32


@message
class WeekDayContent:
    """Canonical content of a week-day schedule."""

    days_mask: U8
    start_min: U16
    end_min: U16


@message
class HolidayContent:
    """Canonical content of a holiday schedule; its instants are door-local."""

    start_s: U32
    end_s: U32
    operating_mode: Annotated[OperatingMode, ENUM8]


def user_content(*, user_status: UserStatus, user_type: UserType, user_name: str) -> bytes:
    """Canonical content of a user record.

    Raises:
        LocalProtocolError: When a value does not fit its word.
    """
    return codec(UserContent).encode(
        UserContent(user_status=user_status, user_type=user_type, user_name=user_name)
    )


def credential_content(*, user_index: int, credential_data: bytes) -> bytes:
    """Canonical content of a credential record; holds the credential, so keep it short-lived.

    Raises:
        LocalProtocolError: When a value does not fit its word.
    """
    return codec(CredentialContent).encode(
        CredentialContent(user_index=user_index, credential_data=credential_data)
    )


def year_day_content(*, start_s: int, end_s: int) -> bytes:
    """Canonical content of a year-day schedule.

    Raises:
        LocalProtocolError: When a value does not fit its word.
    """
    return codec(YearDayContent).encode(YearDayContent(start_s=start_s, end_s=end_s))


def week_day_content(*, days_mask: int, start_min: int, end_min: int) -> bytes:
    """Canonical content of a week-day schedule.

    Raises:
        LocalProtocolError: When a value does not fit its word.
    """
    return codec(WeekDayContent).encode(
        WeekDayContent(days_mask=days_mask, start_min=start_min, end_min=end_min)
    )


def holiday_content(*, start_s: int, end_s: int, operating_mode: OperatingMode) -> bytes:
    """Canonical content of a holiday schedule.

    Raises:
        LocalProtocolError: When a value does not fit its word.
    """
    return codec(HolidayContent).encode(
        HolidayContent(start_s=start_s, end_s=end_s, operating_mode=operating_mode)
    )


def content_digest(key: RecordKey, content: bytes) -> bytes:
    """Digest of a live record: 8 bytes.

    Args:
        key: The record's key, each part within its word (u8, u16, u8).
        content: Its canonical content, from one of the functions above.
    """
    head = _KEY.pack(key.kind, key.index, key.sub_index)
    return hashlib.sha256(head + content).digest()[:DIGEST_SIZE]


def memory_digest(records: Iterable[tuple[RecordKey, int, bytes]]) -> bytes:
    """Digest of a whole memory: 8 bytes, the same for any order of the records.

    Args:
        records: Key, revision and content digest (8 bytes) of each record and tombstone.
    """
    whole = hashlib.sha256()
    for key, revision, digest in sorted(records):
        whole.update(_RECORD.pack(key.kind, key.index, key.sub_index, revision, digest))
    return whole.digest()[:DIGEST_SIZE]
