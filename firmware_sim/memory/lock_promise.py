"""What a lock has promised: every change that was answered is there, and no half of another.

For `power_cut_sweep` over a whole lock: records and tombstones, counters, configuration, and the
log. A change that was being made when power went is there whole or not at all; its log records
come after it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator

from firmware_sim.errors import MemoryRefused
from firmware_sim.flash.nor import NorFlash
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, NvsSettings
from firmware_sim.flash.power_cut import Cut, Recording, Violation, ViolationKind, record
from firmware_sim.memory.audit_ring import NO_CHAIN, chain_value
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.interface import Change
from firmware_sim.memory.records import DeviceState, Record
from firmware_sim.memory.seen_contents import SeenContents
from protocols.doorlock.digest import RecordKey
from protocols.strike.messages import LogRecord
from protocols.wire.layout import codec

# A step of a workload: looks at the memory and gives the change to make.
Step = Callable[[FlashMemory], Change]


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """What a lock holds at one moment.

    Attributes:
        records: Records and tombstones by key.
        state: The device state as its flash holds it.
        log_next_index: Index that the next log record will get.
        log_chain: Chain value of the newest log record.
    """

    records: dict[RecordKey, Record]
    state: DeviceState
    log_next_index: int
    log_chain: bytes

    @staticmethod
    def by(memory: FlashMemory, fresh: DeviceState) -> Held:
        """What a memory holds; the hardware part of its state is that of `fresh`."""
        state = dataclasses.replace(
            memory.state,
            clock=dataclasses.replace(
                fresh.clock, utc_offset_min=memory.state.clock.utc_offset_min
            ),
            bolt=fresh.bolt,
            is_powered=fresh.is_powered,
            # It follows from the log.
            news_index=0,
        )
        return Held(
            {found.key: found for found in memory.records()},
            state,
            memory.log_next_index,
            memory.log_chain,
        )


class LockPromise:
    """What a lock held after each step of a workload, to check images of a power cut against.

    Args:
        memory: The lock; its geometry, log capacity and settings are used.
        settings: How its NVS is kept.
        fresh: The device state with which images come up.
        states: What it held before the first step, and after each.
    """

    def __init__(
        self,
        memory: FlashMemory,
        settings: NvsSettings,
        fresh: DeviceState,
        states: tuple[Held, ...],
    ) -> None:
        self.states = states
        self._mount = functools.partial(
            FlashMemory,
            flash_map=memory.flash_map,
            state=fresh,
            log_capacity=memory.log_capacity,
            settings=settings,
            seen=SeenContents(memory.flash, settings),
            after_cut=True,
        )
        self._fresh = fresh
        # Logs that were checked before, by their ends.
        self._checked: set[tuple[int, int, bytes]] = set()

    def mount(self, flash: NorFlash) -> FlashMemory:
        """Come up from an image."""
        return self._mount(flash)

    def check(self, memory: FlashMemory, cut: Cut) -> Iterable[Violation]:
        """What of the promise is broken in a lock that came up from an image."""
        before, *following = self.states[cut.answered : cut.answered + 2]
        after = following[0] if following else before
        held = Held.by(memory, self._fresh)
        yield from _record_violations(held, before, after)
        if memory.damaged_count:
            yield Violation(ViolationKind.DAMAGED, f"{memory.damaged_count} items")
        if held.state not in (before.state, after.state):
            yield Violation(ViolationKind.CHANGED, "the device state")
        yield from _log_violations(held, before, after)
        ends = (memory.log_oldest_index, memory.log_next_index, memory.log_chain)
        if ends not in self._checked:
            self._checked.add(ends)
            log = memory.log_records(memory.log_oldest_index, memory.log_capacity)
            if len(log) != ends[1] - ends[0] or not is_chain(log):
                yield Violation(ViolationKind.DAMAGED, "the chain of the log")


def _record_violations(held: Held, before: Held, after: Held) -> Iterator[Violation]:
    if held.records in (before.records, after.records):
        return
    keys = held.records.keys() | before.records.keys() | after.records.keys()
    told = False
    for key in sorted(keys):
        now, old, new = held.records.get(key), before.records.get(key), after.records.get(key)
        if now in (old, new):
            continue
        told = True
        name = f"{key.kind.name.lower()} {key.index}.{key.sub_index}"
        if now is None:
            yield Violation(ViolationKind.LOST, name)
        elif old is None or old.content is None:
            yield Violation(ViolationKind.RETURNED, name)
        else:
            yield Violation(ViolationKind.CHANGED, name)
    if not told:
        yield Violation(ViolationKind.CHANGED, "half of a change is there")


def _log_violations(held: Held, before: Held, after: Held) -> Iterator[Violation]:
    if not before.log_next_index <= held.log_next_index <= after.log_next_index:
        yield Violation(ViolationKind.LOST, f"the log ends at {held.log_next_index}")
    if held.log_next_index == before.log_next_index and held.log_chain != before.log_chain:
        yield Violation(ViolationKind.CHANGED, "the chain of the log")
    if held.log_next_index > before.log_next_index and held.state != after.state:
        yield Violation(ViolationKind.CHANGED, "the log is ahead of the device state")


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

    A change for which there is no room changes nothing that was promised.

    Args:
        memory: The lock.
        steps: What to do.
        settings: How its NVS is kept: as the memory was made.
    """
    fresh = dataclasses.replace(memory.state, news_index=0)
    states = [Held.by(memory, fresh)]

    def do(step: Step) -> None:
        with contextlib.suppress(MemoryRefused):
            memory.commit(step(memory))
        states.append(Held.by(memory, fresh))

    recording = record(memory.flash, [functools.partial(do, step) for step in steps])
    return recording, LockPromise(memory, settings, fresh, tuple(states))
