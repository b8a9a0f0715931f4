"""Zephyr's NVS (non-volatile storage), byte for byte: items with 16-bit ids on NOR flash.

In a sector data grow up from its start, entries grow down from its end; the last slot closes the
sector. A write appends data, then the entry, so that an entry without a fitting checksum was
never written. When a sector is full, the next one is begun and the oldest is collected.

Source: Zephyr's `subsys/kvss/nvs` (before 2026 `subsys/fs/nvs`); `NvsSettings` says which one.
"""

from __future__ import annotations

import dataclasses

from firmware_sim.flash.errors import NvsDataDamaged, NvsFull, NvsItemTooLong
from firmware_sim.flash.nor import NorFlash
from firmware_sim.flash.nvs_area import NvsArea, reader_shape
from firmware_sim.flash.nvs_collect import PendingWrite, collect
from firmware_sim.flash.nvs_entry import ENTRY_BYTES, SPECIAL_ID, decode_entry, stored_id
from firmware_sim.flash.nvs_mount import mount
from firmware_sim.flash.nvs_sector import (
    SECTOR_SHIFT,
    SectorReader,
    aligned,
    has_value,
    sealed,
    unsealed,
)
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, NvsSettings

# Slots of a sector that no item's data may take: its own, close, GC-done, and one for a delete.
_SLOTS_KEPT = 4


@dataclasses.dataclass(frozen=True, slots=True)
class WritePosition:
    """A place in an area: a sector, and an offset in it."""

    sector: int
    offset: int


