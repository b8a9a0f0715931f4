from __future__ import annotations

import pytest

from gateway.access import codes, grants, outcomes, read
from gateway.access.requests import (
    CodeChanges,
    GrantChanges,
)
from gateway.errors import Conflict, InvalidInput, NotFound
from gateway.plan.operations import Difference
from gateway.tests.access.granting import (
    CODE,
    END_MS,
    START_MS,
    codes_of,
    created,
    grant_of,
    methods_of,
    told_of,
    warnings_of,
)
from gateway.tests.access.harness import DAY_MS, HOUR_MS, NOON_MS, House

# --- changes -----------------------------------------------------------------------------------


def test_update_grant_when_times_change_on_the_doors_then_revoked_and_reissued(
    house: House,
) -> None:
    grant = created(house, "latch", "native", access_grant_key="stay-1")
    house.advance(to_ms=START_MS - DAY_MS)
    (method,) = methods_of(house, grant)
    assert method.is_issued
    before = len(told_of(house, grant))
    changed = house.write(
        grants.update_grant, grant.access_grant_id, GrantChanges(ends_at_ms=END_MS + DAY_MS)
    )
    assert changed == ["latch", "native"]
    (pending,) = methods_of(house, grant)
    assert not pending.is_issued
    assert pending.issued_at_ms is None
    assert warnings_of(pending) == ["updating_access_times"]
    assert warnings_of(grant_of(house, grant.access_grant_id)) == ["updating_access_times"]
    (warning,) = grant_of(house, grant.access_grant_id).warnings
    assert warning["access_method_ids"] == [method.access_method_id]
    house.tick()
    (after,) = methods_of(house, grant)
    assert (after.is_issued, after.code, after.warnings) == (True, method.code, [])
    assert grant_of(house, grant.access_grant_id).warnings == []
    rows = house.events(access_grant_ids=(grant.access_grant_id,))[before:]
    assert [row.event_type for row in rows] == [
        "access_grant.access_times_changed",
        "access_method.revoked",
        "access_method.reissued",
        "access_grant.access_granted_to_all_doors",
    ]
    assert rows[0].body == {
        "access_grant_id": grant.access_grant_id,
        "access_grant_key": "stay-1",
        "starts_at": "2025-07-13T15:00:00.000Z",
        "ends_at": "2025-07-16T15:00:00.000Z",
    }
    assert rows[2].body["code"] == method.code
    assert house.locks["latch"].opens(method.code, END_MS + DAY_MS - 1000)


def test_update_grant_when_nothing_was_programmed_then_only_the_plan_moves(house: House) -> None:
    grant = created(
        house, "latch", starts_at_ms=START_MS + 9 * DAY_MS, ends_at_ms=END_MS + 9 * DAY_MS
    )
    house.write(
        grants.update_grant,
        grant.access_grant_id,
        GrantChanges(starts_at_ms=START_MS + 8 * DAY_MS, ends_at_ms=None),
    )
    code = codes_of(house, grant)["latch"]
    assert (code.type, code.starts_at_ms) == ("ongoing", START_MS + 8 * DAY_MS)
    assert "access_method.revoked" not in told_of(house, grant)
    assert grant_of(house, grant.access_grant_id).warnings == []


def test_update_grant_when_only_the_name_changes_then_no_times_are_told(house: House) -> None:
    grant = created(house, "latch")
    house.write(
        grants.update_grant,
        grant.access_grant_id,
        GrantChanges(name="Summer", starts_at_ms=START_MS, ends_at_ms=END_MS),
    )
    assert grant_of(house, grant.access_grant_id).name == "Summer"
    house.write(grants.update_grant, grant.access_grant_id, GrantChanges())
    assert "access_grant.access_times_changed" not in told_of(house, grant)


