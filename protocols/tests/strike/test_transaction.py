from __future__ import annotations

import itertools

import pytest

from protocols.strike.transaction import (
    CALLER_FAULTS,
    IMPOSSIBLE,
    PEER_FAULTS,
    RESTING,
    TRANSITIONS,
    Role,
    State,
    Step,
)

PLACES = (frozenset(TRANSITIONS), PEER_FAULTS, CALLER_FAULTS, IMPOSSIBLE)


@pytest.mark.parametrize(("state", "step"), list(itertools.product(State, Step)))
def test_table_when_any_pair_then_it_is_in_exactly_one_place(state: State, step: Step) -> None:
    assert sum((state, step) in place for place in PLACES) == 1


def test_faults_when_walked_then_blame_follows_the_direction() -> None:
    assert all(step.value.endswith("received") for _, step in PEER_FAULTS)
    assert all(step.value.endswith("sent") for _, step in CALLER_FAULTS)


def reach(role: Role) -> set[State]:
    found = {RESTING[role]}
    while True:
        grown = found | {target for (source, _), target in TRANSITIONS.items() if source in found}
        if grown == found:
            return found
        found = grown


def test_table_when_a_role_starts_then_it_never_enters_the_other_roles_states() -> None:
    asking, answering = reach(Role.INITIATOR), reach(Role.RESPONDER)
    assert asking | answering == set(State)
    assert not asking & answering


@pytest.mark.parametrize("role", Role)
def test_table_when_in_any_state_then_rest_can_be_reached(role: Role) -> None:
    for state in reach(role):
        found = {state}
        for _ in State:
            found |= {target for (source, _), target in TRANSITIONS.items() if source in found}
        assert RESTING[role] in found


def test_impossible_when_events_then_only_because_number_0_rests() -> None:
    for state, step in IMPOSSIBLE:
        if step in {Step.EVENT_SENT, Step.EVENT_RECEIVED}:
            assert state not in RESTING.values()
