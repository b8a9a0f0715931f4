"""Lock memory as plain objects; every change is handed to `persist` before it becomes visible."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from firmware_sim.errors import StateFileUnusable
from firmware_sim.memory.interface import Change
from firmware_sim.memory.records import DeviceState, Record
from firmware_sim.memory.state_file import StateFile
from firmware_sim.memory.stored import RECORDS_PER_CHANGE, decode_change, encode_change
from protocols.doorlock.digest import RecordKey, memory_digest
from protocols.doorlock.vocabulary import RecordKind
from protocols.errors import MalformedFrame
from protocols.strike.messages import LogRecord
from protocols.wire.layout import codec

# Bytes of a log record (DESIGN D7): the ring holds records packed, since 2,048 of them as objects
# would take twenty times as much.
_LOG_RECORD_BYTES: Final = 20
_LOG_RECORD: Final = codec(LogRecord)
_NO_CHAIN: Final = bytes(4)


class PlainMemory:
    """Records in a dict, the log in a ring of packed bytes.

    Args:
        state: The state of a new device.
        log_capacity: Log records that the ring holds.
        persist: Keeps the bytes of one change; it returns when they are safe. `None` = nothing is
            kept beyond this process (`sim`).

    Attributes:
        state: The device state; changed by `commit` only.
    """

    __slots__ = (
        "_digest",
        "_log",
        "_log_capacity",
        "_log_next_index",
        "_log_oldest_index",
        "_order",
        "_persist",
        "_records",
        "state",
    )

    def __init__(
        self,
        state: DeviceState,
        *,
        log_capacity: int,
        persist: Callable[[bytes], None] | None = None,
    ) -> None:
        self.state = state
        self._log_capacity = log_capacity
        self._persist = persist
        self._records: dict[RecordKey, Record] = {}
        # The keys of `_records`, in order.
        self._order: list[RecordKey] = []
        self._digest: bytes | None = None
        self._log = bytearray()
        self._log_oldest_index = 0
        self._log_next_index = 0

    @property
    def log_oldest_index(self) -> int:
        """See `LockMemory.log_oldest_index`."""
        return self._log_oldest_index

    @property
    def log_next_index(self) -> int:
        """See `LockMemory.log_next_index`."""
        return self._log_next_index

    @property
    def log_chain(self) -> bytes:
        """See `LockMemory.log_chain`."""
        if not self._log:
            return _NO_CHAIN
        return self._log_record(self._log_next_index - 1).chain

    def record(self, key: RecordKey) -> Record | None:
        """See `LockMemory.record`."""
        return self._records.get(key)

    def records(self, after: RecordKey | None = None) -> Iterator[Record]:
        """See `LockMemory.records`."""
        start = 0 if after is None else bisect.bisect_right(self._order, after)
        return map(self._records.__getitem__, itertools.islice(self._order, start, None))

    def live(self, kind: RecordKind) -> Iterator[Record]:
        """See `LockMemory.live`."""
        start = bisect.bisect_left(self._order, RecordKey(kind, 0, 0))
        of_kind = itertools.takewhile(
            lambda record: record.key.kind is kind,
            map(self._records.__getitem__, itertools.islice(self._order, start, None)),
        )
        return (record for record in of_kind if record.content is not None)

    def digest(self) -> bytes:
        """See `LockMemory.digest`."""
        if self._digest is None:
            self._digest = memory_digest(
                (record.key, record.revision, record.digest) for record in self.records()
            )
        return self._digest

    def log_records(self, from_index: int, limit: int) -> Sequence[LogRecord]:
        """See `LockMemory.log_records`."""
        first = max(from_index, self._log_oldest_index)
        end = min(first + limit, self._log_next_index)
        return [self._log_record(index) for index in range(first, end)]

    def commit(self, change: Change) -> None:
        """See `LockMemory.commit`."""
        if self._persist is not None:
            self._persist(encode_change(change))
        self.replay(change)

    def replay(self, change: Change) -> None:
        """Make a change visible that is persisted already."""
        for record in change.records:
            if record.key not in self._records:
                bisect.insort(self._order, record.key)
            self._records[record.key] = record
            self._digest = None
        for entry in change.log:
            self._append(entry)
        if change.state is not None:
            self.state = change.state

    def snapshot(self) -> Iterator[bytes]:
        """The whole memory as the bytes of a few changes, for a new state file."""
        yield encode_change(Change(state=self.state))
        records = list(self.records())
        for start in range(0, len(records), RECORDS_PER_CHANGE):
            chunk = tuple(records[start : start + RECORDS_PER_CHANGE])
            yield encode_change(Change(records=chunk))
        for start in range(self._log_oldest_index, self._log_next_index, RECORDS_PER_CHANGE):
            yield encode_change(Change(log=tuple(self.log_records(start, RECORDS_PER_CHANGE))))

    def _append(self, entry: LogRecord) -> None:
        if not self._log:
            self._log_oldest_index = entry.index
        data = _LOG_RECORD.encode(entry)
        at = entry.index % self._log_capacity * _LOG_RECORD_BYTES
        if at > len(self._log):
            # The first record after a snapshot of a ring that has turned: what lies before it in
            # the ring comes later.
            self._log.extend(bytes(at - len(self._log)))
        self._log[at : at + _LOG_RECORD_BYTES] = data
        self._log_next_index = entry.index + 1
        oldest_kept = self._log_next_index - self._log_capacity
        self._log_oldest_index = max(self._log_oldest_index, oldest_kept)

    def _log_record(self, index: int) -> LogRecord:
        at = index % self._log_capacity * _LOG_RECORD_BYTES
        return _LOG_RECORD.decode(bytes(self._log[at : at + _LOG_RECORD_BYTES]))


def open_memory(file: StateFile, fresh: DeviceState, *, log_capacity: int) -> PlainMemory:
    """The memory that a state file holds; a new file with a fresh state when there is none.

    Args:
        file: The device's journal; not loaded yet.
        fresh: The state of a new device.
        log_capacity: Log records that the ring holds.

    Raises:
        StateFileUnusable: When the file can't be read or written, or is none of this device's.
        StateFileDamaged: When something in it does not check out.
    """

    def persist(body: bytes) -> None:
        # What the file holds now is what memory holds: the change itself is not visible yet.
        if file.wants_compaction:
            file.replace(memory.snapshot())
        file.append(body)

    memory = PlainMemory(fresh, log_capacity=log_capacity, persist=persist)
    bodies = file.load()
    if bodies is None:
        file.replace(memory.snapshot())
        return memory
    for body in bodies:
        try:
            memory.replay(decode_change(body))
        except (MalformedFrame, KeyError) as error:
            raise StateFileUnusable(
                file.path, "holds a change that this version can't read"
            ) from error
    return memory
