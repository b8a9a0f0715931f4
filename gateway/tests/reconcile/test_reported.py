"""What is kept of what a device says."""

from __future__ import annotations

import json

import pytest

from gateway.reconcile import reported
from protocols.doorlock.vocabulary import ClockQuality, DoorState, LockState
from protocols.doorlock.window import EPOCH_2000_MS
from protocols.strike.messages import DeviceStatus

NOW_MS = EPOCH_2000_MS + 1_000_000


def status(*, utc_s: int = 1000, log_next_index: int = 7) -> DeviceStatus:
    return DeviceStatus(
        lock_state=LockState.LOCKED,
        door_state=DoorState.DOOR_CLOSED,
        battery_mv=6000,
        utc_s=utc_s,
        utc_offset_min=-60,
        clock_quality=ClockQuality.HOLDOVER,
        log_next_index=log_next_index,
        memory_digest=bytes(8),
    )


def test_of_status_is_json_with_the_documented_keys() -> None:
    found = reported.of_status(status(), now_ms=NOW_MS)
    assert json.loads(json.dumps(found)) == {
        "lock_state": 1,
        "door_state": 1,
        "battery_mv": 6000,
        "utc_offset_min": -60,
        "clock_quality": 1,
        "clock_error_s": 0,
        "log_next_index": 7,
        "reported_at_ms": NOW_MS,
    }


@pytest.mark.parametrize(("utc_s", "error_ms"), [(1000, 500), (1010, 10_500), (940, -59_500)])
def test_clock_error_counts_from_the_middle_of_the_devices_second(
    utc_s: int, error_ms: int
) -> None:
    assert reported.clock_error_ms(status(utc_s=utc_s), now_ms=NOW_MS) == error_ms


def test_needs_info_on_first_contact_and_after_a_reset() -> None:
    assert reported.needs_info({}, status())
    known = {"profile_id": "x", "log_next_index": 7}
    assert not reported.needs_info(known, status())
    assert not reported.needs_info(known, status(log_next_index=8))
    assert reported.needs_info(known, status(log_next_index=6))
