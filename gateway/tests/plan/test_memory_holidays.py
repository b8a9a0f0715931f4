from __future__ import annotations

from gateway.plan.memory import diff
from gateway.plan.operations import Difference
from protocols.doorlock.digest import RecordKey
from protocols.doorlock.vocabulary import RecordKind

HOLIDAY = RecordKey(RecordKind.HOLIDAY_SCHEDULE, 3, 0)


def test_diff_when_somebody_keeps_a_holiday_then_no_slot_is_blamed_for_it() -> None:
    # Holiday 3 is no slot 3: neither foreign nor ahead of what was issued to that slot.
    found = diff({}, {3: 1}, [(HOLIDAY, 7, b"12345678")])
    assert found == Difference(missing_slots=(), newer={}, unknown_slots=())
    user = RecordKey(RecordKind.USER, 3, 0)
    found = diff({}, {3: 1}, [(user, 7, b"12345678")])
    assert (found.newer, found.unknown_slots) == ({3: 7}, (3,))
