"""Codes that were over, or on their way out, and are asked for again."""

from __future__ import annotations

import pytest

from gateway.access import codes, grants, milestones, sessions
from gateway.access.requests import (
    CodeChanges,
    CodeRequest,
    GrantChanges,
    GrantRequest,
    IdentityRequest,
    RequestedMethod,
)
from gateway.tests.access.harness import DAY_MS, HOUR_MS, MINUTE_MS, NOON_MS, House

END_MS = NOON_MS + HOUR_MS
LATER_MS = END_MS + DAY_MS


def codes_of(house: House, code_id: str) -> list[str]:
    """Error and warning codes of an access code."""
    code = house.code(code_id)
    return [one["error_code"] for one in code.errors] + [
        one["warning_code"] for one in code.warnings
    ]


def granted(house: House, device_id: str) -> str:
    return house.write(
        grants.create_grant,
        GrantRequest(
            identity=IdentityRequest(full_name="Jane"),
            device_ids=(device_id,),
            requested=(RequestedMethod(mode="code"),),
            ends_at_ms=END_MS,
        ),
    )


def test_removal_troubles_when_the_grant_gets_a_later_end_then_they_go(house: House) -> None:
    grant_id = granted(house, "jit")
    house.tick()
    house.unreachable.add("jit")
    house.advance(to_ms=END_MS + 10 * MINUTE_MS)
    (code_id,) = {row.access_code_id for row in house.events() if row.access_code_id}
    assert codes_of(house, code_id) == [
        "failed_to_delete",
        "failed_to_remove_from_device",
        "delay_in_removing_from_device",
    ]
    (warning,) = house.grant(grant_id).warnings
    assert warning["warning_code"] == "overprovisioned_access"
    house.write(grants.update_grant, grant_id, GrantChanges(ends_at_ms=LATER_MS))
    assert codes_of(house, code_id) == []
    assert house.grant(grant_id).warnings == []
    house.seen_again()
    assert (house.code(code_id).status, codes_of(house, code_id)) == ("set", [])


def test_removal_troubles_when_the_window_moves_away_then_the_late_removal_stays_told(
    house: House,
) -> None:
    code_id = house.write(
        codes.create_code, CodeRequest(device_id="jit", code="2468", ends_at_ms=END_MS)
    )
    house.tick()
    house.unreachable.add("jit")
    house.advance(to_ms=END_MS + 10 * MINUTE_MS)
    moved = CodeChanges(starts_at_ms=LATER_MS, ends_at_ms=LATER_MS + HOUR_MS)
    house.write(codes.update_code, code_id, moved)
    # It is no longer past its end, and still on a lock that shall not have it yet.
    assert "failed_to_delete" not in codes_of(house, code_id)
    assert "failed_to_remove_from_device" in codes_of(house, code_id)
    house.seen_again()
    assert (house.code(code_id).status, codes_of(house, code_id)) == ("unset", [])


@pytest.mark.parametrize("device_id", ["native", "jit", "latch"])
def test_removal_when_its_answer_was_lost_and_the_code_is_wanted_again_then_it_is_written_anew(
    house: House, device_id: str
) -> None:
    house.add_device("latch", "latch-m")
    code_id = house.write(codes.create_code, CodeRequest(device_id=device_id, ends_at_ms=END_MS))
    house.tick()
    code = house.code(code_id).code
    house.unreachable.add(device_id)
    house.write(
        codes.update_code,
        code_id,
        CodeChanges(starts_at_ms=NOON_MS + 10 * DAY_MS, ends_at_ms=NOON_MS + 11 * DAY_MS),
    )
    # The lock clears the code; nobody hears of it.
    house.unreachable.clear()
    plan = house.write(sessions.plan_session, device_id)
    house.apply_quietly(device_id, plan.steps[0].operations)
    assert not house.locks[device_id].codes()
    house.write(
        codes.update_code,
        code_id,
        CodeChanges(starts_at_ms=NOON_MS, ends_at_ms=NOON_MS + 2 * HOUR_MS),
    )
    assert house.code(code_id).status == "setting"
    house.tick()
    assert (house.code(code_id).status, codes_of(house, code_id)) == ("set", [])
    assert house.locks[device_id].opens(code, NOON_MS + HOUR_MS)


def test_end_when_the_removal_was_carried_out_unheard_and_the_end_moves_then_it_opens_again(
    house: House,
) -> None:
    code_id = house.write(
        codes.create_code, CodeRequest(device_id="jit", code="2468", ends_at_ms=END_MS)
    )
    house.tick()
    house.now_ms = END_MS
    house.write(milestones.apply)
    plan = house.write(sessions.plan_session, "jit")
    house.apply_quietly("jit", plan.steps[0].operations)
    assert not house.locks["jit"].codes()
    house.write(codes.update_code, code_id, CodeChanges(ends_at_ms=LATER_MS))
    # Whether the lock has it is not known, so it does not count as set.
    assert house.code(code_id).status == "setting"
    house.tick()
    assert house.code(code_id).status == "set"
    assert house.locks["jit"].opens("2468", END_MS + HOUR_MS)


def test_window_when_it_moves_away_and_the_lock_is_back_late_then_it_is_disabled_until_the_start(
    house: House,
) -> None:
    code_id = house.write(
        codes.create_code, CodeRequest(device_id="jit", code="2468", ends_at_ms=END_MS)
    )
    house.tick()
    house.unreachable.add("jit")
    moved = CodeChanges(starts_at_ms=LATER_MS, ends_at_ms=LATER_MS + HOUR_MS)
    house.write(codes.update_code, code_id, moved)
    # The lock, which has it enabled, is seen again when it shall have it disabled.
    house.advance(to_ms=LATER_MS - 10 * MINUTE_MS)
    house.seen_again()
    assert (house.code(code_id).status, codes_of(house, code_id)) == ("setting", [])
    assert not house.locks["jit"].opens("2468", house.now_ms)
    house.advance(to_ms=LATER_MS)
    assert (house.code(code_id).status, codes_of(house, code_id)) == ("set", [])
    assert house.locks["jit"].opens("2468", LATER_MS)
