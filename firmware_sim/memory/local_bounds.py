"""Windows of locks that are told instants and keep local time: what is stored, and what is told.

Such a lock adds its distance from UTC when a window is written and takes it off when somebody asks
for the window. Once the distance has changed in between, the window is another one, and the lock
tells so: its records and its memory have other digests than before.
"""

from __future__ import annotations

import dataclasses

from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.records import Record
from protocols.doorlock.digest import YearDayContent, memory_digest
from protocols.doorlock.schedule import OPEN_END_S
from protocols.doorlock.window import INSTANT_S_MAX


def kept(content: YearDayContent, ahead_s: int) -> YearDayContent:
    """A window as it is stored.

    Args:
        content: As it was told.
        ahead_s: Seconds by which what is stored is ahead of what is told.
    """
    end_s = content.end_s
    return dataclasses.replace(
        content,
        start_s=_within(content.start_s + ahead_s),
        end_s=end_s if end_s == OPEN_END_S else _within(end_s + ahead_s),
    )


def told(record: Record, ahead_s: int) -> Record:
    """A record as it is told; arguments as `kept`."""
    if not ahead_s or not isinstance(record.content, YearDayContent):
        return record
    return Record.of(record.key, record.revision, kept(record.content, -ahead_s))


def told_digest(memory: LockMemory, ahead_s: int) -> bytes:
    """The memory digest (8 bytes) over the records as they are told; arguments as `kept`."""
    if not ahead_s:
        return memory.digest()
    shown = (told(record, ahead_s) for record in memory.records())
    return memory_digest((record.key, record.revision, record.digest) for record in shown)


def _within(device_s: int) -> int:
    """The nearest second that a lock can count."""
    return min(max(device_s, 0), INSTANT_S_MAX)
