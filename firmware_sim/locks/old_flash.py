"""Makes a lock's flash old: both of its areas have been filled, and go round.

A new flash takes months of writes before anything in it is collected or erased. What is written
here is what the lock holds anyway, and log records, so nothing but its age changes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
from typing import Final

from firmware_sim.errors import MemoryRefused
from firmware_sim.locks.access_log import LogDraft, chained
from firmware_sim.memory.audit_ring import LOG_RECORD_BYTES
from firmware_sim.memory.flash_map import FlashArea
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.interface import Change
from protocols.doorlock.vocabulary import ClockQuality, LogEvent

# Records that are written in one unit, and the bytes of a sector for which there may be one.
_RECORDS_MAX: Final = 8
_RECORD_SHARE_BYTES: Final = 256
# Bytes of the shortest item with its entry: a bound of how many writes fill an area.
_ITEM_BYTES_MIN: Final = 16


def grow_old(memory: FlashMemory, stream: random.Random) -> None:
    """Write until every sector but the empty one holds something, and stop anywhere in one.

    Args:
        memory: The lock; the revisions of its records rise.
        stream: Where the place is drawn from at which it stops.
    """
    flash_map, flash = memory.flash_map, memory.flash
    in_a_sector = flash_map.sector_bytes // LOG_RECORD_BYTES
    in_all = flash_map.size(FlashArea.AUDIT) // LOG_RECORD_BYTES
    _log(memory, in_all + stream.randrange(in_a_sector))
    revision = max((record.revision for record in memory.records()), default=0)
    most = max(1, min(_RECORDS_MAX, flash_map.sector_bytes // _RECORD_SHARE_BYTES))
    after_turn = stream.randrange(flash_map.sector_bytes // _RECORD_SHARE_BYTES + 1)
    first = flash_map.first_sector(FlashArea.NVS)
    nvs = range(first, first + flash_map.sector_count(FlashArea.NVS))
    for _ in range(2 * flash_map.size(FlashArea.NVS) // _ITEM_BYTES_MIN):
        has_turned = sum(flash.sector(sector) is None for sector in nvs) <= 1
        if has_turned and after_turn <= 0:
            return
        after_turn -= has_turned
        revision += 1
        _write_again(memory, stream, most, revision)


def _log(memory: FlashMemory, count: int) -> None:
    drafts = [LogDraft(event=LogEvent.POWER_ON)] * count
    log = chained(memory, drafts, utc_s=0, quality=ClockQuality.LOST)
    memory.commit(Change(log=log))


def _write_again(memory: FlashMemory, stream: random.Random, most: int, revision: int) -> None:
    """Write some records once more, or a state where there are none."""
    held = [record for record in memory.records() if record.content is not None]
    chosen = stream.sample(held, min(len(held), stream.randint(1, most)))
    records = tuple(dataclasses.replace(record, revision=revision) for record in chosen)
    state = None if records else dataclasses.replace(memory.state, statement_s=revision)
    # Full to the last byte is as old as it gets.
    with contextlib.suppress(MemoryRefused):
        memory.commit(Change(records=records, state=state))
