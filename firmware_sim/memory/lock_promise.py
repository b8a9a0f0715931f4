"""What a lock has promised: every change that was answered is there, and no half of another.

For `power_cut_sweep` over a whole lock: records and tombstones, counters, configuration, and the
log. A change that was being made when power went is there whole or not at all; its log records
come after it, and may be missing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from firmware_sim.errors import MemoryRefused
from firmware_sim.flash.nor import NorFlash
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, NvsSettings
from firmware_sim.flash.power_cut import Cut, Recorder, Recording, Violation, ViolationKind
from firmware_sim.memory.audit_ring import NO_CHAIN, chain_value
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.held_words import LOG, record_name, state_name
from firmware_sim.memory.interface import Change
from firmware_sim.memory.records import DeviceState
from firmware_sim.memory.seen_contents import SeenContents
from firmware_sim.memory.state_items import FLASH_NAMES, flash_part
from firmware_sim.memory.table import RecordTable
from protocols.strike.messages import LogRecord
from protocols.wire.layout import codec

# A step of a workload: does something to the lock, and returns when the lock would answer "done".
Step = Callable[[FlashMemory], object]

# What violations say of two things that do not fit together.
HALF_OF_A_CHANGE: Final = "half of a change is there"
LOG_AHEAD: Final = "the log tells of a change that is not there"


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """What a lock holds at one moment.

    Attributes:
        records: Records and tombstones by key.
        state: What its flash keeps of the device state, in the order of `FLASH_NAMES`.
        log_oldest_index: Index of the oldest log record of which it tells.
        log_next_index: Index that the next log record will get.
        log_chain: Chain value of the newest log record.
    """

    records: RecordTable
    state: tuple[Any, ...]
    log_oldest_index: int
    log_next_index: int
    log_chain: bytes

    @staticmethod
    def by(memory: FlashMemory) -> Held:
        """What a memory holds."""
        return Held(
            memory.table(),
            flash_part(memory.state),
            memory.log_oldest_index,
            memory.log_next_index,
            memory.log_chain,
        )

    def has_change(self, of: Held) -> bool:
        """True when what one change writes beside the log is as it was then."""
        return self.records == of.records and self.state == of.state


class LockPromise:
    """What a lock held after each change of a workload, to check images of a power cut against.

    Args:
        memory: The lock; its kind, geometry, log capacity and settings are used.
        settings: How its NVS is kept.
        fresh: The device state with which images come up.
        states: What it held before the first change, and after each.
        step_ends: For each step of the workload, how many changes there were when it returned.
    """

    def __init__(
        self,
        memory: FlashMemory,
        settings: NvsSettings,
        fresh: DeviceState,
        states: tuple[Held, ...],
        step_ends: tuple[int, ...],
    ) -> None:
        self.states = states
        self.step_ends = step_ends
        self._mount = functools.partial(
            type(memory),
            flash_map=memory.flash_map,
            state=fresh,
            log_capacity=memory.log_capacity,
            settings=settings,
            seen=SeenContents(memory.flash, settings),
            after_cut=True,
        )
        # Logs that were checked before, by their ends.
        self._checked: set[tuple[int, int, bytes]] = set()

    def mount(self, flash: NorFlash) -> FlashMemory:
        """Come up from an image."""
        return self._mount(flash)

    def check(self, memory: FlashMemory, cut: Cut) -> Iterator[Violation]:
        """What of the promise is broken in a lock that came up from an image."""
        before, after = self.around(cut.answered)
        held = Held.by(memory)
        if not (held.has_change(before) or held.has_change(after)):
            yield from _change_violations(held, before, after)
        yield from _log_violations(held, before, after)
        if memory.damaged_count:
            items = "item" if memory.damaged_count == 1 else "items"
            yield Violation(ViolationKind.DAMAGED, f"{memory.damaged_count} {items} of the flash")
        ends = (held.log_oldest_index, held.log_next_index, held.log_chain)
        if ends not in self._checked:
            self._checked.add(ends)
            log = memory.log_records(memory.log_oldest_index, memory.log_capacity)
            if len(log) != ends[1] - ends[0] or not is_chain(log):
                yield Violation(ViolationKind.DAMAGED, LOG)

    def check_and_write_on(self, memory: FlashMemory, cut: Cut) -> Iterator[Violation]:
        """As `check`; then the lock goes on writing, and must keep all of that too.

        Records are written with another revision, and then as they were, until the next sector is
        begun: whatever comes up later, with cells that read otherwise, has the same to hold.
        """
        broken = tuple(self.check(memory, cut))
        yield from broken
        erase_counts = memory.flash.erase_counts
        for record in memory.records():
            if broken or memory.flash.erase_counts != erase_counts:
                return
            other = dataclasses.replace(record, revision=record.revision ^ 1)
            memory.commit(Change(records=(other,)))
            memory.commit(Change(records=(record,)))

    def around(self, answered: int) -> tuple[Held, Held]:
        """What was held when so many changes had been answered, and after the one to follow."""
        before, *following = self.states[answered : answered + 2]
        return before, following[0] if following else before


def _change_violations(held: Held, before: Held, after: Held) -> Iterator[Violation]:
    tables = (held.records, before.records, after.records)
    told = False
    for key in sorted({key for table in tables for key in table}):
        now, old, new = (table.get(key) for table in tables)
        if now in (old, new):
            continue
        told = True
        if now is None:
            yield Violation(ViolationKind.LOST, record_name(key))
        elif old is None or old.content is None:
            yield Violation(ViolationKind.RETURNED, record_name(key))
        else:
            yield Violation(ViolationKind.CHANGED, record_name(key))
    for name, value, *allowed in zip(
        FLASH_NAMES, held.state, before.state, after.state, strict=True
    ):
        if value not in allowed:
            told = True
            yield Violation(ViolationKind.CHANGED, state_name(name))
    if not told:
        yield Violation(ViolationKind.CHANGED, HALF_OF_A_CHANGE)


def _log_violations(held: Held, before: Held, after: Held) -> Iterator[Violation]:
    if (
        not before.log_next_index <= held.log_next_index <= after.log_next_index
        or held.log_oldest_index > after.log_oldest_index
    ):
        yield Violation(ViolationKind.LOST, LOG)
    for ends in (before, after):
        if held.log_next_index == ends.log_next_index and held.log_chain != ends.log_chain:
            yield Violation(ViolationKind.CHANGED, LOG)
            break
    if held.log_next_index > before.log_next_index and not held.has_change(after):
        yield Violation(ViolationKind.CHANGED, LOG_AHEAD)


def is_chain(log: Iterable[LogRecord]) -> bool:
    """True when each record continues the index and the chain value of the one before it.

    The first one is taken as it is, unless it is the first ever.
    """
    encode = codec(LogRecord).encode
    last: LogRecord | None = None
    for found in log:
        if last is not None and found.index != last.index + 1:
            return False
        if last is not None or found.index == 0:
            chain = NO_CHAIN if last is None else last.chain
            if chain_value(chain, encode(found)) != found.chain:
                return False
        last = found
    return True


def record_lock(
    memory: FlashMemory, steps: Iterable[Step], *, settings: NvsSettings = LOCK_SETTINGS
) -> tuple[Recording, LockPromise]:
    """Do a workload on a lock, and give what to sweep and what to check against.

    Each change (`FlashMemory.commit`) is a promise of its own, since with its end a firmware may
    answer, move the bolt or speak of it; a step may make any number. One for which there is no
    room changes nothing that was promised.

    Args:
        memory: The lock, or a kind of its own: images come up as that kind.
        steps: What to do.
        settings: How its NVS is kept: as the memory was made.
    """
    fresh = memory.state
    states, step_ends = [Held.by(memory)], []
    with Recorder(memory.flash) as recorder:

        def witness() -> None:
            states.append(Held.by(memory))
            recorder.answer()

        memory.witness = witness
        try:
            for step in steps:
                with contextlib.suppress(MemoryRefused):
                    step(memory)
                step_ends.append(len(states) - 1)
        finally:
            memory.witness = None
    promise = LockPromise(memory, settings, fresh, tuple(states), tuple(step_ends))
    return recorder.recording(), promise
