from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from gateway.access import codes, grants, logs
from gateway.access.requests import (
    CodeChanges,
    CodeRequest,
    GrantRequest,
    IdentityRequest,
    RequestedMethod,
)
from gateway.errors import NotFound
from gateway.store.tables import device_log
from gateway.tests.access.harness import DAY_MS, HOUR_MS, MINUTE_MS, NOON_MS, House
from protocols.doorlock.vocabulary import (
    AccessDeniedReason,
    AlarmCode,
    ClockQuality,
    LockOperationType,
    LogEvent,
    OperationSource,
)
from protocols.doorlock.window import to_device_s_floor
from protocols.strike.messages import LogRecord


def record(index: int, at_ms: int, **changes: Any) -> LogRecord:
    """A keypad unlock of nobody in particular."""
    fields: dict[str, Any] = {
        "index": index,
        "utc_s": to_device_s_floor(at_ms),
        "event": LogEvent.LOCK_OPERATION,
        "source": OperationSource.KEYPAD,
        "detail": int(LockOperationType.UNLOCK),
        "clock_quality": ClockQuality.TRUSTED,
        "user_index": 0,
        "credential_index": 0,
        "chain": bytes(4),
    }
    return LogRecord(**fields | changes)


def fetch(house: House, *records: LogRecord, device_id: str = "native") -> int:
    next_index = max((one.index for one in records), default=-1) + 1
    return house.write(logs.log_records, device_id, records, next_index=next_index)


def doors(house: House) -> list[Any]:
    return [row for row in house.events() if row.event_type.startswith("lock.")]


def test_log_when_a_pin_opened_then_the_person_is_named(house: House) -> None:
    grant_id = house.write(
        grants.create_grant,
        GrantRequest(
            identity=IdentityRequest(full_name="Jane Doe"),
            device_ids=("native",),
            requested=(RequestedMethod(mode="code"),),
        ),
    )
    house.tick()
    house.now_ms += MINUTE_MS
    assert fetch(house, record(0, NOON_MS + 30_000, credential_index=1, user_index=1)) == 1
    (event,) = doors(house)
    code = house.locks["native"].codes()[1]
    assert (event.event_type, event.occurred_at_ms) == ("lock.unlocked", NOON_MS + 30_000)
    assert event.body["method"] == "keycode"
    assert event.body["code"] == code
    assert event.body["access_code_is_managed"] is True
    assert event.body["device_id"] == "native"
    assert event.body["connected_account_id"] == house.device("native").connected_account_id
    grant = house.grant(grant_id)
    assert event.user_identity_id == grant.user_identity_id
    assert house.device("native").log_next_index == 1


def test_log_when_fetched_twice_then_told_once(house: House) -> None:
    house.now_ms += MINUTE_MS
    records = [record(index, NOON_MS) for index in (3, 4)]
    assert fetch(house, *records) == 2
    assert fetch(house, *records, record(5, NOON_MS)) == 1
    assert fetch(house, *records, records[0]) == 0
    assert len(doors(house)) == 3
    with house.engines.reader.begin() as conn:
        kept = conn.execute(sa.select(device_log.c.log_index)).scalars()
        assert sorted(kept) == [3, 4, 5]


def test_log_when_the_log_began_anew_then_its_index_is_taken_back(house: House) -> None:
    fetch(house, record(9, NOON_MS))
    assert house.device("native").log_next_index == 10
    assert fetch(house) == 0
    assert house.device("native").log_next_index == 0


def test_log_when_the_slot_went_to_somebody_else_then_each_record_finds_its_holder(
    house: House,
) -> None:
    """The gateway was away: both lives of slot 1 come in one page."""
    first = house.write(codes.create_code, CodeRequest(device_id="native", code="2468"))
    house.tick()
    house.now_ms = NOON_MS + HOUR_MS
    house.write(codes.delete_code, first)
    house.tick()
    second = house.write(codes.create_code, CodeRequest(device_id="native", code="9753"))
    house.now_ms = NOON_MS + 2 * HOUR_MS
    house.tick()
    house.now_ms = NOON_MS + 3 * HOUR_MS
    house.write(codes.update_code, second, CodeChanges(code="8642"))
    house.tick()
    house.now_ms = NOON_MS + DAY_MS
    fetch(
        house,
        record(0, NOON_MS + MINUTE_MS, credential_index=1),
        record(1, NOON_MS + 2 * HOUR_MS + MINUTE_MS, credential_index=1),
        record(2, NOON_MS + 4 * HOUR_MS, credential_index=1),
    )
    named = [(row.access_code_id, row.body["code"]) for row in doors(house)]
    assert named == [(first, "2468"), (second, "9753"), (second, "8642")]


def test_log_when_the_code_is_gone_then_it_is_named_all_the_same(house: House) -> None:
    """The demo: opened while the gateway was off, fetched after the code's end."""
    code_id = house.write(
        codes.create_code, CodeRequest(device_id="latch", ends_at_ms=NOON_MS + HOUR_MS)
    )
    house.tick()
    house.now_ms = NOON_MS + 2 * HOUR_MS
    house.tick()
    fetch(house, record(0, NOON_MS + MINUTE_MS, credential_index=1), device_id="latch")
    assert doors(house)[0].access_code_id == code_id


@pytest.mark.parametrize("early_ms", [1000, 59_000])
def test_log_when_the_locks_clock_is_a_little_behind_then_the_first_holder_is_meant(
    house: House, early_ms: int
) -> None:
    code_id = house.write(codes.create_code, CodeRequest(device_id="native"))
    house.tick()
    house.now_ms += MINUTE_MS
    fetch(house, record(0, NOON_MS - early_ms, credential_index=1))
    assert doors(house)[0].access_code_id == code_id


