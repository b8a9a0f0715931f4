"""Where something about a lock changes by itself: the instants at which mistakes show."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Final

from firmware_sim.memory.view import SlotView
from hil_tests.oracles.lives import FirstUses, Life
from hil_tests.oracles.sight import Sight, at

# Farther edges are left alone: whoever goes there leaves all others behind.
AHEAD: Final = dt.timedelta(hours=6)


@dataclasses.dataclass(frozen=True, slots=True)
class Edge:
    """An instant on the lock's clock, and the slot that it is about; 0 = the whole lock."""

    at: dt.datetime
    slot: int = 0


def edges_of(sight: Sight, first_uses: FirstUses) -> list[Edge]:
    """What begins or ends soon."""
    last = sight.shown + AHEAD
    return [edge for edge in _all(sight, first_uses) if sight.shown < edge.at <= last]


def _all(sight: Sight, first_uses: FirstUses) -> Iterator[Edge]:
    offset = dt.timedelta(minutes=sight.memory.clock.utc_offset_min)
    for slot in sight.memory.slots:
        for window in slot.year_day:
            for instant in (window.starts_at, window.ends_at):
                if instant is not None:
                    yield Edge(_shown(instant, offset), slot.slot)
        yield from (Edge(edge, slot.slot) for edge in _of_spans(sight, slot, offset))
        life = Life(slot.slot, slot.revision or 0)
        yield from (Edge(end, slot.slot) for end in first_uses.ends_of(life))
    for holiday in sight.memory.holidays:
        for wall in (holiday.starts_at, holiday.ends_at):
            yield Edge(_shown(wall, offset))
    if sight.memory.counters.locked_out_until is not None:
        yield Edge(at(sight.memory.counters.locked_out_until))


def _shown(instant: str, offset: dt.timedelta) -> dt.datetime:
    """What the lock's clock shows at an instant; one without a zone is of its wall clock."""
    found = at(instant)
    return found.replace(tzinfo=dt.UTC) - offset if found.tzinfo is None else found


def _of_spans(sight: Sight, slot: SlotView, offset: dt.timedelta) -> Iterator[dt.datetime]:
    midnight = (sight.shown + offset).replace(hour=0, minute=0, second=0) - offset
    for span in slot.week_day:
        for clock in (span.start, span.end):
            hours, minutes = clock.split(":")
            yield midnight + dt.timedelta(hours=int(hours), minutes=int(minutes))