def test_update_grant_when_it_was_over_then_its_codes_are_made_again(house: House) -> None:
    grant = created(house, "latch", "jit")
    (method,) = methods_of(house, grant)
    house.advance(to_ms=END_MS + HOUR_MS)
    assert codes_of(house, grant) == {}
    assert methods_of(house, grant)[0].is_issued
    house.write(
        grants.update_grant,
        grant.access_grant_id,
        GrantChanges(ends_at_ms=house.now_ms + DAY_MS),
    )
    assert {code.code for code in codes_of(house, grant).values()} == {method.code}
    house.tick()
    for device_id in ("latch", "jit"):
        assert house.locks[device_id].opens(method.code, house.now_ms)
    assert told_of(house, grant)[-3:] == [
        "access_method.revoked",
        "access_method.reissued",
        "access_grant.access_granted_to_all_doors",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        GrantChanges(ends_at_ms=NOON_MS),
        GrantChanges(starts_at_ms=END_MS),
        GrantChanges(name=""),
        GrantChanges(starts_at_ms=0),
    ],
)
def test_update_grant_when_a_change_is_at_fault_then_nothing_changes(
    house: House, changes: GrantChanges
) -> None:
    grant = created(house, "latch")
    with pytest.raises(InvalidInput):
        house.write(grants.update_grant, grant.access_grant_id, changes)
    assert grant_of(house, grant.access_grant_id) == grant


def test_update_grant_when_there_is_none_or_it_is_leaving_then_refused(house: House) -> None:
    with pytest.raises(NotFound):
        house.write(grants.update_grant, "nothing", GrantChanges())
    grant = created(house, "latch")
    house.advance(to_ms=START_MS)
    house.write(grants.delete_grant, grant.access_grant_id)
    with pytest.raises(Conflict) as caught:
        house.write(grants.update_grant, grant.access_grant_id, GrantChanges(name="x"))
    assert caught.value.error_type == "access_grant_being_deleted"


# --- deletion ----------------------------------------------------------------------------------


def test_delete_grant_when_nothing_was_programmed_then_gone_at_once(house: House) -> None:
    grant = created(house, "latch", "jit", starts_at_ms=START_MS + 9 * DAY_MS, ends_at_ms=None)
    assert house.write(grants.delete_grant, grant.access_grant_id) == ["jit", "latch"]
    with pytest.raises(NotFound):
        grant_of(house, grant.access_grant_id)
    assert told_of(house, grant)[-2:] == ["access_method.deleted", "access_grant.deleted"]


def test_delete_grant_when_its_codes_are_on_devices_then_listed_until_the_last_confirmed(
    house: House,
) -> None:
    grant = created(house, "latch", "native")
    house.advance(to_ms=START_MS)
    house.unreachable.add("native")
    house.write(grants.delete_grant, grant.access_grant_id)
    house.write(grants.delete_grant, grant.access_grant_id)
    house.tick()
    leaving = grant_of(house, grant.access_grant_id)
    assert leaving.deleting_at_ms == START_MS
    assert warnings_of(leaving) == ["being_deleted"]
    assert warnings_of(methods_of(house, grant)[0]) == ["being_deleted"]
    assert list(codes_of(house, grant)) == ["native"]
    house.advance(to_ms=START_MS + HOUR_MS)
    assert warnings_of(grant_of(house, grant.access_grant_id)) == [
        "being_deleted",
        "overprovisioned_access",
    ]
    house.seen_again()
    with pytest.raises(NotFound):
        grant_of(house, grant.access_grant_id)
    assert told_of(house, grant)[-2:] == ["access_method.deleted", "access_grant.deleted"]
    assert house.locks["native"].codes() == {}


def test_delete_grant_when_there_is_none_then_not_found(house: House) -> None:
    with pytest.raises(NotFound) as caught:
        house.write(grants.delete_grant, "nothing")
    assert caught.value.error_type == "access_grant_not_found"


def test_delete_method_when_one_of_two_then_the_other_stays(house: House) -> None:
    grant = created(house, "native", requested=(CODE, CODE))
    first, second = methods_of(house, grant)
    assert first.code != second.code
    house.advance(to_ms=START_MS)
    assert house.write(grants.delete_method, first.access_method_id) == ["native"]
    house.write(grants.delete_method, first.access_method_id)
    assert warnings_of(methods_of(house, grant)[0]) == ["being_deleted"]
    house.tick()
    assert [one.access_method_id for one in methods_of(house, grant)] == [second.access_method_id]
    after = grant_of(house, grant.access_grant_id)
    assert after.is_granted_to_all_doors
    assert len(after.requested_access_methods) == 1
    assert list(house.locks["native"].codes().values()) == [second.code]
    with pytest.raises(NotFound) as caught:
        house.write(grants.delete_method, first.access_method_id)
    assert caught.value.error_type == "access_method_not_found"


# --- lateness ----------------------------------------------------------------------------------


