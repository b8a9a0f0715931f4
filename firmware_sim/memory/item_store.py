"""The NVS of a lock: items by id, several of them in one unit, and what a cut left settled."""

from __future__ import annotations

import contextlib
import functools
import struct
from collections.abc import Sequence
from typing import Final

from firmware_sim.flash.errors import NvsDataDamaged, NvsFull
from firmware_sim.flash.nor import NorFlash
from firmware_sim.flash.nvs import Nvs
from firmware_sim.flash.nvs_area import reader_shape
from firmware_sim.flash.nvs_sector import SectorReader, SectorShape
from firmware_sim.flash.nvs_settings import NvsSettings
from firmware_sim.memory.flash_map import FlashArea, FlashMap

_BATCH_ID: Final = 0x0001
_SCRATCH_ID: Final = 0x0005
_BATCH_PART: Final = struct.Struct("<HB")

# Ids that hold nothing of the lock's own.
UNREAD_IDS: Final = frozenset({_SCRATCH_ID})


class ItemStore:
    """A mounted NVS area.

    Args:
        flash: The part it is on.
        flash_map: Where in it.
        settings: How it is kept.
        reader: Reads its sectors; None = one that all locks of this geometry share.
        after_cut: True when power may have gone in the middle of a write: what was read is made
            to stay so.

    Raises:
        NvsUnmountable: When the area is none, or one beyond recovery.
    """

    __slots__ = ("_nvs",)

    def __init__(
        self,
        flash: NorFlash,
        flash_map: FlashMap,
        settings: NvsSettings,
        *,
        reader: SectorReader | None = None,
        after_cut: bool = False,
    ) -> None:
        self._nvs = Nvs(
            flash,
            settings,
            first_sector=flash_map.first_sector(FlashArea.NVS),
            sector_count=flash_map.sector_count(FlashArea.NVS),
            reader=reader or _shared_reader(reader_shape(flash), settings),
        )
        if after_cut:
            self._settle()

    def contents(self) -> dict[int, bytes | None]:
        """All items by id, None where one is damaged; a batch in progress is done first."""
        contents = self._nvs.contents()
        if _BATCH_ID in contents:
            self._finish_batch(contents[_BATCH_ID])
            contents = self._nvs.contents()
        return {item_id: data for item_id, data in contents.items() if item_id not in UNREAD_IDS}

    def read(self, item_id: int) -> bytes | None:
        """One item; None where there is none, or a damaged one."""
        try:
            return self._nvs.read(item_id)
        except NvsDataDamaged:
            return None

    def write(self, items: Sequence[tuple[int, bytes]]) -> None:
        """Write items, all or none of them; see `Nvs.write` for what it raises."""
        if len(items) > 1:
            parts = [_BATCH_PART.pack(item_id, len(data)) + data for item_id, data in items]
            self._nvs.write(_BATCH_ID, b"".join(parts))
        for item_id, data in items:
            self._nvs.write(item_id, data)
        if len(items) > 1:
            self._nvs.delete(_BATCH_ID)

    def _settle(self) -> None:
        """Make what was read stay as it was read, and what is written next stay as it is written.

        A cut may have left the cells of one entry, of the place behind the newest one, or of the
        sector that was being erased, between 0 and 1. The newest entry is programmed once more,
        the place behind it taken by an item that nobody reads, and the empty sector erased before
        it is used.
        """
        self._nvs.distrust_blank()
        self._nvs.settle_newest()
        try:
            last = self._nvs.read(_SCRATCH_ID) or b""
        except NvsDataDamaged:
            last = b""
        count = int.from_bytes(last, "little") + 1 & 0xFFFF_FFFF
        # Where there is no room for it every sector has been collected: nothing torn is left.
        with contextlib.suppress(NvsFull):
            self._nvs.write(_SCRATCH_ID, count.to_bytes(4, "little"))

    def _finish_batch(self, batch: bytes | None) -> None:
        """Do a change again that had been in progress when power went."""
        for item_id, data in _parts_of(batch or b""):
            self._nvs.write(item_id, data)
        self._nvs.delete(_BATCH_ID)


def _parts_of(batch: bytes) -> list[tuple[int, bytes]]:
    """The items of a batch; none where these bytes are no batch, as in an image of another's."""
    parts = []
    at = 0
    while at < len(batch):
        data_at = at + _BATCH_PART.size
        if data_at > len(batch):
            return []
        item_id, length = _BATCH_PART.unpack_from(batch, at)
        at = data_at + length
        if at > len(batch):
            return []
        parts.append((item_id, batch[data_at:at]))
    return parts


@functools.cache
def _shared_reader(shape: SectorShape, settings: NvsSettings) -> SectorReader:
    """One reader for all locks of one geometry: it keeps nothing."""
    return SectorReader(shape, settings)
