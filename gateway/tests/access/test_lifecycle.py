"""The life of an access code as tables: what is shown and told at every instant of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gateway.access import codes
from gateway.access.lifecycle import CodeState, advance, deadline_ms, delay_ms
from gateway.access.requests import CodeChanges, CodeRequest
from gateway.errors import NotFound
from gateway.plan.entry import Confirmed, DesiredEntry, Phase, Scheduling
from gateway.plan.policy import Policy
from gateway.tests.access.harness import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NOON_MS,
    House,
    profile_like,
)
from protocols.profiles.parser import JitPolicy

START_MS = NOON_MS + 10 * DAY_MS
END_MS = START_MS + 2 * DAY_MS
# What a code shows: status, scheduled on the device, pending mutation.
Shown = tuple[str, bool, str | None]
GONE = ("gone", False, None)


def shown(house: House, code_id: str) -> Shown:
    try:
        code = house.code(code_id)
    except NotFound:
        return GONE
    pending = [one["mutation_code"] for one in code.pending_mutations]
    assert len(pending) <= 1
    return code.status, code.is_scheduled_on_device, pending[0] if pending else None


def created(house: House, device_id: str, **changes: Any) -> str:
    asked = {"starts_at_ms": START_MS, "ends_at_ms": END_MS} | changes
    return house.write(codes.create_code, CodeRequest(device_id=device_id, **asked))


def told(house: House, code_id: str) -> list[tuple[str, int]]:
    rows = house.events(access_code_ids=(code_id,))
    return [(row.event_type.removeprefix("access_code."), row.occurred_at_ms) for row in rows]


LOAD_MS = START_MS - 72 * HOUR_MS
AHEAD_MS = START_MS - 30 * MINUTE_MS

LIVES: dict[str, tuple[str, list[tuple[int, Shown]], list[tuple[str, int]]]] = {
    "native": (
        "native",
        [
            (NOON_MS, ("unset", False, "deferring_creation")),
            (LOAD_MS - 1, ("unset", False, "deferring_creation")),
            (LOAD_MS, ("unset", True, None)),
            (START_MS - 1, ("unset", True, None)),
            (START_MS, ("set", False, None)),
            (END_MS - 1, ("set", False, None)),
            (END_MS, GONE),
        ],
        [
            ("created", NOON_MS),
            ("scheduled_on_device", LOAD_MS),
            ("set_on_device", START_MS),
            ("removed_from_device", END_MS),
            ("deleted", END_MS),
        ],
    ),
    "just in time": (
        "jit",
        [
            (NOON_MS, ("unset", False, "deferring_creation")),
            (AHEAD_MS - 1, ("unset", False, "deferring_creation")),
            (AHEAD_MS, ("setting", False, "creating")),
            (START_MS - 1, ("setting", False, "creating")),
            (START_MS, ("set", False, None)),
            (END_MS - 1, ("set", False, None)),
            (END_MS, GONE),
        ],
        [
            ("created", NOON_MS),
            ("set_on_device", START_MS),
            ("removed_from_device", END_MS),
            ("deleted", END_MS),
        ],
    ),
    "early live": (
        "early",
        [
            (AHEAD_MS - 1, ("unset", False, "deferring_creation")),
            (AHEAD_MS, ("set", False, None)),
            (END_MS - 1, ("set", False, None)),
            (END_MS, GONE),
        ],
        [
            ("created", NOON_MS),
            ("set_on_device", AHEAD_MS),
            ("removed_from_device", END_MS),
            ("deleted", END_MS),
        ],
    ),
}


@pytest.mark.parametrize("life", LIVES.values(), ids=list(LIVES))
def test_life_when_everything_goes_well_then_as_documented(
    life: tuple[str, list[tuple[int, Shown]], list[tuple[str, int]]],
) -> None:
    device_id, instants, news = life
    early = profile_like("generic-jit", profile_id="early", jit=JitPolicy.EARLY_LIVE)
    house = House(profiles={**House.brands(), "early": early})
    house.add_device("native", "latch-m")
    house.add_device("jit", "generic-jit")
    house.add_device("early", "early")
    code_id = created(house, device_id)
    for at_ms, expected in instants:
        house.advance(to_ms=at_ms)
        assert shown(house, code_id) == expected, at_ms - START_MS
    assert told(house, code_id) == news
    house.close()


def test_life_when_the_gateway_keeps_time_then_it_opens_for_the_window_alone(
    house: House,
) -> None:
    code = house.code(created(house, "jit"))
    lock = house.locks["jit"]
    for at_ms, is_open in (
        (START_MS - 1, False),
        (START_MS, True),
        (END_MS - 1, True),
        (END_MS, False),
    ):
        house.advance(to_ms=at_ms)
        assert lock.opens(code.code, at_ms) == is_open


def test_life_when_the_gateway_is_off_then_the_lock_goes_on_and_it_is_told_later(
    house: House,
) -> None:
    """The demo's story: loaded, then nobody home until long after the end."""
    code_id = created(house, "latch")
    code = house.code(code_id)
    house.advance(to_ms=START_MS - HOUR_MS)
    lock = house.locks["latch"]
    assert not lock.opens(code.code, START_MS - 1000)
    assert lock.opens(code.code, START_MS)
    assert lock.opens(code.code, END_MS - 1000)
    assert not lock.opens(code.code, END_MS)
    house.now_ms = END_MS + DAY_MS
    house.tick()
    assert told(house, code_id)[2:] == [
        ("set_on_device", START_MS),
        ("removed_from_device", END_MS),
        ("deleted", END_MS),
    ]
    late = house.events(access_code_ids=(code_id,))[-1]
    assert late.created_at_ms == END_MS + DAY_MS
    assert lock.codes() == {}


