"""A lock as the access tests need it: a memory with Matter's rules and its own window check."""

from __future__ import annotations

import dataclasses

from gateway.plan.operations import (
    ClearCredential,
    EnableUser,
    Operation,
    WriteCredential,
    WriteUser,
    WriteYearDay,
)
from protocols.doorlock.digest import (
    TOMBSTONE_DIGEST,
    RecordKey,
    content_digest,
    credential_content,
    user_content,
    year_day_content,
)
from protocols.doorlock.vocabulary import (
    CredentialType,
    RecordKind,
    Status,
    UserStatus,
    UserType,
)
from protocols.doorlock.window import to_ms


class LockRefused(Exception):  # noqa: N818 - says what happened.
    """The lock answered with another status than SUCCESS, and with the revision that it holds."""

    def __init__(self, status: Status, revision: int = 0) -> None:
        super().__init__(status.name)
        self.status = status
        self.revision = revision


@dataclasses.dataclass
class Record:
    """One record: its revision, its content; None for a tombstone."""

    revision: int
    content: tuple[object, ...] | None


class FakeLock:
    """Users, schedules and PINs of one lock; slot N is user N."""

    def __init__(self, slot_count: int) -> None:
        self.slot_count = slot_count
        self.records: dict[RecordKey, Record] = {}
        self.write_count = 0

    def apply(self, operation: Operation) -> None:
        """Do one write, or refuse it as the device rules have it."""
        assert 1 <= operation.slot <= self.slot_count
        match operation:
            case WriteUser() | EnableUser():
                is_enabled = operation.is_enabled if isinstance(operation, WriteUser) else True
                user = (is_enabled, operation.user_type, operation.user_name)
                self._write(_user(operation.slot), operation.revision, user)
            case WriteYearDay():
                self._require_user(operation.slot)
                window = (operation.start_s, operation.end_s)
                self._write(_year_day(operation.slot), operation.revision, window)
            case WriteCredential():
                self._require_user(operation.slot)
                key = _credential(operation.slot)
                for other, record in self.records.items():
                    if other != key and record.content == (operation.code,):
                        raise LockRefused(Status.DUPLICATE)
                self._write(key, operation.revision, (operation.code,))
            case ClearCredential():
                self._clear(operation.slot, operation.revision)

    def opens(self, code: str, at_ms: int) -> bool:
        """Would this PIN open the door at that instant?"""
        for key, record in self.records.items():
            if key.kind == RecordKind.CREDENTIAL and record.content == (code,):
                return self._admits(key.index, at_ms)
        return False

    def codes(self) -> dict[int, str]:
        """Slot to PIN."""
        return {
            key.index: str(record.content[0])
            for key, record in self.records.items()
            if key.kind == RecordKind.CREDENTIAL and record.content is not None
        }

    def reported(self) -> list[tuple[RecordKey, int, bytes]]:
        """What ListOccupied says."""
        return sorted(
            (key, record.revision, _digest(key, record)) for key, record in self.records.items()
        )

    def _admits(self, slot: int, at_ms: int) -> bool:
        user = self.records[_user(slot)].content
        if user is None or not user[0]:
            return False
        if user[1] is UserType.UNRESTRICTED_USER:
            return True
        schedule = self.records.get(_year_day(slot))
        if schedule is None or schedule.content is None:
            return False
        start_s, end_s = schedule.content
        assert isinstance(start_s, int)
        assert isinstance(end_s, int)
        return to_ms(start_s) <= at_ms < to_ms(end_s)

    def _require_user(self, slot: int) -> None:
        record = self.records.get(_user(slot))
        if record is None or record.content is None:
            raise LockRefused(Status.INVALID_FIELD)

    def _write(self, key: RecordKey, revision: int, content: tuple[object, ...] | None) -> None:
        held = self.records.get(key)
        if held is not None and (held.revision, held.content) == (revision, content):
            return
        if held is not None and held.revision >= revision:
            raise LockRefused(Status.DATA_VERSION_MISMATCH, held.revision)
        self.records[key] = Record(revision, content)
        self.write_count += 1

    def _clear(self, slot: int, revision: int) -> None:
        keys = [_credential(slot), _year_day(slot), _user(slot)]
        newest = max(
            (self.records[key].revision for key in keys if key in self.records), default=0
        )
        if newest > revision:
            raise LockRefused(Status.DATA_VERSION_MISMATCH, newest)
        for key in keys:
            if key in self.records or key.kind == RecordKind.CREDENTIAL:
                self._write(key, revision, None)


def _user(slot: int) -> RecordKey:
    return RecordKey(RecordKind.USER, slot, 0)


def _year_day(slot: int) -> RecordKey:
    return RecordKey(RecordKind.YEAR_DAY_SCHEDULE, slot, 1)


def _credential(slot: int) -> RecordKey:
    return RecordKey(RecordKind.CREDENTIAL, slot, CredentialType.PIN)


def _digest(key: RecordKey, record: Record) -> bytes:
    if record.content is None:
        return TOMBSTONE_DIGEST
    content = record.content
    if key.kind == RecordKind.USER:
        is_enabled, user_type, name = content
        assert isinstance(user_type, UserType)
        status = UserStatus.OCCUPIED_ENABLED if is_enabled else UserStatus.OCCUPIED_DISABLED
        data = user_content(user_status=status, user_type=user_type, user_name=str(name))
    elif key.kind == RecordKind.CREDENTIAL:
        data = credential_content(user_index=key.index, credential_data=str(content[0]).encode())
    else:
        start_s, end_s = content
        assert isinstance(start_s, int)
        assert isinstance(end_s, int)
        data = year_day_content(start_s=start_s, end_s=end_s)
    return content_digest(key, data)