def test_grant_when_a_door_is_late_then_the_method_says_so_and_it_clears(house: House) -> None:
    grant = created(house, "latch", "native")
    house.unreachable.add("native")
    house.advance(to_ms=START_MS)
    (method,) = methods_of(house, grant)
    assert [one["error_code"] for one in method.errors] == ["failed_to_issue"]
    assert warnings_of(method) == []
    house.seen_again()
    (method,) = methods_of(house, grant)
    assert (method.errors, method.is_issued) == ([], True)
    late = house.events(access_method_ids=(method.access_method_id,))
    assert [(row.event_type, row.occurred_at_ms) for row in late[1:3]] == [
        ("access_method.delay_in_issuing", START_MS - 600_000),
        ("access_method.failed_to_issue", START_MS),
    ]
    assert late[3].event_type == "access_method.issued"


def test_grant_when_just_in_time_access_stays_past_its_end_then_overprovisioned(
    house: House,
) -> None:
    grant = created(house, "jit")
    house.advance(to_ms=START_MS)
    house.unreachable.add("jit")
    house.advance(to_ms=END_MS + HOUR_MS)
    (warning,) = grant_of(house, grant.access_grant_id).warnings
    assert warning["warning_code"] == "overprovisioned_access"
    assert {one["device_id"] for one in warning["failed_devices"]} == {"jit"}
    house.seen_again()
    after = grant_of(house, grant.access_grant_id)
    assert after.warnings == []
    assert methods_of(house, grant)[0].is_issued


# --- single codes of a grant -------------------------------------------------------------------


def test_update_code_when_it_belongs_to_a_grant_then_its_method_is_reissued(house: House) -> None:
    grant = created(house, "native")
    house.advance(to_ms=START_MS)
    (code,) = codes_of(house, grant).values()
    house.write(codes.update_code, code.access_code_id, CodeChanges(code="975310"))
    assert not methods_of(house, grant)[0].is_issued
    house.tick()
    assert methods_of(house, grant)[0].is_issued
    assert told_of(house, grant)[-3:] == [
        "access_method.revoked",
        "access_method.reissued",
        "access_grant.access_granted_to_all_doors",
    ]


def test_delete_code_when_it_belongs_to_a_grant_then_that_door_is_lost(house: House) -> None:
    grant = created(house, "native", "latch")
    house.advance(to_ms=START_MS)
    house.write(codes.delete_code, codes_of(house, grant)["native"].access_code_id)
    house.tick()
    assert list(codes_of(house, grant)) == ["latch"]
    assert not methods_of(house, grant)[0].is_issued
    # New times make what is missing again.
    changes = GrantChanges(ends_at_ms=END_MS + DAY_MS)
    house.write(grants.update_grant, grant.access_grant_id, changes)
    house.tick()
    assert sorted(codes_of(house, grant)) == ["latch", "native"]
    assert methods_of(house, grant)[0].is_issued


def test_update_grant_when_a_code_or_method_is_leaving_then_they_are_left_alone(
    house: House,
) -> None:
    grant = created(house, "native", "latch", requested=(CODE, CODE))
    first, second = methods_of(house, grant)
    house.advance(to_ms=START_MS)
    house.unreachable |= {"native", "latch"}
    house.write(grants.delete_method, first.access_method_id)
    held = house.read(read.codes_of_methods, [second.access_method_id])
    (leaving, _) = held[second.access_method_id]
    house.write(codes.delete_code, leaving.access_code_id)
    changes = GrantChanges(ends_at_ms=END_MS + DAY_MS)
    house.write(grants.update_grant, grant.access_grant_id, changes)
    ends = {
        code.access_code_id: code.ends_at_ms
        for rows in house.read(read.codes_of_grants, [grant.access_grant_id]).values()
        for code in rows
    }
    assert sorted(ends.values()) == [END_MS, END_MS, END_MS, END_MS + DAY_MS]
    assert ends[leaving.access_code_id] == END_MS
    house.write(grants.delete_grant, grant.access_grant_id)
    house.seen_again()
    with pytest.raises(NotFound):
        grant_of(house, grant.access_grant_id)
    assert told_of(house, grant).count("access_method.deleted") == 2


def test_memory_when_a_grants_code_was_changed_on_the_lock_then_its_method_is_revoked(
    house: House,
) -> None:
    grant = created(house, "native")
    house.advance(to_ms=START_MS)
    house.write(outcomes.memory_differs, "native", Difference(missing_slots=(1,)))
    assert not methods_of(house, grant)[0].is_issued
    house.tick()
    assert methods_of(house, grant)[0].is_issued