def test_life_when_stored_after_its_start_then_set_at_the_confirmation(house: House) -> None:
    code_id = created(house, "native")
    house.unreachable.add("native")
    house.advance(to_ms=START_MS + HOUR_MS)
    assert shown(house, code_id) == ("setting", False, "creating")
    house.seen_again()
    assert shown(house, code_id) == ("set", False, None)
    assert ("scheduled_on_device", START_MS + HOUR_MS) not in told(house, code_id)
    assert told(house, code_id)[-1] == ("set_on_device", START_MS + HOUR_MS)


@pytest.mark.parametrize("device_id", ["native", "jit"])
def test_life_when_it_never_reached_the_device_then_gone_at_its_end_all_the_same(
    house: House, device_id: str
) -> None:
    house.unreachable.add(device_id)
    code_id = created(house, device_id)
    house.advance(to_ms=END_MS)
    assert shown(house, code_id) == GONE
    names = [name for name, _ in told(house, code_id)]
    assert names[-1] == "deleted"
    assert "removed_from_device" not in names
    house.seen_again()
    assert house.locks[device_id].write_count == 0


def test_life_when_just_in_time_can_not_be_removed_then_listed_with_its_errors(
    house: House,
) -> None:
    code_id = created(house, "jit")
    house.advance(to_ms=END_MS - 1)
    house.unreachable.add("jit")
    house.advance(to_ms=END_MS)
    code = house.code(code_id)
    assert code.status == "removing"
    assert [one["error_code"] for one in code.errors] == ["failed_to_delete"]
    assert [one["warning_code"] for one in code.warnings] == ["delay_in_removing_from_device"]
    house.advance(to_ms=END_MS + HOUR_MS)
    code = house.code(code_id)
    assert [one["error_code"] for one in code.errors] == [
        "failed_to_delete",
        "failed_to_remove_from_device",
    ]
    assert house.locks["jit"].opens(code.code, house.now_ms)
    house.seen_again()
    assert shown(house, code_id) == GONE
    assert not house.locks["jit"].opens(code.code, house.now_ms)
    assert [name for name, _ in told(house, code_id)][-4:] == [
        "delay_in_removing_from_device",
        "failed_to_remove_from_device",
        "removed_from_device",
        "deleted",
    ]


def test_life_when_deleted_and_out_of_reach_then_a_native_one_ends_with_its_window(
    house: House,
) -> None:
    code_id = created(house, "native")
    house.advance(to_ms=START_MS)
    house.unreachable.add("native")
    house.write(codes.delete_code, code_id)
    house.advance(to_ms=END_MS - 1)
    assert shown(house, code_id) == ("removing", False, "deleting")
    house.advance(to_ms=END_MS)
    assert shown(house, code_id) == GONE
    assert told(house, code_id)[-2:] == [("removed_from_device", END_MS), ("deleted", END_MS)]


def test_life_when_a_shorter_end_did_not_reach_the_lock_then_it_is_not_called_closed(
    house: House,
) -> None:
    """The lock still opens by the old window, so the object must not vanish."""
    code_id = created(house, "native")
    code = house.code(code_id)
    house.advance(to_ms=START_MS)
    house.unreachable.add("native")
    sooner = codes_end(START_MS + HOUR_MS)
    house.write(codes.update_code, code_id, sooner)
    house.advance(to_ms=START_MS + 2 * HOUR_MS)
    assert house.locks["native"].opens(code.code, house.now_ms)
    after = house.code(code_id)
    assert after.status == "removing"
    assert "failed_to_delete" in [one["error_code"] for one in after.errors]
    house.seen_again()
    assert shown(house, code_id) == GONE
    assert not house.locks["native"].opens(code.code, house.now_ms)


def codes_end(ends_at_ms: int) -> Any:
    return CodeChanges(ends_at_ms=ends_at_ms)


