"""What a session found out about a bolt that is on its way."""

from __future__ import annotations

import pytest

from gateway.reconcile.findings import Findings
from protocols.doorlock.vocabulary import (
    ClockQuality,
    LockOperationType,
    LockState,
    LogEvent,
    OperationSource,
)
from protocols.strike.messages import LogPage, LogRecord

LOCK, UNLOCK = LockOperationType.LOCK, LockOperationType.UNLOCK


def page(*details: tuple[LogEvent, int]) -> LogPage:
    return LogPage(
        oldest_index=0,
        next_index=len(details),
        records=tuple(
            LogRecord(
                index=index,
                utc_s=0,
                event=event,
                source=OperationSource.AUTO,
                detail=detail,
                clock_quality=ClockQuality.TRUSTED,
                user_index=0,
                credential_index=0,
                chain=bytes(4),
            )
            for index, (event, detail) in enumerate(details)
        ),
    )


@pytest.mark.parametrize(
    ("state", "operations", "expected"),
    [
        (LockState.NOT_FULLY_LOCKED, [UNLOCK, LOCK], True),
        (LockState.NOT_FULLY_LOCKED, [LOCK, UNLOCK], False),
        (LockState.NOT_FULLY_LOCKED, [], False),
        (LockState.LOCKED, [LOCK], False),
    ],
)
def test_bolt_is_being_thrown_when_it_is_on_its_way_and_the_log_says_lock_last(
    state: LockState, operations: list[LockOperationType], *, expected: bool
) -> None:
    findings = Findings("gym")
    findings.reported["lock_state"] = int(state)
    records = [(LogEvent.LOCK_OPERATION, int(kind)) for kind in operations]
    findings.take_page(page(*records, (LogEvent.DOOR, 1)))
    assert findings.is_locking is expected
