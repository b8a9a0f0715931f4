"""What goes with a credential, and what stays."""

from __future__ import annotations

from firmware_sim.tests.locks.rig import PIN, T0_S, Rig
from protocols.doorlock.digest import TOMBSTONE_DIGEST
from protocols.doorlock.vocabulary import RecordKind, Status, UserStatus, UserType
from protocols.strike import messages as m

WINDOW = (T0_S, T0_S + 3600)


def kinds(rig: Rig) -> dict[tuple[str, int, int], tuple[int, bool]]:
    """Key -> revision and whether it lives."""
    return {
        (record.kind.name, record.index, record.sub_index): (
            record.revision,
            record.digest != TOMBSTONE_DIGEST,
        )
        for record in rig.occupied()
    }


def test_last_credential_takes_user_and_schedules_with_it() -> None:
    rig = Rig()
    rig.program(1, "1111", revision=3, window=WINDOW)
    rig.program(2, "2222", revision=3)
    before = len(rig.journal)
    assert rig.clear(1, 4) == m.StatusReply(status=Status.SUCCESS, revision=4)
    assert len(rig.journal) == before + 1
    assert kinds(rig) == {
        ("USER", 1, 0): (4, False),
        ("USER", 2, 0): (3, True),
        ("CREDENTIAL", 1, 1): (4, False),
        ("CREDENTIAL", 2, 1): (3, True),
        ("YEAR_DAY_SCHEDULE", 1, 1): (4, False),
    }
    assert rig.enter("1111") == (False, "unknown_code", None)
    assert rig.enter("2222") == (True, "opened", 2)


def test_user_with_another_credential_stays() -> None:
    rig = Rig()
    rig.program(1, "1111", window=WINDOW)
    rig.ask(
        m.SetCredential(
            credential_type=PIN,
            credential_index=7,
            revision=1,
            user_index=1,
            credential_data=b"7777",
        )
    )
    rig.clear(1, 2)
    assert rig.enter("1111")[1] == "unknown_code"
    assert rig.enter("7777") == (True, "opened", 7)
    rig.clear(7, 3)
    assert not any(lives for _, lives in kinds(rig).values())


def test_cleared_slot_takes_a_newer_entry() -> None:
    rig = Rig()
    rig.program(1, "1111", window=WINDOW)
    rig.clear(1, 2)
    replies = rig.program(1, "3333", revision=3)
    assert [reply.status for reply in replies] == [Status.SUCCESS] * 2
    assert rig.enter("3333") == (True, "opened", 1)
    # The schedule of the one before stays cleared.
    assert kinds(rig)["YEAR_DAY_SCHEDULE", 1, 1] == (2, False)


def test_replayed_writes_of_a_cleared_entry_are_refused() -> None:
    rig = Rig()
    rig.program(1, "1111", revision=5, window=WINDOW)
    rig.clear(1, 6)
    for reply in rig.program(1, "1111", revision=5, window=WINDOW):
        assert reply == m.StatusReply(status=Status.DATA_VERSION_MISMATCH, revision=6)
    assert rig.enter("1111")[1] == "unknown_code"


def test_clear_of_a_slot_never_written_keeps_out_what_comes_late() -> None:
    rig = Rig()
    assert rig.clear(9, 4) == m.StatusReply(status=Status.SUCCESS, revision=4)
    rig.ask(
        m.SetUser(
            user_index=9,
            revision=3,
            user_status=UserStatus.OCCUPIED_ENABLED,
            user_type=UserType.UNRESTRICTED_USER,
            user_name="late",
        )
    )
    late = m.SetCredential(
        credential_type=PIN,
        credential_index=9,
        revision=3,
        user_index=9,
        credential_data=b"9999",
    )
    assert rig.ask(late) == m.StatusReply(status=Status.DATA_VERSION_MISMATCH, revision=4)


def test_programming_cut_before_its_credential_is_cleared_by_its_slot() -> None:
    rig = Rig()
    rig.program(1, "1111", revision=3, window=WINDOW)
    rig.clear(1, 4)
    # A programming of revision 5 was cut after the schedule.
    for message in (
        m.SetUser(
            user_index=1,
            revision=5,
            user_status=UserStatus.OCCUPIED_ENABLED,
            user_type=UserType.YEAR_DAY_SCHEDULE_USER,
            user_name="cut",
        ),
        m.SetYearDaySchedule(
            year_day_index=1, user_index=1, revision=5, start_s=T0_S, end_s=T0_S + 60
        ),
    ):
        assert rig.status(message) is Status.SUCCESS
    # A replay of the old clear is a success that changes nothing ...
    assert rig.clear(1, 4).status is Status.SUCCESS
    assert kinds(rig)["USER", 1, 0] == (5, True)
    # ... one that is not newer than the user is refused ...
    assert rig.clear(1, 5) == m.StatusReply(status=Status.DATA_VERSION_MISMATCH, revision=5)
    # ... and a newer one takes it all.
    assert rig.clear(1, 6).status is Status.SUCCESS
    assert not any(lives for _, lives in kinds(rig).values())


def test_clear_older_than_the_user_it_would_take_is_refused() -> None:
    rig = Rig()
    rig.program(1, "1111", revision=3)
    rig.ask(
        m.SetUser(
            user_index=1,
            revision=8,
            user_status=UserStatus.OCCUPIED_DISABLED,
            user_type=UserType.UNRESTRICTED_USER,
            user_name="off",
        )
    )
    assert rig.clear(1, 8) == m.StatusReply(status=Status.DATA_VERSION_MISMATCH, revision=8)
    assert rig.enter("1111") == (False, "disabled", 1)
    assert rig.clear(1, 9).status is Status.SUCCESS


def test_cleared_pin_is_free_for_another_slot() -> None:
    rig = Rig()
    rig.program(1, "1111")
    assert rig.program(2, "1111")[-1].status is Status.DUPLICATE
    rig.clear(1, 2)
    assert rig.program(2, "1111", revision=2)[-1].status is Status.SUCCESS
    assert rig.enter("1111") == (True, "opened", 2)


def test_last_schedule_cleared_shuts_a_limited_user_out() -> None:
    rig = Rig()
    rig.program(1, "1111", window=WINDOW)
    assert rig.enter("1111", 1.0) == (True, "opened", 1)
    rig.ask(m.ClearYearDaySchedule(year_day_index=1, user_index=1, revision=2))
    assert rig.enter("1111", 1.0) == (False, "outside_schedule", 1)


def test_record_kinds_sort_as_listed() -> None:
    rig = Rig()
    rig.program(2, "2222", window=WINDOW)
    rig.program(1, "1111")
    assert [record.kind for record in rig.occupied()] == [
        RecordKind.USER,
        RecordKind.USER,
        RecordKind.CREDENTIAL,
        RecordKind.CREDENTIAL,
        RecordKind.YEAR_DAY_SCHEDULE,
    ]
