"""What a firmware asks of its memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from firmware_sim.flash.nor import NorFlash, Operation
from firmware_sim.memory.records import DeviceState, Record
from firmware_sim.memory.state_items import ClockMove
from protocols.doorlock.digest import RecordKey
from protocols.doorlock.vocabulary import RecordKind
from protocols.strike.messages import LogRecord


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One unit of writing: after a power cut or a crash it is there whole, or not at all.

    Records and state are; the log follows them, so that a cut can leave the log's part undone.

    Attributes:
        records: Records and tombstones that replace what their keys held.
        log: Records appended to the log; the first continues at `log_next_index`.
        state: The new device state, when it changes.
        clock_move: What a setting of the clock moves, when it moves something.
    """

    records: tuple[Record, ...] = ()
    log: tuple[LogRecord, ...] = ()
    state: DeviceState | None = None
    clock_move: ClockMove | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Interruption:
    """Power goes in the middle of a change.

    Attributes:
        operation: Which of its programs and erases does not come about, from 0.
        leave_torn: Brings the flash into the state in which that one leaves it.
    """

    operation: int
    leave_torn: Callable[[NorFlash, Operation], None]


class LockMemory(Protocol):
    """Records by key, a log ring and the device state.

    `commit` returns when the change is persisted: only then may a firmware answer, move the bolt
    or speak of it.
    """

    # Asked after every change with its operations whether power went in the middle of them; None =
    # never.
    interrupt: Callable[[Sequence[Operation]], Interruption | None] | None

    @property
    def state(self) -> DeviceState:
        """The device state."""

    @property
    def clock_move(self) -> ClockMove | None:
        """What the last setting of the clock moved; None when nothing was moved ever."""

    @property
    def salt(self) -> bytes:
        """Random bytes of this lock's own, for hashed PINs; empty when the factory wrote none."""

    @property
    def log_oldest_index(self) -> int:
        """Index of the oldest log record still held; equal to the next one when there is none."""

    @property
    def log_next_index(self) -> int:
        """Index that the next log record will get; the first ever is 0."""

    @property
    def log_chain(self) -> bytes:
        """Chain value (4 bytes) of the newest log record; all zero before the first."""

    def record(self, key: RecordKey) -> Record | None:
        """What a key holds; None = never written."""

    def records(self, after: RecordKey | None = None) -> Iterator[Record]:
        """Records and tombstones in key order, those after a key when one is given."""

    def live(self, kind: RecordKind) -> Iterator[Record]:
        """Records of one kind in key order, without tombstones."""

    def digest(self) -> bytes:
        """The memory digest (8 bytes, DESIGN D21)."""

    def log_records(self, from_index: int, limit: int) -> Sequence[LogRecord]:
        """At most `limit` log records from an index on, oldest first."""

    def commit(self, change: Change) -> None:
        """Persist a change, then make it visible.

        Raises:
            MemoryRefused: When there is no room for it; memory is as before.
            StateFileError: When it could not be persisted; memory is as before.
            BrownOut: When power went in the middle; only `power_cycle` tells what is there.
        """

    def power_cycle(self) -> None:
        """Power is back: go on with what is in flash.

        Raises:
            NvsUnmountable: When no lock could come up from what is in flash.
            StateFileError: When what had to be mended could not be persisted.
        """


class FlashKeeper(Protocol):
    """Keeps a flash beyond this process; each call returns when that is safe."""

    def keep_change(self, operations: Sequence[Operation], state: DeviceState) -> None:
        """Keep what one change did.

        Raises:
            StateFileError: When it could not be kept; what is kept is as before.
        """

    def keep_all(self, flash: NorFlash, state: DeviceState) -> None:
        """Keep the whole flash anew; raises as `keep_change`."""
