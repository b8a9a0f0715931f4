"""Lock memory in RAM, in a table and a ring: the peer that memory on flash is measured against.

It keeps what the flash keeps and answers alike, but a power cut can tear nothing in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from firmware_sim.flash.nor import Operation
from firmware_sim.memory.interface import Change, Interruption
from firmware_sim.memory.news import with_news
from firmware_sim.memory.records import DeviceState, Record
from firmware_sim.memory.table import RecordTable
from protocols.doorlock.digest import RecordKey
from protocols.doorlock.vocabulary import RecordKind
from protocols.strike.messages import LogRecord
from protocols.wire.layout import codec

# Bytes of a log record (DESIGN D7): the ring holds records packed, since 2,048 of them as objects
# would take twenty times as much.
_LOG_RECORD_BYTES: Final = 20
_LOG_RECORD: Final = codec(LogRecord)
_NO_CHAIN: Final = bytes(4)


class PlainMemory:
    """Records in a table by key, the log in a ring of packed bytes.

    Args:
        state: The state of a new device.
        log_capacity: Log records that the ring holds.

    Attributes:
        state: The device state; changed by `commit` only.
    """

    __slots__ = ("_log", "_log_capacity", "_log_next_index", "_table", "state")

    def __init__(self, state: DeviceState, *, log_capacity: int) -> None:
        self.state = state
        self._log_capacity = log_capacity
        self._table = RecordTable()
        self._log = b""
        self._log_next_index = 0

    @property
    def clock_move(self) -> None:
        """See `LockMemory.clock_move`: nothing in a dict is ever half moved."""
        return None

    @property
    def salt(self) -> bytes:
        """See `LockMemory.salt`: nothing that a factory wrote is in a dict."""
        return b""

    @property
    def interrupt(self) -> Callable[[Sequence[Operation]], Interruption | None] | None:
        """See `LockMemory.interrupt`; nothing in a dict can be torn, so nobody is asked."""
        return None

    @interrupt.setter
    def interrupt(
        self, interrupt: Callable[[Sequence[Operation]], Interruption | None] | None
    ) -> None:
        del interrupt

    @property
    def log_oldest_index(self) -> int:
        """See `LockMemory.log_oldest_index`."""
        return max(0, self._log_next_index - self._log_capacity)

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
        return self._table.get(key)

    def records(self, after: RecordKey | None = None) -> Iterator[Record]:
        """See `LockMemory.records`."""
        return self._table.records(after)

    def live(self, kind: RecordKind) -> Iterator[Record]:
        """See `LockMemory.live`."""
        return self._table.live(kind)

    def digest(self) -> bytes:
        """See `LockMemory.digest`."""
        return self._table.digest()

    def log_records(self, from_index: int, limit: int) -> Sequence[LogRecord]:
        """See `LockMemory.log_records`."""
        first = max(from_index, self.log_oldest_index)
        end = min(first + limit, self._log_next_index)
        return [self._log_record(index) for index in range(first, end)]

    def commit(self, change: Change) -> None:
        """See `LockMemory.commit`."""
        for record in change.records:
            self._table.put(record)
        for entry in change.log:
            at = entry.index % self._log_capacity * _LOG_RECORD_BYTES
            after = self._log[at + _LOG_RECORD_BYTES :]
            self._log = self._log[:at] + _LOG_RECORD.encode(entry) + after
            self._log_next_index = entry.index + 1
        self.state = with_news(self.state if change.state is None else change.state, change.log)

    def power_cycle(self) -> None:
        """See `LockMemory.power_cycle`."""

    def _log_record(self, index: int) -> LogRecord:
        at = index % self._log_capacity * _LOG_RECORD_BYTES
        return _LOG_RECORD.decode(self._log[at : at + _LOG_RECORD_BYTES])