# --- lateness ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device_id", "failed_ms"), [("native", START_MS), ("jit", START_MS + MINUTE_MS)]
)
def test_lateness_when_the_start_comes_near_then_a_warning_then_an_error(
    house: House, device_id: str, failed_ms: int
) -> None:
    house.unreachable.add(device_id)
    code_id = created(house, device_id)

    def troubles() -> tuple[bool, bool]:
        code = house.code(code_id)
        return (
            "delay_in_issuing" in [one["warning_code"] for one in code.warnings],
            "failed_to_issue" in [one["error_code"] for one in code.errors],
        )

    house.advance(to_ms=START_MS - 10 * MINUTE_MS - 1)
    assert troubles() == (False, False)
    house.advance(to_ms=START_MS - 10 * MINUTE_MS)
    assert troubles() == (True, False)
    house.advance(to_ms=failed_ms - 1)
    assert troubles() == (True, False)
    house.advance(to_ms=failed_ms)
    assert troubles() == (False, True)
    house.seen_again()
    code = house.code(code_id)
    assert (code.status, code.errors, code.warnings) == ("set", [], [])


def test_lateness_when_just_in_time_waits_disabled_then_enabling_may_take_a_session(
    house: House,
) -> None:
    code_id = created(house, "jit")
    house.advance(to_ms=START_MS - 1)
    house.unreachable.add("jit")
    house.advance(to_ms=START_MS + MINUTE_MS - 1)
    assert [one["error_code"] for one in house.code(code_id).errors if "issue" in str(one)] == []
    house.advance(to_ms=START_MS + MINUTE_MS)
    assert "failed_to_issue" in [one["error_code"] for one in house.code(code_id).errors]


def test_lateness_when_asked_for_at_the_last_moment_then_a_session_has_its_time(
    house: House,
) -> None:
    house.unreachable.add("native")
    code_id = created(house, "native", starts_at_ms=NOON_MS + 1000)
    house.advance(to_ms=NOON_MS + MINUTE_MS - 1)
    assert not any("issue" in str(one) for one in house.code(code_id).errors)
    house.advance(to_ms=NOON_MS + MINUTE_MS)
    assert any("issue" in str(one) for one in house.code(code_id).errors)


def test_lateness_when_a_live_code_is_renamed_then_it_is_not_late_at_once(house: House) -> None:
    code_id = created(house, "jit", starts_at_ms=None, ends_at_ms=None)
    house.advance(to_ms=NOON_MS + DAY_MS)
    house.write(codes.update_code, code_id, CodeChanges(name="Bob"))
    assert house.code(code_id).errors == []
    house.tick()
    assert house.code(code_id).status == "set"


# --- the pure function -------------------------------------------------------------------------


def an_entry(**changes: Any) -> DesiredEntry:
    entry = DesiredEntry(
        entry_id="c1",
        device_id="d1",
        slot=1,
        revision=1,
        code="2468",
        scheduling=Scheduling.NATIVE,
        starts_at_ms=START_MS,
        ends_at_ms=END_MS,
        program_at_ms=LOAD_MS,
        remove_at_ms=END_MS,
    )
    return dataclasses.replace(entry, **changes)


def test_advance_when_repeated_at_the_same_instant_then_nothing_more_is_told() -> None:
    state = CodeState(pending_mutations=[])
    for entry, confirmed in (
        (an_entry(), Confirmed()),
        (an_entry(), Confirmed(Phase.STORED, 1)),
        (an_entry(is_deleted=True), Confirmed(Phase.STORED, 1)),
    ):
        for at_ms in (NOON_MS, LOAD_MS, START_MS, END_MS - 1):
            was = confirmed.phase is not Phase.ABSENT
            first = advance(entry, confirmed, state, Policy(), at_ms, was_on_device=was)
            if first.is_gone:
                continue
            again = advance(entry, confirmed, first.state, Policy(), at_ms, was_on_device=was)
            assert again.news == ()
            assert again.state == first.state
            milestone = again.state.next_milestone_at_ms
            assert milestone is None or milestone > at_ms
            state = again.state


def test_deadlines_when_configured_then_they_move() -> None:
    policy = Policy(issue_warning_lead_s=3600, issue_grace_s=5)
    assert delay_ms(an_entry(), policy) == START_MS - HOUR_MS
    assert deadline_ms(an_entry(), policy) == START_MS
    late = an_entry(scheduling=Scheduling.JUST_IN_TIME)
    assert deadline_ms(late, policy) == START_MS + 5000
    at_once = an_entry(scheduling=Scheduling.ALWAYS, starts_at_ms=None, program_at_ms=NOON_MS)
    assert deadline_ms(at_once, policy) == NOON_MS + 5000
