from __future__ import annotations

import sqlalchemy as sa

from gateway.access import attempts
from gateway.access.events import emit
from gateway.store.retention import Horizons, prune
from gateway.store.tables import device_log, event, slot_holder
from gateway.tests.access.harness import NOON_MS, House


def logged(index: int, occurred_at_ms: int) -> dict[str, object]:
    return {
        "device_id": "d1",
        "log_index": index,
        "occurred_at_ms": occurred_at_ms,
        "fetched_at_ms": occurred_at_ms,
        "event": 1,
        "source": 3,
        "detail": 1,
        "user_index": 1,
        "credential_index": 1,
    }


def holder(revision: int, held_until_ms: int | None) -> dict[str, object]:
    return {
        "device_id": "d1",
        "kind": "pin",
        "slot": 1,
        "revision": revision,
        "entry_id": "e1",
        "code": "4711",
        "held_from_ms": 0,
        "held_until_ms": held_until_ms,
    }


def test_prune_when_rows_are_old_then_they_go_a_part_at_a_time() -> None:
    house = House()
    house.add_device("d1", "latch-m")
    house.now_ms = NOON_MS - 1000
    old = [house.write(attempts.begin, "UNLOCK_DOOR", "d1") for _ in range(3)]
    for attempt_id in old[:2]:
        house.write(attempts.finish, attempt_id)
    with house.engines.writer.begin() as conn:
        conn.execute(event.delete())
        for _ in range(5):
            emit(conn, house.ctx, "device.added", occurred_at_ms=NOON_MS - 1)
        emit(conn, house.ctx, "device.removed", occurred_at_ms=NOON_MS)
        conn.execute(
            device_log.insert(),
            [logged(1, NOON_MS - 1), logged(2, NOON_MS - 1), logged(3, NOON_MS)],
        )
        conn.execute(
            slot_holder.insert(),
            [holder(1, NOON_MS - 1), holder(3, NOON_MS), holder(5, None)],
        )
    horizons = Horizons(events_ms=NOON_MS, log_ms=NOON_MS, attempts_ms=NOON_MS)
    with house.engines.writer.begin() as conn:
        first = prune(conn, horizons, rows_max=2)
        assert (first.events, first.log_records, first.holders, first.attempts) == (2, 2, 1, 2)
        assert not first.is_complete
        while not prune(conn, horizons, rows_max=2).is_complete:
            pass
        assert list(conn.execute(sa.select(event.c.event_type)).scalars()) == ["device.removed"]
        assert list(conn.execute(sa.select(device_log.c.log_index)).scalars()) == [3]
        assert list(conn.execute(sa.select(slot_holder.c.revision)).scalars()) == [3, 5]
        # One that is pending is not finished, however old.
        assert [one.action_attempt_id for one in attempts.pending(conn, house.ctx, "d1")] == old[
            2:
        ]
    house.close()