class Nvs:
    """A mounted NVS area.

    Args:
        flash: The part it is on.
        settings: How it is kept; by default as a lock needs it.
        first_sector: The area's first sector.
        sector_count: Its sectors; by default all from the first on.
        reader: From `sector_reader`, to mount many images of one area.

    Raises:
        NvsUnmountable: When this is no NVS area, or one beyond recovery.
        NvsEraseFailed: When a sector is worn out.
    """

    __slots__ = ("_area",)

    def __init__(
        self,
        flash: NorFlash,
        settings: NvsSettings = LOCK_SETTINGS,
        *,
        first_sector: int = 0,
        sector_count: int | None = None,
        reader: SectorReader | None = None,
    ) -> None:
        count = flash.geometry.sector_count - first_sector
        self._area = NvsArea(
            flash,
            settings,
            first_sector=first_sector,
            sector_count=count if sector_count is None else sector_count,
            reader=reader,
        )
        mount(self._area)

    @property
    def flash(self) -> NorFlash:
        """The part it is on."""
        return self._area.flash

    @property
    def settings(self) -> NvsSettings:
        """How the area is kept."""
        return self._area.settings

    @property
    def entry_position(self) -> WritePosition:
        """Where the next entry goes (`ate_wra`)."""
        return WritePosition(self._area.sector, self._area.entry_at)

    @property
    def data_position(self) -> WritePosition:
        """Where the next data go (`data_wra`)."""
        return WritePosition(self._area.sector, self._area.data_at)

    @property
    def length_max(self) -> int:
        """The longest data that an item can have."""
        shape = self._area.shape
        room = (shape.size - _SLOTS_KEPT * shape.slot) // shape.block * shape.block
        return room - len(sealed(b"\x00", self.settings)) + 1

    def read(self, item_id: int) -> bytes | None:
        """An item's data, or None when there is none of that id.

        Raises:
            NvsDataDamaged: When its data do not fit their CRC-32.
        """
        stored = self._stored(item_id)
        if stored is None:
            return None
        data = unsealed(stored, self.settings)
        if data is None:
            raise NvsDataDamaged(item_id)
        return data

    def write(self, item_id: int, data: bytes) -> int:
        """Store an item; empty data delete it.

        Returns:
            The length of the data, or 0 when nothing had to be written.

        Raises:
            NvsItemTooLong: When no sector could hold it; nothing was written.
            NvsFull: When there is no room. By then every sector has been collected.
            NvsEraseFailed: When a sector is worn out.
        """
        area = self._area
        pending = PendingWrite(item_id, sealed(data, self.settings))
        length = aligned(len(pending.stored), area.shape.block)
        if length > area.shape.size - _SLOTS_KEPT * area.shape.slot:
            raise NvsItemTooLong
        if self._holds(item_id, data):
            return 0
        # Beside its own slot, data leave one for a delete; a delete may take that one.
        needed = length + area.shape.slot if data else 0
        for _ in range(area.sector_count):
            if area.has_room(needed):
                offset = area.data_at
                area.write_data(pending.stored)
                area.write_entry(item_id, offset, len(pending.stored))
                return len(data)
            area.close()
            if collect(area, pending):
                return len(data)
        raise NvsFull

    def delete(self, item_id: int) -> None:
        """Delete an item, if there is one; see `write` for what it raises."""
        self.write(item_id, b"")

    def settle_newest(self) -> None:
        """Make the newest entry of the open sector stay as it was read.

        A valid one is programmed once more: cells that a power cut left between 0 and 1, and that
        read as 0 now, are 0 from now on. One that does not check out is cleared whole, so that it
        can't read as valid later, when its data may have been written over.
        """
        area = self._area
        at = area.entry_at + area.shape.slot
        if at <= area.shape.first_at:
            address = area.sector << SECTOR_SHIFT
            held = area.read(address, at, area.shape.slot)
            is_valid = decode_entry(held[:ENTRY_BYTES]) is not None
            area.program_again(address, at, held if is_valid else bytes(len(held)))

    def distrust_blank(self) -> None:
        """Erase the sector that is kept empty before it is used, once.

        A power cut may have interrupted its erase. Its cells then read as erased for now, and as
        something else when there are data over them.
        """
        self._area.trusts_blank = False

    def contents(self) -> dict[int, bytes | None]:
        """All items by id; None stands for data that do not fit their CRC-32."""
        return self._area.contents()

    def free_space(self) -> int:
        """Bytes that are free or would be after collecting every sector.

        The figure of Zephyr's `nvs_calc_free_space`, with its habits: the slot for a delete
        counts as free, and a torn entry hides older ones of its id.
        """
        area, shape = self._area, self._area.shape
        free = (area.sector_count - 1) * (shape.size - 2 * shape.slot)
        # The search begins at the next entry's slot: erased, it reads as the special id; behind a
        # delete in the reserved slot it holds the end of some data, which reads as any id.
        passed = [(area.reading(area.sector), area.entry_at)]
        passed += [(reading, reading.newest_at) for reading in area.walk()]
        seen: set[int] = set()
        for reading, start in passed:
            for at, raw in reading.stored_ids(start):
                entry = reading.entry(at)
                if entry is not None and entry.length == 0:
                    free -= shape.slot if entry.item_id == SPECIAL_ID else 0
                elif entry is not None and entry.item_id not in seen:
                    free -= aligned(entry.length, shape.block) + shape.slot
                seen.add(stored_id(raw))
        return free

    def _holds(self, item_id: int, data: bytes) -> bool:
        """Whether an item is already as it shall be."""
        found = self._area.entry_of(item_id)
        if found is None or not data:
            return not data and (found is None or found[1].length == 0)
        # A stored checksum that does not fit is not looked at, as in Zephyr.
        address, entry = found
        return (
            entry.length == len(sealed(data, self.settings))
            and self._area.read(address, entry.offset, len(data)) == data
        )

    def _stored(self, item_id: int) -> bytes | None:
        found = self._area.entry_of(item_id)
        if found is None:
            return None
        address, entry = found
        if not has_value(entry.length, self.settings):
            return None
        return self._area.read(address, entry.offset, entry.length)


def sector_reader(flash: NorFlash, settings: NvsSettings = LOCK_SETTINGS) -> SectorReader:
    """A reader that keeps what it has read, for mounting many images of areas like this one."""
    return SectorReader(reader_shape(flash), settings, keeps=True)
