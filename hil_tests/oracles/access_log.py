"""Is a lock's log whole? Indices without a gap, a hash chain that holds, nothing that changes.

And is every entry at the keypad in it as what it was, a silent alarm where a code tells of force?
The bytes of a record are laid out here once more, by hand, from the protocol's reference page.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hil_tests.errors import SafetyViolated
from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    AlarmCode,
    LockOperationType,
    LogEvent,
    OperationSource,
)
from protocols.strike.messages import LogRecord

# Index, time, event, source, detail, clock quality, user, credential; the chain value follows.
_RECORD: Final = struct.Struct("<IIBBBBHH")
_CHAIN_BYTES: Final = 4
_RULE: Final = "log"
# The event and its detail that an entry at the keypad leaves, by what came of it.
_DENIED: Final = LogEvent.ACCESS_DENIED
_ENTRIES: Final = {
    "opened": (LogEvent.LOCK_OPERATION, LockOperationType.UNLOCK),
    "duress": (LogEvent.LOCK_OPERATION, LockOperationType.UNLOCK),
    "non_access": (LogEvent.LOCK_OPERATION, LockOperationType.NON_ACCESS_USER_EVENT),
    "unknown_code": (_DENIED, AccessDeniedReason.UNKNOWN_CODE),
    "outside_schedule": (_DENIED, AccessDeniedReason.OUTSIDE_SCHEDULE),
    "disabled": (_DENIED, AccessDeniedReason.DISABLED),
    "locked_out": (_DENIED, AccessDeniedReason.LOCKED_OUT),
    "incomplete": (_DENIED, AccessDeniedReason.INCOMPLETE),
    "privacy": (_DENIED, AccessDeniedReason.PRIVACY),
    "jammed": (_DENIED, AccessDeniedReason.JAMMED),
}


class LogOracle:
    """Watches the log of one lock.

    Args:
        device: Bench name of the lock.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        # Index and chain value of the newest record that was seen.
        self._seen: tuple[int, bytes] | None = None

    def look(self, records: Sequence[LogRecord], next_index: int) -> None:
        """Look at all that the log holds now.

        Args:
            records: Every record still held, oldest first.
            next_index: Index that the next one will get.

        Raises:
            SafetyViolated: When a record is missing, changed, or does not fit the chain.
        """
        for before, record in zip([None, *records], records, strict=False):
            if before is not None and record.index != before.index + 1:
                self._fail(f"record {record.index} comes after {before.index}")
            start = bytes(_CHAIN_BYTES) if before is None and record.index == 0 else None
            previous = start if before is None else before.chain
            if previous is not None and record.chain != _chain(previous, record):
                self._fail(f"the chain breaks at record {record.index}")
        if records and records[-1].index + 1 != next_index:
            self._fail(f"it ends with {records[-1].index}, and says {next_index} comes next")
        self._compare(records, next_index)
        if records:
            self._seen = records[-1].index, records[-1].chain

    def _compare(self, records: Sequence[LogRecord], next_index: int) -> None:
        if self._seen is None:
            return
        index, chain = self._seen
        if next_index <= index:
            self._fail(f"it had record {index}, and says that {next_index} comes next")
        for record in records:
            if record.index == index and record.chain != chain:
                self._fail(f"record {index} is another one than before")

    def _fail(self, sentence: str) -> None:
        """Say what is wrong.

        Raises:
            SafetyViolated: Always.
        """
        raise SafetyViolated(_RULE, self._device, sentence)


def judge_entry(device: str, outcome: Mapping[str, Any], records: Sequence[LogRecord]) -> None:
    """See that an entry at a keypad is in the log as what it was.

    Args:
        device: Bench name of the lock.
        outcome: The answer of the keypad route; one without power leaves nothing.
        records: What is new in the log since before the entry.

    Raises:
        SafetyViolated: When it is not, or a silent alarm is missing.
    """
    reason = outcome["reason"]
    if reason not in _ENTRIES:
        return
    by_keypad = [
        (record.event, record.detail)
        for record in records
        if record.source is OperationSource.KEYPAD
        and record.credential_index == (outcome["slot"] or 0)
    ]
    event, detail = _ENTRIES[reason]
    if (event, detail) not in by_keypad:
        raise SafetyViolated(
            _RULE, device, f"an entry that was answered {reason} left no record of that"
        )
    is_alarmed = (LogEvent.ALARM, AlarmCode.FORCED_USER) in by_keypad
    if is_alarmed is not (reason == "duress"):
        raise SafetyViolated(
            _RULE, device, f"a code was answered {reason}, silent alarm: {is_alarmed}"
        )


def _chain(previous: bytes, record: LogRecord) -> bytes:
    body = _RECORD.pack(
        record.index,
        record.utc_s,
        record.event,
        record.source,
        record.detail,
        record.clock_quality,
        record.user_index,
        record.credential_index,
    )
    return hashlib.sha256(previous + body).digest()[:_CHAIN_BYTES]
