"""What runs at every turn finds its rows by an index, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.access import grants, milestones, outcomes, sessions
from gateway.access.requests import GrantRequest, IdentityRequest, RequestedMethod
from gateway.tests.access.harness import DAY_MS, NOON_MS, House

# Tables that grow with time and guests; devices are few.
GROWING = ("entry", "access_code", "access_grant", "access_method", "event", "action_attempt")


@pytest.fixture
def busy_house() -> Iterator[House]:
    house = House()
    for number in range(20):
        house.add_device(f"d{number}", "latch-m")
        house.write(
            grants.create_grant,
            GrantRequest(
                identity=IdentityRequest(full_name=f"Guest {number}"),
                device_ids=(f"d{number}",),
                requested=(RequestedMethod(mode="code"),),
                starts_at_ms=NOON_MS + DAY_MS,
            ),
        )
    with house.engines.writer.begin() as conn:
        conn.exec_driver_sql("ANALYZE")
    yield house
    house.close()


def plans_of(house: House, work: Callable[[], Any]) -> list[tuple[str, str]]:
    """Each SELECT and UPDATE that some work runs, with SQLite's plan of it."""
    seen: list[tuple[str, Any]] = []

    def note(*args: Any) -> None:
        if args[2].startswith(("SELECT", "UPDATE", "DELETE")):
            seen.append((args[2], args[3]))

    sa.event.listen(house.engines.writer, "before_cursor_execute", note)
    try:
        work()
    finally:
        sa.event.remove(house.engines.writer, "before_cursor_execute", note)
    found = []
    with house.engines.writer.begin() as conn:
        for statement, parameters in seen:
            rows = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found += [(statement, row.detail) for row in rows]
    return found


@pytest.mark.parametrize(
    "work",
    [
        lambda house: house.read(sessions.due_devices),
        lambda house: house.read(sessions.next_session_ms),
        lambda house: house.read(sessions.unfinished),
        lambda house: house.write(milestones.apply),
        lambda house: house.read(lambda conn, _ctx: milestones.next_milestone_ms(conn)),
        lambda house: house.session("d7"),
        lambda house: house.write(
            outcomes.device_unreachable, "d7", reason="x", retry_at_ms=NOON_MS
        ),
    ],
    ids=["due", "next", "unfinished", "milestones", "next milestone", "session", "unreachable"],
)
def test_queries_when_run_at_every_turn_then_no_growing_table_is_read_whole(
    busy_house: House, work: Callable[[House], Any]
) -> None:
    plans = plans_of(busy_house, lambda: work(busy_house))
    assert plans
    for statement, detail in plans:
        for table in GROWING:
            is_whole = detail.startswith(f"SCAN {table}") and "USING" not in detail
            assert not is_whole, f"{detail}: {statement}"
