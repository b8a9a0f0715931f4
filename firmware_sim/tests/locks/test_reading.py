"""What a lock tells about itself and its memory."""

from __future__ import annotations

import dataclasses

import pytest

from firmware_sim.tests.locks.rig import FROM_THE_START, PIN, T0_S, Rig, profile
from protocols.doorlock.digest import RecordKey, memory_digest
from protocols.doorlock.vocabulary import ClockQuality, DoorState, LockState, RecordKind, Status
from protocols.strike import messages as m
from protocols.strike.features import Feature
from protocols.strike.limits import BODY_SIZE_MAX, LOG_PAGE_MAX, OCCUPIED_PAGE_MAX
from protocols.wire.layout import codec


@pytest.mark.parametrize(
    ("profile_id", "features", "schedules"),
    [
        (
            "latch-m",
            Feature.YEAR_DAY_SCHEDULES | Feature.WEEK_DAY_SCHEDULES,
            (1, 8),
        ),
        (
            "generic-native",
            Feature.YEAR_DAY_SCHEDULES
            | Feature.WEEK_DAY_SCHEDULES
            | Feature.HOLIDAY_SCHEDULES
            | Feature.REMOTE_LOCK
            | Feature.REMOTE_UNLOCK,
            (1, 7),
        ),
        ("generic-jit", Feature.REMOTE_LOCK | Feature.REMOTE_UNLOCK, (0, 0)),
    ],
)
def test_info_tells_the_facts_of_the_profile(
    profile_id: str, features: Feature, schedules: tuple[int, int]
) -> None:
    facts = profile(profile_id)
    info = Rig(profile_id).ask(m.GetInfo())
    always = Feature.PIN | Feature.LOG | Feature.TIME_ZONE
    assert info == m.Info(
        protocol_version=1,
        profile_version=facts.version,
        pin_slot_count=facts.pin_slot_count,
        user_count=facts.pin_slot_count,
        year_day_per_user=schedules[0],
        week_day_per_user=schedules[1],
        log_capacity=facts.log_capacity,
        features=int(features | always),
        message_size_max=1024,
        profile_id=profile_id,
        serial_number="SN-1",
        firmware_version="1.0.0",
    )


def test_door_is_told_only_by_a_lock_that_has_a_sensor() -> None:
    assert Rig().ask(m.GetStatus()).door_state == 0xFF
    facts = dataclasses.replace(profile("generic-native"), door_sensor=True)
    rig = Rig(profile_facts=facts)
    assert rig.ask(m.GetStatus()).door_state is DoorState.DOOR_CLOSED
    assert rig.ask(m.GetInfo()).features & Feature.DOOR_SENSOR


def test_status_tells_clock_bolt_battery_and_log() -> None:
    rig = Rig(utc_offset_min=120)
    rig.firmware.enter("0000#", 1.0)
    assert rig.ask(m.GetStatus(), 90.9) == m.DeviceStatus(
        lock_state=LockState.LOCKED,
        door_state=DoorState(0xFF),
        battery_mv=6000,
        utc_s=T0_S + 90,
        utc_offset_min=120,
        clock_quality=ClockQuality.TRUSTED,
        log_next_index=1,
        memory_digest=memory_digest([]),
    )


def test_digest_equals_one_recomputed_from_what_is_listed() -> None:
    rig = Rig("latch-m")
    for slot in range(1, 41):
        rig.program(slot, f"{slot:07}", revision=slot, window=(T0_S, T0_S + 60 * slot))
    for slot in range(3, 40, 7):
        rig.clear(slot, 100)
    listed = memory_digest(
        (RecordKey(record.kind, record.index, record.sub_index), record.revision, record.digest)
        for record in rig.occupied()
    )
    assert rig.ask(m.GetStatus()).memory_digest == listed


def test_pages_of_a_full_memory_hold_every_record_once_and_fit_a_message() -> None:
    rig = Rig("generic-jit")
    for slot in range(1, 31):
        rig.program(slot, f"{slot:04}")
    assert len(rig.occupied()) == 60
    rig = Rig("latch-m")
    for slot in range(1, 101):
        rig.program(slot, f"{slot:07}", window=(T0_S, T0_S + 60))
    records = rig.occupied()
    keys = [(record.kind, record.index, record.sub_index) for record in records]
    assert keys == sorted(set(keys))
    assert len(keys) == 300
    page = rig.ask(FROM_THE_START)
    assert len(page.records) == OCCUPIED_PAGE_MAX
    assert len(codec(m.OccupiedList).encode(page)) <= BODY_SIZE_MAX


def test_page_that_is_exactly_full_has_no_more() -> None:
    rig = Rig("generic-jit")
    for slot in range(1, 31):
        rig.program(slot, f"{slot:04}")
    page = rig.ask(FROM_THE_START)
    assert (page.has_more, len(page.records)) == (0, 60)


def test_list_after_the_last_key_is_empty() -> None:
    rig = Rig()
    rig.program(1, "1111")
    page = rig.ask(m.ListOccupied(after_kind=RecordKind(9), after_index=0, after_sub_index=0))
    assert page == m.OccupiedList(has_more=0, records=())


def test_credential_status_tells_owner_revision_and_next_free_slot() -> None:
    rig = Rig("generic-jit")

    def ask(slot: int) -> m.CredentialStatus:
        reply = rig.ask(m.GetCredentialStatus(credential_type=PIN, credential_index=slot))
        assert isinstance(reply, m.CredentialStatus)
        return reply

    assert ask(30) == m.CredentialStatus(
        is_occupied=0, user_index=0, revision=0, next_free_index=1
    )
    for slot in (1, 2, 4):
        rig.program(slot, f"{slot}" * 4, revision=slot)
    assert ask(1) == m.CredentialStatus(is_occupied=1, user_index=1, revision=1, next_free_index=3)
    assert ask(3).next_free_index == 5
    rig.clear(2, 9)
    assert ask(2) == m.CredentialStatus(is_occupied=0, user_index=0, revision=9, next_free_index=3)


def test_full_slot_table_has_no_next_free_slot() -> None:
    rig = Rig("generic-jit")
    for slot in range(1, 31):
        assert rig.program(slot, f"{slot:04}")[-1].status is Status.SUCCESS
    reply = rig.ask(m.GetCredentialStatus(credential_type=PIN, credential_index=7))
    assert reply.next_free_index == 0


def test_log_is_read_in_pages_that_fit_a_message() -> None:
    rig = Rig("generic-jit")
    for _ in range(99):
        rig.enter("123")
    page = rig.ask(m.ReadLog(from_index=0))
    assert len(page.records) == LOG_PAGE_MAX
    assert len(codec(m.LogPage).encode(page)) <= BODY_SIZE_MAX
    assert [record.index for record in rig.log()] == list(range(99))


def test_log_read_before_its_oldest_record_starts_there() -> None:
    rig = Rig("generic-jit")
    for _ in range(130):
        rig.enter("123")
    page = rig.ask(m.ReadLog(from_index=3))
    assert (page.oldest_index, page.next_index) == (30, 130)
    assert page.records[0].index == 30


def test_log_read_beyond_its_end_is_empty_and_tells_the_indexes() -> None:
    rig = Rig()
    rig.enter("123")
    assert rig.ask(m.ReadLog(from_index=99)) == m.LogPage(oldest_index=0, next_index=1, records=())
