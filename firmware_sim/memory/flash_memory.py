"""Lock memory on flash: records and device state in NVS, the log in the audit ring.

Theory of operation. A change is in flash before `commit` returns, and only then does a firmware
answer, move the bolt or speak of it. A change of one item is one NVS write, which a power cut
leaves done or undone. One of several items is first written whole into a *batch* item, then item
by item, then the batch is deleted: a batch found at power-up is done again, so such a change is
there whole or not at all, too. The log comes after the items: what was counted but not logged was
never answered, and a bolt that has moved is in the log.

RAM holds an index of the records, as the firmware of a real lock does; `power_cycle` makes it
anew from flash. With a state file every change adds one frame of its programs and erases, and
what can't be kept there is taken back.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from firmware_sim.errors import BrownOut, MemoryFull, StateFileError
from firmware_sim.flash.errors import FlashMisused, NvsEraseFailed, NvsFull, NvsItemTooLong
from firmware_sim.flash.nor import Erase, NorFlash, Operation, Snapshot, pages_of
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, NvsSettings
from firmware_sim.memory.audit_ring import AuditRing
from firmware_sim.memory.flash_map import FlashArea, FlashMap
from firmware_sim.memory.interface import Change, FlashKeeper, Interruption
from firmware_sim.memory.item_store import ItemStore
from firmware_sim.memory.meta import read_factory_record
from firmware_sim.memory.news import is_news, with_news
from firmware_sim.memory.record_index import FIRST_RECORD_ID, read_index, stored_bytes
from firmware_sim.memory.record_layout import RECORD_HEAD_BYTES, encode_record
from firmware_sim.memory.records import DeviceState, Record
from firmware_sim.memory.seen_contents import SeenContents
from firmware_sim.memory.state_items import (
    CLOCK_MOVE_ID,
    ClockMove,
    changed_items,
    clock_move_items,
    read_clock_move,
    with_flash_part,
    with_items,
)
from firmware_sim.memory.table import RecordTable
from protocols.doorlock.digest import RecordKey
from protocols.doorlock.vocabulary import RecordKind
from protocols.strike.messages import LogRecord

# The end of the ids of records; the last but one is Zephyr's highest.
_LAST_RECORD_ID: Final = 0xFFFE
# Bytes of every sector that no record may count on: the longest batch (a credential and the user
# with all schedules that go with it) would not fit into a smaller rest. Of small sectors a part.
_SECTOR_RESERVE: Final = 512
_SECTOR_RESERVE_SHARE: Final = 4


class FlashMemory:
    """The memory of one lock.

    Args:
        flash: Its flash; blank but for the meta area, or with what a lock left in it.
        flash_map: The areas in it.
        state: The device state of a new lock; its hardware part is taken as it is.
        log_capacity: Log records that it tells of.
        settings: How its NVS is kept.
        keeper: Keeps it beyond this process; None = nothing is.
        seen: What was read before; for many images of one lock.
        after_cut: True when power may have gone in the middle of a write to this flash.

    Attributes:
        flash: As given.
        flash_map: As given.
        keeper: As given.
        log_capacity: As given.
        state: The device state; changed by `commit` only.
        interrupt: Asked after every change with its operations whether power went in the middle
            of them; None = never.
        witness: Told of every change that was made; None = nobody.
        damaged_count: Items in flash that could not be read at the last power-up.

    Raises:
        NvsUnmountable: When the NVS area is none, or one beyond recovery.
    """

    __slots__ = (
        "_ids",
        "_is_torn",
        "_items",
        "_next_id",
        "_ring",
        "_salt",
        "_seen",
        "_settings",
        "_table",
        "_used_bytes",
        "damaged_count",
        "flash",
        "flash_map",
        "interrupt",
        "keeper",
        "log_capacity",
        "state",
        "witness",
    )

    def __init__(
        self,
        flash: NorFlash,
        flash_map: FlashMap,
        state: DeviceState,
        *,
        log_capacity: int,
        settings: NvsSettings = LOCK_SETTINGS,
        keeper: FlashKeeper | None = None,
        seen: SeenContents | None = None,
        after_cut: bool = False,
    ) -> None:
        self.flash = flash
        self.flash_map = flash_map
        self.state = state
        self.keeper = keeper
        self.interrupt: Callable[[Sequence[Operation]], Interruption | None] | None = None
        self.witness: Callable[[], None] | None = None
        self.log_capacity = log_capacity
        self._settings = settings
        self._seen = seen
        self._table = RecordTable()
        self._ids: dict[RecordKey, int] = {}
        self._next_id = FIRST_RECORD_ID
        self._used_bytes = 0
        self.damaged_count = 0
        self._is_torn = False
        self._salt: bytes | None = None
        self._mount(after_cut=after_cut)

    # --- reading ----------------------------------------------------------------------------

    @property
    def log_oldest_index(self) -> int:
        """See `LockMemory.log_oldest_index`."""
        return self._ring.oldest_index

    @property
    def log_next_index(self) -> int:
        """See `LockMemory.log_next_index`."""
        return self._ring.next_index

    @property
    def log_chain(self) -> bytes:
        """See `LockMemory.log_chain`."""
        return self._ring.chain

    @property
    def salt(self) -> bytes:
        """See `LockMemory.salt`."""
        if self._salt is None:
            at, size = self.flash_map.offset(FlashArea.META), self.flash_map.size(FlashArea.META)
            factory = read_factory_record(self.flash.read(at, size))
            self._salt = b"" if factory is None else factory.salt
        return self._salt

    @property
    def clock_move(self) -> ClockMove | None:
        """See `LockMemory.clock_move`."""
        return read_clock_move(self._items.read(CLOCK_MOVE_ID))

    def record(self, key: RecordKey) -> Record | None:
        """See `LockMemory.record`."""
        return self._table.get(key)

    def records(self, after: RecordKey | None = None) -> Iterator[Record]:
        """See `LockMemory.records`."""
        return self._table.records(after)

    def live(self, kind: RecordKind) -> Iterator[Record]:
        """See `LockMemory.live`."""
        return self._table.live(kind)

    def table(self) -> RecordTable:
        """All records and tombstones, as they are now."""
        return self._table.copy()

    def digest(self) -> bytes:
        """See `LockMemory.digest`."""
        return self._table.digest()

    def log_records(self, from_index: int, limit: int) -> Sequence[LogRecord]:
        """See `LockMemory.log_records`."""
        return self._ring.records(from_index, limit)

    def image(self, area: FlashArea | None = None) -> bytes:
        """What is in the flash, or in one area of it, as a programmer would read it out."""
        if area is None:
            return self.flash.image()
        return self.flash.read(self.flash_map.offset(area), self.flash_map.size(area))

    # --- writing ----------------------------------------------------------------------------

    def commit(self, change: Change) -> None:
        """See `LockMemory.commit`.

        Raises:
            BrownOut: When power went in the middle of it; the memory is of no use until
                `power_cycle`.
        """
        if self._is_torn:
            # Its processor does not run: only what the hardware does by itself comes about.
            self.state = with_flash_part(change.state or self.state, self.state)
            return
        state = with_news(self.state if change.state is None else change.state, change.log)
        items = [self._record_item(record, n) for n, record in enumerate(change.records)]
        growth = self._growth(change.records)
        if items and growth > 0 and self._used_bytes + growth > self._budget_bytes:
            raise MemoryFull
        items += changed_items(self.state, state) + clock_move_items(change.clock_move)
        before = self.flash.snapshot()
        with self._noted() as operations:
            try:
                self._items.write(items)
                for entry in change.log:
                    self._ring.append(entry)
                if self.interrupt is not None:
                    self._interrupted(self.interrupt(operations), before, operations)
                if self.keeper is not None:
                    self.keeper.keep_change(operations, state)
            except (FlashMisused, NvsFull, NvsItemTooLong, NvsEraseFailed) as error:
                # The part refuses where an image of another firmware is fuller than ours packs.
                self._take_back(before)
                raise MemoryFull from error
            except StateFileError:
                self._take_back(before)
                raise
        self._used_bytes += growth
        for record, (item_id, _) in zip(change.records, items, strict=False):
            self._ids[record.key] = item_id
            self._next_id = max(self._next_id, item_id + 1)
            self._table.put(record)
        self.state = state
        if self.witness is not None:
            self.witness()

    def power_cycle(self) -> None:
        """Power is back: nothing is known but what is in flash, and what the hardware keeps.

        Raises:
            NvsUnmountable: When the NVS area is none, or one beyond recovery.
            StateFileError: When what had to be mended could not be kept.
        """
        self.flash.power_cycle()
        with self._noted() as operations:
            self._mount(after_cut=True)
            if operations and self.keeper is not None:
                self.keeper.keep_change(operations, self.state)

    def load(self, offset: int, image: bytes) -> None:
        """Put an image of whole sectors into the flash, then cycle the power.

        Raises:
            FlashMisused: When it is not whole sectors of this flash.
            NvsUnmountable: When no lock could come up from it; the flash is as before.
            StateFileError: When it could not be kept; the flash is as before.
        """
        size = self.flash.geometry.sector_size
        first, rest = divmod(offset, size)
        if rest or len(image) % size or offset + len(image) > self.flash.geometry.size:
            raise FlashMisused(offset, f"{len(image)} bytes are not whole sectors of this flash")
        before = self.flash.snapshot()
        contents = list(before)
        for number in range(len(image) // size):
            contents[first + number] = pages_of(image[number * size : (number + 1) * size])
        self.flash.restore(tuple(contents))
        try:
            self._mount()
            if self.keeper is not None:
                self.keeper.keep_all(self.flash, self.state)
        except Exception:
            self._take_back(before)
            raise

    @contextlib.contextmanager
    def _noted(self) -> Iterator[list[Operation]]:
        """What the flash does meanwhile; whoever notes it too hears of what was not taken back."""
        outer, operations = self.flash.log, list[Operation]()
        self.flash.log = operations
        try:
            yield operations
        finally:
            self.flash.log = outer
        if outer is not None:
            outer += operations

    def _record_item(self, record: Record, number: int) -> tuple[int, bytes]:
        """Id and bytes of a record, the `number`th of its change."""
        item_id = self._ids.get(record.key)
        if item_id is None:
            item_id = self._next_id + number
            if item_id > _LAST_RECORD_ID:
                raise MemoryFull
        data = encode_record(record.key, record.revision, record.form, record.stored_content)
        return item_id, data

    def _growth(self, records: Sequence[Record]) -> int:
        """Bytes by which these records make what has to be kept longer."""
        growth, block = 0, self.flash.geometry.write_block
        for record in records:
            growth += stored_bytes(RECORD_HEAD_BYTES + len(record.stored_content), block)
            held = self._table.content_length(record.key)
            if held is not None:
                growth -= stored_bytes(RECORD_HEAD_BYTES + held, block)
        return growth

    @property
    def _budget_bytes(self) -> int:
        size = self.flash.geometry.sector_size
        reserve = min(_SECTOR_RESERVE, size // _SECTOR_RESERVE_SHARE)
        return (self.flash_map.sector_count(FlashArea.NVS) - 1) * (size - reserve)

    def _interrupted(
        self, cut: Interruption | None, before: Snapshot, operations: Sequence[Operation]
    ) -> None:
        if cut is None or not operations:
            return
        self.flash.log = None
        self.flash.restore(before)
        for operation in operations[: cut.operation]:
            if isinstance(operation, Erase):
                self.flash.erase(operation.sector)
            else:
                self.flash.program(operation.offset, operation.data)
        cut.leave_torn(self.flash, operations[cut.operation])
        if self.keeper is not None:
            self.keeper.keep_all(self.flash, self.state)
        self._is_torn = True
        # Who looks at it meanwhile sees what is in flash.
        self._ring = self._ring_in_flash()
        raise BrownOut

    def _take_back(self, before: Snapshot) -> None:
        self.flash.log = None
        self.flash.restore(before)
        self._mount()

    # --- power-up ---------------------------------------------------------------------------

    def _mount(self, *, after_cut: bool = False) -> None:
        # Read again when it is needed: another image may have come into the flash.
        self._salt = None
        self._items = ItemStore(
            self.flash,
            self.flash_map,
            self._settings,
            reader=None if self._seen is None else self._seen.reader,
            after_cut=after_cut,
        )
        contents = self._items.contents()
        self._is_torn = False
        self._ring = self._ring_in_flash(after_cut=after_cut)
        self._index(contents)
        self.state = dataclasses.replace(
            with_items(self.state, contents), news_index=self._news_index()
        )

    def _ring_in_flash(self, *, after_cut: bool = False) -> AuditRing:
        return AuditRing(
            self.flash,
            self.flash_map,
            capacity=self.log_capacity,
            seen=None if self._seen is None else self._seen.ring,
            after_cut=after_cut,
        )

    def _index(self, contents: dict[int, bytes | None]) -> None:
        block = self.flash.geometry.write_block
        seen = self._seen
        index = read_index(contents, block) if seen is None else seen.index(contents)
        self._ids = dict(index.ids)
        self._next_id = index.next_id
        self._used_bytes = index.used_bytes
        self.damaged_count = index.damaged_count
        self._table = index.table.copy()

    def _news_index(self) -> int:
        """One past the last log record that is news to a reader."""
        index, looked_back = self._ring.next_index, 1
        while index > self._ring.oldest_index:
            first = max(self._ring.oldest_index, index - looked_back)
            for record in reversed(self._ring.records(first, index - first)):
                if is_news(record):
                    return record.index + 1
            # Mostly it is the newest one.
            index, looked_back = first, _LOOKED_BACK
        return 0


# Log records that a search for the last news reads at once.
_LOOKED_BACK: Final = 32
