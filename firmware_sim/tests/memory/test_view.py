"""What a device holds, in plain words."""

from __future__ import annotations

import dataclasses
import json

import pytest

from firmware_sim.memory.interface import Change
from firmware_sim.memory.records import Record
from firmware_sim.memory.view import as_document
from firmware_sim.tests.locks.rig import PIN, T0_S, Rig, profile
from protocols.doorlock.digest import CredentialContent, RecordKey
from protocols.doorlock.schedule import OPEN_END_S
from protocols.doorlock.vocabulary import RecordKind, UserStatus, UserType
from protocols.profiles.parser import DstQuirk
from protocols.strike import messages as m


def test_view_tells_slots_users_schedules_and_tombstones() -> None:
    rig = Rig()
    rig.program(1, "4711", revision=3, window=(T0_S + 3600, T0_S + 7200))
    rig.program(2, "0815", status=UserStatus.OCCUPIED_DISABLED)
    rig.program(3, "9999")
    rig.clear(3, 2)
    rig.ask(
        m.SetWeekDaySchedule(
            week_day_index=2, user_index=1, revision=3, days_mask=0x41, start_min=545, end_min=1440
        )
    )
    view = as_document(rig.firmware.view(1.0))
    assert view["slots"] == (
        {
            "slot": 1,
            "code": "4711",
            "is_code_hashed": False,
            "revision": 3,
            "user": {
                "index": 1,
                "name": "user1",
                "status": "occupied_enabled",
                "type": "year_day_schedule_user",
                "revision": 3,
            },
            "year_day": (
                {
                    "index": 1,
                    "starts_at": "2025-07-10T13:00:00Z",
                    "ends_at": "2025-07-10T14:00:00Z",
                    "revision": 3,
                },
            ),
            "week_day": (
                {
                    "index": 2,
                    "days": ("sunday", "saturday"),
                    "start": "09:05",
                    "end": "24:00",
                    "revision": 3,
                },
            ),
        },
        {
            "slot": 2,
            "code": "0815",
            "is_code_hashed": False,
            "revision": 1,
            "user": {
                "index": 2,
                "name": "user2",
                "status": "occupied_disabled",
                "type": "unrestricted_user",
                "revision": 1,
            },
            "year_day": (),
            "week_day": (),
        },
    )
    assert view["tombstones"] == (
        {"kind": "user", "index": 3, "sub_index": 0, "revision": 2},
        {"kind": "credential", "index": 3, "sub_index": 1, "revision": 2},
    )
    assert view["digest"] == rig.ask(m.GetStatus()).memory_digest.hex()
    json.dumps(view)
    assert view == dataclasses.asdict(rig.firmware.view(1.0))


def test_view_tells_log_counters_clock_and_power() -> None:
    rig = Rig("latch-m", utc_offset_min=-60)
    rig.program(1, "1234567")
    rig.enter("1234567", 1.0)
    for _ in range(5):
        rig.enter("7654321", 2.0)
    view = as_document(rig.firmware.view(3.0))
    assert view["clock"] == {
        "now": "2025-07-10T12:00:03Z",
        "utc_offset_min": -60,
        "quality": "trusted",
    }
    assert view["counters"] == {
        "wrong_codes": 0,
        "lockouts": 1,
        "locked_out_until": "2025-07-10T12:01:02Z",
        "bolt_operations": 1,
        "log_oldest_index": 0,
        "log_next_index": 7,
        "log_read_index": 0,
    }
    assert (view["bolt"], view["is_powered"]) == ("unlocked", True)
    assert view["log"][0] == {
        "index": 0,
        "at": "2025-07-10T12:00:01Z",
        "event": "lock_operation",
        "detail": "unlock",
        "source": "keypad",
        "clock_quality": "trusted",
        "user_index": 1,
        "slot": 1,
    }
    assert [item["detail"] for item in view["log"][1:]] == ["unknown_code"] * 5 + [
        "wrong_code_entry_limit"
    ]
    rig.firmware.power(False, 4.0)
    rig.firmware.power(True, 5.0)
    last = rig.firmware.view(5.0).log[-1]
    assert (last.event, last.detail, last.slot) == ("power_on", None, None)
    assert rig.firmware.view(5.0).counters.locked_out_until == "2025-07-10T12:01:02Z"


