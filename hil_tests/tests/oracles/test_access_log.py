"""What the oracle holds against a log."""

from __future__ import annotations

import dataclasses

import pytest

from hil_tests.errors import SafetyViolated
from hil_tests.oracles.access_log import LogOracle, judge_entry
from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    AlarmCode,
    ClockQuality,
    LockOperationType,
    LogEvent,
    OperationSource,
)
from protocols.strike.messages import LogRecord

UNLOCK = LogRecord(
    index=0,
    utc_s=1,
    event=LogEvent.LOCK_OPERATION,
    source=OperationSource.KEYPAD,
    detail=LockOperationType.UNLOCK,
    clock_quality=ClockQuality.TRUSTED,
    user_index=3,
    credential_index=3,
    chain=bytes(4),
)
ALARM = dataclasses.replace(UNLOCK, event=LogEvent.ALARM, detail=AlarmCode.FORCED_USER)
UNKNOWN = dataclasses.replace(
    UNLOCK,
    event=LogEvent.ACCESS_DENIED,
    detail=AccessDeniedReason.UNKNOWN_CODE,
    user_index=0,
    credential_index=0,
)


@pytest.mark.parametrize(
    ("reason", "slot", "records"),
    [
        ("opened", 3, [UNLOCK]),
        ("opened", 3, [UNKNOWN, UNLOCK]),
        ("duress", 3, [UNLOCK, ALARM]),
        ("unknown_code", None, [UNKNOWN]),
        ("no_power", None, []),
    ],
)
def test_entry_that_is_in_the_log_as_what_it_was_is_no_violation(
    reason: str, slot: int | None, records: list[LogRecord]
) -> None:
    judge_entry("gym", {"reason": reason, "slot": slot}, records)


@pytest.mark.parametrize(
    ("reason", "slot", "records", "sentence"),
    [
        ("opened", 3, [], "an entry that was answered opened left no record"),
        ("opened", 4, [UNLOCK], "left no record"),
        ("opened", 3, [dataclasses.replace(UNLOCK, source=OperationSource.REMOTE)], "no record"),
        ("disabled", 3, [UNKNOWN], "an entry that was answered disabled left no record"),
        ("duress", 3, [UNLOCK], "a code was answered duress, silent alarm: False"),
        ("opened", 3, [UNLOCK, ALARM], "a code was answered opened, silent alarm: True"),
    ],
)
def test_entry_that_is_not_in_the_log_or_as_something_else_is_a_violation(
    reason: str, slot: int | None, records: list[LogRecord], sentence: str
) -> None:
    with pytest.raises(SafetyViolated, match=f"log at gym: .*{sentence}"):
        judge_entry("gym", {"reason": reason, "slot": slot}, records)


@pytest.mark.parametrize(
    ("records", "next_index", "sentence"),
    [
        ([dataclasses.replace(UNLOCK, index=4), dataclasses.replace(UNLOCK, index=6)], 7, "6 com"),
        ([dataclasses.replace(UNLOCK, index=4)], 6, "it ends with 4, and says 6 comes next"),
    ],
)
def test_log_with_a_gap_is_a_violation(
    records: list[LogRecord], next_index: int, sentence: str
) -> None:
    with pytest.raises(SafetyViolated, match=sentence):
        LogOracle("gym").look(records, next_index)


def test_record_that_changed_since_it_was_seen_is_a_violation() -> None:
    oracle = LogOracle("gym")
    oracle.look([dataclasses.replace(UNLOCK, index=4)], 5)
    changed = dataclasses.replace(UNLOCK, index=4, chain=b"\1\2\3\4")
    with pytest.raises(SafetyViolated, match="record 4 is another one than before"):
        oracle.look([changed], 5)
