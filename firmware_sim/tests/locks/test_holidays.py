"""How a lock takes holiday schedules; what they do is in the suites."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmware_sim.tests.locks.rig import T0_S, Rig
from protocols.doorlock.vocabulary import OperatingMode, RecordKind, Status
from protocols.strike import messages as m

SET = m.SetHolidaySchedule(
    holiday_index=1,
    revision=3,
    local_start_s=T0_S,
    local_end_s=T0_S + 60,
    operating_mode=OperatingMode.VACATION,
)
GET = m.GetHolidaySchedule(holiday_index=1)
CLEAR = m.ClearHolidaySchedule(holiday_index=1, revision=4)


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (replace(SET, holiday_index=0), Status.INVALID_FIELD),
        (replace(SET, holiday_index=11), Status.INVALID_FIELD),
        (replace(SET, revision=0), Status.INVALID_FIELD),
        (replace(SET, local_end_s=T0_S), Status.INVALID_FIELD),
        (replace(SET, operating_mode=OperatingMode(9)), Status.INVALID_FIELD),
        (replace(GET, holiday_index=11), Status.INVALID_FIELD),
        (GET, Status.NOT_FOUND),
        (replace(CLEAR, revision=0), Status.INVALID_FIELD),
        (replace(SET, holiday_index=10), Status.SUCCESS),
        (CLEAR, Status.SUCCESS),
    ],
)
def test_request_is_answered(message: object, status: Status) -> None:
    assert Rig().status(message) is status


@pytest.mark.parametrize("message", [SET, GET, CLEAR])
def test_lock_without_holidays_says_so(message: object) -> None:
    assert Rig("latch-m").status(message) is Status.UNSUPPORTED_COMMAND


def test_holiday_is_listed_digested_and_survives_a_crash() -> None:
    rig = Rig()
    empty = rig.memory.digest()
    assert rig.status(SET) is Status.SUCCESS
    [listed] = rig.occupied()
    assert (listed.kind, listed.index, listed.sub_index, listed.revision) == (
        RecordKind.HOLIDAY_SCHEDULE,
        1,
        0,
        3,
    )
    assert rig.memory.digest() != empty
    rig.crash()
    held = rig.ask(GET)
    assert (held.local_start_s, held.local_end_s, held.operating_mode) == (
        T0_S,
        T0_S + 60,
        OperatingMode.VACATION,
    )
    assert rig.status(CLEAR) is Status.SUCCESS
    [listed] = rig.occupied()
    assert (listed.revision, any(listed.digest)) == (4, False)


def test_holiday_that_shuts_the_keypad_counts_no_wrong_code_and_logs_privacy() -> None:
    rig = Rig()
    rig.program(1, "1234")
    rig.ask(SET)
    for _ in range(9):
        assert rig.enter("1234") == (False, "privacy", 1)
    assert rig.memory.state.wrong_codes == 0
    assert {record.detail for record in rig.log()} == {5}
    assert rig.enter("1234", 60.0)[0]