def test_log_when_nobody_ever_held_the_slot_then_nobody_is_named(house: House) -> None:
    fetch(house, record(0, NOON_MS, credential_index=5))
    (event,) = doors(house)
    assert event.access_code_id is None
    assert "code" not in event.body
    assert "access_code_is_managed" not in event.body


@pytest.mark.parametrize("quality", [ClockQuality.LOST, ClockQuality.ROLLED_BACK])
def test_log_when_the_lock_lost_its_clock_then_the_fetch_is_the_instant(
    house: House, quality: ClockQuality
) -> None:
    fetch(house, record(0, NOON_MS - 9 * DAY_MS, clock_quality=quality))
    assert doors(house)[0].occurred_at_ms == NOON_MS


def test_log_when_the_locks_clock_is_ahead_then_never_later_than_the_fetch(house: House) -> None:
    fetch(house, record(0, NOON_MS + HOUR_MS))
    assert doors(house)[0].occurred_at_ms == NOON_MS


@pytest.mark.parametrize(
    ("source", "method"),
    [
        (OperationSource.KEYPAD, "keycode"),
        (OperationSource.MANUAL, "manual"),
        (OperationSource.BUTTON, "manual"),
        (OperationSource.AUTO, "automatic"),
        (OperationSource.SCHEDULE, "automatic"),
        (OperationSource.REMOTE, "remote"),
        (OperationSource.PROPRIETARY_REMOTE, "remote"),
        (OperationSource.RFID, "card"),
        (OperationSource.BIOMETRIC, "unknown"),
        (OperationSource.UNSPECIFIED, "unknown"),
    ],
)
def test_log_when_the_bolt_moved_then_how_is_told(
    house: House, source: OperationSource, method: str
) -> None:
    fetch(
        house,
        record(0, NOON_MS, source=source, detail=int(LockOperationType.LOCK)),
        record(1, NOON_MS, source=source),
        record(2, NOON_MS, source=source, detail=int(LockOperationType.UNLATCH)),
        record(3, NOON_MS, source=source, detail=int(LockOperationType.NON_ACCESS_USER_EVENT)),
        record(4, NOON_MS, source=source, detail=200),
    )
    assert [(row.event_type, row.body["method"]) for row in doors(house)] == [
        ("lock.locked", method),
        ("lock.unlocked", method),
        ("lock.unlocked", method),
    ]


@pytest.mark.parametrize(
    ("reason", "reason_code"),
    [
        (AccessDeniedReason.UNKNOWN_CODE, "unknown_code"),
        (AccessDeniedReason.OUTSIDE_SCHEDULE, "expired_code"),
        (AccessDeniedReason.DISABLED, "blocklisted_code"),
        (AccessDeniedReason.LOCKED_OUT, "too_many_attempts"),
        (AccessDeniedReason.PRIVACY, "blocked_by_privacy_mode"),
        (AccessDeniedReason.INCOMPLETE, "credential_error"),
        (AccessDeniedReason.JAMMED, "credential_error"),
        (AccessDeniedReason.NO_POWER, "credential_error"),
        (99, "credential_error"),
    ],
)
def test_log_when_access_was_denied_then_a_documented_reason(
    house: House, reason: int, reason_code: str
) -> None:
    code_id = house.write(codes.create_code, CodeRequest(device_id="native"))
    house.tick()
    fetch(
        house,
        record(0, NOON_MS, event=LogEvent.ACCESS_DENIED, detail=int(reason), credential_index=1),
    )
    (event,) = doors(house)
    assert event.event_type == "lock.access_denied"
    assert event.body["reason"]["reason_code"] == reason_code
    assert event.body["reason"]["message"]
    assert event.access_code_id == code_id
    assert "code" not in event.body


def test_log_when_somebody_tampers_then_told_and_other_records_are_only_kept(
    house: House,
) -> None:
    before = len(house.events())
    fetch(
        house,
        record(0, NOON_MS, event=LogEvent.ALARM, detail=int(AlarmCode.DOOR_FORCED_OPEN)),
        record(1, NOON_MS, event=LogEvent.ALARM, detail=int(AlarmCode.DOOR_AJAR)),
        record(2, NOON_MS, event=LogEvent.POWER_ON),
        record(3, NOON_MS, event=LogEvent.CLOCK_SET),
        record(4, NOON_MS, event=LogEvent.DOOR),
        record(5, NOON_MS, event=LogEvent.BATTERY, detail=2),
        record(6, NOON_MS, event=LogEvent.OPERATING_MODE, detail=2),
        # Of a firmware that is newer than this gateway.
        record(7, NOON_MS, event=LogEvent(0x7F), detail=0x7F),
        record(8, NOON_MS, event=LogEvent.ALARM, detail=0x7F),
    )
    assert [row.event_type for row in house.events()[before:]] == ["device.tampered"]


def test_log_when_a_lock_could_not_relock_by_itself_then_nobody_was_denied(house: House) -> None:
    jammed = int(AccessDeniedReason.JAMMED)
    fetch(
        house,
        record(
            0,
            NOON_MS,
            event=LogEvent.ACCESS_DENIED,
            source=OperationSource.AUTO,
            detail=jammed,
        ),
        record(
            1,
            NOON_MS,
            event=LogEvent.ACCESS_DENIED,
            source=OperationSource.REMOTE,
            detail=jammed,
        ),
    )
    assert [event.event_type for event in doors(house)] == ["lock.access_denied"]


def test_log_when_there_is_no_such_device_then_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        fetch(house, record(0, NOON_MS), device_id="nothing")


def test_log_when_there_is_nothing_new_then_nothing_is_written(house: House) -> None:
    before = house.device("native")
    assert house.write(logs.log_records, "native", [], next_index=0) == 0
    assert house.device("native") == before