def test_view_shows_the_end_of_the_log_only() -> None:
    rig = Rig("generic-jit")
    for _ in range(120):
        rig.enter("12")
    assert [item.index for item in rig.firmware.view(0.0).log] == list(range(70, 120))


def test_view_of_an_open_window_and_of_a_user_without_a_pin() -> None:
    rig = Rig()
    rig.program(4, "4711", window=(T0_S, OPEN_END_S))
    rig.ask(
        m.SetUser(
            user_index=2,
            revision=1,
            user_status=UserStatus.OCCUPIED_ENABLED,
            user_type=UserType.UNRESTRICTED_USER,
            user_name="bare",
        )
    )
    bare, dated = rig.firmware.view(0.0).slots
    assert (bare.slot, bare.code, bare.revision) == (2, None, None)
    assert bare.user is not None
    assert bare.user.name == "bare"
    assert dated.year_day[0].ends_at is None


@pytest.mark.parametrize(
    ("local_year_day", "dst_quirk", "utc_offset_min", "starts_at"),
    [
        (False, DstQuirk.NONE, 60, "2025-07-10T12:00:00Z"),
        # Stored as the wall shows it, and shown so.
        (True, DstQuirk.NONE, 60, "2025-07-10T12:00:00"),
        # Stored as the wall showed it when it was written; shown as the lock would tell it now.
        (False, DstQuirk.OFFSET_AT_WRITE, 60, "2025-07-10T12:00:00Z"),
        (False, DstQuirk.OFFSET_AT_WRITE, 0, "2025-07-10T13:00:00Z"),
    ],
)
def test_view_of_windows_is_of_the_time_that_the_lock_keeps_them_in(
    local_year_day: bool,  # noqa: FBT001 - a fact of the profile.
    dst_quirk: DstQuirk,
    utc_offset_min: int,
    starts_at: str,
) -> None:
    facts = profile("generic-native")
    clock = dataclasses.replace(facts.clock, dst_quirk=dst_quirk)
    rig = Rig(
        profile_facts=dataclasses.replace(facts, local_year_day=local_year_day, clock=clock),
        utc_offset_min=60,
    )
    rig.program(4, "4711", window=(T0_S, T0_S + 60))
    rig.ask(m.SetTime(utc_s=T0_S, utc_offset_min=utc_offset_min))
    [slot] = rig.firmware.view(0.0).slots
    assert slot.year_day[0].starts_at == starts_at
    assert rig.firmware.view(0.0).digest == rig.ask(m.GetStatus()).memory_digest.hex()


def test_view_of_a_second_pin_shows_its_user() -> None:
    rig = Rig()
    rig.program(1, "4711")
    rig.ask(
        m.SetCredential(
            credential_type=PIN,
            credential_index=9,
            revision=1,
            user_index=1,
            credential_data=b"0815",
        )
    )
    users = [slot.user.index for slot in rig.firmware.view(0.0).slots if slot.user]
    assert users == [1, 1]


def test_code_that_is_no_text_is_shown_and_keeps_nobody_from_programming() -> None:
    rig = Rig()
    rig.program(1, "4711")
    # An image of another firmware may hold any bytes for a code.
    content = CredentialContent(user_index=1, credential_data=b"\xff\x0047")
    foreign = Record.of(RecordKey(RecordKind.CREDENTIAL, 2, PIN), 1, content)
    rig.memory.commit(Change(records=(foreign,)))
    assert [slot.code for slot in rig.firmware.view(0.0).slots] == ["4711", "\ufffd\x0047"]
    rig.program(3, "0815")
    assert rig.firmware.view(0.0).slots[2].code == "0815"


def test_repr_of_a_view_has_no_pin() -> None:
    rig = Rig()
    rig.program(1, "4711")
    assert "4711" not in repr(rig.firmware.view(0.0))
